"""Pictures: grids of images, loss curves, patch maps, walks of shapes through a network, short films."""

from course_lib.plotting.figures import (
    COLOURS,
    GAP,
    LINES,
    STYLE,
    WIDTH,
    image_grid,
    loss_curves,
    patch_map,
    stitch,
)
from course_lib.plotting.shapes import ShapeWalk, shape_walk

__all__ = [
    "COLOURS",
    "GAP",
    "LINES",
    "STYLE",
    "WIDTH",
    "ShapeWalk",
    "image_grid",
    "loss_curves",
    "patch_map",
    "shape_walk",
    "stitch",
]
