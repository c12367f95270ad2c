"""Wrong and right solutions of ``interval``, problem set 5."""

HEAD = """
import statistics

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
T += (2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)
T += (2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
"""

RIGHT = """
ok_statistics | With the module statistics.
def interval(values):
    n, mean = len(values), statistics.fmean(values)
    s = statistics.stdev(values)
    half = T[min(n - 2, 29)] * s / n**0.5
    return mean, mean - half, mean + half

ok_by_hand | By hand, a list comes back.
def interval(values):
    n = len(values)
    mean = sum(values) / n
    variance = sum((v - mean) ** 2 for v in values) / (n - 1)
    error = (variance / n) ** 0.5
    return [mean] + [mean + side * T[min(n - 2, 29)] * error for side in (-1, 1)]
"""

WRONG = """
degrees_n | n degrees of freedom. | degrees of freedom
~ n - 2 -> n - 1

divided_by_n | The standard error divides by n. | divided by n
~ n**0.5 -> n

no_root | An interval for single values. | single values
~ s / n**0.5 -> s

normal | The quantile of the normal distribution. | normal
~ T[min(n - 2, 29)] -> 1.96

one_deviation | One standard deviation. | one standard deviation
~ T[min(n - 2, 29)] * s / n**0.5 -> s

one_sided | The 90 % interval: 5 % on each side. | one-sided
~ T[min(n - 2, 29)] -> {2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015, 12: 1.796}.get(n, 1.697)

population | The standard deviation that divides by n. | divides by n
~ stdev -> pstdev

range | Smallest and largest value. | range
~ mean - half, mean + half -> min(values), max(values)
"""
