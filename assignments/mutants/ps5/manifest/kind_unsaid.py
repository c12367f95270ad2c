"""Nobody knows what the interval is.

message: how it was computed
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"]["kind"] = "error bars"
    return m
