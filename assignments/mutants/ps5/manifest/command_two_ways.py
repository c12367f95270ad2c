"""A scheduler and workers at once.

message: course sweep
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["command"] = "course sweep dropout.toml --workers 2 --scheduler tcp://host:8786"
    return m
