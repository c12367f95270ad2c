"""The network of flows: a small U-Net that knows the time (as Ho, Jain, Abbeel 2020; smaller)."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


def embed_time(t: Float[Tensor, " b"], dim: int) -> Float[Tensor, "b dim"]:
    """Sines and cosines of 1000 t at frequencies from 1 down to 1/10,000.

    As of positions in a sentence.
    """
    rates = torch.exp(-math.log(10_000) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = 1000 * t[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class TimedBlock(nn.Module):
    """x + conv(conv(x) + what the time says), group norm and SiLU before each convolution.

    (B, c_in, H, W) -> (B, c_out, H, W)
    """

    def __init__(self, c_in: int, c_out: int, t_dim: int):
        super().__init__()
        self.first = activated_conv(c_in, c_out)
        self.time = nn.Linear(t_dim, c_out)
        self.second = activated_conv(c_out, c_out)
        self.past = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(
        self, h: Float[Tensor, "b c_in h w"], at: Float[Tensor, "b t_dim"]
    ) -> Float[Tensor, "b c_out h w"]:
        return self.past(h) + self.second(self.first(h) + self.time(at)[:, :, None, None])


def activated_conv(c_in: int, c_out: int) -> nn.Sequential:
    """Group norm, SiLU and a 3x3 convolution; c_in is a multiple of 8."""
    return nn.Sequential(nn.GroupNorm(8, c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, 1, 1))


class TimedUNet(nn.Module):
    """(B, in_channels, H, W) and times (B,) in [0, 1] -> (B, out_channels, H, W), without bound.

    ``widths`` are the channels of each level, multiples of 8; all but the first halve the map, so H
    and W are multiples of 2**(len(widths) - 1). Two blocks a level; skips are concatenated.
    """

    def __init__(
        self,
        in_channels: int = 6,
        out_channels: int = 3,
        widths: tuple[int, ...] = (48, 96, 144, 144),
    ):
        super().__init__()
        first, t_dim = widths[0], 4 * widths[0]
        self.time = nn.Sequential(
            nn.Linear(first, t_dim), nn.SiLU(), nn.Linear(t_dim, t_dim), nn.SiLU()
        )
        self.enter = nn.Conv2d(in_channels, first, 3, 1, 1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for c_in, c_out in pairwise((first, *widths)):  # (B, c_in, s, s) -> (B, c_out, s/2, s/2)
            self.down.append(TimedBlock(c_in, c_out, t_dim))
        self.shrink = nn.ModuleList(nn.Conv2d(width, width, 3, 2, 1) for width in widths[:-1])
        self.middle = TimedBlock(widths[-1], widths[-1], t_dim)
        for c_in, c_out in pairwise((widths[-1], *widths[::-1])):  # and back
            self.up.append(TimedBlock(c_in + c_out, c_out, t_dim))
        self.enlarge = nn.Upsample(scale_factor=2)
        self.leave = activated_conv(first, out_channels)

    def forward(
        self, x: Float[Tensor, "b c_in h w"], t: Float[Tensor, " b"]
    ) -> Float[Tensor, "b c_out h w"]:
        at = self.time(embed_time(t, self.enter.out_channels))
        h, kept = self.enter(x), []
        for block, halve in zip(self.down, [*self.shrink, None], strict=True):
            h = block(h, at)
            kept.append(h)
            h = halve(h) if halve else h
        h = self.middle(h, at)
        for i, block in enumerate(self.up):
            h = block(torch.cat([self.enlarge(h) if i else h, kept.pop()], dim=1), at)
        return self.leave(h)
