"""Generators: the U-Net (pix2pix, appendix 6.1.1) and DCGAN's (its figure 1)."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import ensure
from course_lib.networks.blocks import dcgan_widths, init_weights, norm_layer, upsample
from course_lib.networks.small_maps import Conv2d


class UNet(nn.Module):
    """U-Net of pix2pix: (B, 3, S, S) -> (B, 3, S, S) in [-1, 1], S = image_size = 2**levels.

    Level i halves the image and has ``min(2**i, 8) * base_channels`` channels, down to 1x1. The
    decoder mirrors it, and skip i <-> levels - i concatenates; with ``skips=False`` it is the
    encoder-decoder, where everything must pass the bottleneck. That has no norm: a norm of a 1x1
    map is a constant. ``dropout`` acts in the first three decoder blocks, or in the three after the
    innermost (BicycleGAN's authors). At the paper's size (image_size=256, base_channels=64) it has
    54,413,955 parameters.

    Any S that is a multiple of 2**levels also works, as the network is fully convolutional. With
    fewer ``levels`` (0: as many as fit) it stops above 1x1, and the weights saved there allow wider
    layers: the lowest levels hold most of them.

    Raises CourseError if image_size cannot be halved so often or, with 0 levels, down to one pixel.
    """

    def __init__(
        self,
        image_size: int = 256,
        base_channels: int = 64,
        norm: str = "batch",
        dropout: float = 0.5,
        upsampling: str = "transposed",
        skips: bool = True,
        dropout_innermost: bool = True,
        levels: int = 0,
    ):
        super().__init__()
        most = image_size.bit_length() - 1
        ensure(
            levels or (image_size >= 4 and 2**most == image_size),
            f"a U-Net down to one pixel needs an image size that is a power of two, "
            f"got {image_size}",
            f"{type(self).__name__}(image_size={image_size})",
            "choose 32, 64, 128, 256 or 512, or fewer levels",
        )
        levels = levels or most
        whole = 2**levels
        ensure(
            2 <= levels <= most and image_size % whole == 0,
            f"a U-Net of {levels} levels halves an image {levels} times, and {image_size} px are "
            f"no multiple of {whole}",
            f"image_size={image_size}, levels={levels}",
            f"choose {whole}, {2 * whole} ... px, or 2 to {most} levels",
        )
        bias = norm == "instance"  # before batch norm, a bias would be subtracted again
        channels = [3, *(base_channels * min(2**i, 8) for i in range(levels))]
        self.skips = skips

        self.encoder = nn.ModuleList()
        for i, (c_in, width) in enumerate(pairwise(channels), 1):  # to (B, width, s/2, s/2)
            block: list[nn.Module] = [] if i == 1 else [nn.LeakyReLU(0.2)]
            block.append(Conv2d(c_in, width, 4, 2, 1, bias=bias))
            if 1 < i < levels:
                block.append(norm_layer(norm, width))
            self.encoder.append(nn.Sequential(*block))

        self.decoder = nn.ModuleList()
        wider = 2 if skips else 1  # a skip doubles what a block reads
        dropped = levels if dropout_innermost else levels - 1  # the first of three
        for i in range(levels, 1, -1):  # to (B, width, 2s, 2s)
            c_in = channels[i] if i == levels else wider * channels[i]
            width = channels[i - 1]
            block = [nn.ReLU(), upsample(upsampling, c_in, width, bias), norm_layer(norm, width)]
            if dropout and dropped - 3 < i <= dropped:
                block.append(nn.Dropout(dropout))
            self.decoder.append(nn.Sequential(*block))
        image = upsample(upsampling, wider * base_channels, 3, bias=True)
        self.decoder.append(nn.Sequential(nn.ReLU(), image))
        init_weights(self)

    def forward(
        self, x: Float[Tensor, "batch c_in height width"]
    ) -> Float[Tensor, "batch c_out height width"]:
        h, kept = x, []
        for block in self.encoder:
            h = block(h)
            kept.append(h)
        return self.decode(kept)

    def decode(self, kept: list[Float[Tensor, "batch _ _ _"]]) -> Float[Tensor, "batch 3 _ _"]:
        """The image, from the maps of all encoder blocks in their order."""
        h = kept.pop()  # the bottleneck, which is not its own skip
        for block in self.decoder:
            h = block(h)
            if self.skips and kept:
                h = torch.cat([h, kept.pop()], dim=1)
        return torch.tanh(h)


class DCGANGenerator(nn.Module):
    """Noise to images, (B, z_dim) -> (B, 3, S, S) in [-1, 1].

    S = image_size is a power of two of at least 16.
    A projection to 4x4, then 5x5 transposed convolutions of stride 2, each to half the channels,
    the last to 3. Batch norm and ReLU after every layer but the last, which ends in tanh; no bias
    anywhere, as in the authors' code. At the paper's size the maps have 1024, 512, 256, 128 and 3
    channels: 18,855,040 parameters. Their code normalises each number of the projection by itself,
    ours each of its channels.

    Raises CourseError for another image_size.
    """

    def __init__(
        self,
        image_size: int = 64,
        z_dim: int = 100,
        base_channels: int = 128,
        upsampling: str = "transposed",
    ):
        super().__init__()
        widths = dcgan_widths(image_size, base_channels)[::-1]
        # a projection, (B, z, 1, 1) -> (B, 8c, 4, 4)
        layers = [nn.ConvTranspose2d(z_dim, widths[0], 4, bias=False)]
        for width, c_out in pairwise([*widths, 3]):  # (B, width, s, s) -> (B, c_out, 2s, 2s)
            layers += [
                norm_layer("batch", width),
                nn.ReLU(),
                upsample(upsampling, width, c_out, bias=False, kernel=5),
            ]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        init_weights(self)

    def forward(self, z: Float[Tensor, "batch z_dim"]) -> Float[Tensor, "batch 3 size size"]:
        return self.layers(z[:, :, None, None])
