"""A ModuleList, a loop, and an Upsample."""

import torch
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.parts = nn.ModuleList([down, inner, up])

    def forward(self, image):
        h = image
        for part in self.parts:
            h = part(h)
        same = nn.Upsample(size=tuple(image.shape[2:]))
        return torch.concat([same(h), image], dim=-3)
