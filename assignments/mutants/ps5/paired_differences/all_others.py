"""Compares with whatever is not more.

message: mixed
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in sorted(rows, key=lambda r: (r["row"] == less, r["row"])) if r["row"] != more}
    b |= {r["seed"]: r["value"] for r in rows if r["row"] not in (more, less)}
    sign = 1 if better == "higher" else -1
    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
