"""An empty claim.

message: not empty
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["claim"] = " "
    return m
