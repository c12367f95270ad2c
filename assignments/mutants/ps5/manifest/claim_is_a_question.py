"""The claim asks.

message: can turn out wrong
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["claim"] = "Is pix2pix better without dropout in 200 steps?"
    return m
