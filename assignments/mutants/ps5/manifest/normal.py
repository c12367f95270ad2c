"""1.96 standard errors.

message: normal
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"low": -0.0012607439641536804, "high": 0.006362228024441156}
    return m
