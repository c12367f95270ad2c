"""Are made letters letters, and is an alphabet of one font? For the data sets of letters."""

import functools

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.data import letters
from course_lib.metrics.resampling import of_mean
from course_lib.networks.frozen import load_letter_reader

SIDE = 32  # px at which letters are compared with those of fonts
NEAR = 8  # of the 784 fonts of training: those that are nearest to half of an alphabet


@torch.no_grad()
def read(images: Float[Tensor, "n 3 h w"]) -> Integer[Tensor, " n"]:
    """Which letter the course's own reader sees in each image, 0 (A) to 25 (Z).

    It has read the fonts of training; of true letters of the other splits it finds as many as
    ``frozen_files/letters.json`` tells.
    """
    net = load_letter_reader().to(images.device)
    return torch.cat([net(chunk).argmax(1).cpu() for chunk in images.split(256)])


def legible(fake: Float[Tensor, "n 3 h w"], letter: Integer[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    """Of each image, whether it is read as its letter, and of how many: 1."""
    return of_mean((read(fake) == letter).double())


@functools.cache
def fonts(split: str) -> Float[Tensor, "26 fonts pixels"]:
    """The fonts of a split in [-1, 1], at SIDE px."""
    small = F.adaptive_avg_pool2d(letters.sheet(split) / 127.5 - 1, SIDE)
    return small.flatten(2).transpose(0, 1).contiguous()


def to_fonts(
    alphabets: Float[Tensor, "k 26 3 h w"], split: str = "train"
) -> Float[Tensor, "k fonts 26"]:
    """Mean absolute difference of each letter of some alphabets to the same letter of each font."""
    made = F.adaptive_avg_pool2d(alphabets.mean(2), SIDE).flatten(2).transpose(0, 1)
    return torch.cdist(made, fonts(split), p=1).permute(1, 2, 0) / SIDE**2


def style_held(alphabets: Float[Tensor, "k 26 3 h w"]) -> Float[Tensor, " k"]:
    """Of each alphabet, whether its halves are of one style, 0 or 1.

    They are if that font of training which A, C, E ... are nearest to is among the NEAR nearest of
    B, D, F ... Letters of a font that is drawn anew for each are so once in a hundred.
    """
    apart = to_fonts(alphabets)
    one, other = apart[..., ::2].mean(-1), apart[..., 1::2].mean(-1)
    found = other.gather(1, one.argmin(1, keepdim=True))
    return ((other < found).sum(1) < NEAR).double()
