"""The decoder is padded with zeros on one side, which is not what the task says.

message: output is wrong
"""

import torch
import torch.nn.functional as F
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, h):
        n, w = h.shape[2:]
        decoded = self.up(self.inner(self.down(h)))
        decoded = F.pad(decoded, (0, w - decoded.shape[3], 0, n - decoded.shape[2]))
        return torch.cat([decoded, h], dim=1)
