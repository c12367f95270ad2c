"""Some letters of a hand are drawn; MUNIT reads their style and writes the whole alphabet in it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from course_lib.data import open_dataset
from course_lib.data.images import to_tensor
from course_lib.data.letters import BASE, CAP, LETTERS, TILE
from course_lib.plotting.figures import stitch
from course_lib.widgets.draw import Canvas
from course_lib.widgets.show import data_url

ACROSS = 6  # letters of an alphabet side by side
BLUE = (1.0, 0.3, 0.0)  # of red, green and blue what the ink of a letter that was made lacks


def letter_to_y(drawing: np.ndarray, size: int) -> Float[Tensor, "3 s s"] | None:
    """A drawn letter, (h, w) uint8 with black strokes on white, as a y of ``letters:many``.

    Its ink becomes as high as a capital, and stands in the middle of the line. None without ink.
    """
    box = Image.fromarray(255 - drawing).point(lambda ink: 255 * (ink > 64)).getbbox()
    if box is None:
        return None
    ink = Image.fromarray(drawing).crop(box)
    width, height = ink.size
    scale = min(CAP / height, (TILE - 4) / width)
    ink = ink.resize([max(1, round(scale * side)) for side in ink.size], Image.Resampling.BOX)
    tile = Image.new("L", (TILE, TILE), 255)
    tile.paste(ink, ((TILE - ink.width) // 2, BASE - ink.height))
    return to_tensor(tile.convert("RGB"), size)


def alphabet(method: Any, drawn: Mapping[int, Float[Tensor, "3 s s"]]) -> Float[Tensor, "26 3 s s"]:
    """A to Z in the mean style of the ``drawn`` letters, by their places in the alphabet."""
    letters = open_dataset("letters:many", "test", method.config.image_size)
    plain = torch.stack([letters[i]["x"] for i in range(26)])
    style = method.encode(torch.stack([*drawn.values()])).mean(0)
    return method.translate(plain, style[None])["fake_y"].cpu()


def draw_alphabet(method: Any, drawn: Mapping[int, Float[Tensor, "3 s s"]]) -> Image.Image:
    """The :func:`alphabet`, six letters in a row; in black the ``drawn`` ones, and in blue the
    others."""
    sheet = alphabet(method, drawn) if drawn else torch.ones(26, 3, *[method.config.image_size] * 2)
    sheet = 1 - (1 - sheet) * torch.tensor(BLUE)[:, None, None]
    for place, letter in drawn.items():
        sheet[place] = letter
    blank = torch.ones_like(sheet[: -len(sheet) % ACROSS])
    rows = torch.cat([sheet, blank]).split(ACROSS)
    picture = Image.fromarray(stitch([*rows], 2))
    return ImageOps.pad(picture, [picture.width] * 2, color="white")


class handwriting(Canvas):
    """A sheet for each letter, and beside it the alphabet in the hand of those drawn so far.

    ``method`` is a MUNIT that has learned from ``letters:many``; see :func:`draw_alphabet`. Each
    stroke changes the alphabet. ``drawn`` holds what the sheets show, and can be saved.
    """

    def __init__(self, method: Any):
        self.method, self.drawn = method, {}
        super().__init__(
            models=[
                {"name": letter, "codes": True, "pen": 14, "sheets": "letter"} for letter in LETTERS
            ],
            outlines=[],
            first=data_url(draw_alphabet(method, self.drawn)),
        )

    def picture(self, content: dict, sent: Any) -> Image.Image:
        """Of a drawing, grey bytes, the alphabet; a blank sheet takes its letter back."""
        side, place = content["side"], content["model"]
        drawing = np.frombuffer(sent, np.uint8).reshape(side, side)
        letter = letter_to_y(drawing, self.method.config.image_size)
        if letter is None:
            self.drawn.pop(place, None)
        else:
            self.drawn[place] = letter
        return draw_alphabet(self.method, dict(sorted(self.drawn.items())))
