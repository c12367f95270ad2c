"""A pool of earlier fakes, so that D does not forget them (Shrivastava et al. 2017; CycleGAN, section 4)."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.networks.hardware import AskedOften


class ImagePool(AskedOften):
    """Up to ``size`` earlier fakes (channels, image_size, image_size). A module, so that checkpoints keep it.

    For each image of a batch: while the pool is not full, store it and return it. Later, with probability 1/2, return
    it and store nothing; else return a stored image, drawn at random, and put the new one in its place. Size 0 returns
    every image. Random numbers come from torch's global generator. Nothing in it learns.
    """

    asked = ("count",)

    def __init__(self, size: int, image_size: int, channels: int = 3):
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, channels, image_size, image_size))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def query(self, fakes: Float[Tensor, "batch c s s"]) -> Float[Tensor, "batch c s s"]:
        """As many images as came in, detached: new ones and earlier ones."""
        out = fakes.detach().clone()
        for i, fake in enumerate(fakes.detach()):
            if self.count < self.size:
                self.images[self.count] = fake
                self.count += 1
            elif self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                out[i] = self.images[place]
                self.images[place] = fake
        return out
