"""The quantile of the normal distribution.

message: normal
"""

import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = 1.96 * s / n**0.5
    return mean, mean - half, mean + half
