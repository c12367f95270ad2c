"""One tensor holds all images, as in a module."""

import torch
from torch import nn


class ImagePool(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size, self.count, self.images = size, 0, None

    @torch.no_grad()
    def query(self, fakes):
        out = fakes.clone()
        if self.images is None:
            self.images = fakes.new_zeros(self.size, *fakes.shape[1:])
        for i in range(len(fakes)):
            if self.count < self.size:
                self.images[self.count] = fakes[i]
                self.count += 1
            elif self.size > 0 and torch.randint(2, ()) == 0:
                k = torch.randint(self.size, (1,)).item()
                out[i], self.images[k] = self.images[k].clone(), fakes[i]
        return out
