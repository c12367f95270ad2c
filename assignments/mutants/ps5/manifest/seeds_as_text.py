"""Seeds as one text.

message: a list
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["seeds"] = "0 to 4"
    return m
