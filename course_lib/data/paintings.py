"""Two painters, Van Gogh and the masters of the Japanese print (``tools/making/paintings.py``).

Collection style transfer needs no pairs: photographs on one side, a painter's works on the other.
"""

import functools
import json
from pathlib import Path

from PIL import Image

from course_lib.data import photos

FILES = Path(__file__).parent / "paintings_files"

CARD = """{count} {works}; one more is held out, and val shows squares
of one half of it, test of the other. They come from GCompris; the works are in the public domain,
and LICENSES/paintings.md lists them. Squares of photographs and of paintings are drawn apart, in
training from 0.3 to 0.6 of the shorter side large, so that strokes keep their size. The
photographs: """

TASKS = {  # whose paintings are y, and what they are
    "photos:van-gogh": ("van-gogh", "paintings by Vincent van Gogh, 1887 to 1890"),
    "photos:ukiyo-e": ("ukiyo-e", "Japanese prints by Hokusai and Hiroshige, about 1830 to 1850"),
}


@functools.cache
def entries() -> list[dict]:
    """Each painting by name: painter (of TASKS), artist, title, year, split, and its origin."""
    return json.loads((FILES / "paintings.json").read_text(encoding="utf-8"))


@functools.cache
def painting(name: str) -> Image.Image:
    """RGB, whole, some 400 px on its shorter side; decoded once in a process."""
    return photos.stored(FILES / "paintings.zip", name)


def half(picture: Image.Image, second: bool) -> Image.Image:
    """One half of a picture, cut across its longer side."""
    w, h = picture.size
    width, height = (w // 2, h) if w > h else (w, h // 2)
    left, top = (w - width) * second, (h - height) * second
    return picture.crop((left, top, left + width, top + height))


class Paintings(photos.Photos):
    """One of TASKS, unpaired: x is a square of a photograph, y one of a painting; ``name`` of x.

    Both are (3, size, size) in [-1, 1]. Training draws squares, and the paintings, anew per (seed,
    epoch, index), see ``set_epoch``; those of val and test never change. No photograph is in two
    splits, and no painting of training in another; val and test have a half each of one that is
    held out. ``groups`` numbers the photographs.
    """

    paired = False
    sides, share = (0.3, 0.6), 0.45  # the middle: strokes keep the width that they have in training

    def __init__(self, split: str, size: int = 64, task: str = "photos:van-gogh", seed: int = 0):
        super().__init__(split, size, seed=seed)
        painter, works = TASKS[task]
        own = [entry for entry in entries() if entry["painter"] == painter]
        trained = [entry["name"] for entry in own if entry["split"] == "train"]
        self.fixed = [(min(side, self.sides[1]), *place) for side, *place in self.fixed]
        self.card = CARD.format(count=len(trained), works=works) + photos.CARD
        if self.random:
            self.paintings = [painting(name) for name in trained]
        else:
            (held_out,) = [entry["name"] for entry in own if entry["split"] != "train"]
            self.paintings = [half(painting(held_out), second=split == "test")]

    def __getitem__(self, i: int) -> dict:
        draws = self.draw(i, 7).tolist()
        picture = self.paintings[int(draws[3] * len(self.paintings))]
        return {
            "x": self.photo(i, draws[:3]),
            "y": self.cut(picture, *self.square(*draws[4:])),
            "name": self.names[i],
        }
