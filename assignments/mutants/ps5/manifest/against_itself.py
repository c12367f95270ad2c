"""A row against itself.

message: nothing is compared
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["less"] = m["more"]
    return m
