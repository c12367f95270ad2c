"""Discriminators: PatchGAN in every size (pix2pix, section 3.2 and appendix), DCGAN's."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import BlurDown, dcgan_widths, init_weights, norm_layer


class PatchGAN(nn.Module):
    """A map of logits, one for each overlapping patch; no sigmoid.

    (B, in_channels, H, W) -> (B, 1, h, w)

    n_layers      0      1      2      3      4      5
    patch, px     1     16     34     70    142    286
    map at 256  256    126     62     30     14      6

    ``n_layers`` 4x4 convolutions of stride 2, one of stride 1, one of stride 1 to a single channel
    (the papers write stride 2 for all of them, but 70 px needs the last two at stride 1). 0 is the
    PixelGAN: three 1x1 convolutions. For a conditional D, ``in_channels`` is that of x plus that of
    y. With ``blur``, as in CUT, what would have stride 2 has 1, and its output is blurred before
    every second pixel is taken. ``padding`` is 2 in pix2pixHD's code. Parameters at the paper's
    size (6 channels, n_layers=3): 2,768,705; PixelGAN 9,024.
    """

    def __init__(
        self,
        in_channels: int = 6,
        base_channels: int = 64,
        n_layers: int = 3,
        norm: str = "batch",
        blur: bool = False,
        padding: int = 1,
    ):
        super().__init__()
        bias = norm != "batch"
        widths = [base_channels * min(2**i, 8) for i in range(max(n_layers, 1) + 1)]
        kernel, padding = (4, padding) if n_layers else (1, 0)
        layers = []
        for i, (c_in, width) in enumerate(pairwise([in_channels, *widths])):
            halves = i < n_layers
            stride = 2 if halves and not blur else 1
            conv = nn.Conv2d(c_in, width, kernel, stride, padding, bias=bias or i == 0)
            layers += [conv] if i == 0 else [conv, norm_layer(norm, width)]
            layers.append(nn.LeakyReLU(0.2))
            layers += [BlurDown()] if halves and blur else []
        layers.append(nn.Conv2d(widths[-1], 1, kernel, 1, padding, bias=bias or n_layers > 0))
        self.layers = nn.Sequential(*layers)
        init_weights(self)

    def forward(
        self, image: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch 1 h w"]:
        return self.layers(image)


class DCGANDiscriminator(nn.Module):
    """One logit for each image, (B, 3, S, S) -> (B, 1). No sigmoid.

    S = image_size is a power of two of at least 16. The mirror of :class:`DCGANGenerator`: 5x5
    convolutions of stride 2 down to 4x4, then one linear layer. Batch norm after every convolution
    but the first, leaky ReLU of slope 0.2, no bias. At the paper's size: 17,232,768 parameters.

    Raises CourseError for another image_size.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 128):
        super().__init__()
        widths = dcgan_widths(image_size, base_channels)
        layers = []
        for i, (c_in, width) in enumerate(pairwise([3, *widths])):  # (B, c_in, s, s) -> halved
            conv = nn.Conv2d(c_in, width, 5, 2, 2, bias=False)
            layers += [conv] if i == 0 else [conv, norm_layer("batch", width)]
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, bias=False), nn.Flatten())
        init_weights(self)

    def forward(self, image: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch 1"]:
        return self.layers(image)
