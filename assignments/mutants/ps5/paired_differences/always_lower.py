"""As if lower were always better.

message: sign
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    return [b[s] - a[s] for s in sorted(a.keys() & b.keys())]
