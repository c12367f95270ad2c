"""Supported, though 0 is in the interval.

message: more than the rows
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["verdict"] = "supported"
    return m
