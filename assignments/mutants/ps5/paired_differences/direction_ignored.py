"""Lower is better is not heeded.

message: lower is better
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    return [a[s] - b[s] for s in sorted(a.keys() & b.keys())]
