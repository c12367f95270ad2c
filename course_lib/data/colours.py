"""Colours as networks see them: all three channels, grey alone, or of CIE Lab the lightness L and
the colours a, b."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

GREY = (
    0.299,
    0.587,
    0.114,
)  # shares of red, green and blue in the brightness that television shows in grey (BT.601)
AB = 110.0  # a and b lie within; a network paints them divided by it, as in the authors' code
DELTA = 6 / 29
TO_XYZ = torch.tensor(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
TO_XYZ = TO_XYZ / TO_XYZ.sum(
    1, keepdim=True
)  # a row sums to the white point, so white is (1, 1, 1)
FROM_XYZ = torch.linalg.inv(TO_XYZ)


def rgb_to_lab(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """sRGB in [-1, 1] to CIE Lab, white point D65 (IEC 61966-2-1): L in [0, 100], a and b in about
    [-108, 99]."""
    rgb = (
        F.hardtanh(images) + 1
    ) / 2  # clamp(), which torch 2.15 writes into ONNX files wrongly if it comes twice
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,njhw->nihw", TO_XYZ.to(linear), linear)
    f = torch.where(xyz > DELTA**3, xyz.clamp(min=1e-9) ** (1 / 3), xyz / (3 * DELTA**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The inverse of :func:`rgb_to_lab`; each channel of what sRGB does not have is clamped."""
    light, a, b = lab.unbind(1)
    y = (light + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=1)
    xyz = torch.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29))
    linear = torch.einsum("ij,njhw->nihw", FROM_XYZ.to(f), xyz)
    rgb = torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )
    return F.hardtanh(2 * rgb - 1)


def grey(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """The brightness of each pixel."""
    red, green, blue = images.split(1, dim=1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def seen(
    x: Float[Tensor, "n 3 h w"], y: Float[Tensor, "n 3 h w"], channels: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """x and y in [-1, 1] for networks of these ``channels``: 3 are all, 1 is grey, 2 are a and b of
    y, and 1 then L."""
    if channels[0] == 1:
        x = rgb_to_lab(x)[:, :1] / 50 - 1 if channels[1] == 2 else grey(x)
    return x, {1: grey, 2: lambda image: rgb_to_lab(image)[:, 1:] / AB, 3: lambda image: image}[
        channels[1]
    ](y)


def painted(out: Float[Tensor, "n c h w"], x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """``out`` of a network as RGB images: a and b get the lightness of its input ``x``."""
    if out.shape[1] == 2:
        return lab_to_rgb(torch.cat([rgb_to_lab(x)[:, :1], out * AB], dim=1))
    return out.expand(-1, 3, -1, -1)
