"""Photographs from Debian's packages (``tools/making/photos.py``), and what to learn from them."""

import functools
import io
import json
from difflib import get_close_matches
from pathlib import Path
from zipfile import ZipFile

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.base import TwoDomains, item_generator
from course_lib.data.images import (
    flattened,
    grey,
    read_image,
    to_image,
    to_tensor,
    window_of,
)
from course_lib.errors import ensure

FILES = Path(__file__).parent / "photos_files"
CROPS = 16  # of each photograph in an epoch of training
# As k-means finds them in the landscapes of training; snow and grass by hand, two shifted a little
PALETTE = {
    "shadow": (40, 42, 47),
    "forest": (64, 74, 46),
    "earth": (116, 72, 56),
    "deep water": (64, 93, 124),
    "grass": (118, 138, 70),
    "rock": (119, 118, 122),
    "dry grass": (154, 128, 92),
    "evening light": (217, 138, 84),
    "blue sky": (114, 164, 206),
    "pale sky": (184, 195, 209),
    "sand": (225, 195, 147),
    "snow": (244, 246, 248),
}
# side and place (down, across) of the crops in val and test: the middle, and four of half its side
FIXED = ((1, 0.5, 0.5), (0.5, 0.2, 0.3), (0.5, 0.8, 0.7), (0.5, 0.3, 0.8), (0.5, 0.7, 0.2))

CARD = """314 photographs of landscapes, buildings, plants and animals by some 80 people, not all
of them named, from Debian's packages of wallpapers and from two programs there, GCompris and
Endless Sky. 197 are landscapes of 720 x 360 px, many of them edited for that game; the others have
512 px on the shorter side. photos:flat has the landscapes, 147 for training, 20 val, 30 test; the
other tasks have 231 for training, these 147 among them, and 9 val and 24 test of the others.
Similar views are in one split. Training cuts 16 squares out of each in an epoch, anywhere and from
0.4 to 1 of the shorter side large; val and test have five fixed squares of each, which count as one
in intervals. Above the size of a photograph they are enlarged. Each keeps its licence (CC0, CC-BY,
CC-BY-SA, GPL or LGPL), or is in the public domain: authors and texts in
LICENSES/photos.md."""


@functools.cache
def entries() -> list[dict]:
    """Each photograph by name: split, title, author, licence, package, version, path, source."""
    return json.loads((FILES / "photos.json").read_text(encoding="utf-8"))


def numbers(split: str, flat: bool = False) -> list[int]:
    """Which of the photographs a task reads: landscapes alone, if it is ``flat``.

    The others learn from all of them; none of their val and test is such a landscape.
    """
    kinds = {"landscape"} if flat else {"any", "landscape"} if split == "train" else {"any"}
    return [
        i for i, entry in enumerate(entries()) if entry["split"] == split and entry["kind"] in kinds
    ]


@functools.cache
def photograph(name: str) -> Image.Image:
    """RGB, 512 or 360 px on its shorter side; decoded once in a process."""
    path = FILES / f"{name}.webp"
    return read_image(path) if path.exists() else stored(FILES / "photos.zip", name)


def stored(archive: Path, name: str) -> Image.Image:
    """The picture called ``name`` of an archive, whatever its kind: RGB."""
    with ZipFile(archive) as files:
        (file,) = (each for each in files.namelist() if Path(each).stem == name)
        return Image.open(io.BytesIO(files.read(file))).convert("RGB")


def found(name: str) -> tuple[Image.Image, str]:
    """The photograph called ``name``, and its licence, with the author, as a clause.

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
    return photograph(name), f"{entry['licence']}, the photograph by {entry['author']}"


def colour(y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The task is called colourisation."""
    return grey(y)


def sharp(y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """A quarter of the resolution, enlarged again: super-resolution by 4, as in SRGAN's pairs."""
    small = F.interpolate(y, scale_factor=0.25, mode="bicubic", antialias=True)
    return F.interpolate(small, y.shape[-2:], mode="bicubic").clamp(-1, 1)


def flat(y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The colours of PALETTE in flat areas: what one would paint for it, see :func:`flattened`.

    Specks go within 3 px at 64 px, 5 at 128 and 9 at 256.
    """
    colours = [*PALETTE.values()]
    painted = (flattened(to_image(each), colours, window_of(y.shape[-1])) for each in y)
    return torch.stack([to_tensor(image, image.size) for image in painted])


TASKS = {
    "photos:colour": colour,
    "photos:sharp": sharp,
    "photos:flat": flat,
    "photos:flat:unpaired": flat,
}


class Photos(TwoDomains):
    """One of TASKS: y is a square of a photograph, x what is left of it; ``name``.

    Both are (3, size, size) in [-1, 1]. Training draws squares anew per (seed, epoch, index), see
    ``set_epoch``; those of val and test never change. ``groups`` numbers the photographs, and the
    first items show one each. ``photos:flat:unpaired`` has true pairs in val and test (``paired``
    is then True); in training x is of one half of the photographs and y of the other.
    """

    card, cropped = CARD, True
    jitter = "none"  # training is cut anew anyway, and stays sharp
    sides = (0.4, 1.0)  # of the squares in training, where the shorter side of the photograph is 1

    def __init__(self, split: str, size: int = 64, task: str = "photos:colour", seed: int = 0):
        self.size, self.seed, self.degrade = size, seed, TASKS[task]
        self.random = split == "train"
        is_apart = self.random and task.endswith(":unpaired")
        self.paired = self.paired and not is_apart
        rows = numbers(split, self.degrade is flat)
        # whose photographs are y, if not that of x
        self.others = rows[1::2]
        if is_apart:
            rows = rows[::2]
        crops = CROPS if self.random else len(FIXED)
        self.groups = rows * crops
        self.names = [f"{entries()[row]['name']} {n + 1}" for n in range(crops) for row in rows]
        self.fixed = [square for square in FIXED for _ in rows]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> dict:
        draws = self.draw(i, 9)  # of which the fourth and fifth have no use any more
        y = self.photo(i, draws[:3].tolist())
        x = self.degrade(y[None])[0]
        if not self.paired:
            which, *square = draws[5:].tolist()
            other = entries()[self.others[int(which * len(self.others))]]
            y = self.cut(photograph(other["name"]), *self.square(*square))
        return {"x": x, "y": y, "name": self.names[i]}

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
