"""Are made letters letters? For the data sets of letters."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.metrics.resampling import of_mean
from course_lib.networks.frozen import load_letter_reader


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
