"""One side was trained with another setting.

message: would not train
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["command"] = r["command"].replace("--set image_size=32", "--set image_size=64")
    return m
