"""No keys.

message: key
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["key"] = ""
    return m
