"""A class with functional activations."""

import torch.nn.functional as F
from torch import nn


class Discriminator(nn.Module):
    def __init__(self, c, base, n):
        super().__init__()
        sizes = [c] + [base * min(2**i, 8) for i in range(n + 1)]
        strides = [2] * n + [1]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 4, s, 1) for a, b, s in zip(sizes[:-1], sizes[1:], strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in sizes[2:])
        self.head = nn.Conv2d(sizes[-1], 1, 4, padding=1)

    def forward(self, h):
        h = F.leaky_relu(self.convs[0](h), 0.2)
        for conv, norm in zip(self.convs[1:], self.norms, strict=True):
            h = F.leaky_relu(norm(conv(h)), 0.2)
        return self.head(h)


def build_patch_gan(in_channels, base_channels, n_layers):
    return Discriminator(in_channels, base_channels, n_layers)
