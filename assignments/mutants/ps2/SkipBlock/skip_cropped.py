"""The skip is cut to the size of the decoder, not the other way round.

message: shape
"""

import torch
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, h):
        decoded = self.up(self.inner(self.down(h)))
        height, width = min(decoded.shape[2], h.shape[2]), min(decoded.shape[3], h.shape[3])
        decoded, h = decoded[:, :, :height, :width], h[:, :, :height, :width]
        return torch.cat([decoded, h], dim=1)
