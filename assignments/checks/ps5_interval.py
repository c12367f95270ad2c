"""Problem set 5: the interval of a mean, right and in typical wrong ways. For the parent only."""

import math

import numpy as np

from course_lib.metrics.intervals import T

# What a student is told.
SAY = {
    "normal": "The factor is the normal distribution's: with so few values the t quantile is due.",
    "two": "The factor is a rule of thumb for many values: with so few the t quantile is due.",
    "divided by n": "The standard deviation divides by n: for a sample's it is another number.",
    "single values": "That is where single values lie: the mean of several is known better. What "
    "divides it?",
    "spread by n": "The spread is divided by n: how fast does a mean get better with n?",
    "standard error": "One standard error on each side: which share of intervals would hold the "
    "mean?",
    "deviation": "One standard deviation on each side: that is no 95 % interval of the mean.",
    "variance": "The variance stands where the standard deviation belongs.",
    "degrees": "The degrees of freedom are off: how many have n values?",
    "median": "The middle is the median: the mean is asked for.",
    "range": "That is the range of the values: it grows with their number.",
    "swapped": "low and high are swapped.",
    "half width": "Half the width comes back: the two ends are asked for.",
    "half": "The interval has half the width it should have.",
    "order": "The order is another one: mean, low, high.",
    "one-sided": "The quantile is one-sided: an interval has two ends.",
}
# The quantiles of one side, for 1 degree of freedom and more.
ONE_SIDED = [
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782),
    *(1.771, 1.761, 1.753),
]


def interval(values) -> list[float]:
    """[mean, low, high]: the two-sided 95 % t interval of the mean of 2 values or more."""
    values = np.asarray(values, float)
    half = T[min(len(values) - 2, len(T) - 1)] * values.std(ddof=1) / math.sqrt(len(values))
    return [float(values.mean()), float(values.mean() - half), float(values.mean() + half)]


def wrong_intervals(values) -> list[tuple[list[float], str]]:
    """Typical wrong intervals of these values, and what each tells."""
    x = np.asarray(values, float)
    n, mean, s = len(x), x.mean(), x.std(ddof=1)

    def around(half: float, middle: float = mean) -> list[float]:
        return [middle, middle - half, middle + half]

    t, root = T[min(n - 2, len(T) - 1)], math.sqrt(n)
    half = t * s / root
    ways = [
        (around(1.96 * s / root), "normal"),
        (around(2 * s / root), "two"),
        (around(t * x.std() / root), "divided by n"),
        (around(t * s), "single values"),
        (around(t * s / n), "spread by n"),
        (around(s / root), "standard error"),
        (around(s), "deviation"),
        (around(t * s * s / root), "variance"),
        (around(T[min(n - 1, len(T) - 1)] * s / root), "degrees"),
        (around(half, np.median(x)), "median"),
        ([mean, x.min(), x.max()], "range"),
        ([mean, mean + half, mean - half], "swapped"),
        ([mean, half, half], "half width"),
        (around(half / 2), "half"),
        ([mean - half, mean, mean + half], "order"),
    ]
    if n > 2:
        ways.append((around(T[min(n - 3, len(T) - 1)] * s / root), "degrees"))
    if n <= len(ONE_SIDED) + 1:
        ways.append((around(ONE_SIDED[n - 2] * s / root), "one-sided"))
    return [(values, SAY[key]) for values, key in ways]
