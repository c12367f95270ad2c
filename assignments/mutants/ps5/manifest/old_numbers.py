"""The table was made again, the interval is the old one.

message: changed since
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"][5:]:
        r["value"] += 0.002
    return m
