"""Reported on the validation data.

message: scores one split
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["reported_on"] = "val"
    return m
