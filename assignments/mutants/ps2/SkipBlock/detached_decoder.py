"""The way through the middle is detached.

message: cut off
"""

import torch
import torch.nn.functional as F
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, h):
        decoded = self.up(self.inner(self.down(h.detach())))
        decoded = F.interpolate(decoded, size=h.shape[2:])
        return torch.cat([decoded, h], dim=1)
