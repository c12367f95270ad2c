"""BicycleGAN's networks: a U-Net with a code, encoders, multi-scale D."""

from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.blocks import halvings, init_weights, norm_layer
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.generators import UNet
from course_lib.networks.small_maps import Conv2d


class CodedUNet(UNet):
    """pix2pix's U-Net with a code: (B, 3, S, S), (B, z_dim) -> (B, 3, S, S) in [-1, 1].

    z becomes z_dim maps, each constant over the image. They stand beside the input of the first
    encoder block (``z_at="input"``) or of every one ("all"). Other arguments, layers and errors are
    those of :class:`UNet`. At the paper's size, with norm="instance" as in BicycleGAN, these are
    54,417,795 parameters ("input") or 54,794,627 ("all"); with UNet's default, norm="batch",
    54,422,147 and 54,798,979.
    """

    def __init__(self, z_dim: int = 8, z_at: str = "all", **kwargs):
        super().__init__(**kwargs, dropout_innermost=False)
        self.coded = len(self.encoder) if z_at == "all" else 1  # so many blocks see z
        for block in self.encoder[: self.coded]:
            layers = block.named_children()
            at, old = next((at, layer) for at, layer in layers if isinstance(layer, nn.Conv2d))
            c_in, bias = old.in_channels + z_dim, old.bias is not None
            setattr(block, at, Conv2d(c_in, old.out_channels, 4, 2, 1, bias=bias))
        init_weights(self)

    def forward(
        self, x: Float[Tensor, "batch 3 height width"], z: Float[Tensor, "batch z_dim"]
    ) -> Float[Tensor, "batch 3 height width"]:
        h, kept = x, []
        for i, block in enumerate(self.encoder):
            if i < self.coded:  # (B, c, s, s), (B, z) -> (B, c + z, s, s)
                z_maps = z.to(h.dtype)[:, :, None, None].expand(-1, -1, *h.shape[2:])
                h = torch.cat([h, z_maps], dim=1)
            h = block(h)
            kept.append(h)
        return self.decode(kept)


class _Encoder(nn.Module):
    """(B, 3, S, S) -> mu, logvar, each (B, z_dim).

    Layers down to 8x8, the mean over that map, and a linear layer for each of the two.
    """

    def __init__(self, layers: list[nn.Module], width: int, z_dim: int):
        super().__init__()
        self.layers = nn.Sequential(*layers)  # (B, 3, S, S) -> (B, width, 8, 8)
        self.mu, self.logvar = nn.Linear(width, z_dim), nn.Linear(width, z_dim)
        init_weights(self)

    def forward(
        self, y: Float[Tensor, "b 3 size size"]
    ) -> tuple[Float[Tensor, "b z_dim"], Float[Tensor, "b z_dim"]]:
        h = self.layers(y).mean((2, 3))
        return self.mu(h), self.logvar(h)


class ResNetEncoder(_Encoder):
    """E_ResNet: a 4x4 convolution of stride 2, then residual blocks that halve down to 8x8.

    (B, 3, S, S) -> mu, logvar, each (B, z_dim); S = image_size, a power of two of at least 16. At
    256 px 4 blocks with 128, 192, 256 and 256 channels, 2,590,032 parameters. Raises CourseError
    for another image_size.
    """

    def __init__(
        self, z_dim: int = 8, image_size: int = 256, base_channels: int = 64, norm: str = "instance"
    ):
        n = halvings(image_size, 8, "an encoder")
        widths = [base_channels * min(i + 1, 4) for i in range(n)]
        blocks = [HalvingBlock(c_in, c_out, norm) for c_in, c_out in pairwise(widths)]
        super().__init__(
            [nn.Conv2d(3, base_channels, 4, 2, 1), *blocks, nn.LeakyReLU(0.2)], widths[-1], z_dim
        )


class CNNEncoder(_Encoder):
    """E_CNN: 4x4 convolutions of stride 2 alone, at 256 px with 64, 128, 256, 256 and 256 channels.

    2,760,656 parameters. Arguments, shapes and errors as in :class:`ResNetEncoder`.
    """

    def __init__(
        self, z_dim: int = 8, image_size: int = 256, base_channels: int = 64, norm: str = "instance"
    ):
        n = halvings(image_size, 8, "an encoder")
        widths = [base_channels * min(2**i, 4) for i in range(n)]
        layers = [nn.Conv2d(3, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        for c_in, c_out in pairwise(widths):  # (B, c_in, s, s) -> (B, c_out, s/2, s/2)
            layers += [nn.Conv2d(c_in, c_out, 4, 2, 1), norm_layer(norm, c_out), nn.LeakyReLU(0.2)]
        super().__init__(layers, widths[-1], z_dim)


class HalvingBlock(nn.Module):
    """(B, c_in, s, s) -> (B, c_out, s/2, s/2), with a way past the convolutions.

    Norm, leaky ReLU and 3x3 convolution twice, average pooling. The way past has no norm: there
    mean colours get through, which instance norm takes out.
    """

    def __init__(self, c_in: int, c_out: int, norm: str):
        super().__init__()
        layers = []
        for width in (c_in, c_out):
            layers += [norm_layer(norm, c_in), nn.LeakyReLU(0.2), nn.Conv2d(c_in, width, 3, 1, 1)]
        self.layers = nn.Sequential(*layers, nn.AvgPool2d(2))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c_in, c_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.layers(x)


def halve(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """(B, c, H, W) -> (B, c, H/2, W/2): 3x3 average pooling that does not count the border."""
    return F.avg_pool2d(images, 3, 2, 1, count_include_pad=False)


class MultiScale(nn.Module):
    """Discriminators, each on the image at half the size of the one before: a list of outputs.

    ``finest`` above 0 leaves out so many at the beginning: then the image has the size that the
    next one expects.
    """

    def __init__(self, scales: Iterable[nn.Module]):
        super().__init__()
        self.scales = nn.ModuleList(scales)

    def forward(self, image: Float[Tensor, "b channels h w"], finest: int = 0) -> list:
        outputs = [self.scales[finest](image)]
        for D in self.scales[finest + 1 :]:
            image = halve(image)
            outputs.append(D(image))
        return outputs


class MultiScalePatchGAN(MultiScale):
    """``n_scales`` equal PatchGANs; the authors' coarser one has half as many filters.

    (B, in_channels, H, W) -> a list of maps of logits (B, 1, h, w), the finest first.
    """

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 64,
        n_layers: int = 3,
        norm: str = "instance",
        n_scales: int = 2,
    ):
        super().__init__(
            PatchGAN(in_channels, base_channels, n_layers, norm) for _ in range(n_scales)
        )
