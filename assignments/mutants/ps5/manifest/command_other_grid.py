"""The command sweeps another grid.

message: different grids
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["command"] = "course sweep notebooks/sweeps/emoji.toml"
    return m
