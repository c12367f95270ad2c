"""Only the two ends.

message: three numbers
"""

import statistics

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
T += (2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = T[min(n - 2, 29)] * s / n**0.5
    return mean - half, mean + half
