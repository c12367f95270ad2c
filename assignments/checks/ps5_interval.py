"""Problem set 5: the interval of a mean, right and in typical wrong ways. For the parent only."""

import math

import numpy as np

from course_lib.metrics.intervals import T

DEGREES = "The degrees of freedom are off: how many have n values?"
ONE_SIDED = (
    6.314,
    2.920,
    2.353,
    2.132,
    2.015,
    1.943,
    1.895,
    1.860,
    1.833,
    1.812,
    1.796,
    1.782,
    1.771,
    1.761,
    1.753,
)


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
    intervals = [
        (
            around(1.96 * s / root),
            "The factor is the normal distribution's: with so few values the t quantile is due.",
        ),
        (
            around(2 * s / root),
            "The factor is a rule of thumb for many values: with so few the t quantile is due.",
        ),
        (
            around(t * x.std() / root),
            "The standard deviation divides by n: for a sample's it is another number.",
        ),
        (
            around(t * s),
            (
                "That is where single values lie: the mean of several is known better. What "
                "divides it?"
            ),
        ),
        (around(t * s / n), "The spread is divided by n: how fast does a mean get better with n?"),
        (
            around(s / root),
            "One standard error on each side: which share of intervals would hold the mean?",
        ),
        (around(s), "One standard deviation on each side: that is no 95 % interval of the mean."),
        (around(t * s * s / root), "The variance stands where the standard deviation belongs."),
        (around(T[min(n - 1, len(T) - 1)] * s / root), DEGREES),
        (around(t * s / root, np.median(x)), "The middle is the median: the mean is asked for."),
        ([mean, x.min(), x.max()], "That is the range of the values: it grows with their number."),
        ([mean, mean + t * s / root, mean - t * s / root], "low and high are swapped."),
        (
            [mean, t * s / root, t * s / root],
            "Half the width comes back: the two ends are asked for.",
        ),
        (
            [mean, mean - t * s / root / 2, mean + t * s / root / 2],
            "The interval has half the width it should have.",
        ),
        (
            [mean - t * s / root, mean, mean + t * s / root],
            "The order is another one: mean, low, high.",
        ),
    ]
    if n > 2:
        intervals.append((around(T[min(n - 3, len(T) - 1)] * s / root), DEGREES))
    if n <= len(ONE_SIDED) + 1:
        intervals.append(
            (
                around(ONE_SIDED[n - 2] * s / root),
                "The quantile is one-sided: an interval has two ends.",
            )
        )
    return intervals
