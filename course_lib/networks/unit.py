"""UNIT's networks (Liu, Breuel, Kautz: NIPS 2017): two encoders into one latent space, two decoders out of it.

Both of a kind are one module, so that a shared block is there once: in the optimiser, in a checkpoint, in a copy.

The paper says little about layers. ``layers="hybrid"`` takes MUNIT's, whose authors are the same; "authors" is what is
reported of the code for UNIT itself: 3x3 convolutions of stride 2, transposed ones, and 1x1 to the image.
"""

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import norm_layer, upsample
from course_lib.networks.munit import conv, kaiming_weights, rise, stem
from course_lib.networks.resnet import ResidualBlock

SLOPE = 0.2  # of the leaky ReLUs outside the residual blocks


class LatentEncoders(nn.Module):
    """An image of domain "a" or "b" -> the mean of its z: (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4).

    Three convolutions and ``n_blocks`` residual blocks, of which the last ``shared_blocks`` are the same for both.
    """

    def __init__(self, base_channels: int = 64, n_blocks: int = 4, shared_blocks: int = 1, layers: str = "hybrid"):
        super().__init__()
        wide, own = 4 * base_channels, n_blocks - shared_blocks
        first = _stem if layers == "authors" else stem
        own_layers = {name: [*first(base_channels, slope=SLOPE), *_blocks(wide, own)] for name in "ab"}
        self.own = nn.ModuleDict({name: nn.Sequential(*layers) for name, layers in own_layers.items()})
        self.shared = nn.Sequential(*_blocks(wide, shared_blocks))
        kaiming_weights(self)

    def forward(self, image: Float[Tensor, "b 3 h w"], domain: str) -> Float[Tensor, "b c _ _"]:
        return self.shared(self.own[domain](image))


class LatentDecoders(nn.Module):
    """z -> an image of domain "a" or "b" in [-1, 1]: (B, 4 base_channels, h, w) -> (B, 3, 4h, 4w).

    ``n_blocks`` residual blocks, the first ``shared_blocks`` the same for both; upsampling twice, a 7x7 convolution.
    """

    def __init__(self, base_channels: int = 64, n_blocks: int = 4, shared_blocks: int = 1, layers: str = "hybrid"):
        super().__init__()
        c, wide = base_channels, 4 * base_channels
        self.shared = nn.Sequential(*_blocks(wide, shared_blocks))
        self.own = nn.ModuleDict()
        for name in "ab":
            up = _rise(c, SLOPE) if layers == "authors" else [*rise(c, SLOPE), *conv(c, 3, 7, slope=None)]
            self.own[name] = nn.Sequential(*_blocks(wide, n_blocks - shared_blocks), *up, nn.Tanh())
        kaiming_weights(self)

    def forward(self, z: Float[Tensor, "b c h w"], domain: str) -> Float[Tensor, "b 3 _ _"]:
        return self.own[domain](self.shared(z))


def _stem(base_channels: int, slope: float) -> list[nn.Module]:
    """7x7, then twice 3x3 of stride 2: (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4)."""
    c = base_channels
    down = [layer for width in (2 * c, 4 * c) for layer in conv(width // 2, width, 3, 2, "instance", slope)]
    return [*conv(3, c, 7, slope=slope), *down]


def _rise(base_channels: int, slope: float) -> list[nn.Module]:
    """Twice a transposed 3x3 convolution of stride 2, then 1x1: (B, 4 base_channels, h, w) -> (B, 3, 4h, 4w)."""
    layers: list[nn.Module] = []
    for width in (2 * base_channels, base_channels):
        layers += [upsample("transposed", 2 * width, width, True, kernel=3), norm_layer("instance", width)]
        layers.append(nn.LeakyReLU(slope))
    return [*layers, nn.Conv2d(base_channels, 3, 1)]


def _blocks(channels: int, count: int) -> list[nn.Module]:
    return [ResidualBlock(channels) for _ in range(count)]
