"""Emoji in three styles: real drawings that ship with the course (``tools/emoji.py`` makes them)."""

import abc
import functools
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from PIL import Image, features
from torch import Tensor

from course_lib.data.augment import partner
from course_lib.data.base import TwoDomains
from course_lib.data.colours import grey, painted
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError

REVISION = 1  # raised when a change of the code or of its files changes the images
FILES = Path(__file__).parent / "emoji_files"
STYLES = ("noto", "twemoji", "fluent")
TILE, LARGE, COLUMNS = (
    64,
    128,
    40,
)  # px of the drawings in the two sheets of a style; drawings in a row
SPLITS = {"train": ("train_a", "train_b"), "val": ("val",), "test": ("test",)}
CHUNK = 8  # drawings that are worked on at a time: what fits into the cache of a core

CARD = """1,599 emoji, each drawn in three styles on white, at 64 px and, for sizes above that, at 128 px: Noto (Google,
Apache-2.0), Twemoji (CC-BY 4.0) and Fluent 3-D (Microsoft, MIT); flags are left out. 1,280 for training, 160 val, 159
test, stratified by Unicode subcategory; all drawings of one emoji are on one side. Relatives need not be: 'man running'
may be in training, 'woman running' in test. Above 128 px the drawings are enlarged. 11 of the emoji (insults, tobacco,
weapons and the like) are learned from and measured, but not shown. Licences and attributions: LICENSES/."""


@functools.cache
def entries() -> list[dict]:
    """name, code (points), kind (subcategory), group (of variants), split of each emoji, in the order of the tiles.

    ``withheld`` says why an emoji is not put on a screen, where one is not: see ``TwoDomains.shown``.
    """
    return json.loads((FILES / "emoji.json").read_text(encoding="utf-8"))


@functools.cache
def drawings(style: str) -> UInt8[Tensor, "n 3 64 64"]:
    """All drawings of one style, 0 to 255, in the order of ``entries()``."""
    return _tiles(FILES / f"{style}.avif", TILE, len(entries()))


def large_drawings(style: str, rows: list[int]) -> UInt8[Tensor, "n 3 128 128"]:
    """The drawings of some ``entries()`` at 128 px, 0 to 255. Only the sheets of their splits are read."""
    splits = [entry["split"] for entry in entries()]
    found = torch.empty(len(rows), 3, LARGE, LARGE, dtype=torch.uint8)
    for split in {splits[row] for row in rows}:
        place = {row: i for i, row in enumerate(_rows((split,)))}
        tiles = _tiles(FILES / f"{style}_{LARGE}_{split}.avif", LARGE, len(place))
        here = [i for i, row in enumerate(rows) if row in place]
        found[here] = tiles[[place[rows[i]] for i in here]]
    return found


def _tiles(path: Path, size: int, count: int) -> UInt8[Tensor, "count 3 size size"]:
    if not features.check("avif"):
        raise CourseError("this Pillow cannot read AVIF", path, "pip install --upgrade pillow")
    sheet = np.asarray(Image.open(path))  # (rows * size, 40 * size, 3)
    tiles = sheet.reshape(-1, size, COLUMNS, size, 3).transpose(
        0, 2, 4, 1, 3
    )  # (rows, 40, 3, size, size)
    return torch.from_numpy(tiles.reshape(-1, 3, size, size)[:count])


def outlines(images: Float[Tensor, "n 3 h w"], threshold: float = 0.35) -> Float[Tensor, "n 3 h w"]:
    """Black outlines on white, -1 and 1, where the Sobel magnitude of the luminance exceeds ``threshold``.

    Luminance is the mean over the channels, in [0, 1].
    """
    return (1 - 2 * _lines(images, threshold).float()).expand(-1, 3, -1, -1).contiguous()


