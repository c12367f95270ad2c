"""How far the set of fakes is from the set of real images: Fréchet distance and KID.

They are taken on the features of the course's own network, which has seen façades only, and the
names say so: ``frechet_features``, ``kid_features``. FID itself is in ``papers.py``.
"""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.metrics.diversity import LAST, frechet_normal
from course_lib.metrics.intervals import summed
from course_lib.metrics.perceptual import describe


def distances(
    fake: Float[Tensor, "n 3 h w"],
    real: Float[Tensor, "n 3 h w"],
    groups: Integer[Tensor, " n"] | None = None,
) -> dict[str, float]:
    """``frechet_features``, ``kid_features`` and the ends of the interval of the second.

    Images in [-1, 1], ``groups`` as in :func:`kid`; nan for fewer than 3 of them.
    """
    names = ("frechet_features", "kid_features", "kid_features_low", "kid_features_high")
    if len(fake if groups is None else groups.unique()) < 3:
        return dict.fromkeys(names, math.nan)
    a, b = (describe(images)[:, LAST] for images in (fake, real))
    return dict(zip(names, (frechet_normal(a, b), *kid(a, b, groups)), strict=True))


def kid(
    a: Float[Tensor, "n d"],
    b: Float[Tensor, "n d"],
    groups: Integer[Tensor, " n"] | None = None,
) -> tuple[float, float, float]:
    """Kernel distance of two sets of features (Binkowski et al. 2018): (estimate, low, high), a 95
    % interval.

    The squared maximum mean discrepancy with the kernel k(a, b) = (a.b / d + 1)^3, as the
    U-statistic of Gretton et al. (2012, Lemma 6): the mean over i != j of k(a_i, a_j) + k(b_i, b_j)
    - k(a_i, b_j) - k(a_j, b_i). It is unbiased at any n, where the Fréchet distance falls with n,
    and below 0 about half of the time if the sets are alike. Rows of one index never meet, so they
    may belong together, as a translation and the true answer do; nor do rows that share a number
    in ``groups``.

    The interval is the estimate and 1.96 standard errors of the jackknife, which leaves out one
    index, or group, at a time. A bootstrap would compare images with copies of themselves, and
    centre on too large a distance. For sets that are alike the jackknife errs on the safe side: the
    interval then holds 0 in 95 to 99 of 100 draws (tests/metrics). ValueError for sets of different
    size or fewer than 3 images or groups.
    """
    groups = torch.arange(len(a)) if groups is None else groups.cpu()
    n = len(groups.unique())
    if len(b) != len(a) or n < 3:
        raise ValueError(
            f"{len(a)} and {len(b)} rows of features: as many of each are needed, and 3 at least"
        )
    a, b = a.double(), b.double()
    across = _kernel(a, b)
    meet = groups[:, None] != groups
    pairs = (_kernel(a, a) + _kernel(b, b) - across - across.T).cpu() * meet
    sums = torch.stack([pairs.sum(1), meet.sum(1)], dim=1)
    total, of_each = sums.sum(0), summed(sums, groups)
    value = total[0] / total[1]
    without = (total - 2 * of_each).T  # of all but one group
    without = without[0] / without[1]  # (n,)
    error = ((n - 1) ** 2 / n * without.var()).sqrt()
    return value.item(), (value - 1.96 * error).item(), (value + 1.96 * error).item()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3
