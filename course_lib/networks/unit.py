"""UNIT's networks (Liu, Breuel, Kautz: NIPS 2017): two encoders into one latent space, two decoders out of it.

Both of a kind are one module, so that a shared block is there once: in the optimiser, in a checkpoint, in a copy.

``layers="hybrid"`` takes MUNIT's, which the authors of both later used for UNIT, with leaky ReLUs outside the residual
blocks. "authors" are those of most configurations of their first code: zero padding, no norm outside the blocks, a
slope of 0.01, transposed convolutions and 1x1 to the image. Its dropout in the blocks and its D's are left out.
"""

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import upsample
from course_lib.networks.munit import conv, kaiming_weights, rise, stem
from course_lib.networks.resnet import ResidualBlock

SLOPE = 0.2  # of the leaky ReLUs outside the residual blocks of the hybrid; the authors' later code has plain ones


class LatentEncoders(nn.Module):
    """An image of domain "a" or "b" -> the mean of its z: (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4).

    Three convolutions and ``n_blocks`` residual blocks, of which the last ``shared_blocks`` are the same for both.
    """

    def __init__(
        self,
        base_channels: int = 64,
        n_blocks: int = 4,
        shared_blocks: int = 1,
        layers: str = "hybrid",
    ):
        super().__init__()
        wide, own = 4 * base_channels, n_blocks - shared_blocks
        self.own = nn.ModuleDict()
        for name in "ab":
            down = _stem(base_channels) if layers == "authors" else stem(base_channels, slope=SLOPE)
            self.own[name] = nn.Sequential(*down, *_blocks(wide, own, layers))
        self.shared = nn.Sequential(*_blocks(wide, shared_blocks, layers))
        kaiming_weights(self)

    def forward(self, image: Float[Tensor, "b 3 h w"], domain: str) -> Float[Tensor, "b c _ _"]:
        return self.shared(self.own[domain](image))


class LatentDecoders(nn.Module):
    """z -> an image of domain "a" or "b" in [-1, 1]: (B, 4 base_channels, h, w) -> (B, 3, 4h, 4w).

    ``n_blocks`` residual blocks, the first ``shared_blocks`` the same for both; upsampling twice, a 7x7 convolution.
    """

    def __init__(
        self,
        base_channels: int = 64,
        n_blocks: int = 4,
        shared_blocks: int = 1,
        layers: str = "hybrid",
    ):
        super().__init__()
        c, wide = base_channels, 4 * base_channels
        self.shared = nn.Sequential(*_blocks(wide, shared_blocks, layers))
        self.own = nn.ModuleDict()
        for name in "ab":
            up = _rise(c) if layers == "authors" else [*rise(c, SLOPE), *conv(c, 3, 7, slope=None)]
            self.own[name] = nn.Sequential(
                *_blocks(wide, n_blocks - shared_blocks, layers), *up, nn.Tanh()
            )
        kaiming_weights(self)

    def forward(self, z: Float[Tensor, "b c h w"], domain: str) -> Float[Tensor, "b 3 _ _"]:
        return self.own[domain](self.shared(z))


def _stem(base_channels: int) -> list[nn.Module]:
    """7x7, then twice 3x3 of stride 2, without norms: (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4)."""
    c, layers = base_channels, [nn.Conv2d(3, base_channels, 7, 1, 3), nn.LeakyReLU()]
    for width in (2 * c, 4 * c):
        layers += [nn.Conv2d(width // 2, width, 3, 2, 1), nn.LeakyReLU()]
    return layers


def _rise(base_channels: int) -> list[nn.Module]:
    """Twice a transposed 3x3 convolution of stride 2, then 1x1: (B, 4 base_channels, h, w) -> (B, 3, 4h, 4w)."""
    c, layers = base_channels, []
    for width in (2 * c, c):
        layers += [upsample("transposed", 2 * width, width, True, kernel=3), nn.LeakyReLU()]
    return [*layers, nn.Conv2d(c, 3, 1)]


def _blocks(channels: int, count: int, layers: str) -> list[nn.Module]:
    padding = nn.ZeroPad2d if layers == "authors" else nn.ReflectionPad2d
    return [ResidualBlock(channels, padding=padding) for _ in range(count)]
