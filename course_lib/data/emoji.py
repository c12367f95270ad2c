"""Emoji in three styles: real drawings that ship with the course (see ``build_emoji.py`` for their origin)."""

import functools
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image, features
from torch import Tensor

from course_lib.data.augment import partner
from course_lib.data.base import TwoDomains
from course_lib.errors import CourseError

REVISION = 1  # raised when a change of the code or of its files changes the images
FILES = Path(__file__).parent / "emoji_files"
STYLES = ("noto", "twemoji", "fluent")
TILE, COLUMNS = 64, 40
SPLITS = {"train": ("train_a", "train_b"), "val": ("val",), "test": ("test",)}

CARD = """1,599 emoji, each drawn in three styles at 64 px on white: Noto (Google, Apache-2.0), Twemoji (CC-BY 4.0) and
Fluent 3-D (Microsoft, MIT); flags are left out. 1,280 for training, 160 val, 159 test, stratified by Unicode
subcategory; all drawings of one emoji are on one side. Relatives need not be: 'man running' may be in training, 'woman
running' in test. Texts of the licences and attributions: LICENSES/."""


@functools.cache
def entries() -> list[dict]:
    """name, code (points), kind (subcategory), group (of variants), split of each emoji, in the order of the tiles."""
    return json.loads((FILES / "emoji.json").read_text(encoding="utf-8"))


@functools.cache
def drawings(style: str) -> UInt8[Tensor, "n 3 64 64"]:
    """All drawings of one style, 0 to 255, in the order of ``entries()``."""
    if not features.check("avif"):
        raise CourseError("this Pillow cannot read AVIF", FILES / f"{style}.avif", "pip install --upgrade pillow")
    sheet = torch.from_numpy(np.array(Image.open(FILES / f"{style}.avif").convert("RGB")))  # (rows * 64, 40 * 64, 3)
    tiles = sheet.reshape(-1, TILE, COLUMNS, TILE, 3).permute(0, 2, 4, 1, 3)  # (rows, 40, 3, 64, 64)
    return tiles.reshape(-1, 3, TILE, TILE)[: len(entries())].contiguous()


def outlines(images: Float[Tensor, "n 3 h w"], threshold: float = 0.35) -> Float[Tensor, "n 3 h w"]:
    """Black outlines on white, -1 and 1, where the Sobel magnitude of the luminance exceeds ``threshold``.

    Luminance is the mean over the channels, in [0, 1].
    """
    luminance = F.pad((images.mean(1, keepdim=True) + 1) / 2, (1, 1, 1, 1), mode="replicate")
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gradient = F.conv2d(luminance, torch.stack([sobel, sobel.T])[:, None])  # (n, 2, h, w)
    lines = gradient.square().sum(1, keepdim=True) > threshold**2
    return (1 - 2 * lines.float()).expand_as(images).contiguous()


def _images(style: str, rows: list[int], size: int) -> Float[Tensor, "n 3 size size"]:
    if style not in STYLES:
        raise CourseError(f"unknown emoji style {style!r}", "data", f"choose from {', '.join(STYLES)}")
    return _resize(drawings(style)[rows].float() / 127.5 - 1, size)


def _resize(images: Tensor, size: int) -> Tensor:
    if size == images.shape[-1]:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)


def _rows(splits: tuple[str, ...]) -> list[int]:
    return [i for i, entry in enumerate(entries()) if entry["split"] in splits]


class EmojiEdges(TwoDomains):
    """``emoji:edges``, paired: x is the outline drawing of y, both (3, size, size) in [-1, 1]; also ``name``.

    ``threshold`` is that of :func:`outlines` at 64 px; at other sizes it goes with the steepness of the image.
    """

    card, redrawn = CARD, "x"

    def __init__(self, split: str, size: int = 64, style: str = "fluent", threshold: float = 0.35):
        rows = _rows(SPLITS[split])
        self.made_from = {"split": split, "style": style, "threshold": threshold}
        self.y, self.threshold = _images(style, rows, size), threshold * TILE / size
        self.x = outlines(self.y, self.threshold)
        self.names = [entries()[i]["name"] for i in rows]

    def __len__(self) -> int:
        return len(self.names)

    def at(self, size: int) -> "EmojiEdges":
        return EmojiEdges(size=size, **self.made_from)

    def __getitem__(self, i: int) -> dict:
        return {"x": self.x[i], "y": self.y[i], "name": self.names[i]}

    def redraw(self, batch: dict) -> dict:
        """``batch`` with x drawn again from its (augmented) y, both (n, 3, size, size)."""
        return batch | {"x": outlines(batch["y"], self.threshold)}


class EmojiStyles(TwoDomains):
    """``emoji:STYLE-STYLE``, unpaired: x in the first style, y in the second, (3, size, size) in [-1, 1].

    In training the two styles show disjoint emoji, drawn independently, so no pair exists; ``val`` and ``test`` keep
    the true pairs (``paired`` is then True). ``pairs=True`` trains with all of them: the bound that no unpaired method
    passes. ``name`` is that of x.
    """

    card = CARD

    def __init__(self, split: str, styles: tuple[str, str], size: int = 64, seed: int = 0, pairs: bool = False):
        self.paired, self.seed = pairs or split != "train", seed
        self.made_from = {"split": split, "styles": styles, "seed": seed, "pairs": pairs}
        if styles[0] == styles[1]:
            raise CourseError(
                "an unpaired task needs two different styles", "data", f"choose two of {', '.join(STYLES)}"
            )
        x_rows = y_rows = _rows(SPLITS[split])
        if not self.paired:
            x_rows, y_rows = _rows(("train_a",)), _rows(("train_b",))
        self.x, self.y = _images(styles[0], x_rows, size), _images(styles[1], y_rows, size)
        self.names = [entries()[i]["name"] for i in x_rows]

    def __len__(self) -> int:
        return len(self.x)

    def at(self, size: int) -> "EmojiStyles":
        return EmojiStyles(size=size, **self.made_from)

    def __getitem__(self, i: int) -> dict:
        j = i
        if not self.paired:
            j = partner(len(self.y), self.seed, self.epoch, i)
        return {"x": self.x[i], "y": self.y[j], "name": self.names[i]}
