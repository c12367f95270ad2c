"""Pictures: grids of images, loss curves, walks of shapes through a network."""

from course_lib.plotting.figures import COLOURS, LINES, STYLE, image_grid, loss_curves, stitch
from course_lib.plotting.shapes import shape_walk

__all__ = ["COLOURS", "LINES", "STYLE", "image_grid", "loss_curves", "shape_walk", "stitch"]
