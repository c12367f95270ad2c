"""The mean of the differences.

message: one number
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    sign = 1 if better == "higher" else -1
    d = [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
    return [sum(d) / len(d)]
