"""Many translations of one image: how much they differ, whether they reach the true ones, and how
far they are from the real ones.

Samples are (n, k, 3, h, w) in [-1, 1]: k translations of each of n inputs. No single number is
enough: broken samples are diverse, and one sharp answer looks real (BicycleGAN's comparison).
Perceptual distances are those of one of the networks in perceptual.EYES. ValueError for shapes
that do not fit; nan where there is too little to measure.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.errors import check_choice, expect
from course_lib.metrics.perceptual import (  # noqa: F401 (notebook 01b has LAST from here)
    EYES,
    LAST,
    embed,
    frechet_normal,
    last_means,
)


def diversity(samples: Float[Tensor, "n k 3 h w"], by: str = "features") -> Float[Tensor, " n"]:
    """Mean distance between consecutive samples of each input: k - 1 for each, as in BicycleGAN's
    code.

    The paper takes 20 samples of 100 inputs, so 1,900 distances. 0 if an input has one answer only.
    ``by`` is one of EYES or "l1" (mean absolute difference, in [0, 2]).
    """
    check_choice("by", by, (*EYES, "l1"))
    expect(samples.shape[1] > 1, f"{tuple(samples.shape)}: there is but one sample for each input")
    if by == "l1":
        return samples.diff(dim=1).abs().flatten(1).mean(1)
    means = []
    for row in samples:
        apart = embed(row, by).diff(dim=0).square().sum(1)
        equal = (row[1:] == row[:-1]).flatten(1).all(1)  # 0 apart, whatever the rounding
        means.append(torch.where(equal, 0.0, apart).mean())
    return torch.stack(means)


def variety(images: Float[Tensor, "n 3 h w"]) -> float:
    """Mean absolute difference of two different images, in [0, 2]; nan for fewer than 2 images.

    Of samples far below that of real images, it is collapse.
    """
    n = len(images)
    apart = torch.cdist(images.flatten(1), images.flatten(1), p=1) / images[0].numel()
    return (apart.fill_diagonal_(0).sum() / (n * (n - 1))).item()


def coverage(
    samples: Float[Tensor, "n k 3 h w"],
    truths: Float[Tensor, "n m 3 h w"],
    eyes: str = "features",
) -> float:
    """Share of the true answers to one input that a sample comes near to: nearer than the nearest
    other true one.

    Coverage of Naeem et al. (2020) with one neighbour, by ``eyes``, for each input on its own; in
    [0, 1].
    """
    expect(
        len(samples) == len(truths) and truths.shape[1] > 1,
        f"samples {tuple(samples.shape)} and true answers {tuple(truths.shape)} do not fit",
    )
    covered = []
    for s, t in zip(samples, truths, strict=True):
        true = embed(t, eyes)
        radius = torch.cdist(true, true).fill_diagonal_(math.inf).min(1).values
        covered.append(torch.cdist(true, embed(s, eyes)).min(1).values < radius)
    return torch.stack(covered).double().mean().item()


def frechet(
    fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"], eyes: str = "features"
) -> float:
    """Frechet distance between two sets, as normal distributions of what ``eyes`` see in the mean
    on their last layer.

    |mu - mu'|^2 + tr(S + S' - 2 (S S')^(1/2)), as in Heusel et al. (2017), who took Inception-v3:
    say whose features. It falls with n: compare sets of equal size, of 2 images or more.
    """
    return frechet_normal(last_means(fake, eyes), last_means(real, eyes))
