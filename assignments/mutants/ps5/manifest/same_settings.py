"""Both rows are the same configuration.

message: same settings
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["grid"] = m["grid"].replace("dropout = 0.5", "dropout = 0.0")
    for r in m["rows"]:
        r["command"] = r["command"].replace("dropout=0.5", "dropout=0.0")
    return m
