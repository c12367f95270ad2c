"""Evidence: what the results of a few seeds say of a difference, of an order, and of many claims at once.

Differences are judged by a paired t test over seeds. Shares, whose values lie between bounds, are compared by the
logarithm of their odds, log(s / (1 - s)), so that no interval leaves the bounds. Fisher's z of a correlation r, or of
Kendall's tau, is half of the same thing, with s = (1 + r) / 2.
"""

import itertools
import math
import re
import statistics
from collections import Counter
from dataclasses import dataclass, replace

from course_lib.metrics.intervals import T

SHARES = (
    r"fcn_\w+|labels_\w+|lab_\w|histogram_intersection|windows_lit|borders_visible|coverage_\w+|common_\w+"
    r"|hue_same_\w+|realism_error\w*|(copy_|shape_|encoded_|encoded_shape_)?top\d"
)
BOUNDS = {  # what a score can be, by its name without yx_, and whether odds make sense of it; others are at least 0
    SHARES: (0.0, 1.0, True),
    r"ssim|colour_follows": (-1.0, 1.0, True),
    r"walls_covered": (0.0, 8.0, True),
    r"\w*l1": (0.0, 2.0, False),
    r"hue_error": (0.0, 180.0, False),
    r".* - .*|psnr": (-math.inf, math.inf, False),
}
UNKNOWN = dict.fromkeys(("low", "high", "effect", "p"), math.nan)


@dataclass(frozen=True)
class Scale:
    """Where the values of a score in [low, high] are compared: by the logarithm of their odds, or as they are.

    ``images`` is how many a share was counted over. The share s counts as (images s + 1/2) / (images + 1), which is
    never 0 or 1.
    """

    low: float
    high: float
    odds: bool
    images: int

    def there(self, value: float) -> float:
        """The value on this scale."""
        if not self.odds:
            return value
        share = (self.images * (value - self.low) / (self.high - self.low) + 0.5) / (
            self.images + 1
        )
        return math.log(share / (1 - share))

    def back(self, value: float) -> float:
        """The value of the score at this place of the scale, or the possible one that is nearest to it."""
        if self.odds:
            share = ((self.images + 1) / (1 + math.exp(-value)) - 0.5) / self.images
            value = self.low + (self.high - self.low) * share
        return min(self.high, max(self.low, value))

    def rounding(self, value: float) -> float:
        """Standard deviation, on this scale, of what rounding to one image does to a share; 0 for other scores."""
        share = 1 / (1 + math.exp(-self.there(value))) if self.odds else 0.5
        return 1 / (self.images * math.sqrt(12) * share * (1 - share)) if self.odds else 0.0


def scale_of(metric: str, images: int) -> Scale:
    """The scale of a named score, of "a / b" or of "a - b", measured on so many images."""
    plain = metric.removeprefix("yx_")
    return Scale(
        *next(
            (b for name, b in BOUNDS.items() if re.fullmatch(name, plain)), (0.0, math.inf, False)
        ),
        images,
    )


def difference(
    more: list[float] | float, less: list[float] | float, scale: Scale, within: float = 0.0
) -> dict:
    """Paired t test over seeds of more - less: mean, low, high (95 %), effect, and p (two-sided).

    A side has one value for each seed, in the same order, or is one fixed number. ``effect`` is Cohen's d, the mean of
    the differences over their standard deviation, on the scale. With ``within`` the nearer of two margins takes the
    place of 0; it is in units of the score, so the values are then compared as they are. Seeds that agree to less than
    the rounding to one image count as differing by it. All but the mean are nan for fewer than two seeds, for scores
    that are nan, and where differences do not vary for another reason.
    """
    n = next(len(side) for side in (more, less) if isinstance(side, list))
    sides = [side if isinstance(side, list) else [side] * n for side in (more, less)]
    plain = statistics.fmean(a - b for a, b in zip(*sides, strict=True)) if n else math.nan
    if n < 2 or math.isnan(plain):
        return UNKNOWN | {"mean": plain}
    scale = replace(scale, odds=scale.odds and not within)
    a, b = ([scale.there(value) for value in side] for side in sides)
    differences = [x - y for x, y in zip(a, b, strict=True)]
    mean, varied = statistics.fmean(differences), statistics.stdev(differences)
    spread = math.hypot(
        *(scale.rounding(statistics.fmean(side)) for side in (more, less) if isinstance(side, list))
    )
    spread = max(
        spread, varied if varied > 1e-9 * max(map(abs, a + b)) else 0.0
    )  # equal numbers, but for the last bit
    if spread == 0:
        return UNKNOWN | {"mean": plain}
    error = spread / math.sqrt(n)
    ends = [mean + sign * T[min(n - 2, len(T) - 1)] * error for sign in (-1, 1)]
    low, high = (
        _back(end, more, less, statistics.fmean(a), statistics.fmean(b), scale) for end in ends
    )
    p = two_sided_p((abs(abs(mean) - within)) / error, n - 1)
    # where the two scales disagree, the interval is widened up to the plain mean
    return {
        "mean": plain,
        "low": min(low, plain),
        "high": max(high, plain),
        "effect": mean / spread,
        "p": p,
    }