def _lines(images: Float[Tensor, "n 3 h w"], threshold: float) -> Bool[Tensor, "n 1 h w"]:
    luminance = F.pad((images.mean(1, keepdim=True) + 1) / 2, (1, 1, 1, 1), mode="replicate")
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gradient = F.conv2d(luminance, torch.stack([sobel, sobel.T])[:, None])  # (n, 2, h, w)
    return gradient.square().sum(1, keepdim=True) > threshold**2


def _images(style: str, rows: list[int], size: int) -> Tensor:
    """The drawings of ``rows``, (n, 3, size, size), to be read by :func:`_floats`, which enlarges those above LARGE.

    They are uint8, which takes a quarter of the memory. Those that are smaller than TILE stay floats, unrounded.
    """
    if style not in STYLES:
        raise CourseError(
            f"unknown emoji style {style!r}", "data", f"choose from {', '.join(STYLES)}"
        )
    images = drawings(style)[rows] if size <= TILE else large_drawings(style, rows)
    if size == TILE or size >= LARGE:
        return images
    parts = [_floats(part, size) for part in images.split(CHUNK)]
    return torch.cat(parts if size < TILE else [to_bytes(part) for part in parts])


def _floats(images: Tensor, size: int) -> Float[Tensor, "*batch size size"]:
    """(n, c, h, h) or (c, h, h), uint8 or float, as floats of ``size`` px in [-1, 1]."""
    images = images / 127.5 - 1 if images.dtype == torch.uint8 else images
    if size == images.shape[-1]:
        return images
    batch = images if images.ndim == 4 else images[None]
    batch = F.interpolate(
        batch, (size, size), mode="bilinear", antialias=True, align_corners=False
    ).clamp(-1, 1)
    return batch if images.ndim == 4 else batch[0]


def _rows(splits: tuple[str, ...]) -> list[int]:
    return [i for i, entry in enumerate(entries()) if entry["split"] in splits]


def _shown(rows: list[int]) -> list[int]:
    return [i for i, row in enumerate(rows) if "withheld" not in entries()[row]]


