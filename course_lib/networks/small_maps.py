"""Convolutions for the bottom of a U-Net, where millions of weights meet a map of 1x1 to 8x8.

A reader may skip this. A convolution is a product of two matrices: the weights, (out, in * k * k),
and one with a column for each place of the output, which holds the in * k * k numbers that the
kernel sees there; a transposed one is the same backwards (im2col and col2im: Chellapilla, Puri,
Simard 2006). For large maps that matrix is a waste and torch's own routines are faster. With a few
places almost all of their time goes into laying out the weights anew, and the plain product is two
to eight times as fast.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 64  # places of all images of a batch together, up to which the product was faster


class Conv2d(nn.Conv2d):
    """torch's, in one group; as a product in training on a CPU where the output is small."""

    padding: tuple[int, int]  # in pixels, never "same"

    def forward(self, x: Tensor) -> Tensor:
        steps = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        size = [(n + 2 * pad - kernel) // stride + 1 for n, kernel, stride, pad in steps]
        if not _few(x, size):
            return super().forward(x)
        # (B, in * k * k, places)
        columns = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
        if _last(self.weight):
            columns = columns.unflatten(1, (self.in_channels, -1)).transpose(1, 2).flatten(1, 2)
        return F.linear(columns.mT, _as_it_lies(self.weight), self.bias).mT.unflatten(2, size)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's, in one group; as a product in training on a CPU where the input is small."""

    padding: tuple[int, int]

    def forward(self, x: Tensor) -> Tensor:
        if not _few(x, x.shape[2:]):
            return super().forward(x)
        steps = zip(
            x.shape[2:],
            self.kernel_size,
            self.stride,
            self.padding,
            self.output_padding,
            strict=True,
        )
        size = tuple(
            (n - 1) * stride - 2 * pad + kernel + more for n, kernel, stride, pad, more in steps
        )
        # (B, out * k * k, places)
        columns = F.linear(x.flatten(2).mT, _as_it_lies(self.weight).t()).mT
        if _last(self.weight):
            columns = columns.unflatten(1, (-1, self.out_channels)).transpose(1, 2).flatten(1, 2)
        out = F.fold(columns, size, self.kernel_size, padding=self.padding, stride=self.stride)
        return out if self.bias is None else out + self.bias.to(out.dtype)[:, None, None]


def _few(x: Tensor, size: tuple | list) -> bool:
    return torch.is_grad_enabled() and x.device.type == "cpu" and len(x) * math.prod(size) <= FEW


def _last(weight: Tensor) -> bool:
    """Whether the weights lie in memory with their second dimension last (torch.channels_last)."""
    return not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)


def _as_it_lies(weight: Tensor) -> Tensor:
    """(a, b, k, k) as a matrix without a copy: (a, b * k * k), or (a, k * k * b) if b lies last."""
    return (weight.permute(0, 2, 3, 1) if _last(weight) else weight).flatten(1)
