"""Ends that nobody can compute.

message: stated ends
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"low": -0.5, "high": 0.5}
    return m
