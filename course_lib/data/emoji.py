"""Emoji in three styles: drawings that ship with the course (from ``tools/making/emoji.py``)."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from course_lib.data.base import TwoDomains
from course_lib.errors import ensure

FILES = Path(__file__).parent / "emoji_files"
STYLES = ("noto", "twemoji", "fluent")
TILE = 64  # px of the drawings in the sheet of a style
COLUMNS = 40  # drawings in a row of a sheet
CHUNK = 8  # drawings that are worked on at a time: what fits into the cache of a core

CARD = """1,599 emoji, each drawn in three styles on white, at 64 px: Noto (Google, Apache-2.0),
Twemoji (CC-BY 4.0) and Fluent 3-D (Microsoft, MIT); flags are left out. 1,280 for training, 118
val, 117 test, stratified by Unicode subcategory; all drawings of one emoji are on one side. val and
test hold no relative of a training emoji ('woman running' of 'man running'), and no drawing that is
nearly one of training: 84 emoji are in no split for that. 11 of the emoji (insults, tobacco,
weapons and the like) may be learned from, but are not shown. Licences and attributions:
LICENSES/."""


@functools.cache
def entries() -> list[dict]:
    """Each emoji in the order of the tiles: name, code (points), kind (subcategory), group, split.

    ``group`` names what it is a variant of. Some have more: ``relative``
    names another emoji of its group, or with nearly the same drawing, because of which it is left
    out (:func:`_rows`); ``withheld`` says why it is not put on a screen
    (``TwoDomains.presentable``).
    """
    return json.loads((FILES / "emoji.json").read_text(encoding="utf-8"))


@functools.cache
def drawings(style: str) -> UInt8[Tensor, "n 3 64 64"]:
    """All drawings of one style, 0 to 255, in the order of ``entries()``."""
    return tiles_of(FILES / f"{style}.avif", TILE, len(entries()))


def tiles_of(path: Path, size: int, count: int) -> UInt8[Tensor, "count 3 size size"]:
    """The first ``count`` pictures of a sheet with 40 in a row, each of ``size`` px, 0 to 255."""
    sheet = np.asarray(Image.open(path)).reshape(-1, size, COLUMNS, size, 3)
    tiles = sheet.transpose(0, 2, 4, 1, 3)  # (rows, 40, 3, size, size)
    return torch.from_numpy(tiles.reshape(-1, 3, size, size)[:count])


def outlines(images: Float[Tensor, "n 3 h w"], threshold: float = 0.35) -> Float[Tensor, "n 3 h w"]:
    """Black outlines on white, -1 and 1: where the luminance is steeper than ``threshold``.

    Luminance is the mean over the channels, in [0, 1], and its steepness the Sobel magnitude.
    """
    luminance = F.pad((images.mean(1, keepdim=True) + 1) / 2, (1, 1, 1, 1), mode="replicate")
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gradient = F.conv2d(luminance, torch.stack([sobel, sobel.T])[:, None])  # (n, 2, h, w)
    lines = gradient.square().sum(1, keepdim=True) > threshold**2
    return (1 - 2 * lines.float()).expand(-1, 3, -1, -1).contiguous()


def _images(style: str, rows: list[int], size: int) -> Tensor:
    """The drawings in ``rows``, (n, 3, size, size): uint8, and below TILE floats, unrounded."""
    images = drawings(style)[rows]
    return images if size == TILE else torch.cat([floats(p, size) for p in images.split(CHUNK)])


def floats(images: Tensor, size: int) -> Float[Tensor, "n 3 size size"]:
    """Images (n, 3, h, h), uint8 or float, as floats of ``size`` px in [-1, 1]."""
    images = images / 127.5 - 1 if images.dtype == torch.uint8 else images
    if size == images.shape[-1]:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True).clamp(-1, 1)


def _rows(split: str) -> list[int]:
    """Which ``entries()`` are in train, val, test, or train_a and train_b, halves of train.

    val and test are without relatives of train, val without those of test,
    and train_b without those of train_a; train itself is whole.
    """
    parts = ("train_a", "train_b") if split == "train" else (split,)
    inside = {i: entry for i, entry in enumerate(entries()) if entry["split"] in parts}
    return [i for i, entry in inside.items() if split == "train" or "relative" not in entry]


class Drawings(TwoDomains):
    """Those of ``entries`` in ``rows``, to be subclassed.

    An entry has ``name``, ``group`` and, where it is not put on a screen, ``withheld``.
    """

    def __init__(self, entries: list[dict], rows: list[int], size: int):
        self.entries, self.size = [entries[row] for row in rows], size
        self.names = [entry["name"] for entry in self.entries]
        first = {entry["group"]: i for i, entry in reversed([*enumerate(entries)])}
        self.groups = [first[entry["group"]] for entry in self.entries]

    @property
    def presentable(self) -> list[int]:
        return [i for i, entry in enumerate(self.entries) if "withheld" not in entry]

    def __len__(self) -> int:
        return len(self.entries)


class Emoji(Drawings):
    """Drawings of the emoji of ``part`` (see :func:`_rows`), to be subclassed; ``made_from`` is
    what its class is called with. Raises CourseError for a size above TILE.
    """

    # The tables in notebooks/sweeps hold what this network sees, so it judges emoji everywhere.
    card, eyes = CARD, "features"

    def __init__(self, part: str, size: int, **made_from: Any):
        ensure(
            size <= TILE,
            f"the emoji are drawn at {TILE} px, and would be blurred at {size}",
            "size",
            f"ask for {TILE} (--size {TILE}), or take openmoji:lines, which has 128 px",
        )
        self.rows, self.made_from = _rows(part), made_from
        super().__init__(entries(), self.rows, size)

    def at(self, size: int) -> "Emoji":
        return type(self)(size=size, **self.made_from)


class EmojiEdges(Emoji):
    """``emoji:edges``, paired: y is a drawing, x are its outlines; ``name``.

    Both are (3, size, size) in [-1, 1]; ``x`` and ``y`` hold all of them, (n, 3, size, size).
    Nothing is random here: ``seed`` is for the sake of the other data sets.
    """

    redrawn = "x"
    card = f"{CARD} Here: outlines of Fluent's drawings, and the drawings."

    def __init__(self, split: str, size: int = 64, style: str = "fluent", seed: int = 0):
        super().__init__(split, size, split=split, style=style)
        self.drawings = _images(style, self.rows, size)

    @property
    def y(self) -> Float[Tensor, "n 3 size size"]:
        return floats(self.drawings, self.size)

    @property
    def x(self) -> Float[Tensor, "n 3 size size"]:
        parts = self.drawings.split(CHUNK)
        return torch.cat([self.make_x(floats(part, self.size)) for part in parts])

    def __getitem__(self, i: int) -> dict:
        y = floats(self.drawings[[i]], self.size)
        return {"x": self.make_x(y)[0], "y": y[0], "name": self.names[i]}

    def make_x(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """The outlines. A larger drawing is less steep: the size is that of the whole one."""
        return outlines(y, 0.35 * TILE / self.size)

    def redraw(self, batch: dict) -> dict:
        """``batch`` with x made again of its (augmented) y, both (n, 3, size, size)."""
        return batch | {"x": self.make_x(batch["y"])}


class EmojiStyles(Emoji):
    """``emoji:STYLE-STYLE``, unpaired: x in the first style, y in the second, (3, size, size).

    In training the two styles show disjoint emoji, drawn independently, and no y is a relative of
    an x or nearly its drawing, so no pair exists, nor half of one; ``val`` and ``test`` keep the
    true pairs (``paired`` is then True). ``pairs=True`` trains with all of them: the bound that no
    unpaired method passes. ``name`` is that of x.
    """

    def __init__(
        self,
        split: str,
        styles: tuple[str, str],
        size: int = 64,
        seed: int = 0,
        pairs: bool = False,
    ):
        self.paired, self.seed = pairs or split != "train", seed
        parts = (split, split) if self.paired else ("train_a", "train_b")
        super().__init__(parts[0], size, split=split, styles=styles, seed=seed, pairs=pairs)
        rows = [_rows(part) for part in parts]
        self.drawings = [_images(*of, size) for of in zip(styles, rows, strict=True)]
        counts = [f"{len(of)} of {style}" for style, of in zip(styles, rows, strict=True)]
        self.card = f"{CARD} Here: {', '.join(counts)}."

    def __getitem__(self, i: int) -> dict:
        x, y = self.drawings
        x, y = floats(x[[i]], self.size)[0], floats(y[[self.partner(i, len(y))]], self.size)[0]
        return {"x": x, "y": y, "name": self.names[i]}
