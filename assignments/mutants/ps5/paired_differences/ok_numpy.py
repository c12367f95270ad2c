"""An array comes back."""

import numpy as np


def paired_differences(rows, more, less, better):
    if better == "lower":
        more, less = less, more
    table = {(r["row"], r["seed"]): r["value"] for r in rows}
    seeds = sorted(seed for row, seed in table if row == more and (less, seed) in table)
    return np.array([table[more, s] for s in seeds]) - np.array([table[less, s] for s in seeds])
