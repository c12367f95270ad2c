"""Of films: a frame moved along the flow, for comparison with the next."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def warp(
    images: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"]
) -> Float[Tensor, "n c h w"]:
    """At each pixel (x, y) what ``images`` show at (x + dx, y + dy), bilinear; beyond the border
    what is nearest to it. ``flow`` is (dx, dy) in pixels; both learn.
    """
    height, width = images.shape[2:]
    x = torch.arange(width, device=flow.device) + flow[:, 0]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], 3)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=True)
