"""One standard error.

message: one standard error
"""

import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = s / n**0.5
    return mean, mean - half, mean + half
