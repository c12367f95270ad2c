"""An option that does not exist.

message: course sweep
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["command"] = "course sweep dropout.toml --seeds 0,1,2,3,4"
    return m
