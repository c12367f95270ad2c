"""A run that ended in nan.

message: finite
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["rows"][3]["value"] = float("nan")
    return m
