"""A text comes back.

message: no dictionary
"""

from mutants.ps5.example import example


def manifest():
    m = example()

    return str(m)
