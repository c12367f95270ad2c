"""A verdict in words of one's own.

message: three words
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["verdict"] = "probably true"
    return m
