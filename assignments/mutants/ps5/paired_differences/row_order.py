"""The values are paired as they come, whatever their seeds.

message: belongs together
"""


def paired_differences(rows, more, less, better):
    a = [r["value"] for r in rows if r["row"] == more]
    b = [r["value"] for r in rows if r["row"] == less]
    sign = 1 if better == "higher" else -1
    return [sign * (x - y) for x, y in zip(a, b, strict=False)]
