"""The parts hide in a list, where no optimiser finds them.

message: optimiser find
"""

import torch
import torch.nn.functional as F
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.parts = [down, inner, up]

    def forward(self, h):
        decoded = h
        for part in self.parts:
            decoded = part(decoded)
        decoded = F.interpolate(decoded, size=h.shape[2:])
        return torch.cat([decoded, h], dim=1)
