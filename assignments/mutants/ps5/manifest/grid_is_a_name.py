"""The name of the grid in place of its text.

message: whole text
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["grid"] = "dropout.toml"
    return m
