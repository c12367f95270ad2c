"""The compared rows are not called so in the grid.

message: spelt
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["more"] = "without dropout"
    return m
