"""Many translations of one image: how much they differ, whether they reach the true ones, and
whether they look real.

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
    describe,
    embed,
    frechet_normal,
    last_means,
)

# strengths of ridge() to choose from, for variables of variance 1
RIDGES = tuple(10.0**power for power in range(-6, 4))
FOLDS = 5  # of realism_error


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


def real_pairs(real: Float[Tensor, "n 3 h w"], by: str = "features") -> float:
    """The same distance between all pairs of different real images; nan for fewer than 2 images.

    Samples that are far more diverse than that are broken.
    """
    check_choice("by", by, (*EYES, "l1"))
    n = len(real)
    if n < 2:
        return math.nan
    if by == "l1":
        apart = torch.cdist(real.flatten(1), real.flatten(1), p=1) / real[0].numel()
    else:
        apart = torch.cdist(embed(real, by), embed(real, by)).square()
    return (apart.fill_diagonal_(0).sum() / (n * (n - 1))).item()


def each_nearest(
    samples: Float[Tensor, "n k 3 h w"], truth: Float[Tensor, "n 3 h w"], eyes: str = "features"
) -> Float[Tensor, " n"]:
    """Distance by ``eyes`` from the true answer to the nearest of its k samples, of each input."""
    pairs = ((embed(s, eyes), embed(t[None], eyes)) for s, t in zip(samples, truth, strict=True))
    return torch.stack([torch.cdist(*pair).square().min() for pair in pairs])


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


# ---- realism


def realism_error(
    fake: Float[Tensor, "n 3 h w"],
    real: Float[Tensor, "n 3 h w"],
    seed: int = 0,
    eyes: str = "features",
) -> float:
    """How often a classifier takes unseen fakes for real or the reverse: 0 (never) to about 0.5 (as
    good as real).

    Cross-validation in FOLDS parts: a linear classifier on ``perceptual.describe`` learns from all
    parts but one and is tested on that one, so that each image is judged once, by a classifier that
    never saw it. Fake and real image of one index are in the same part: give those of one input the
    same index. It sees the sets, which people asked about one image do not: a generator that paints
    every house red is found out, however real each looks. nan for fewer than 8 images.
    """
    expect(
        len(fake) == len(real),
        f"{len(fake)} fakes and {len(real)} real images: as many of each are needed",
    )
    if len(fake) < 8:
        return math.nan
    described = torch.stack([describe(fake, eyes), describe(real, eyes)]).double()
    sides = torch.tensor([[-1.0], [1.0]], device=fake.device).double()
    order = torch.randperm(len(fake), generator=torch.Generator().manual_seed(seed)).to(fake.device)
    parts, wrong = order.tensor_split(FOLDS), []
    for i, check in enumerate(parts):
        learn = torch.cat(parts[:i] + parts[i + 1 :])
        answers = sides.expand(2, len(learn)).reshape(-1, 1)
        known, unknown = (described[:, rows].flatten(0, 1) for rows in (learn, check))
        for_fake, for_real = ridge(known, answers, unknown).view(2, -1)
        wrong += [for_fake >= 0, for_real < 0]
    return torch.cat(wrong).double().mean().item()


def frechet(
    fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"], eyes: str = "features"
) -> float:
    """Frechet distance between two sets, as normal distributions of what ``eyes`` see in the mean
    on their last layer.

    |mu - mu'|^2 + tr(S + S' - 2 (S S')^(1/2)), as in Heusel et al. (2017), who took Inception-v3:
    say whose features. It falls with n: compare sets of equal size. nan for fewer than 2 images.
    """
    if min(len(fake), len(real)) < 2:
        return math.nan
    return frechet_normal(last_means(fake, eyes), last_means(real, eyes))


def ridge(
    x: Float[Tensor, "n d"], y: Float[Tensor, "n c"], unseen: Float[Tensor, "m d"]
) -> Float[Tensor, "m c"]:
    """Linear regression from x to y, penalised: what it says of ``unseen``.

    For each column of y the strength out of RIDGES is taken that predicts best what is left out one
    row at a time.
    """
    x, y, unseen = x.double(), y.double(), unseen.double()
    mean, scale, centre = x.mean(0), x.std(0, correction=0).clamp(min=1e-6), y.mean(0)
    x, unseen, y = (x - mean) / scale, (unseen - mean) / scale, y - centre
    u, s, vt = torch.linalg.svd(x, full_matrices=False)  # (n, r), (r,), (r, d)
    best, out = y.new_full((y.shape[1],), math.inf), y.new_zeros(len(unseen), y.shape[1])
    for strength in RIDGES:
        shrink = s.square() / (s.square() + strength * len(x))
        fitted = u * shrink @ (u.T @ y)
        rest = 1 - (u.square() @ shrink)[:, None] - 1 / len(x)
        error = ((y - fitted) / rest.clamp(min=1e-12)).square().mean(0)  # of the row left out
        answer = unseen @ vt.T @ ((shrink / s.clamp(min=1e-9))[:, None] * (u.T @ y))
        out = torch.where(error < best, answer, out)
        best = torch.minimum(best, error)
    return out + centre
