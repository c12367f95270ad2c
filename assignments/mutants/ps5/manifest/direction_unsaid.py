"""The direction is put in other words.

message: direction
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["better"] = "smaller is better"
    return m
