"""A pool of earlier fakes, so that D does not forget them (CycleGAN, section 4)."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.networks.hardware import KeptOnCPU


class ImagePool(KeptOnCPU):
    """Up to ``size`` earlier fakes (channels, image_size, image_size) (Shrivastava et al. 2017).

    For each image of a batch: while the pool is not full, it is stored and returned. Later, with
    probability 1/2, it is returned and not stored; else it takes the place of a stored image, drawn
    at random, which is returned. Size 0 returns every image. Random numbers come from torch's
    global generator. It is a module, so that checkpoints keep it, and nothing in it learns.
    """

    asked = ("count",)
    images: Tensor
    count: Tensor

    def __init__(self, size: int, image_size: int, channels: int = 3):
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, channels, image_size, image_size))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def query(self, fakes: Float[Tensor, "batch c s s"]) -> Float[Tensor, "batch c s s"]:
        """As many images as came in, detached: new ones and earlier ones."""
        out = []
        for fake in fakes.detach():
            if self.count < self.size:
                self.images[self.count] = fake
                self.count += 1
            elif self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                old = self.images[place].clone()
                self.images[place] = fake
                fake = old
            out.append(fake)
        return torch.stack(out)
