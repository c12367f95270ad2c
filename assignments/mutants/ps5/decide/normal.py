"""The quantile of the normal distribution.

message: what is the interval
"""

import math
import statistics


def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    mean = statistics.fmean(differences)
    half = 1.96 * math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    low, high = mean - half, mean + half
    return "supported" if low > 0 else "contradicted" if high < 0 else "open"
