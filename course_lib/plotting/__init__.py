"""Pictures: grids of images, walks of shapes through a network."""

from course_lib.plotting.figures import COLOURS, STYLE, image_grid, stitch
from course_lib.plotting.shapes import shape_walk

__all__ = ["COLOURS", "STYLE", "image_grid", "shape_walk", "stitch"]
