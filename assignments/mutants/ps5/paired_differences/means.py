"""The difference of the means, once.

message: one number
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    sign = 1 if better == "higher" else -1
    return [sign * (sum(a.values()) / len(a) - sum(b.values()) / len(b))]
