"""Sizes that are not even do not fit.

message: odd sizes
"""

import torch
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, h):
        decoded = self.up(self.inner(self.down(h)))
        return torch.cat([decoded, h], dim=1)
