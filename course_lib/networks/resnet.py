"""CycleGAN's generator: down twice, residual blocks, up twice (CycleGAN, appendix 7.2)."""

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import BlurDown, init_weights, norm_layer, upsample


class ResNetGenerator(nn.Module):
    """(B, 3, H, W) -> (B, 3, H, W) in [-1, 1]; H and W are multiples of 4, at least 16.

    The layers are c7s1-64, d128, d256, n_blocks x R256, u128, u64, c7s1-3, as in Johnson et al.
    (2016). Reflection padding before the 7x7 convolutions and in the blocks; instance norm without
    affine parameters, so every convolution has a bias. ``upsampling`` is "transposed" (the paper's
    3x3 of stride 1/2), "resize-conv" or "bilinear". With ``blur``, as in CUT, a convolution that
    halves has stride 1, and what it found is blurred before every second pixel is taken. Parameters
    at 64 channels: 9 blocks (256 px) 11,378,179, 6 (128 px) 7,837,699.
    """

    def __init__(
        self,
        base_channels: int = 64,
        n_blocks: int = 9,
        upsampling: str = "transposed",
        norm: str = "instance",
        blur: bool = False,
    ):
        super().__init__()
        c, bias = base_channels, norm != "batch"
        layers = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, c, 7, bias=bias),
            norm_layer(norm, c),
            nn.ReLU(),
        ]
        taken = [0]  # the layers whose outputs CUT compares
        for width in (2 * c, 4 * c):  # (B, c, H, W) -> (B, 4c, H/4, W/4)
            taken.append(len(layers))
            layers += [
                nn.Conv2d(width // 2, width, 3, 1 if blur else 2, 1, bias=bias),
                norm_layer(norm, width),
                nn.ReLU(),
            ]
            layers += [BlurDown()] if blur else []
        self.taken = (*taken, len(layers), len(layers) + n_blocks // 2)
        layers += [ResidualBlock(4 * c, norm) for _ in range(n_blocks)]
        for width in (2 * c, c):  # (B, 4c, H/4, W/4) -> (B, c, H, W)
            layers += [
                upsample(upsampling, 2 * width, width, bias, kernel=3),
                norm_layer(norm, width),
                nn.ReLU(),
            ]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.widths = [3, 2 * c, 4 * c, 4 * c, 4 * c]
        init_weights(self)

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch _ height width"]:
        return self.layers(x)

    def features(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> list[Float[Tensor, "batch _ _ _"]]:
        """What CUT compares, of ``widths`` channels.

        The padded image, the convolutions that halve it (with ``blur`` before they do), and the
        outputs of the first and of the middle residual block.
        """
        maps, h = [], x
        for i, layer in enumerate(self.layers[: self.taken[-1] + 1]):
            h = layer(h)
            maps += [h] * self.taken.count(i)
        return maps

    def finish(
        self, last: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch 3 _ _"]:
        """The rest of the way, from the last of the :meth:`features` to the image."""
        return self.layers[self.taken[-1] + 1 :](last)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3x3 with reflection padding and norms, no ReLU after the sum."""

    def __init__(self, channels: int, norm: str = "instance"):
        super().__init__()

        def conv() -> list[nn.Module]:
            layer = nn.Conv2d(channels, channels, 3, bias=norm != "batch")
            return [nn.ReflectionPad2d(1), layer, norm_layer(norm, channels)]

        self.layers = nn.Sequential(*conv(), nn.ReLU(), *conv())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
