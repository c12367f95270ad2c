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

    def forward(self, x: Tensor) -> Tensor:
        steps = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        size = [(n + 2 * pad - kernel) // stride + 1 for n, kernel, stride, pad in steps]
        if not _few(x, size):
            return super().forward(x)
        # (B, in * k * k, places)
        columns = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
        weight, columns = _as_it_lies(self.weight, columns)
        return F.linear(columns.mT, weight, self.bias).mT.unflatten(2, size)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's, in one group; as a product in training on a CPU where the input is small."""

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
        size = [
            (n - 1) * stride - 2 * pad + kernel + more for n, kernel, stride, pad, more in steps
        ]
        weight, _ = _as_it_lies(self.weight)
        columns = F.linear(x.flatten(2).mT, weight.t()).mT  # (B, out * k * k, places)
        if _last(self.weight):
            columns = columns.unflatten(1, (-1, self.out_channels)).transpose(1, 2).flatten(1, 2)
        out = F.fold(columns, size, self.kernel_size, padding=self.padding, stride=self.stride)
        return out if self.bias is None else out + self.bias.to(out.dtype)[:, None, None]


def _few(x: Tensor, size: tuple | list) -> bool:
    return torch.is_grad_enabled() and x.device.type == "cpu" and len(x) * math.prod(size) <= FEW


def _last(weight: Tensor) -> bool:
    """Whether the weights lie in memory with their second dimension last (torch.channels_last)."""
    return not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)


def _as_it_lies(weight: Tensor, columns: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """(a, b, k, k) as a matrix (a, b * k * k) without a copy, and columns in its order.

    ``columns`` are (B, b * k * k, places).
    """
    if not _last(weight):
        return weight.flatten(1), columns
    if columns is not None:
        columns = columns.unflatten(1, (weight.shape[1], -1)).transpose(1, 2).flatten(1, 2)
    return weight.permute(0, 2, 3, 1).flatten(1), columns
