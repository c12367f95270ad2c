"""What one logit of a PatchGAN sees: its patch of the image, for every method that has one."""

from typing import Any

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from course_lib.errors import ensure
from course_lib.networks.bicycle import MultiScale
from course_lib.networks.blocks import BlurDown, inference, receptive_field
from course_lib.plotting.figures import COLOURS, new_figure, pixel_axes, stitch

PANEL = 320  # side of a panel of the picture, in pixels, at most
Box = tuple[int, int, int, int]  # left, top, right, bottom in px; the last two lie outside


def discriminators(method: Any) -> dict[str, tuple[str, nn.Module, int]]:
    """``method.discriminators()``. Raises CourseError if none judges patches of images."""
    judges, name = method.discriminators(), type(method).__name__
    ensure(
        judges,
        f"no D of a {name} judges patches of images alone",
        "lens",
        "open a run of pix2pix, cyclegan or bicyclegan",
    )
    return judges


def _net(D: nn.Module, scale: int) -> nn.Module:
    return D.scales[scale] if isinstance(D, MultiScale) else D


def sees_both(D: nn.Module, scale: int = 0) -> bool:
    """Whether this D judges x and y together: six channels."""
    convs = (layer for layer in _net(D, scale).modules() if isinstance(layer, nn.Conv2d))
    return next(convs).in_channels == 6


def field(D: nn.Module, scale: int = 0) -> tuple[int, int, int]:
    """(side, stride, margin) in px of D's patches: the first begins ``margin`` px above the image.

    The next one begins ``stride`` px later. A patch is what the convolutions reach; through
    instance norm the rest of the image counts a little, too.
    """
    net = _net(D, scale)
    side, stride, margin = receptive_field(net), 1, 0
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | BlurDown | nn.ReflectionPad2d):
            margin += stride * layer.padding[0]
        if isinstance(layer, nn.Conv2d | BlurDown):
            stride *= layer.stride[0]
    for _ in range(scale):  # 3x3 pooling of stride 2, padded by 1, comes before
        side, stride, margin = 2 * side + 1, 2 * stride, 2 * margin + 1
    return side, stride, margin


@torch.no_grad()
def patch(
    method: Any,
    x: Float[Tensor, "*n 3 s s"],
    y: Float[Tensor, "*n 3 s s"],
    row: int,
    col: int,
    name: str = "",
) -> tuple[Box, float, Float[Tensor, "1 h w"]]:
    """The patch at this place of the map, cut off where the image ends; its logit; all logits.

    ``name`` is one of :func:`discriminators`, by default the first; x and y may be real or
    translations. Of a batch the first pair is judged. Batch norm then takes the statistics of the
    batch, as in training, and of a single pair the running ones. Raises KeyError for an unknown
    name and IndexError for a place outside the map.
    """
    judges = discriminators(method)
    domain, D, scale = judges[name or next(iter(judges))]
    judged = torch.cat([x, y], -3) if sees_both(D, scale) else {"x": x, "y": y}[domain]
    with inference(D, batch_statistics=len(judged[None].flatten(0, -4)) > 1):
        maps = D(judged[None].flatten(0, -4).to(method.device))
    logits = (maps[scale] if isinstance(maps, list) else maps)[0].cpu()
    side, stride, margin = field(D, scale)
    left, top, size = col * stride - margin, row * stride - margin, x.shape[-1]
    box = (max(0, left), max(0, top), min(size, left + side), min(size, top + side))
    return box, logits[0, row, col].item(), logits


def draw_patches(
    method: Any,
    x: Float[Tensor, "*n 3 s s"],
    y: Float[Tensor, "*n 3 s s"],
    row: int,
    col: int,
    name: str = "",
) -> Figure:
    """What D judges, with a patch framed; that patch enlarged; D's map, from fake (0) to real (1).

    If D sees both, the patch of x stands above. A cell of the map lies over the centre of the patch
    that it judges. Arguments and errors are those of :func:`patch`.
    """
    (left, top, right, bottom), logit, logits = patch(method, x, y, row, col, name)
    x, y = (images[None].flatten(0, -4)[0].cpu() for images in (x, y))
    judges = discriminators(method)
    domain, D, scale = judges[name or next(iter(judges))]
    side, stride, _ = field(D, scale)
    image, size = {"x": x, "y": y}[domain], x.shape[-1]
    if method.d_output == "value":  # D's output is then itself near 0 or 1
        real, verdict = logits[0].clamp(0.01, 0.99), f"{logit:.2f}, real is 1"
    else:
        real = logits[0].sigmoid()
        verdict = f"logit {logit:+.2f}, {100 * real[row, col]:.0f} % real"
    width = round(size * (PANEL // size or PANEL / size))
    with new_figure(3 * width + 144, width + 42) as fig:
        places = (8 + i * (width + 12) for i in range(3))
        whole, near, chart = (pixel_axes(fig, place, 30, width, width) for place in places)
        whole.imshow(stitch([image[None]]), interpolation="nearest")
        cut = ", cut off" if (right - left, bottom - top) != (side, side) else ""
        whole.set_title(f"{domain}: {side} x {side} px{cut}")
        together = [x, image] if sees_both(D, scale) else [image]
        parts = [one[None, :, top:bottom, left:right] for one in together]
        near.imshow(stitch(parts), interpolation="nearest")
        near.set_axis_off()
        near.set_title(verdict)
        first, last = ((size + sign * stride * len(real)) / 2 - 0.5 for sign in (-1, 1))
        cells = chart.imshow(
            real.numpy(),
            cmap="PuOr",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            extent=(first, last, last, first),
        )
        chart.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), facecolor="0.88")
        chart.set_title(f"row {row}, column {col}")
        bar = fig.colorbar(cells, cax=pixel_axes(fig, 3 * width + 62, 30, 16, width))
        bar.ax.set_title("D thinks")
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["fake 0", "0.25", "0.5", "0.75", "real 1"])
        cell = (first + col * stride, first + row * stride, stride, stride)
        frame = (left - 0.5, top - 0.5, right - left, bottom - top)
        for axes, (a, b, w, h) in ((whole, frame), (chart, cell)):
            for colour, line in (("white", 3.5), (COLOURS[1], 1.8)):
                axes.add_patch(Rectangle((a, b), w, h, fill=False, ec=colour, lw=line))
    return fig
