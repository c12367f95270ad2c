"""The interval of less minus more.

message: turned around
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    i = m["interval"]
    m["interval"] = i | {"mean": -i["mean"], "low": -i["high"], "high": -i["low"]}
    return m
