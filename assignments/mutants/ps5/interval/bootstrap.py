"""Percentiles of means of resampled values: too narrow for few values.

message: wrong
"""

import random
import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=n)) for _ in range(1000))
    return mean, means[25], means[974]
