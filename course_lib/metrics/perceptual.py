"""What a small network sees in images: the features behind diversity and coverage, and the
distances of two sets of images on them.

There are two, and a score says in its name which of them looked. It is never LPIPS or FID: with
these it may be compared in order, not in digits.

    features   the course's own, 100,216 parameters, has seen façades only
    lite0      half of EfficientNet-Lite0, has seen ImageNet's photographs

A data set names its own in ``TwoDomains.eyes``. What each sees in emoji, photographs and paintings
is measured in ``guide/data.md``. Images are batches (n, 3, h, w) in [-1, 1], with sides of at least
16.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.errors import check_choice, expect
from course_lib.metrics.intervals import summed
from course_lib.networks.efficientnet import load_photo_features
from course_lib.networks.frozen import load_features, mean_and_spread

LAST = slice(-128, -64)  # of describe(): means of the last layer
EYES = ("features", "lite0")
PIXELS = 2**16  # that go through the network at a time


@torch.no_grad()
def embed(images: Float[Tensor, "n 3 h w"], eyes: str = "features") -> Float[Tensor, "n d"]:
    """Vectors whose squared Euclidean distances are the distances by EYES.

    Features of a layer are divided by their length over the channels; the squared difference is
    summed over the channels, averaged over the image and over the four layers, as in LPIPS without
    weights (Zhang et al. 2018).
    """
    parts = []
    for layers in _seen(images, eyes):
        # divided so that squares are averaged over the layers and over the image
        scaled = [
            F.normalize(h, dim=1) / (len(layers) * h.shape[2] * h.shape[3]) ** 0.5 for h in layers
        ]
        parts.append(torch.cat([h.flatten(1) for h in scaled], dim=1))
    return torch.cat(parts)


@torch.no_grad()
def describe(images: Float[Tensor, "n 3 h w"], eyes: str = "features") -> Float[Tensor, "n d"]:
    """What EYES say of each image as a whole: mean and standard deviation of each channel over the
    image, the last layer last; 448 numbers, or 384.
    """
    return torch.cat([torch.cat(mean_and_spread(seen), dim=1) for seen in _seen(images, eyes)])


@torch.no_grad()
def last_means(images: Float[Tensor, "n 3 h w"], eyes: str = "features") -> Float[Tensor, "n d"]:
    """Means of the last layer, which KID and the Fréchet distance compare.

    There are 64 or, of lite0, 112, which are :func:`levelled`: they grow as images shrink.
    """
    means = torch.cat([layers[-1].mean((2, 3)) for layers in _seen(images, eyes)])
    return levelled(means) if eyes == "lite0" else means


def levelled(means: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Scaled so that their squares have a mean of 1 in each image: then the kernel of :func:`kid`
    is (cosine + 1)^3.
    """
    return F.normalize(means, dim=1) * means.shape[1] ** 0.5


def _seen(images: Tensor, eyes: str) -> Iterator[list[Tensor]]:
    """The layers of a network, some images at a time."""
    check_choice("eyes", eyes, EYES)
    if eyes == "features":
        net = load_features(max(images.shape[-2:])).to(images.device)
    else:
        net = load_photo_features(images.device)
    return map(net, images.split(max(1, PIXELS // (images.shape[-2] * images.shape[-1]))))


# ---- how far the set of fakes is from the set of real images


def frechet_normal(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Fréchet distance between rows of numbers, see ``diversity.frechet``."""
    a, b = a.double(), b.double()
    first, second = (torch.cov(rows.T).reshape(a.shape[1], -1) for rows in (a, b))
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    mixed = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()  # tr (S S')^(1/2)
    means = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, (means + first.trace() + second.trace() - 2 * mixed).item())


def distances(
    fake: Float[Tensor, "n 3 h w"],
    real: Float[Tensor, "n 3 h w"],
    groups: Integer[Tensor, " n"] | None = None,
    intervals: bool = True,
    eyes: str = "features",
) -> dict[str, float]:
    """``frechet_EYES``, ``kid_EYES`` and, if wanted, the ends of the interval of the second.

    Images in [-1, 1], ``groups`` as in :func:`kid`; nan for fewer than 3 of them.
    """
    names = (f"frechet_{eyes}", *(f"kid_{eyes}{end}" for end in ("", "_low", "_high")))
    names = names if intervals else names[:2]
    if len(fake if groups is None else groups.unique()) < 3:
        return dict.fromkeys(names, math.nan)
    a, b = (last_means(images, eyes) for images in (fake, real))
    return dict(zip(names, (frechet_normal(a, b), *kid(a, b, groups)), strict=False))


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
    expect(
        len(b) == len(a) and n > 2,
        f"{len(a)} and {len(b)} rows of features: as many of each are needed, and 3 at least",
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
