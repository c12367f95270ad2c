"""One key for all rows.

message: own key
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["key"] = "8016010a155ca6c8"
    return m
