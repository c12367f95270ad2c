"""An autoencoder of pictures, as latent diffusion has one (Rombach et al.: CVPR 2022); smaller."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.time_unet import activated_conv


class Block(nn.Module):
    """h + conv(conv(h)), (B, C, H, W) -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            activated_conv(channels, channels), activated_conv(channels, channels)
        )

    def forward(self, h: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return h + self.layers(h)


class Autoencoder(nn.Module):
    """``encode``, (B, 3, S, S) -> codes (B, 8, S/8, S/8), and ``decode``, the way back.

    The first three channels of a code are the image, shrunk; the others hold what a network finds
    worth keeping beside it, and another adds detail to the shrunken image, enlarged again. So both
    begin with something, and learn in minutes; that of latent diffusion has no such way around.
    Images and codes lie in [-1, 1], so what works on images works on codes: tanh bounds the codes
    that are learned, a KL term or a codebook those of latent diffusion. What is decoded may exceed
    it.

    S is a multiple of 8, as base_channels is. A block of 2 x 2 pixels is one place from the start,
    which spares the dearest layers.
    """

    def __init__(self, base_channels: int = 64):
        super().__init__()
        a, b, c = base_channels, 2 * base_channels, 4 * base_channels
        self.worth_keeping = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, a, 3, 1, 1), Block(a),  # (B, a, S/2, S/2)
            nn.Conv2d(a, b, 3, 2, 1), Block(b),  # (B, b, S/4, S/4)
            nn.Conv2d(b, c, 3, 2, 1), Block(c),  # (B, c, S/8, S/8)
            activated_conv(c, 5), nn.Tanh(),
        )  # fmt: skip
        self.detail = nn.Sequential(
            nn.Conv2d(8, c, 3, 1, 1), Block(c), Block(c),  # (B, c, S/8, S/8)
            nn.Upsample(scale_factor=2), nn.Conv2d(c, b, 3, 1, 1), Block(b), Block(b),
            nn.Upsample(scale_factor=2), nn.Conv2d(b, a, 3, 1, 1), Block(a), Block(a),
            activated_conv(a, 12), nn.PixelShuffle(2),
        )  # fmt: skip
        nn.init.zeros_(self.last)

    @property
    def last(self) -> Float[Tensor, "12 a 3 3"]:
        """The weight of the decoder's last layer, which begins with 0: no detail."""
        return self.detail[-2][-1].weight

    def encode(self, images: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b 8 h w"]:
        return torch.cat([F.avg_pool2d(images, 8), self.worth_keeping(images)], dim=1)

    def decode(self, codes: Float[Tensor, "b 8 h w"]) -> Float[Tensor, "b 3 s s"]:
        enlarged = F.interpolate(codes[:, :3], scale_factor=8.0, mode="bilinear")
        return enlarged + self.detail(codes)

    def forward(self, images: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b 3 s s"]:
        return self.decode(self.encode(images)).clamp(-1, 1)
