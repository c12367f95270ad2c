"""What one logit of a PatchGAN sees: its patch of the image, for every method of the course that has one."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.networks.bicycle import MultiScalePatchGAN
from course_lib.networks.blocks import inference, receptive_field

Box = tuple[int, int, int, int]  # left, top, right, bottom in px; the last two lie outside


def discriminators(method: Any) -> dict[str, tuple[str, nn.Module, int]]:
    """``method.discriminators()``. Raises CourseError if none of them judges patches of what the lens holds."""
    found = method.discriminators()
    if found:
        return found
    what = f"the D of a {type(method).__name__} judges an image as a whole"
    if type(method).maps:
        what = f"the D of a {type(method).__name__} may see labels and instances, which the lens does not hold"
    raise CourseError(what, "lens", "open a run of pix2pix, cyclegan or bicyclegan")


def _net(D: nn.Module, scale: int) -> nn.Module:
    return D.scales[scale] if isinstance(D, MultiScalePatchGAN) else D


def sees_both(D: nn.Module, scale: int = 0, channels: int = 6) -> bool:
    """Whether this D judges x and y together, which have so many ``channels``."""
    return _net(D, scale).layers[0].in_channels == channels


def field(D: nn.Module, scale: int = 0) -> tuple[int, int, int]:
    """(side, stride, margin) in px: the patch of row 0 begins ``margin`` px above the image, the next ``stride`` later.

    The patch is what the convolutions reach; through instance norm the rest of the image counts a little, too.
    """
    net = _net(D, scale)
    side, stride, margin = receptive_field(net), 1, 0
    for conv in (layer for layer in net.modules() if isinstance(layer, nn.Conv2d)):
        margin, stride = margin + stride * conv.padding[0], stride * conv.stride[0]
    for _ in range(scale):  # 3x3 pooling of stride 2, padded by 1, comes before
        side, stride, margin = 2 * side + 1, 2 * stride, 2 * margin + 1
    return side, stride, margin


@torch.no_grad()
def patch(
    method: Any,
    x: Float[Tensor, "3 s s"],
    y: Float[Tensor, "3 s s"],
    row: int,
    col: int,
    name: str = "",
) -> tuple[Box, float, Float[Tensor, "1 h w"]]:
    """(the patch at this place of the map, cut off where the image ends; its logit; the map of logits).

    ``name`` is one of :func:`discriminators`, by default the first; x and y may be real or translations. Batch norm
    takes its running statistics. Raises ValueError for an unknown name or a place outside the map.
    """
    found = discriminators(method)
    if name and name not in found:
        raise ValueError(f"no discriminator {name!r} here: choose from {', '.join(found)}")
    domain, D, scale = found[name or next(iter(found))]
    seen = {"x": x[None], "y": y[None]}
    both = torch.cat([*seen.values()], dim=1)
    with inference(D):
        maps = D((both if sees_both(D, scale, both.shape[1]) else seen[domain]).to(method.device))
    logits = (maps[scale] if isinstance(maps, list) else maps)[0].cpu()
    if not (0 <= row < logits.shape[1] and 0 <= col < logits.shape[2]):
        raise ValueError(
            f"row {row}, column {col} of a map of {logits.shape[1]} x {logits.shape[2]}"
        )
    side, stride, margin = field(D, scale)
    left, top, size = col * stride - margin, row * stride - margin, x.shape[-1]
    box = (max(0, left), max(0, top), min(size, left + side), min(size, top + side))
    return box, logits[0, row, col].item(), logits
