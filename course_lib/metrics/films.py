"""How steady a film is: each frame against the one before, moved along the flow."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
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


def flicker(
    frames: Float[Tensor, "t c h w"], flow: Float[Tensor, "t 2 h w"], known: Bool[Tensor, "t h w"]
) -> float:
    """Mean absolute difference of each frame from the one before it, moved along the backward
    ``flow``, where that is ``known``; as of ``houses.films.Film``.

    It is 0 for a film in which all that is seen twice looks the same. Raises ValueError where
    nothing is seen twice, as in a film of one frame.
    """
    if not known[1:].any():
        raise ValueError("flicker: no pixel is known in two frames that follow each other")
    gap = (frames[1:] - warp(frames[:-1], flow[1:])).abs().mean(1)
    return gap[known[1:]].mean().item()
