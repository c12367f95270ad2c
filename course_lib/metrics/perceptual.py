"""How different two images look: the distance between what a network makes of them, layer by layer.

LPIPS (Zhang et al. 2018) asks an AlexNet trained on photographs. It is used where torch has its weights already: the
course downloads nothing. The network that comes with the course has 100,216 parameters and has seen façades only. Its
distance is called "features", never LPIPS: the two may be compared in order, not in digits.

Images are batches (n, 3, h, w) in [-1, 1], with sides of at least 16. ValueError for shapes that do not fit.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.networks.frozen import load_features

ALEXNET = "alexnet-owt-7be5be79.pth"  # torchvision's file
PIXELS = 2**16  # that go through a network at a time


class Distance(NamedTuple):
    by: str  # "lpips" or "features": who says so
    values: Tensor  # (n,), at least 0, and 0 for equal images


def available() -> tuple[str, ...]:
    """("lpips", "features") where torch's cache holds the AlexNet weights, else ("features",): the best first."""
    there = (Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET).is_file()
    return ("lpips", "features") if there else ("features",)


def distance(
    a: Float[Tensor, "n 3 h w"], b: Float[Tensor, "n 3 h w"], by: str | None = None
) -> Distance:
    """Perceptual distance of each a from its b: by LPIPS where it is :func:`available`, else by the course's features.

    Features of a layer are divided by their length over the channels; the squared difference is summed over the
    channels and averaged over the image (LPIPS weights the channels). LPIPS sums its five layers, "features" averages
    its four. Raises CourseError for LPIPS without weights, or under 32 px.
    """
    if a.shape != b.shape or not len(a):
        raise ValueError(f"images {tuple(a.shape)} and {tuple(b.shape)} are not pairs")
    by = _chosen(by)
    chunks = zip(a.split(_chunk(a)), b.split(_chunk(b)), strict=True)
    values = [
        _lpips(*p) if by == "lpips" else (embed(p[0]) - embed(p[1])).square().sum(1) for p in chunks
    ]
    return _exact(by, a, b, torch.cat(values))


def steps(row: Float[Tensor, "n 3 h w"], by: str | None = None) -> Distance:
    """The same of each image but the first from the one before it, (n - 1,); features see each image once."""
    if (by := _chosen(by)) == "lpips":
        return distance(row[1:], row[:-1], by)
    return _exact(by, row[1:], row[:-1], embed(row).diff(dim=0).square().sum(1))


def _chosen(by: str | None) -> str:
    if by and by not in available():
        raise CourseError(
            f"no perceptual distance {by!r} here", "by", f"choose from {', '.join(available())}"
        )
    return by or available()[0]


def _exact(by: str, a: Tensor, b: Tensor, values: Tensor) -> Distance:
    # one arithmetic for a and b does not mean one rounding: equal images are 0 apart by definition
    return Distance(by, torch.where((a == b).flatten(1).all(1), 0.0, values))


@torch.no_grad()
def _lpips(a: Tensor, b: Tensor) -> Float[Tensor, " n"]:
    if min(a.shape[-2:]) < 32:
        raise CourseError(
            f"LPIPS needs images of 32 px, got {tuple(a.shape[-2:])}", "by", 'choose by="features"'
        )
    return _alexnet().to(a.device)(a.clamp(-1, 1), b.clamp(-1, 1)).flatten()


@functools.cache
def _alexnet() -> nn.Module:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    with torch.random.fork_rng():
        return LearnedPerceptualImagePatchSimilarity(net_type="alex").net


@torch.no_grad()
def embed(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
    """Vectors whose squared Euclidean distances are the distances by "features"."""
    net, parts = load_features(max(images.shape[-2:])).to(images.device), []
    for chunk in images.split(_chunk(images)):
        layers = [
            F.normalize(h, dim=1) / (len(net.stages) * h.shape[2] * h.shape[3]) ** 0.5
            for h in net(chunk)
        ]
        parts.append(torch.cat([h.flatten(1) for h in layers], dim=1))
    return torch.cat(parts)


@torch.no_grad()
def describe(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 448"]:
    """What the course's network says of each image as a whole, see ``FeatureNet.pooled``."""
    net = load_features(max(images.shape[-2:])).to(images.device)
    return torch.cat([net.pooled(chunk) for chunk in images.split(_chunk(images))])


def _chunk(images: Tensor) -> int:
    return max(1, PIXELS // (images.shape[-2] * images.shape[-1]))
