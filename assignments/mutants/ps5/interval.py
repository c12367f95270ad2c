"""Wrong and right solutions of ``interval``, problem set 5."""

HEAD = """
import statistics

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
T += (2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
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

ok_numpy | With NumPy's numbers.
import numpy as np


def interval(values):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    ends = np.mean(values) + np.array([-1, 1]) * T[min(len(values) - 2, len(T) - 1)] * error
    return np.mean(values), *ends

ok_torch | A tensor of three numbers comes back.
import torch


def interval(values):
    x = torch.tensor(values, dtype=torch.float64)
    half = T[min(len(x) - 2, 29)] * x.std() / len(x) ** 0.5
    return torch.stack([x.mean(), x.mean() - half, x.mean() + half])
"""

WRONG = """
bootstrap | Percentiles of means of resampled values: too narrow for few values. | wrong
+import random
 import statistics
...
-    return mean, mean - half, mean + half
+    rng = random.Random(0)
+    means = sorted(statistics.fmean(rng.choices(values, k=n)) for _ in range(1000))
+    return mean, means[25], means[974]

degrees_n | n degrees of freedom. | degrees of freedom
~ n - 2 -> n - 1

divided_by_n | The standard error divides by n. | divided by n
~ n**0.5 -> n

five_only | The quantile of five values, always. | wrong
~ T[min(n - 2, 29)] -> 2.776

half_returned | Half the width in place of the ends. | two ends
~ mean - half, mean + half -> half, half

half_width | As if the quantile were for both ends together. | half the width
~ n**0.5 -> n**0.5 / 2

median | The median for the mean. | median
~ n, mean = len(values), statistics.fmean(values) -> n = len(values)
~ half = T -> half, middle = T
~ n**0.5 -> n**0.5, statistics.median(values)
~ mean, mean - half, mean -> middle, middle - half, middle

no_root | An interval for single values. | single values
~ s / n**0.5 -> s

normal | The quantile of the normal distribution. | normal
~ T[min(n - 2, 29)] -> 1.96

one_deviation | One standard deviation. | one standard deviation
~ T[min(n - 2, 29)] * s / n**0.5 -> s

one_error | One standard error. | one standard error
~ half = T[min(n - 2, 29)] * s -> half = s

one_sided | The 90 % interval: 5 % on each side. | one-sided
~ T[min(n - 2, 29)] -> {2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015, 12: 1.796}.get(n, 1.697)

order | low, mean, high. | order
~ return mean, mean - half, mean -> return mean - half, mean, mean

pair | Only the two ends. | three numbers
~ return mean, mean -> return mean

population | The standard deviation that divides by n. | divides by n
~ stdev -> pstdev

range | Smallest and largest value. | range
~ mean - half, mean + half -> min(values), max(values)

rounded | Rounded to six digits. | 5 small values
~ return mean, mean - half, mean + half -> return round(mean, 6), round(mean - half, 6), round(mean + half, 6)

rule_of_thumb | Two standard errors. | rule of thumb
~ T[min(n - 2, 29)] -> 2

sorts_in_place | The values are sorted in place. | changed
     s = statistics.stdev(values)
+    values.sort(reverse=True)

swapped | High before low. | swapped
~ mean - half, mean + half -> mean + half, mean - half

table_ends | Stops where the table of quantiles ends. | IndexError
~ min(n - 2, 29) -> n - 2 if n < 31 else n

variance | The variance in place of its root. | variance
~ s / n -> s**2 / n
"""
