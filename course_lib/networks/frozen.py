"""The frozen networks: small ones whose weights come with the course.

    Segmenter      labels façades, for the FCN-score
    FeatureNet     tells how different two images look, for the distance by "features"
    LetterReader   reads a capital letter

Of the first two, which know façades, there are weights for images of up to 64 px, and others,
``NAME_128``, for larger ones.

In ``frozen_files``, origins.json tells how each of the files there was trained. Images are batches
(n, 3, h, w) in [-1, 1].
"""

import functools
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.networks.blocks import Net

FILES = Path(__file__).parent / "frozen_files"
CLASSES, WALLS = 12, 8  # labels of façades, colours of walls: those of the rendered houses
# of shade, light, time, glass and weathering by day
LOW, HIGH = (-1.0, -1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.6, 1.0, 1.0)
SMALL, LARGEST = 64, 128  # px: up to where the first weights serve, and up to where the others do
CHUNK = 64  # photographs that are segmented at a time


def _conv(a: int, b: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


def _block(*channels: int) -> nn.Sequential:
    """3x3 convolutions with batch norm and ReLU, from one number of channels to the next."""
    return nn.Sequential(*(layer for a, b in pairwise(channels) for layer in _conv(a, b)))


class Segmenter(nn.Module):
    """Photographs (B, 3, H, W) in [-1, 1] -> logits (B, classes, H, W), for any H and W.

    The paper's FCN-score asks an FCN-8s trained on real photographs whether it recognises what was
    painted. This is not FCN-8s but a U-Net of 91,068 parameters; say "FCN-score with the course's
    own segmenter".
    """

    def __init__(self, classes: int = CLASSES, widths: tuple[int, ...] = (16, 16, 32, 48)):
        super().__init__()
        self.down = nn.ModuleList(_block(a, b, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        height, width = photos.shape[-2:]
        step = 2 ** len(self.up)
        h = F.pad(photos, (0, -width % step, 0, -height % step), mode="replicate")
        skips = []
        for block in self.down:
            h = block(F.max_pool2d(h, 2) if skips else h)
            skips.append(h)
        for block, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            h = block(torch.cat([F.interpolate(h, scale_factor=2.0), skip], dim=1))
        return self.head(h)[..., :height, :width]


@torch.no_grad()
def segment(net: Segmenter, photos: Float[Tensor, "n 3 h w"]) -> Int[Tensor, "n h w"]:
    """The likeliest class of each pixel; ``net`` is in evaluation mode, as those made here."""
    return torch.cat([net(chunk).argmax(1) for chunk in photos.split(CHUNK)])


class FeatureNet(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> features of four layers.

    They lie at H/2, H/4, H/8 and H/8, with 32, 64, 64 and 64 channels. 100,216 parameters, trained
    on façades only, half of them in colours that no façade has.
    """

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(*_conv(3, 24), *_conv(24, 32, stride=2)),
                nn.Sequential(*_conv(32, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64)),
            ]
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, layers = images, []
        for stage in self.stages:
            layers.append(h := stage(h))
        return layers


def mean_and_spread(layers: list[Tensor]) -> list[Tensor]:
    """Of each layer, (B, c, _, _), mean and standard deviation over the image, (B, c) each."""
    pooled = []
    for h in layers:
        pooled += [h.mean((2, 3)), h.flatten(2).std(2, correction=0)]
    return pooled


class LetterReader(nn.Module):
    """Letters (B, 3, H, W) in [-1, 1], on white -> logits (B, 26), A to Z. 150,666 parameters."""

    def __init__(self):
        super().__init__()
        pool = nn.MaxPool2d(2)
        blocks = _block(1, 16, 32), pool, _block(32, 64), pool, _block(64, 128), pool
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(32), *blocks, nn.Flatten(), nn.Linear(2048, 26)
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 26"]:
        return self.layers(images.mean(1, keepdim=True))


# ---- the shipped weights


def seeded(make: Callable[[], Net], seed: int = 0) -> Net:
    """A new network of its own seed; torch's random state stays as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def shrunk(photos: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 _ _"]:
    """Photographs no larger than what the networks know, reduced by a whole number if need be."""
    height, width = photos.shape[-2:]
    by = -(-max(height, width) // LARGEST)
    return photos if by == 1 else F.interpolate(photos, (height // by, width // by), mode="area")


def _load(make: Callable[[], Net], name: str, size: int) -> Net:
    net = seeded(make)
    file = FILES / f"{name}{'' if size <= SMALL else f'_{LARGEST}'}.safetensors"
    net.load_state_dict(safetensors.torch.load_file(file))  # float16 -> float32
    return net.eval().requires_grad_(False)


def load_segmenter(size: int = SMALL) -> Segmenter:
    """The shipped segmenter for photographs of ``size`` px, anew, in evaluation mode on the CPU."""
    return _load(Segmenter, "facades", size)


@functools.cache
def load_features(size: int = SMALL) -> FeatureNet:
    """The shipped features for images of ``size`` px, in evaluation mode."""
    return _load(FeatureNet, "features", size).to(memory_format=torch.channels_last)


@functools.cache
def load_letter_reader() -> LetterReader:
    """The shipped reader of letters, in evaluation mode."""
    return _load(LetterReader, "letters", SMALL).to(memory_format=torch.channels_last)


@torch.no_grad()
def read_letters(images: Float[Tensor, "n 3 h w"]) -> Int[Tensor, " n"]:
    """Which letter the shipped reader sees in each image, 0 (A) to 25 (Z).

    It has read the fonts of training; of true letters of the other splits it finds as many as
    ``frozen_files/origins.json`` tells.
    """
    net = load_letter_reader().to(images.device)
    return torch.cat([net(chunk).argmax(1).cpu() for chunk in images.split(256)])
