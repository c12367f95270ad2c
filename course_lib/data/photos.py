"""Photographs from Debian's packages (``tools/making/photos.py`` collects them), three tasks."""

import functools
import json
from difflib import get_close_matches
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.base import TwoDomains, item_generator
from course_lib.data.images import grey, read_image, to_tensor, with_hole
from course_lib.errors import ensure

FILES = Path(__file__).parent / "photos_files"
CROPS = 16  # of each photograph in an epoch of training
# side and place (down, across) of the crops in val and test: the middle, and four of half its side
FIXED = ((1, 0.5, 0.5), (0.5, 0.2, 0.3), (0.5, 0.8, 0.7), (0.5, 0.3, 0.8), (0.5, 0.7, 0.2))

CARD = """97 photographs of landscapes, buildings, plants and animals by 67 people, from Debian's
packages of wallpapers and from GCompris; 64 for training, 9 val, 24 test, and similar views in one
split. They are stored with 512 px on the shorter side. Training cuts 16 squares out of each in an
epoch, anywhere and from 0.4 to 1 of the shorter side large; val and test have five fixed squares of
each, which count as one in intervals. Above 512 px they are enlarged. Each keeps its licence (CC0,
CC-BY, CC-BY-SA, GPL or LGPL), or is in the public domain: authors and texts in
LICENSES/photos.md."""


@functools.cache
def entries() -> list[dict]:
    """Each photograph by name: split, title, author, licence, package, version, path, source."""
    return json.loads((FILES / "photos.json").read_text(encoding="utf-8"))


@functools.cache
def photograph(name: str) -> Image.Image:
    """RGB, 512 px on its shorter side; decoded once in a process."""
    return read_image(FILES / f"{name}.webp")


def found(name: str) -> tuple[Path, str]:
    """The file of the photograph called ``name``, and its licence, with the author, as a clause.

    Raises CourseError for another name, with those that are like it.
    """
    known = {entry["name"]: entry for entry in entries()}
    ensure(
        name in known,
        f"no photograph of the course is called {name!r}",
        "--data",
        f"choose from {', '.join(get_close_matches(name, known) or known)}",
    )
    entry = known[name]
    return FILES / f"{name}.webp", f"{entry['licence']}, the photograph by {entry['author']}"


def colour(y: Float[Tensor, "n 3 h w"], place: Float[Tensor, "2"]) -> Float[Tensor, "n 3 h w"]:
    """The task is called colourisation."""
    return grey(y)


def sharp(y: Float[Tensor, "n 3 h w"], place: Float[Tensor, "2"]) -> Float[Tensor, "n 3 h w"]:
    """A quarter of the resolution, enlarged again: super-resolution by 4, as in SRGAN's pairs."""
    small = F.interpolate(y, scale_factor=0.25, mode="bicubic", antialias=True)
    return F.interpolate(small, y.shape[-2:], mode="bicubic").clamp(-1, 1)


def fill(y: Float[Tensor, "n 3 h w"], place: Float[Tensor, "2"]) -> Float[Tensor, "n 3 h w"]:
    """A square hole of a third of the side anywhere: inpainting."""
    side = round(y.shape[-1] / 3)
    top, left = (place * (y.shape[-1] - side + 1)).long().tolist()
    return with_hole(y, top, left, side)


TASKS = {
    "photos:colour": colour,
    "photos:sharp": sharp,
    "photos:fill": fill,
}


class Photos(TwoDomains):
    """One of TASKS: y is a square of a photograph, x what is left of it; ``name``.

    Both are (3, size, size) in [-1, 1]. Training draws squares, and the holes of ``photos:fill``,
    anew per (seed, epoch, index), see ``set_epoch``; those of val and test never change. ``groups``
    numbers the photographs, and the first items show one each.
    """

    card, cropped = CARD, True
    jitter = "none"  # training is cut anew anyway, and stays sharp
    sides = (0.4, 1.0)  # of the squares in training, where the shorter side of the photograph is 1

    def __init__(self, split: str, size: int = 64, task: str = "photos:colour", seed: int = 0):
        self.size, self.seed, self.degrade = size, seed, TASKS[task]
        self.random = split == "train"
        rows = [i for i, entry in enumerate(entries()) if entry["split"] == split]
        crops = CROPS if self.random else len(FIXED)
        self.groups = rows * crops
        self.names = [f"{entries()[row]['name']} {n + 1}" for n in range(crops) for row in rows]
        self.fixed = [square for square in FIXED for _ in rows]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> dict:
        draws = self.draw(i, 5)
        y = self.photo(i, draws[:3].tolist())
        return {"x": self.degrade(y[None], draws[3:])[0], "y": y, "name": self.names[i]}

    def draw(self, i: int, count: int) -> Float[Tensor, " count"]:
        """Random numbers of an item, in [0, 1): in training new ones in each epoch."""
        key = (self.seed, self.epoch, i, 3) if self.random else (i,)
        return torch.rand(count, generator=item_generator(*key))

    def photo(self, i: int, draws: list[float]) -> Float[Tensor, "3 size size"]:
        """Its square of a photograph; in training three numbers say which, see :meth:`square`."""
        photo = photograph(entries()[self.groups[i]]["name"])
        return self.cut(photo, *(self.square(*draws) if self.random else self.fixed[i]))

    def square(self, share: float, down: float, across: float) -> tuple[float, float, float]:
        """Side and place of a square, of three numbers in [0, 1)."""
        smallest, largest = self.sides
        return smallest + (largest - smallest) * share, down, across

    def cut(
        self, photo: Image.Image, share: float, down: float, across: float
    ) -> Float[Tensor, "3 size size"]:
        """A square of ``share`` of the shorter side."""
        shorter = min(photo.size)
        side = min(max(round(share * shorter), self.size), shorter)  # enlarged only if it must be
        left = int(across * (photo.width - side + 1))
        top = int(down * (photo.height - side + 1))
        return to_tensor(photo.crop((left, top, left + side, top + side)), self.size)
