"""What can be measured: pixels here at the top; scores and diversity in the
modules of the room.
"""

from course_lib.metrics.pixels import (
    chroma_ratio,
    each_baseline,
    edge_agreement,
    evaluate,
    grid_ratio,
    histogram_intersection,
    l1,
    mean_image,
    nearest_neighbours,
    psnr,
    rgb_to_lab,
    sharpness_ratio,
    ssim,
)

__all__ = [
    "chroma_ratio",
    "each_baseline",
    "edge_agreement",
    "evaluate",
    "grid_ratio",
    "histogram_intersection",
    "l1",
    "mean_image",
    "nearest_neighbours",
    "psnr",
    "rgb_to_lab",
    "sharpness_ratio",
    "ssim",
]
