"""UNIT's networks (Liu, Breuel, Kautz: NIPS 2017): two encoders into one latent space, and out.

Both of a kind are one module, so that a shared block is there once: in the optimiser, in a
checkpoint, in a copy. The layers are MUNIT's, which the authors of both later used for UNIT, with
leaky ReLUs outside the residual blocks. Most configurations of their first code have others: zero
padding, no norm outside the blocks, a slope of 0.01, transposed convolutions, 1x1 to the image.
Weights begin as in the later code (He et al.), where the first draws them from N(0, 0.02).
"""

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import init_weights
from course_lib.networks.munit import conv, rise, stem
from course_lib.networks.resnet import ResidualBlock

SLOPE = 0.2  # of the leaky ReLUs; the authors' later code has plain ones


class LatentEncoders(nn.Module):
    """An image of domain "x" or "y" -> the mean of its z.

    (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4): three convolutions and ``n_blocks`` residual
    blocks, of which the last ``shared_blocks`` are the same for both.
    """

    def __init__(self, base_channels: int = 64, n_blocks: int = 4, shared_blocks: int = 1):
        super().__init__()
        self.own = nn.ModuleDict()
        for name in "xy":
            blocks = _blocks(base_channels, n_blocks - shared_blocks)
            self.own[name] = nn.Sequential(*stem(base_channels, slope=SLOPE), *blocks)
        self.shared = nn.Sequential(*_blocks(base_channels, shared_blocks))
        init_weights(self, "kaiming")

    def forward(self, image: Float[Tensor, "b 3 h w"], domain: str) -> Float[Tensor, "b c _ _"]:
        return self.shared(self.own[domain](image))


class LatentDecoders(nn.Module):
    """z -> an image of domain "x" or "y" in [-1, 1].

    (B, 4 base_channels, h, w) -> (B, 3, 4h, 4w): ``n_blocks`` residual blocks, the first
    ``shared_blocks`` the same for both; upsampling twice, a 7x7 convolution.
    """

    def __init__(self, base_channels: int = 64, n_blocks: int = 4, shared_blocks: int = 1):
        super().__init__()
        self.shared = nn.Sequential(*_blocks(base_channels, shared_blocks))
        self.own = nn.ModuleDict()
        for name in "xy":
            blocks = _blocks(base_channels, n_blocks - shared_blocks)
            image = [*rise(base_channels, SLOPE), *conv(base_channels, 3, 7, slope=None)]
            self.own[name] = nn.Sequential(*blocks, *image, nn.Tanh())
        init_weights(self, "kaiming")

    def forward(self, z: Float[Tensor, "b c h w"], domain: str) -> Float[Tensor, "b 3 _ _"]:
        return self.own[domain](self.shared(z))


def _blocks(base_channels: int, count: int) -> list[nn.Module]:
    return [ResidualBlock(4 * base_channels) for _ in range(count)]
