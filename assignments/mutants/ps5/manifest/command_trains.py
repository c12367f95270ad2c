"""A training command in place of the sweep.

message: course sweep
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["command"] = "course train pix2pix --data emoji:twemoji-fluent:paired --out runs/dropout"
    return m
