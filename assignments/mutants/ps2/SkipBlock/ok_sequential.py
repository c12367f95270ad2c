"""The three parts in a Sequential; resized only if needed."""

import torch
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.path = nn.Sequential(down, inner, up)

    def forward(self, x):
        y = self.path(x)
        if y.shape[-2:] != x.shape[-2:]:
            y = nn.functional.interpolate(y, x.shape[-2:], mode="nearest")
        return torch.cat((y, x), 1)
