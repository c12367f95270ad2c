"""Two standard errors.

message: rule of thumb
"""

import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = 2 * s / n**0.5
    return mean, mean - half, mean + half
