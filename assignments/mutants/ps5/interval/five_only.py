"""The quantile of five values, always.

message: wrong
"""

import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = 2.776 * s / n**0.5
    return mean, mean - half, mean + half
