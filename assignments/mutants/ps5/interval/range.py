"""Smallest and largest value.

message: range
"""

import statistics


def interval(values):
    mean = statistics.fmean(values)
    return mean, min(values), max(values)
