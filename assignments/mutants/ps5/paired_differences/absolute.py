"""Absolute differences.

message: all differences are positive
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    return [abs(a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
