"""Padding, norm and ReLU as functions."""

import torch.nn.functional as F
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3) for _ in range(2))

    def forward(self, h):
        out = h
        for i, conv in enumerate(self.convs):
            out = F.instance_norm(conv(F.pad(out, (1, 1, 1, 1), mode="reflect")))
            out = F.relu(out) if i == 0 else out
        return h + out