def _back(
    end: float,
    more: list[float] | float,
    less: list[float] | float,
    a: float,
    b: float,
    scale: Scale,
) -> float:
    """The difference in units of the score: the fixed side, or the middle of both, stays where it is."""
    if not isinstance(less, list):
        return scale.back(b + end) - less
    if not isinstance(more, list):
        return more - scale.back(a - end)
    if scale.odds:
        return scale.back((a + b + end) / 2) - scale.back((a + b - end) / 2)
    return min(scale.high - scale.low, max(scale.low - scale.high, end))


def two_sided_p(t: float, df: int) -> float:
    """How often Student's t is further from 0 than t >= 0; for whole df (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(df))
    odd = df % 2
    terms = [math.cos(angle) if odd else 1.0] if df > 1 else []
    for k in range(3 if odd else 2, df, 2):
        terms.append(terms[-1] * math.cos(angle) ** 2 * (k - 1) / k)
    inside = sum(terms) * math.sin(angle)
    return max(0.0, 1 - (2 / math.pi * (angle + inside) if odd else inside))


def least_p(seeds: int) -> float:
    """The smallest two-sided p if nothing is assumed but symmetry: all differences on one side, 2 in 2^seeds."""
    return 2 / 2**seeds


def adjusted(ps: list[float]) -> list[float]:
    """p after Benjamini and Hochberg (1995): at most 0.05 for a family in which 5 % of what is found are false."""
    out, best = [1.0] * len(ps), 1.0
    for rank, place in sorted(
        enumerate(sorted(range(len(ps)), key=ps.__getitem__), 1), reverse=True
    ):
        out[place] = best = min(best, ps[place] * len(ps) / rank)
    return out


# ---- orders


def pairs(order: dict[str, float]) -> list[tuple[str, str]]:
    """The pairs of rows that the paper does not call a tie, the better one first."""
    ranked = sorted(order, key=order.__getitem__, reverse=True)
    return [(a, b) for a, b in itertools.combinations(ranked, 2) if order[a] > order[b]]


def tau(ours: dict[str, float], order: dict[str, float]) -> float:
    """Kendall's tau over the pairs that the paper does not tie, in [-1, 1]; a tie of ours counts as neither."""
    signs = [(ours[a] > ours[b]) - (ours[a] < ours[b]) for a, b in pairs(order)]
    return (
        statistics.fmean(signs)
        if not any(math.isnan(value) for value in ours.values())
        else math.nan
    )


def order_p(seeds: list[dict[str, float]], order: dict[str, float]) -> tuple[float, float]:
    """Exact permutation p of an order, and the smallest that so many seeds allow.

    If the rows did not differ, every order of a seed's values would be as likely as every other. p is how often the sum
    of tau over the seeds would then be at least what it is. nan if a value is.
    """
    if any(math.isnan(value) for ours in seeds for value in ours.values()):
        return math.nan, math.nan
    count, chances, best = len(pairs(order)), Counter({0: 1.0}), 1.0
    for ours in seeds:
        every = [
            dict(zip(ours, values, strict=True)) for values in itertools.permutations(ours.values())
        ]
        one = Counter(round(count * tau(values, order)) for values in every)
        best *= one[max(one)] / len(every)
        chances = _convolved(chances, {key: times / len(every) for key, times in one.items()})
    found = sum(round(count * tau(ours, order)) for ours in seeds)
    return sum(chance for total, chance in chances.items() if total >= found), best


def _convolved(first: dict[int, float], second: dict[int, float]) -> Counter:
    """The distribution of the sum of two independent whole numbers."""
    out = Counter()
    for (a, p), (b, q) in itertools.product(first.items(), second.items()):
        out[a + b] += p * q
    return out
