"""A run is counted twice.

message: twice
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["rows"].append(m["rows"][0] | {"key": "0123456789abcdef"})
    return m
