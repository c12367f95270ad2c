"""The differences come in the order of the rows.

message: order of the seeds
"""


def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    sign = 1 if better == "higher" else -1
    return [sign * (a[s] - b[s]) for s in a if s in b]
