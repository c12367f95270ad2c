"""Capital letters in many fonts, which ship with the course (from tools/making/letters.py)."""

import functools
import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from course_lib.data.base import TwoDomains
from course_lib.data.emoji import floats

FILES = Path(__file__).parent / "letters_files"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TILE = 64  # px of a letter in a sheet
CAP, BASE = 38, 48  # px: how high H is, and how far below the top its line
COLUMNS = 104  # letters in a row of a sheet: four fonts

CARD = """A to Z in 1,023 fonts of 394 families from Debian's packages, black on white, at 64 px: H
is 38 px high, and all stand on one line. 784 fonts for training, 116 val, 123 test; all weights and
styles of a family are in one split, and fonts that look nearly alike too. Other sizes are scaled
from 64 px. Letters are neither mirrored nor turned. Which font has which licence:
LICENSES/letters.md."""
TASKS = {
    "letters": "Here: one pile of letters; x is y itself.",
    "letters:many": """Here: x is the letter in one plain font, Liberation Sans, the same 26 in
every split, and y the letter in any other.""",
    "letters:a-to-b": """Here: x in a sans-serif font ({sans} in this split), y in a handwriting or
script ({script}). In training both are drawn independently, and neither pile holds a font of the
other. Each pile has every letter as often, or D could tell them by that. In val and test y is the
letter of x in a hand that nothing in x names: a translation must show its letter, and cannot be
asked for its pixels.""",
}


@functools.cache
def entries() -> list[dict]:
    """Each font: name, family, kind, split, package, version, licence, and file in the package.

    ``kind`` is sans, script or other; ``family`` names those that are in one split. The first font
    is the plain one, of split "plain"; the others are in the order of their sheets.
    """
    return json.loads((FILES / "letters.json").read_text(encoding="utf-8"))


@functools.cache
def sheet(split: str) -> UInt8[Tensor, "fonts 26 64 64"]:
    """The alphabets of a split, 0 (ink) to 255, in the order of ``entries()``; "plain" has one."""
    image = np.array(Image.open(FILES / f"{split}.webp").getchannel("G"))
    tiles = image.reshape(-1, TILE, COLUMNS, TILE).transpose(0, 2, 1, 3).reshape(-1, 26, TILE, TILE)
    count = sum(entry["split"] == split for entry in entries())
    return torch.from_numpy(tiles[:count])


class Letters(TwoDomains):
    """One of TASKS: x and y, (3, size, size) in [-1, 1], are letters; ``name`` says which.

    ``letter`` is the place of x in the alphabet, and ``font`` the place of the font of y in
    ``entries()``. Items run through A to Z of one font after the other; ``groups`` numbers the
    families. Nothing but the partners of unpaired training is random.
    """

    mirrors, jitter = False, "none"

    def __init__(self, split: str, size: int = 64, task: str = "letters", seed: int = 0):
        inside = [i for i, entry in enumerate(entries()) if entry["split"] == split]
        self.size, self.seed, self.first = size, seed, inside[0]
        self.paired = task != "letters:a-to-b" or split != "train"
        kinds = {k: [i for i in inside if entries()[i]["kind"] == k] for k in ("sans", "script")}
        self.x, self.y = {
            "letters": (inside, inside),
            "letters:many": ([0], inside),
            "letters:a-to-b": (kinds["sans"], kinds["script"]),
        }[task]
        fonts = [entries()[i] for i in max(self.x, self.y, key=len)]
        self.names = [f"{font['name']} {letter}" for font in fonts for letter in LETTERS]
        families = [entry["family"] for entry in entries()]
        self.groups = [families.index(font["family"]) for font in fonts for _ in LETTERS]
        self.card = f"{CARD} {TASKS[task]}".format(**{k: len(of) for k, of in kinds.items()})

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> dict:
        name = self.names[i]
        j = self.partner(i, 26 * len(self.y))
        known = {"name": name, "letter": i % 26, "font": self.y[j // 26 % len(self.y)]}
        return {"x": self.image(self.x, i), "y": self.image(self.y, j)} | known

    def image(self, fonts: list[int], i: int) -> Float[Tensor, "3 size size"]:
        """The ``i``-th letter of some ``entries()``, which begin anew after the last."""
        font = fonts[i // 26 % len(fonts)]
        tile = sheet(entries()[font]["split"])[max(font - self.first, 0), i % 26]
        return floats(tile[None, None], self.size)[0].expand(3, -1, -1).contiguous()
