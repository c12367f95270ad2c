"""Rows sorted first, a tensor comes back."""

import torch


def paired_differences(rows, more, less, better):
    found = {}
    for r in sorted(rows, key=lambda r: r["seed"]):
        found.setdefault(r["seed"], {})[r["row"]] = r["value"]
    pairs = [(side[more], side[less]) for side in found.values() if more in side and less in side]
    sign = {"higher": 1.0, "lower": -1.0}[better]
    return sign * torch.tensor([a - b for a, b in pairs], dtype=torch.float64)
