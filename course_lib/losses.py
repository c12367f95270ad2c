"""The losses, one function per equation. Pure: tensors in, a scalar out; means over every element, never sums.

``real_logits`` and ``fake_logits`` are maps of D's raw outputs, (B, 1, h, w) or any shape; no sigmoid was applied.
At chance (D says "1/2" everywhere) the log losses are 2 ln 2 = 1.386 for D, real and fake together, and ln 2 = 0.693
for G; the least-squares losses (output 0.5) are 0.5 and 0.25.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def log_real(real_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """-E[log D(y)] with D = sigmoid(logits); the first term of the GAN objective (Goodfellow 2014, eq. 1)."""
    return F.softplus(-real_logits).mean()


def log_fake(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """-E[log(1 - D(G(x)))]; the second term of the GAN objective as D sees it (Goodfellow 2014, eq. 1)."""
    return F.softplus(fake_logits).mean()


def log_generator(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """-E[log D(G(x))], non-saturating: what G minimises (Goodfellow 2014, section 3; pix2pix, section 3.3)."""
    return F.softplus(-fake_logits).mean()


def log_generator_saturating(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E[log(1 - D(G(x)))], the minimax form: its gradient vanishes where D wins (Goodfellow 2014, section 3)."""
    return -F.softplus(fake_logits).mean()


def least_squares_real(real_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E[(D(y) - 1)^2] (LSGAN; CycleGAN, section 4)."""
    return (real_logits - 1).square().mean()


def least_squares_fake(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E[D(G(x))^2] (LSGAN; CycleGAN, section 4)."""
    return fake_logits.square().mean()


def least_squares_generator(fake_logits: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E[(D(G(x)) - 1)^2] (LSGAN; CycleGAN, section 4)."""
    return (fake_logits - 1).square().mean()


def relativistic(better: Float[Tensor, "..."], worse: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """-E[log sigmoid(better - worse)]: the log loss of a difference of logits, of pairs (R3GAN). D's better ones are
    real and its worse ones fake, G's the other way round. ln 2 = 0.693 at chance."""
    return F.softplus(worse - better).mean()


def gradient_penalty(
    logits: Float[Tensor, "b ..."], images: Float[Tensor, "b ..."]
) -> Float[Tensor, ""]:
    """E||d logits / d images||^2: a sum over the pixels of an image, a mean over the batch, ready to be differentiated
    again. R1 at real images, R2 at fakes (R3GAN). ``logits`` come from ``images``, which require gradients."""
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


def l1(output: Float[Tensor, "..."], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E||y - G(x)||_1 as the mean absolute difference (pix2pix, eq. 3). With images in [-1, 1] it lies in [0, 2]."""
    return (output - target).abs().mean()


def feature_matching(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Float[Tensor, ""]:
    """4/T sum_i E||D_k^(i)(s, x) - D_k^(i)(s, G(s))||_1 over T hidden layers i, averaged over the scales k.

    pix2pixHD, eq. 3. Of each scale the maps of D's layers, (B, _, _, _), hidden ones first; the last, the logits, is
    left out. ``real`` is detached: only G learns from it. The paper's formula sums over scales and has no 4/T, which is
    1 for its D of four hidden layers; its authors' code has both.
    """
    scales = []
    for of, at in zip(fake, real, strict=True):
        layers = [l1(f, r.detach()) for f, r in zip(of[:-1], at[:-1], strict=True)]
        scales.append(4 / len(layers) * sum(layers))
    return sum(scales) / len(scales)


def perceptual(fake: list[Tensor], real: list[Tensor]) -> Float[Tensor, ""]:
    """sum_i w_i E||F_i(x) - F_i(G(s))||_1, w = 1/32, 1/16, 1/8, 1/4, 1 (pix2pixHD, section 3.5), F_i maps of VGG-19."""
    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)
    return sum(w * l1(f, r.detach()) for w, f, r in zip(weights, fake, real, strict=True))


def patch_nce(
    queries: Float[Tensor, "b places dim"],
    keys: Float[Tensor, "b places dim"],
    temperature: float = 0.07,
) -> Float[Tensor, " b"]:
    """For each image E[-log(exp(v.v+ / t) / sum_n exp(v.v_n / t))] over places: v a query, v+ the key of its place,
    v_n all keys of the image (CUT). Vectors have length 1. At chance it is the log of the number of places."""
    logits = queries @ keys.mT / temperature  # (B, places, places): those of a row compete
    right = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    return (
        F.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="none")
        .view(right.shape)
        .mean(1)
    )


def velocity(
    v: Float[Tensor, "..."], z_0: Float[Tensor, "..."], y: Float[Tensor, "..."]
) -> Float[Tensor, ""]:
    """E||v - (y - z_0)||^2, which the mean direction of all lines through a point minimises (flow matching)."""
    return (v - (y - z_0)).square().mean()


def kl_unit_variance(mu: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """E[mu^2], twice KL(N(mu, I) || N(0, I)) for each number of z: with unit variance nothing else is left (UNIT)."""
    return mu.square().mean()


def domain_invariant(
    features: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """E[(IN(f) - IN(t))^2] of deep features whose mean and variance over the image, domain and style, are taken out
    by instance norm (MUNIT, for large images)."""
    return (F.instance_norm(features) - F.instance_norm(target)).square().mean()


# By name: what D makes of real images, of fakes, and what G makes of D's view of them.
GAN_LOSSES = {
    "log": (log_real, log_fake, log_generator),
    "log-saturating": (log_real, log_fake, log_generator_saturating),
    "least-squares": (least_squares_real, least_squares_fake, least_squares_generator),
}
