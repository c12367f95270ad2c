"""Line drawings by people, and their coloured twins (from ``tools/making/openmoji.py``)."""

import functools
import json
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from course_lib.data.emoji import Drawings, floats, tiles_of

FILES = Path(__file__).parent / "openmoji_files"
SIZE = 128  # px of the stored drawings
CARD = """1,691 drawings by the makers of OpenMoji (CC-BY-SA-4.0) in black lines on white, each with
its coloured twin, at 128 px. 1,353 for training, 169 val, 169 test, stratified by Unicode's groups:
variants of one subject (gender, hair, direction) and drawings that are nearly one, in lines or in
colours, are on one side. Left out: flags, brands, skin tones, twins that fill nothing or change the
lines, and grey signs. 14 of the drawings (insults, tobacco, weapons and the like) may be learned
from, but are not shown. Licence and attribution: LICENSES/; what is made from the drawings, weights
and sheets, says the same."""


@functools.cache
def entries() -> list[dict]:
    """Each drawing, those of a split in the order of its sheets: name, code (points), kind, group,
    split.

    ``group`` names what it is a variant of, or nearly the same picture as; a group is in one split.
    ``withheld`` says of some why they are not put on a screen (``TwoDomains.presentable``).
    """
    return json.loads((FILES / "openmoji.json").read_text(encoding="utf-8"))


@functools.cache
def drawings(split: str) -> dict[str, UInt8[Tensor, "n 3 128 128"]]:
    """All of a split, 0 to 255: x, the lines, and y, the colours, in the order of ``entries()``."""
    count = sum(entry["split"] == split for entry in entries())
    sheets = {"x": "lines", "y": "colours"}
    return {
        key: tiles_of(FILES / f"{name}_{split}.webp", SIZE, count) for key, name in sheets.items()
    }


class LineDrawings(Drawings):
    """``openmoji:lines``, paired: x is a drawing in black lines, y the same one with its colours.

    Both are (3, size, size) in [-1, 1]; they are smaller by antialiasing and larger by enlarging
    than the stored 128 px. Nothing is random here: ``seed`` is for the sake of the other data sets.
    """

    card = CARD

    def __init__(self, split: str, size: int = SIZE, seed: int = 0):
        rows = [i for i, entry in enumerate(entries()) if entry["split"] == split]
        super().__init__(entries(), rows, size)
        self.drawings = drawings(split)

    def __getitem__(self, i: int) -> dict:
        images = {key: floats(of[[i]], self.size)[0] for key, of in self.drawings.items()}
        return images | {"name": self.names[i]}
