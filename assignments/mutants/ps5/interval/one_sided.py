"""The 90 % interval: 5 % on each side.

message: one-sided
"""

import statistics


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = {2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015, 12: 1.796}.get(n, 1.697) * s / n**0.5
    return mean, mean - half, mean + half
