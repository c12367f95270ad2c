"""A pool of earlier fakes, so that D does not forget them (Shrivastava et al. 2017; CycleGAN, section 4)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Up to ``size`` earlier fakes (channels, image_size, image_size). A module, so that checkpoints keep it.

    For each image of a batch: while the pool is not full, store it and return it. Later, with probability 1/2, return
    it and store nothing; else return a stored image, drawn at random, and put the new one in its place. Size 0 returns
    every image. Random numbers come from torch's global generator. Nothing in it learns.
    """

    def __init__(self, size: int, image_size: int, channels: int = 3):
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, channels, image_size, image_size))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def _apply(self, *args, **kwargs) -> nn.Module:
        """As in any module, except that ``count`` stays on the CPU: asking a GPU for it would wait for all its work."""
        count = self.count
        super()._apply(*args, **kwargs)
        self.count = count
        return self

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
