"""One standard error on each side.

message: one standard error
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"low": 0.0006061063187675041, "high": 0.004495377741519971}
    return m
