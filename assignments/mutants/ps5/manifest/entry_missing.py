"""The machine and the version are not told.

message: lacks
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    del m["machine"], m["version"]
    return m
