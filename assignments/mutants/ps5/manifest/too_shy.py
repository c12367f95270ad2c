"""Open, though all of the interval is on one side.

message: on which
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"][5:]:
        r["value"] += 0.02
    m["interval"] |= {"mean": 0.022550742030143737, "low": 0.017152433295363312, "high": 0.027949050764924162}
    return m
