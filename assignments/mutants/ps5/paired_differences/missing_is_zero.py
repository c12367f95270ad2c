"""A missing run counts as 0.

message: no partner
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    sign = 1 if better == "higher" else -1
    return [sign * (a.get(s, 0) - b.get(s, 0)) for s in sorted(a.keys() | b.keys())]
