"""The losses, one pure function per equation: tensors in, numbers out, no network and no weight.

``real_logits`` and ``fake_logits`` are maps of D's raw outputs, (B, 1, h, w) or any other shape;
no sigmoid was applied. A loss is a scalar, the mean over everything that its docstring does not
sum over; :func:`patch_nce` alone keeps one number for each image.

At chance, where D says "1/2" everywhere, the log losses are 2 ln 2 = 1.386 for D, real and fake
together, and ln 2 = 0.693 for G; the least-squares losses (output 0.5) are 0.5 and 0.25.
"""

from collections.abc import Iterable
from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def log_real(real_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$-E[log D(y)], D = sigmoid(logits)$: the objective's first term (Goodfellow 2014, eq. 1)."""
    return F.softplus(-real_logits).mean()


def log_fake(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$-E[log(1 - D(G(x)))]$: the second term, as D sees it (Goodfellow 2014, eq. 1)."""
    return F.softplus(fake_logits).mean()


def log_generator(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$-E[log D(G(x))]$, which G minimises (Goodfellow 2014, section 3; pix2pix, section 3.3).

    It is called non-saturating: its gradient does not vanish where D wins.
    """
    return F.softplus(-fake_logits).mean()


def least_squares_real(real_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$E[(D(y) - 1)^2]$ (LSGAN; CycleGAN, section 4)."""
    return (real_logits - 1).square().mean()


def least_squares_fake(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$E[D(G(x))^2]$ (LSGAN; CycleGAN, section 4)."""
    return fake_logits.square().mean()


def least_squares_generator(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$E[(D(G(x)) - 1)^2]$ (LSGAN; CycleGAN, section 4)."""
    return (fake_logits - 1).square().mean()


def l1(output: Float[Tensor, "..."], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$E||y - G(x)||_1$ as the mean absolute difference (pix2pix, eq. 3).

    With images in [-1, 1] it lies in [0, 2].
    """
    return (output - target).abs().mean()


def feature_matching(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Float[Tensor, ""]:
    """$4/T sum_i E||D_k^(i)(s, x) - D_k^(i)(s, G(s))||_1$, averaged over the scales k (pix2pixHD).

    Of each scale come the maps of D's layers, (B, _, _, _): T hidden ones, over which i runs, and
    last the logits, which are left out. ``real`` is detached: only G learns from it. The paper's
    formula sums over scales and has no 4/T, which is 1 for its D of four hidden layers; its
    authors' code has both.
    """
    scales = []
    for fake_maps, real_maps in zip(fake, real, strict=True):
        hidden = zip(fake_maps[:-1], real_maps[:-1], strict=True)
        layers = [l1(fake_map, real_map.detach()) for fake_map, real_map in hidden]
        scales.append(4 / len(layers) * total(layers))
    return total(scales) / len(scales)


def perceptual(fake: list[Tensor], real: list[Tensor]) -> Float[Tensor, ""]:
    """$1/L sum_l E||f_l - r_l||^2$, the distance of two images to a network (Zhang 2018, eq. 1).

    f_l and r_l are what a place of the network's map l, (B, C, _, _), holds, divided by its length
    over the channels; a sum over these, a mean over places, batch and the L maps. The paper learns
    a weight for each channel; here all are 1. It lies in [0, 4].
    """
    maps = zip(fake, real, strict=True)
    apart = [F.normalize(f, dim=1) - F.normalize(r, dim=1) for f, r in maps]
    return total(difference.square().sum(1).mean() for difference in apart) / len(apart)


def gram(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c c"]:
    """$G_ij = 1/M sum_k F_ik F_jk$: which channels are strong together (Gatys 2016, eq. 3).

    k runs over the M = h w places, so where something stands is lost: style is what is left. The
    paper divides by M later, in eq. 4.
    """
    rows = features.flatten(2)  # (B, C, M)
    return rows @ rows.mT / rows.shape[2]


def style(fake: list[Tensor], real: list[Tensor]) -> Float[Tensor, ""]:
    """$sum_l w_l ||G_l - A_l||^2$ of two lists of :func:`gram` matrices (Gatys 2016, eqs. 4, 5).

    G_l and A_l are (B, C, C); a mean over the batch. The weight w_l is $1 / (L ||A_l||^2)$, so that
    each of the L maps counts alike, however large its numbers: 0 for equal styles, 1 for a black
    map against any.
    """
    layers = [
        (g - a).square().sum((1, 2)) / a.square().sum((1, 2))
        for g, a in zip(fake, real, strict=True)
    ]
    return total(each.mean() for each in layers) / len(layers)


def patch_nce(
    queries: Float[Tensor, "b places dim"],
    keys: Float[Tensor, "b places dim"],
    temperature: float = 0.07,
) -> Float[Tensor, " b"]:
    """For each image $E[-log(exp(v.v+ / t) / sum_n exp(v.v_n / t))]$, the mean over places (CUT).

    v is a query, v+ the key of its place, v_n are all keys of the image. Vectors have length 1. At
    chance it is the log of the number of places.
    """
    logits = queries @ keys.mT / temperature  # (B, places, places): those of a row compete
    right = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    each = F.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="none")
    return each.view(right.shape).mean(1)


def velocity(
    v: Float[Tensor, "..."], z_0: Float[Tensor, "..."], y: Float[Tensor, "..."]
) -> Float[Tensor, ""]:
    """$E||v - (y - z_0)||^2$ (flow matching).

    The mean direction of all lines through a point minimises it.
    """
    return (v - (y - z_0)).square().mean()


def kl_unit_variance(mu: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """$E[mu^2]$, twice $KL(N(mu, I) || N(0, I))$ for each number of z (UNIT).

    With unit variance nothing else of the divergence is left.
    """
    return mu.square().mean()


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one term; all have the same shape.

    Python's sum() begins with the number 0, and so is no tensor where there are no terms. Raises
    TypeError then.
    """
    return reduce(torch.add, terms)


# By name two functions of the (real, fake) logits: the terms that D minimises, and what G does. G's
# gets None for real. CycleGAN chooses among them (`gan_loss`).
GAN_LOSSES = {
    "log": (
        lambda real, fake: {"d_real": log_real(real), "d_fake": log_fake(fake)},
        lambda real, fake: log_generator(fake),
    ),
    "least-squares": (
        lambda real, fake: {"d_real": least_squares_real(real), "d_fake": least_squares_fake(fake)},
        lambda real, fake: least_squares_generator(fake),
    ),
}
