"""One command for all rows.

message: would not train
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["command"] = m["rows"][0]["command"]
    return m
