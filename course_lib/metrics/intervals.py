"""Intervals: between which values the mean of a few runs lies, a share of many answers, or a score
on test images.
"""

import math
import statistics
from collections.abc import Callable

import torch
from jaxtyping import Float, Integer
from torch import Tensor

RESAMPLES = 1000  # of the bootstrap

# Quantiles 0.975 of Student's t for 1 ... 30 degrees of freedom.
T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def interval(values: list[float]) -> tuple[float, float, float, float]:
    """(mean, low, high, standard deviation): the two-sided 95 % t interval of the mean.

    Of a single value there is none: all but the mean are nan.
    """
    n, mean = len(values), statistics.fmean(values)
    # not statistics.stdev, which has no answer for nan
    squares = sum((value - mean) ** 2 for value in values)
    spread = math.sqrt(squares / (n - 1)) if n > 1 else math.nan
    half = T[min(n - 2, len(T) - 1)] * spread / math.sqrt(n)
    return mean, mean - half, mean + half, spread


def wilson(count: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n; sensible at 0 and 1, too."""
    z, share = 1.959964, count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    parts: Float[Tensor, "n ..."],
    value: Callable[[Tensor], Float[Tensor, "r v"]],
    seed: int = 0,
    groups: Integer[Tensor, " n"] | None = None,
) -> Float[Tensor, "2 v"]:
    """Low and high ends of the 95 % percentile intervals of ``value(sums)``, v scores, over
    RESAMPLES of the n images.

    ``parts`` is what each image adds to the sums that scores are made of, ``value`` turns sums (r,
    ...) of r resamples into scores. The images are drawn again with replacement, and the quantiles
    0.025 and 0.975 taken (Efron and Tibshirani 1993, section 13.3). Images that share a number in
    ``groups`` are drawn together: relatives tell less than as many strangers (Davison and Hinkley
    1997, section 3.8). nan for fewer than 2 images or groups, and where the part of an image is
    not finite.
    """
    parts = parts if groups is None else summed(parts, groups)
    n, generator = len(parts), torch.Generator().manual_seed(seed)
    flat = parts.double().cpu().flatten(1)
    flat = torch.where(flat.isfinite().all(0) & (n > 1), flat, math.nan)
    drawn = torch.randint(n, (RESAMPLES, n), generator=generator)
    times = torch.zeros(RESAMPLES, n, dtype=torch.double).scatter_add_(
        1, drawn, torch.ones_like(drawn).double()
    )
    values = value((times @ flat).unflatten(1, parts.shape[1:])).double()
    return values.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.double), dim=0)


def summed(parts: Float[Tensor, "n ..."], groups: Integer[Tensor, " n"]) -> Float[Tensor, "g ..."]:
    """The sum of ``parts`` over each of the g groups, float64, in the order of their numbers."""
    names, place = groups.unique(return_inverse=True)
    parts = parts.double().cpu()
    return parts.new_zeros(len(names), *parts.shape[1:]).index_add_(0, place, parts)
