"""The interval of the first row.

message: one row
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"mean": 0.2400495618581772, "low": 0.23565603282658565, "high": 0.24444309088976873}
    return m
