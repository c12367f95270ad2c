"""Other seeds than those of the grid.

message: those of the grid
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["seeds"] = [1, 2, 3, 4, 5]
    return m
