"""Rows in another order, with more columns, and a longer command."""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["rows"] = [r | {"seconds": 3.1} for r in m["rows"][::-1]]
    m["command"] = "course sweep sweeps/dropout.toml --workers=2 --out results"
    m["pilot"] = "two seeds on val"
    return m
