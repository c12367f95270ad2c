"""MUNIT's networks (Huang, Liu, Belongie, Kautz: ECCV 2018): encoders, a decoder with AdaIN, D.

In the paper ``dk`` is a 4x4 convolution of stride 2, and ``uk`` is upsampling, a 5x5 convolution,
layer norm and ReLU.
"""

from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.bicycle import MultiScale
from course_lib.networks.blocks import init_weights, norm_layer
from course_lib.networks.resnet import ResidualBlock


def conv(
    c_in: int,
    c_out: int,
    kernel: int,
    stride: int = 1,
    norm: str = "none",
    slope: float | None = 0.0,
) -> list[nn.Module]:
    """Reflection padding, convolution, norm ("layer", or as in ``norm_layer``), ReLU.

    (B, c_in, H, W) -> (B, c_out, H / stride, W / stride). A ``slope`` above 0 makes the ReLU leaky,
    and None leaves it out.
    """
    layers = [
        nn.ReflectionPad2d((kernel - stride + 1) // 2),
        nn.Conv2d(c_in, c_out, kernel, stride),
    ]
    if norm != "none":
        layers.append(nn.GroupNorm(1, c_out) if norm == "layer" else norm_layer(norm, c_out))
    return layers if slope is None else [*layers, nn.LeakyReLU(slope) if slope else nn.ReLU()]


def stem(base_channels: int, norm: str = "instance", slope: float = 0.0) -> list[nn.Module]:
    """c7s1-64, d128, d256 for 64 base channels: (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4)."""
    c = base_channels
    first = conv(3, c, 7, norm=norm, slope=slope)
    return first + conv(c, 2 * c, 4, 2, norm, slope) + conv(2 * c, 4 * c, 4, 2, norm, slope)


def rise(base_channels: int, slope: float = 0.0) -> list[nn.Module]:
    """u128, u64 for 64 base channels: (B, 4 base_channels, h, w) -> (B, base_channels, 4h, 4w)."""
    c, layers = base_channels, []
    for width in (2 * c, c):
        layers += [nn.Upsample(scale_factor=2), *conv(2 * width, width, 5, 1, "layer", slope)]
    return layers


class ContentEncoder(nn.Module):
    """c7s1-64, d128, d256, n_blocks x R256 with instance norm.

    (B, 3, H, W) -> (B, 4 base_channels, H/4, W/4): 256 maps of 64x64 at the paper's size.
    """

    def __init__(self, base_channels: int = 64, n_blocks: int = 4):
        super().__init__()
        blocks = [ResidualBlock(4 * base_channels) for _ in range(n_blocks)]
        self.layers = init_weights(nn.Sequential(*stem(base_channels), *blocks), "kaiming")

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c _ _"]:
        return self.layers(image)


class StyleEncoder(nn.Module):
    """c7s1-64, d128, then d256 up to ``n_down`` halvings, the mean over the map, a linear layer.

    (B, 3, H, W) -> (B, style_dim). Without any norm: instance norm takes out mean and variance of
    the features, and they carry the style.
    """

    def __init__(self, style_dim: int = 8, base_channels: int = 64, n_down: int = 4):
        super().__init__()
        wide, layers = 4 * base_channels, stem(base_channels, "none")
        for _ in range(n_down - 2):
            layers += conv(wide, wide, 4, 2)
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, style_dim)]
        self.layers = init_weights(nn.Sequential(*layers), "kaiming")

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b style_dim"]:
        return self.layers(image)


def adain(
    h: Float[Tensor, "b c h w"], gamma: Float[Tensor, "b c"], beta: Float[Tensor, "b c"]
) -> Float[Tensor, "b c h w"]:
    """gamma (h - mean(h)) / std(h) + beta, mean and std over a map (Huang and Belongie 2017)."""
    return gamma[..., None, None] * F.instance_norm(h) + beta[..., None, None]


class AdaINBlock(nn.Module):
    """h + AdaIN(conv(relu(AdaIN(conv(h))))), 3x3: a ResidualBlock that gets its norms' scales.

    ``parameters`` holds gamma, beta of the first AdaIN, then of the second.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Sequential(*conv(channels, channels, 3, slope=None))
        self.last = nn.Sequential(*conv(channels, channels, 3, slope=None))

    def forward(
        self, h: Float[Tensor, "b c h w"], parameters: Float[Tensor, "b 4 c"]
    ) -> Float[Tensor, "b c h w"]:
        gamma, beta, last_gamma, last_beta = parameters.unbind(1)
        inner = F.relu(adain(self.first(h), gamma, beta))
        return h + adain(self.last(inner), last_gamma, last_beta)


class StyleDecoder(nn.Module):
    """Content (B, 4 base_channels, h, w) and style (B, style_dim) -> image (B, 3, 4h, 4w).

    The image is in [-1, 1]. n_blocks x R256 with AdaIN, u128, u64, c7s1-3. A perceptron style_dim
    -> 256 -> 256 makes of the style the numbers of all AdaIN layers, 4 of each block and channel:
    4,096 at the paper's size. gamma is its raw output, no 1 is added. The scale of layer norm
    starts at 1 here, and uniform in [0, 1] in the authors' code.
    """

    def __init__(
        self, style_dim: int = 8, base_channels: int = 64, n_blocks: int = 4, mlp_width: int = 256
    ):
        super().__init__()
        c, wide = base_channels, 4 * base_channels
        self.shape = (n_blocks, 4, wide)  # of the parameters of AdaIN
        self.mlp = nn.Sequential(
            nn.Linear(style_dim, mlp_width),
            nn.ReLU(),
            nn.Linear(mlp_width, mlp_width),
            nn.ReLU(),
            nn.Linear(mlp_width, n_blocks * 4 * wide),
        )
        self.blocks = nn.ModuleList(AdaINBlock(wide) for _ in range(n_blocks))
        self.up = nn.Sequential(*rise(c), *conv(c, 3, 7, slope=None), nn.Tanh())
        init_weights(self, "kaiming")

    def forward(
        self, content: Float[Tensor, "b c h w"], style: Float[Tensor, "b style_dim"]
    ) -> Float[Tensor, "b 3 _ _"]:
        h, parameters = content, self.mlp(style).unflatten(1, self.shape)  # (B, n_blocks, 4, c)
        for block, of_block in zip(self.blocks, parameters.unbind(1), strict=True):
            h = block(h, of_block)
        return self.up(h)


class MUNITDiscriminator(MultiScale):
    """``n_scales`` times d64, d128, d256, d512 without norm and a 1x1 convolution: 46 px patches.

    (B, 3, H, W) -> a list of maps of logits, (B, 1, H/16, W/16) the finest; each scale sees half
    the size of the one before.
    """

    def __init__(self, base_channels: int = 64, n_layers: int = 4, n_scales: int = 3):
        widths = [3, *(base_channels * min(2**i, 8) for i in range(n_layers))]

        def scale() -> nn.Module:
            layers = []
            for c_in, c_out in pairwise(widths):
                layers += conv(c_in, c_out, 4, 2, slope=0.2)
            return init_weights(nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1)))

        super().__init__(scale() for _ in range(n_scales))
