"""What several networks share: norms, upsampling, initialisation, receptive field."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.errors import ensure
from course_lib.networks.small_maps import Conv2d, ConvTranspose2d

Net = TypeVar("Net", bound=nn.Module)


def norm_layer(name: str, channels: int) -> nn.Module:
    """``"batch"`` (affine), ``"instance"`` (not affine, no running statistics) or ``"none"``.

    (B, C, H, W) is kept.
    """
    layers = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "none": nn.Identity}
    return layers[name](channels)


def upsample(kind: str, c_in: int, c_out: int, bias: bool, kernel: int = 4) -> nn.Module:
    """(B, c_in, H, W) -> (B, c_out, 2H, 2W).

    ``"transposed"``: the papers' transposed convolution of stride 2, 4x4 (pix2pix), 3x3 (CycleGAN)
    or 5x5 (DCGAN). ``"resize-conv"``: nearest-neighbour upsampling and a 3x3 convolution, which
    leaves no checkerboard. ``"bilinear"``: the same after bilinear upsampling (CUT).
    """
    if kind == "transposed":
        return ConvTranspose2d(c_in, c_out, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)
    mode = {"bilinear": "bilinear", "resize-conv": "nearest"}[kind]
    enlarged = nn.Upsample(scale_factor=2, mode=mode)
    return nn.Sequential(enlarged, Conv2d(c_in, c_out, 3, 1, 1, bias=bias))


class BlurDown(nn.Module):
    """(B, C, H, W) -> (B, C, H/2, W/2), rounded up: blurred, then every second pixel.

    The filter is [1, 2, 1] / 4 both ways, after reflection (Zhang, "Making Convolutional Networks
    Shift-Invariant Again", ICML 2019).
    """

    kernel_size, stride, padding = (3, 3), (2, 2), (1, 1)  # as a convolution's

    def forward(self, x: Tensor) -> Tensor:
        line = 0.5 - 0.25 * (torch.arange(3, device=x.device, dtype=x.dtype) - 1).abs()
        return F.conv2d(
            F.pad(x, (1, 1, 1, 1), "reflect"),
            torch.outer(line, line).expand(x.shape[1], 1, 3, 3),
            stride=2,
            groups=x.shape[1],
        )


def halvings(image_size: int, last: int, net: str) -> int:
    """How often an image is halved until it is ``last`` px wide.

    Raises CourseError if its size is not a power of two of at least 16, which ``net`` needs.
    """
    ensure(
        image_size >= 16 and image_size.bit_count() == 1,
        f"{net} needs an image size that is a power of two of at least 16, got {image_size}",
        f"image_size={image_size}",
        "choose 16, 32, 64, 128 or 256",
    )
    return (image_size // last).bit_length() - 1


def dcgan_widths(image_size: int, base_channels: int) -> list[int]:
    """Channels of DCGAN's feature maps, from image_size / 2 down to 4x4.

    Each has twice as many as the one before, at most 8 * base_channels. Errors are those of
    :func:`halvings`.
    """
    levels = halvings(image_size, 4, "a DCGAN")
    return [base_channels * min(2**i, 8) for i in range(levels)]


def init_weights(net: nn.Module, kind: str = "normal", std: float = 0.02) -> nn.Module:
    """Draw the weights of convolutions and linear layers anew, biases 0; returns ``net``.

    ``"normal"``: N(0, std), and batch norms get scales N(1, std) and shifts 0 (DCGAN, pix2pix).
    ``"xavier"``: N(0, std * sqrt(2 / (fan in + fan out))), so ``std`` is the gain (BicycleGAN,
    CUT). ``"kaiming"``: variance 2 / fan in (He et al. 2015; UNIT, MUNIT).
    """
    draw = {
        "normal": partial(nn.init.normal_, mean=0.0, std=std),
        "xavier": partial(nn.init.xavier_normal_, gain=std),
        "kaiming": nn.init.kaiming_normal_,
    }[kind]
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d) and kind == "normal":
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)
    return net


def receptive_field(net: nn.Module) -> int:
    """Side in pixels of the input patch that one output position sees.

    For a plain stack of convolutions and :class:`BlurDown`: walks back from the output, starting at
    r = 1, with ``r <- (r - 1) * stride + kernel``.
    """
    r = 1
    for conv in reversed([m for m in net.modules() if isinstance(m, nn.Conv2d | BlurDown)]):
        r = (r - 1) * conv.stride[0] + conv.kernel_size[0]
    return r


def averaged_copy(net: nn.Module) -> nn.Module:
    """A copy of ``net`` that :func:`update_average` moves; not trained itself."""
    average = copy.deepcopy(net).requires_grad_(False)
    average.register_buffer("updates", torch.zeros((), dtype=torch.long))
    return average


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """``average <- d * average + (1 - d) * net``, weights and batch norm's running statistics.

    d grows from 2/11 to ``decay`` over the first updates, so that the average forgets the untrained
    weights. Averaged statistics fit averaged weights; those of the last weights do not.
    """
    n = average.get_buffer("updates").add_(1).item()
    decay = min(decay, (1 + n) / (10 + n))
    statistics = {
        name: buffer for name, buffer in net.named_buffers() if buffer.is_floating_point()
    }
    ours = [*average.parameters(), *(average.get_buffer(name) for name in statistics)]
    torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
        ours, [*net.parameters(), *statistics.values()], 1 - decay
    )


@contextmanager
def inference(net: Net, dropout: bool = False, batch_statistics: bool = False) -> Iterator[Net]:
    """``net`` for looking, not for learning: eval().

    Dropout and the batch's own statistics may stay on. Running statistics do not move, and the
    modes are put back afterwards.
    """
    modes = [(layer, layer.training) for layer in net.modules()]
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    net.eval()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.train(dropout)
    for norm in norms:
        norm.train(batch_statistics)
        norm.track_running_stats = not batch_statistics  # or a forward would move them
    try:
        yield net
    finally:
        for layer, mode in modes:
            layer.training = mode
        for norm in norms:
            norm.track_running_stats = True
