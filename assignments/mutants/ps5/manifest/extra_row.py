"""A run that the grid has not.

message: not in the grid
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["rows"].append(m["rows"][0] | {"seed": 7, "key": "0123456789abcdef"})
    return m
