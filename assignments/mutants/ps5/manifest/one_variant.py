"""Only one row: nothing to compare with.

message: no comparison
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["grid"] = m["grid"].split('[rows."dropout"]')[0]
    m["rows"] = m["rows"][:5]
    return m
