"""The rows were trained longer than the grid says.

message: would not train
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["command"] = r["command"].replace("--steps 200", "--steps 2000")
    return m
