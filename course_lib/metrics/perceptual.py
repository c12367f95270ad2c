"""What a small network sees in images: the features behind diversity, realism and coverage.

The network comes with the course, has 100,216 parameters and has seen façades only. A score on it
says "features" in its name, never LPIPS: the two may be compared in order, not in digits. LPIPS
itself is in ``papers.py``. On emoji, too, features tell the same thing by another artist from a
different thing, a little better than L1 and SSIM do: ``tools/validate_features.py`` asks them.
Images are batches (n, 3, h, w) in [-1, 1], with sides of at least 16.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.networks.frozen import load_features

PIXELS = 2**16  # that go through the network at a time


@torch.no_grad()
def embed(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
    """Vectors whose squared Euclidean distances are the distances by "features".

    Features of a layer are divided by their length over the channels; the squared difference is
    summed over the channels, averaged over the image and over the four layers, as in LPIPS without
    weights (Zhang et al. 2018).
    """
    net = load_features(max(images.shape[-2:])).to(images.device)
    parts = []
    for chunk in images.split(_chunk(images)):
        # divided so that squares are averaged over the layers and over the image
        scaled = [
            F.normalize(h, dim=1) / (len(net.stages) * h.shape[2] * h.shape[3]) ** 0.5
            for h in net(chunk)
        ]
        parts.append(torch.cat([h.flatten(1) for h in scaled], dim=1))
    return torch.cat(parts)


@torch.no_grad()
def describe(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 448"]:
    """What the course's network says of each image as a whole, see ``FeatureNet.pooled``."""
    net = load_features(max(images.shape[-2:])).to(images.device)
    return torch.cat([net.pooled(chunk) for chunk in images.split(_chunk(images))])


def _chunk(images: Tensor) -> int:
    return max(1, PIXELS // (images.shape[-2] * images.shape[-1]))
