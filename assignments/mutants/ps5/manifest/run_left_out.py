"""The worst run is left out.

message: bad ones
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["rows"] = [r for r in m["rows"] if r["value"] < 0.25]
    m["interval"] |= {"mean": 0.0012088090, "low": -0.0044, "high": 0.0068}
    return m
