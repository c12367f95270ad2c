"""Numbers as text.

message: finite
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"]:
        r["value"] = f"{r['value']:.3f}"
    return m
