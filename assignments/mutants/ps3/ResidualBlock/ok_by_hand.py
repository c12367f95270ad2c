"""The norm by hand, the sum with torch.add."""

import torch
from torch import nn


def norm(h):
    return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d((1, 1, 1, 1))
        self.first, self.second = nn.Conv2d(channels, channels, (3, 3)), nn.Conv2d(channels, channels, (3, 3))

    def forward(self, h):
        inner = norm(self.first(self.pad(h))).clamp(min=0)
        return torch.add(h, norm(self.second(self.pad(inner))))
