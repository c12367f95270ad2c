"""One standard deviation.

message: one standard deviation
"""

import statistics


def interval(values):
    mean = statistics.fmean(values)
    half = statistics.stdev(values)
    return mean, mean - half, mean + half
