"""MUNIT's networks (Huang, Liu, Belongie, Kautz: ECCV 2018): content and style encoders, a decoder with AdaIN, D.

In the paper ``dk`` is a 4x4 convolution of stride 2 and ``uk`` is upsampling, a 5x5 convolution, layer norm and ReLU.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.bicycle import MultiScalePatchGAN
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
    """Reflection padding, convolution, norm ("layer", or as in ``norm_layer``), ReLU; no ReLU if ``slope`` is None.

    (B, c_in, H, W) -> (B, c_out, H / stride, W / stride). Another slope than 0 makes the ReLU leaky.
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
    down = [
        layer for width in (2 * c, 4 * c) for layer in conv(width // 2, width, 4, 2, norm, slope)
    ]
    return [*conv(3, c, 7, norm=norm, slope=slope), *down]


def rise(base_channels: int, slope: float = 0.0) -> list[nn.Module]:
    """u128, u64 for 64 base channels: (B, 4 base_channels, h, w) -> (B, base_channels, 4h, 4w)."""
    c, layers = base_channels, []
    for width in (2 * c, c):
        layers += [nn.Upsample(scale_factor=2), *conv(2 * width, width, 5, 1, "layer", slope)]
    return layers


class ContentEncoder(nn.Module):
    """c7s1-64, d128, d256, n_blocks x R256 with instance norm: (B, 3, H, W) -> (B, 256, H/4, W/4), 64x64 of 256 px."""

    def __init__(self, base_channels: int = 64, n_blocks: int = 4):
        super().__init__()
        blocks = [ResidualBlock(4 * base_channels) for _ in range(n_blocks)]
        self.layers = kaiming_weights(nn.Sequential(*stem(base_channels), *blocks))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c _ _"]:
        return self.layers(image)


class StyleEncoder(nn.Module):
    """c7s1-64, d128, then d256 up to ``n_down`` halvings, the mean over the map, fc: (B, 3, H, W) -> (B, style_dim).

    Without any norm: instance norm takes out mean and variance of the features, and they carry the style.
    """

    def __init__(self, style_dim: int = 8, base_channels: int = 64, n_down: int = 4):
        super().__init__()
        c, wide = base_channels, 4 * base_channels
        down = [layer for _ in range(n_down - 2) for layer in conv(wide, wide, 4, 2)]
        last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, style_dim)]
        self.layers = kaiming_weights(nn.Sequential(*stem(c, "none"), *down, *last))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b style_dim"]:
        return self.layers(image)


def adain(
    h: Float[Tensor, "b c h w"], gamma: Float[Tensor, "b c"], beta: Float[Tensor, "b c"]
) -> Float[Tensor, "b c h w"]:
    """gamma (h - mean(h)) / std(h) + beta, mean and std over each image's map (Huang and Belongie 2017)."""
    return gamma[..., None, None] * F.instance_norm(h) + beta[..., None, None]


class AdaINBlock(nn.Module):
    """h + AdaIN(conv(relu(AdaIN(conv(h))))), 3x3: :class:`ResidualBlock` whose norms take their scale from the style.

    ``parameters`` holds gamma, beta of the first AdaIN, then of the second.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.last = (
            nn.Sequential(*conv(channels, channels, 3, slope=None)) for _ in range(2)
        )

    def forward(
        self, h: Float[Tensor, "b c h w"], parameters: Float[Tensor, "b 4 c"]
    ) -> Float[Tensor, "b c h w"]:
        gamma, beta, last_gamma, last_beta = parameters.unbind(1)
        return h + adain(
            self.last(F.relu(adain(self.first(h), gamma, beta))), last_gamma, last_beta
        )


class StyleDecoder(nn.Module):
    """Content (B, 4 base_channels, h, w) and style (B, style_dim) -> image (B, 3, 4h, 4w) in [-1, 1].

    n_blocks x R256 with AdaIN, u128, u64, c7s1-3. A perceptron style_dim -> 256 -> 256 makes of the style the numbers
    of all AdaIN layers, 4 of each block and channel: 4,096 at the paper's size. gamma is its raw output, no 1 is added.
    """

    def __init__(
        self, style_dim: int = 8, base_channels: int = 64, n_blocks: int = 4, mlp_width: int = 256
    ):
        super().__init__()
        c, wide = base_channels, 4 * base_channels
        self.shape = (n_blocks, 4, wide)  # of the parameters of AdaIN
        layers = [
            nn.Linear(style_dim, mlp_width),
            nn.ReLU(),
            nn.Linear(mlp_width, mlp_width),
            nn.ReLU(),
        ]
        self.mlp = nn.Sequential(*layers, nn.Linear(mlp_width, n_blocks * 4 * wide))
        self.blocks = nn.ModuleList(AdaINBlock(wide) for _ in range(n_blocks))
        self.up = nn.Sequential(*rise(c), *conv(c, 3, 7, slope=None), nn.Tanh())
        kaiming_weights(self)

    def forward(
        self, content: Float[Tensor, "b c h w"], style: Float[Tensor, "b style_dim"]
    ) -> Float[Tensor, "b 3 _ _"]:
        h = content
        for block, parameters in zip(
            self.blocks, self.mlp(style).unflatten(1, self.shape).unbind(1), strict=True
        ):
            h = block(h, parameters)
        return self.up(h)


class MUNITDiscriminator(MultiScalePatchGAN):
    """``n_scales`` times d64, d128, d256, d512 without norm and a 1x1 convolution to a logit: patches of 46 px a scale.

    (B, 3, H, W) -> a list of maps of logits, (B, 1, H/16, W/16) the finest; each scale sees half the size.
    """

    def __init__(self, base_channels: int = 64, n_layers: int = 4, n_scales: int = 3):
        super().__init__(n_scales=0)
        widths = [3, *(base_channels * min(2**i, 8) for i in range(n_layers))]
        for _ in range(n_scales):
            layers = [
                part
                for i in range(n_layers)
                for part in conv(widths[i], widths[i + 1], 4, 2, slope=0.2)
            ]
            self.scales.append(init_weights(nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))))


def kaiming_weights(net: nn.Module) -> nn.Module:
    """Weights N(0, 2 / fan in) (He et al. 2015), biases 0, of all convolutions and linear layers. Returns ``net``."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net
