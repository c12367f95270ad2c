"""Two seeds per row.

message: fewer than
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["grid"] = m["grid"].replace("[0, 1, 2, 3, 4]", "[0, 1]")
    m["rows"] = [r for r in m["rows"] if r["seed"] < 2]
    m["seeds"] = [0, 1]
    m["interval"] |= {"mean": 0.0022113695740699768, "low": -0.07030794, "high": 0.07473068}
    return m
