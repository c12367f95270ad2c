"""The standard deviation that divides by n.

message: divides by n
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"low": -0.0022776520876562263, "high": 0.007379136147943702}
    return m
