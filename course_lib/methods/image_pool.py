"""A pool of earlier fakes, so that D does not forget them (CycleGAN, section 4)."""

from functools import partial

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.networks.hardware import KeptOnCPU, fresh


class ImagePool(KeptOnCPU):
    """Up to ``size`` earlier fakes (channels, image_size, image_size) (Shrivastava et al. 2017).

    For each image of a batch: while the pool is not full, it is stored and returned. Later, with
    probability 1/2, it is returned and not stored; else it takes the place of a stored image, drawn
    at random, which is returned. Size 0 returns every image. Random numbers come from torch's
    global generator. It is a module, so that checkpoints keep it, and nothing in it learns.
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
        if not self.size:
            return fakes.detach().clone()
        out = []
        plan = fresh(partial(self.draw, len(fakes)), fakes.device)
        for fake, (place, enters, swaps) in zip(fakes.detach().split(1), plan, strict=True):
            old = self.images[place[None]]
            self.images[place[None]] = torch.where(enters > 0, fake, old)
            out.append(torch.where(swaps > 0, old, fake))
        return torch.cat(out)

    def draw(self, n: int) -> Integer[Tensor, "n 3"]:
        """For each of n fakes, on the CPU: a place, whether it enters there, and whether what was
        there comes out.
        """
        rows = [(0, 0, 0)] * n
        for i in range(n):
            if self.count < self.size:
                rows[i] = (int(self.count), 1, 0)
                self.count += 1
            elif torch.rand(()) < 0.5:
                rows[i] = (int(torch.randint(self.size, ())), 1, 1)
        return torch.tensor(rows)
