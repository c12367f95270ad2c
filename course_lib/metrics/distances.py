"""How far the set of fakes is from the set of real images: Fréchet distance and KID, on the features of a network.

The features that papers take are those of an Inception-v3: ``fid`` and ``kid`` are on these, and only where torch's
cache holds torchvision's weights, for the course downloads nothing. Those are not the weights of 2015 behind the
papers' numbers: compare in order, not in digits. Elsewhere the course's own network stands in, which has seen façades
only, and the names say so: ``frechet_features``, ``kid_features``.
"""

import functools
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.metrics.diversity import LAST, frechet_normal
from course_lib.metrics.perceptual import describe

INCEPTION = "inception_v3_google-0cc3c7bd.pth"  # torchvision's file
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the images it was trained on
SIDE, CHUNK = 299, 16  # px that Inception looks at, and images at a time
NAMES = {"inception": ("fid", "kid"), "features": ("frechet_features", "kid_features")}


def available() -> tuple[str, ...]:
    """("inception", "features") where torch's cache holds the Inception weights, else ("features",)."""
    return ("inception", "features") if _weights().is_file() else ("features",)


def distances(
    fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"], by: str = "features"
) -> dict[str, float]:
    """Fréchet distance and :func:`kid`, named as NAMES says, and the ends of the interval of the second.

    Images in [-1, 1]. nan for fewer than 3 of them. Raises CourseError for "inception" without its weights.
    """
    frechet, kernel = NAMES[by]
    if len(fake) < 3:
        return dict.fromkeys((frechet, kernel, f"{kernel}_low", f"{kernel}_high"), math.nan)
    a, b = (
        inception(images) if by == "inception" else describe(images)[:, LAST]
        for images in (fake, real)
    )
    value, low, high = kid(a, b)
    return {
        frechet: frechet_normal(a, b),
        kernel: value,
        f"{kernel}_low": low,
        f"{kernel}_high": high,
    }


def kid(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> tuple[float, float, float]:
    """Kernel distance of two sets of features (Binkowski et al. 2018): (estimate, low, high), a 95 % interval.

    The squared maximum mean discrepancy with the kernel k(a, b) = (a.b / d + 1)^3, as the U-statistic of Gretton et al.
    (2012, Lemma 6): the mean over i != j of k(a_i, a_j) + k(b_i, b_j) - k(a_i, b_j) - k(a_j, b_i). It is unbiased at
    any n, where the Fréchet distance falls with n, and below 0 about half of the time if the sets are alike. Rows of
    one index never meet, so they may belong together, as a translation and the true answer do.

    The interval is the estimate and 1.96 standard errors of the jackknife, which leaves out one index at a time. A
    bootstrap would compare images with copies of themselves, and centre on too large a distance. For sets that are
    alike the jackknife errs on the safe side: the interval then holds 0 in 95 to 99 of 100 draws (tests/metrics).
    ValueError for sets of different size or fewer than 3.
    """
    n = len(a)
    if len(b) != n or n < 3:
        raise ValueError(
            f"{n} and {len(b)} rows of features: as many of each are needed, and 3 at least"
        )
    a, b = a.double(), b.double()
    across = _kernel(a, b)
    pairs = (_kernel(a, a) + _kernel(b, b) - across - across.T).fill_diagonal_(0)
    total, value = pairs.sum(), pairs.sum() / (n * (n - 1))
    without = (total - 2 * pairs.sum(1)) / ((n - 1) * (n - 2))  # (n,): of all but one index
    error = ((n - 1) ** 2 / n * without.var()).sqrt()
    return value.item(), (value - 1.96 * error).item(), (value + 1.96 * error).item()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _weights() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION


@torch.no_grad()
def inception(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 2048"]:
    """What Inception-v3 says of each image before its classifier; resized to 299 px, smoothed where they shrink."""
    if not _weights().is_file():
        raise CourseError(
            "the weights of Inception-v3 are not here",
            _weights(),
            "put them there, or choose features",
        )
    net = _inception().to(images.device)
    mean, std = (torch.tensor(value, device=images.device)[:, None, None] for value in (MEAN, STD))
    parts = []
    for chunk in images.split(CHUNK):
        large = F.interpolate(chunk.clamp(-1, 1), (SIDE, SIDE), mode="bilinear", antialias=True)
        parts.append(net(((large + 1) / 2 - mean) / std))
    return torch.cat(parts)


@functools.cache
def _inception() -> nn.Module:
    from torchvision.models import inception_v3

    net = inception_v3(
        init_weights=False
    )  # with the default transform_input=False: images normalised as in training
    net.load_state_dict(torch.load(_weights(), weights_only=True))
    net.fc = nn.Identity()
    return net.eval().requires_grad_(False)