class EmojiDrawn(TwoDomains, abc.ABC):
    """Paired, to be subclassed: x is computed by :meth:`drawn_from` from y, a drawing; also ``name``.

    Both are (3, size, size) in [-1, 1]; the attributes ``x`` and ``y`` hold all of them, (n, 3, size, size).
    """

    card, redrawn = CARD, "x"

    def __init__(self, split: str, size: int = 64, style: str = "fluent"):
        self.made_from, self.size = {"split": split, "style": style}, size
        self.rows = _rows(SPLITS[split])
        self.drawings, self.names = (
            _images(style, self.rows, size),
            [entries()[i]["name"] for i in self.rows],
        )

    @abc.abstractmethod
    def drawn_from(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """x of each y."""

    @property
    def y(self) -> Float[Tensor, "n 3 size size"]:
        return _floats(self.drawings, self.size)

    @property
    def x(self) -> Float[Tensor, "n 3 size size"]:
        return torch.cat(
            [self.drawn_from(_floats(part, self.size)) for part in self.drawings.split(CHUNK)]
        )

    @property
    def shown(self) -> list[int]:
        return _shown(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, size: int) -> "EmojiDrawn":
        return type(self)(size=size, **self.made_from)

    def __getitem__(self, i: int) -> dict:
        y = _floats(self.drawings[i], self.size)
        return {"x": self.drawn_from(y[None])[0], "y": y, "name": self.names[i]}

    def redraw(self, batch: dict) -> dict:
        """``batch`` with x computed again from its (augmented) y, both (n, 3, size, size)."""
        return batch | {"x": self.drawn_from(batch["y"])}


class EmojiEdges(EmojiDrawn):
    """``emoji:edges``: x is the outline drawing of y.

    ``threshold`` is that of :func:`outlines` at 64 px; at other sizes it goes with the steepness of the image.
    """

    card = f"{CARD} Here: outlines of Fluent's drawings, and the drawings."

    def __init__(self, split: str, size: int = 64, style: str = "fluent", threshold: float = 0.35):
        super().__init__(split, size, style)
        self.made_from |= {"threshold": threshold}
        self.threshold = threshold * TILE / size
        if size <= LARGE:  # else they are drawn when they are read
            lines = torch.cat(
                [_lines(_floats(part, size), self.threshold) for part in self.drawings.split(CHUNK)]
            )
            self.outlines = 255 * (~lines).to(torch.uint8)  # (n, 1, size, size)

    def drawn_from(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return outlines(y, self.threshold)

    def __getitem__(self, i: int) -> dict:
        if self.size > LARGE:
            return super().__getitem__(i)
        x = _floats(self.outlines[i], self.size).expand(3, -1, -1).contiguous()
        return {"x": x, "y": _floats(self.drawings[i], self.size), "name": self.names[i]}


class EmojiColour(EmojiDrawn):
    """``emoji:colour``: x is y in grey, three times the same channel. The task is called colourisation."""

    card, channels = f"{CARD} Here: Fluent's drawings in grey, and in colour.", (1, 3)

    def drawn_from(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return grey(y).expand_as(y).contiguous()


class EmojiLab(EmojiColour):
    """``emoji:colour:lab``: x is the grey of y's lightness L in CIE Lab. A network adds a and b, as in the paper."""

    channels = (1, 2)

    def drawn_from(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return painted(torch.zeros_like(y[:, :2]), y)


class EmojiFill(EmojiDrawn):
    """``emoji:fill``: x is y with its middle cut out, a square of half the side, grey (0).

    The task is called inpainting, and the square is that of Context Encoders (Pathak et al., 2016).
    """

    card = f"{CARD} Here: Fluent's drawings without their middle, and whole."

    def drawn_from(self, y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        x, (high, wide) = y.clone(), y.shape[-2:]
        x[..., high // 4 : high - high // 4, wide // 4 : wide - wide // 4] = 0
        return x


class EmojiStyles(TwoDomains):
    """``emoji:STYLE-STYLE``, unpaired: x in the first style, y in the second, (3, size, size) in [-1, 1].

    In training the two styles show disjoint emoji, drawn independently, so no pair exists; ``val`` and ``test`` keep
    the true pairs (``paired`` is then True). ``pairs=True`` trains with all of them: the bound that no unpaired method
    passes. ``name`` is that of x.
    """

    def __init__(
        self,
        split: str,
        styles: tuple[str, str],
        size: int = 64,
        seed: int = 0,
        pairs: bool = False,
    ):
        self.paired, self.seed, self.size = pairs or split != "train", seed, size
        self.made_from = {"split": split, "styles": styles, "seed": seed, "pairs": pairs}
        if styles[0] == styles[1]:
            raise CourseError(
                "an unpaired task needs two styles", "data", f"choose two of {', '.join(STYLES)}"
            )
        x_rows = y_rows = _rows(SPLITS[split])
        if not self.paired:
            x_rows, y_rows = _rows(("train_a",)), _rows(("train_b",))
        self.card = f"{CARD} Here: {len(x_rows)} of {styles[0]}, {len(y_rows)} of {styles[1]}."
        self.rows, self.names = x_rows, [entries()[i]["name"] for i in x_rows]
        self.drawings = _images(styles[0], x_rows, size), _images(styles[1], y_rows, size)

    @property
    def x(self) -> Float[Tensor, "n 3 size size"]:
        """All images of the first style."""
        return _floats(self.drawings[0], self.size)

    @property
    def y(self) -> Float[Tensor, "m 3 size size"]:
        """All images of the second style, in their own order."""
        return _floats(self.drawings[1], self.size)

    @property
    def shown(self) -> list[int]:
        return _shown(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, size: int) -> "EmojiStyles":
        return EmojiStyles(size=size, **self.made_from)

    def __getitem__(self, i: int) -> dict:
        (x, y), j = self.drawings, i
        if not self.paired:
            j = partner(len(y), self.seed, self.epoch, i)
        return {"x": _floats(x[i], self.size), "y": _floats(y[j], self.size), "name": self.names[i]}
