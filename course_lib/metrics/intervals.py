"""Intervals: between which values the mean of a few runs lies, or a share of many answers."""

import math
import statistics

# Quantiles 0.975 of Student's t for 1 ... 30 degrees of freedom.
T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def interval(values: list[float]) -> tuple[float, float, float, float]:
    """(mean, low, high, standard deviation): the two-sided 95 % t interval of the mean of 2 values or more."""
    n, mean = len(values), statistics.fmean(values)
    # not statistics.stdev, which has no answer for nan
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    half = T[min(n - 2, len(T) - 1)] * spread / math.sqrt(n)
    return mean, mean - half, mean + half, spread


def wilson(count: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n; sensible at 0 and 1, too."""
    z, share = 1.959964, count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
