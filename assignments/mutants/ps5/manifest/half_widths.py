"""Half the width in place of the ends.

message: half-widths
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    i = m["interval"]
    i["low"] = i["high"] = (i["high"] - i["low"]) / 2
    return m
