"""Draw and translate: a canvas whose strokes a model answers while they are drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data import open_dataset
from course_lib.data.emoji import TILE, outlines
from course_lib.data.images import to_bytes, to_image, to_tensor
from course_lib.errors import ensure
from course_lib.widgets.show import data_url, read_upload

SIDE = 512  # of an outline to start from, in pixels, as of the canvas in draw.js
# Drawings of the test set to start from, by the data set that the models have learned from
PRESETS = {
    "emoji:edges": (
        *("flushed", "fox_face", "mushroom", "carrot", "car", "butterfly", "hiking_boot"),
        "tangerine",
    ),
    "openmoji:lines": (
        *("flushed face", "fish", "pineapple", "t-shirt", "umbrella", "ribbon", "roller skate"),
        "police officer",
    ),
}


def drawing_to_x(
    drawing: np.ndarray, size: int, data: str = "emoji:edges"
) -> Float[Tensor, "1 3 s s"]:
    """A drawing, (h, w) uint8 with black strokes on white, as an x of ``data``.

    It becomes size x size whatever its shape. Of ``openmoji:lines`` an x has soft edges; of
    ``emoji:edges`` it is -1 or 1, black where at least half of a pixel is. Strokes should be as
    wide as there, about 3.5 px of 128 or 3 px: wider outlines belong to darker emoji, so wide
    strokes come out dark, and thin ones pale.
    """
    how = Image.Resampling.BOX if min(drawing.shape) >= size else Image.Resampling.BICUBIC
    grey = torch.from_numpy(np.array(Image.fromarray(drawing).resize((size, size), how)))
    hard = 255.0 * (grey > 127)
    return ((grey if data == "openmoji:lines" else hard) / 127.5 - 1).repeat(1, 3, 1, 1)


def picture_to_x(data: bytes, size: int) -> Float[Tensor, "1 3 s s"]:
    """A picture, the bytes of an image file, as an x of ``emoji:edges``: outlined as there.

    A line drawing is taken as it is: colourless, black on white, its lines narrower than an eighth
    of the picture. Raises CourseError for data that is not an image.
    """
    (((image, _),), _) = read_upload([data])
    small = to_tensor(image, 128)
    grey, dark = small.mean(0), (small.mean(0, keepdim=True) < 0).float()
    colourless = small.amax(0) - small.amin(0) < 0.3
    plain = (colourless & (grey.abs() > 0.5)).float().mean() > 0.85
    thick = 1 - F.max_pool2d(1 - dark, 17, stride=1)  # where a whole square of 17 px is dark
    if plain and 0 < dark.mean() < 0.5 and not thick.any():
        return torch.where(to_tensor(image, size).mean(0) > 0.5, 1.0, -1.0).repeat(1, 3, 1, 1)
    return outlines(to_tensor(image, size)[None], 0.35 * TILE / size)


def translate_drawing(
    method: Any,
    drawing: np.ndarray,
    z: Float[Tensor, " z_dim"] | None = None,
    data: str = "emoji:edges",
) -> Image.Image:
    """What ``method`` makes of a drawing, (h, w) uint8 with black on white, at the model's size.

    A method with codes uses ``z``, or draws one.
    """
    x = drawing_to_x(drawing, method.config.image_size, data)
    return to_image(method.translate(x, None if z is None else z[None])["fake_y"][0].cpu())


def smooth(x: Float[Tensor, "3 s s"]) -> Image.Image:
    """An outline as a drawing of 512 px without steps; :func:`drawing_to_x` gives it back."""
    grey = Image.fromarray(to_bytes(x)[0].cpu().numpy())
    large = grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return large.point(lambda value: 255 * (value > 127))


def _named(models: Any) -> dict[str, Any]:
    named = dict(models) if isinstance(models, Mapping) else {"translation": models}
    for name, method in named.items():
        ensure(
            method.translates,
            f"{type(method).__name__} makes images from noise: it has no input to draw",
            name,
            "give a method that translates, as Pix2Pix or BicycleGAN",
        )
    return named


def _presets(data: str, size: int) -> dict[str, Image.Image]:
    emoji = open_dataset(data, "test", size)
    rows = [emoji.names.index(name) for name in PRESETS[data]]
    return {emoji.names[i].replace("_", " "): smooth(emoji[i]["x"]) for i in rows}


def _code(method: Any, seed: int) -> Tensor | None:
    return method.noise(1, seed)[0] if method.has_codes else None


class Canvas(anywidget.AnyWidget):
    """The page of draw.js, and what the kernel does with its messages: see ``answer``.

    Each kind of canvas has a method ``picture``, which makes the answer of a message and the bytes
    that came with it. What goes wrong in it appears below the canvas.
    """

    _esm = Path(__file__).with_name("draw.js")
    _css = Path(__file__).with_name("draw.css")
    # {"name", "codes": whether it has any, "pen": in 320ths of the canvas}, and of paint.paint
    # {"palette": as "#ff0000", dark to light, "side": of the canvas, in pixels}
    models = traitlets.List().tag(sync=True)
    outlines = traitlets.List().tag(sync=True)  # {"name", "image": a PNG as a data URL}
    # of the first model to the first outline, a data URL: it is there while the kernel is busy
    first = traitlets.Unicode().tag(sync=True)

    def __init__(self, **shown: Any):
        super().__init__(**shown)
        self.on_msg(lambda _, content, buffers: self.answer(content, buffers))

    def __repr__(self) -> str:  # all that a page without widgets shows
        return "A canvas to draw on while the notebook runs; elsewhere the pictures stand for it."

    def answer(self, content: dict, buffers: Sequence[Any]) -> None:
        """Sends the picture for a drawing, or what to start from of a file, under the message's
        ``seq``.

        ``content`` is {"kind": "drawing", "seq", "model", "side", "again"}, with side * side bytes
        in ``buffers``, or {"kind": "file", "seq", "model"}, with those of an image file. An error
        is sent, and raised again.
        """
        try:
            picture = self.picture(content, buffers[0])
        except BaseException as error:  # an interrupt, too: the page waits for an answer
            self.send({"kind": "error", "seq": content["seq"], "text": str(error) or repr(error)})
            raise
        self.send({"kind": "picture", "seq": content["seq"], "image": data_url(picture)})


class draw(Canvas):
    """A canvas to draw on, and beside it what the model makes of the drawing, after every stroke.

    ``models`` is a method that translates, or several by their names, which have learned from
    ``data``. There are drawings of it to start from, and the first is answered already. What goes
    wrong later, in a model or with an uploaded file, appears below the canvas and is raised again.
    Raises CourseError for a method that makes images from noise.
    """

    def __init__(self, models: Any, data: str = "emoji:edges"):
        named = _named(models)
        self.methods, self.data, self.seed = list(named.values()), data, 0
        self.codes = [_code(method, seed=0) for method in self.methods]
        about = [
            {
                "name": name,
                "codes": method.has_codes,
                "pen": 9
                if data == "openmoji:lines"
                else 8
                if method.config.image_size >= 128
                else 13,
            }
            for name, method in named.items()
        ]
        pictures = _presets(data, self.methods[0].config.image_size)
        outlines = [{"name": name, "image": data_url(image)} for name, image in pictures.items()]
        outline = np.array(next(iter(pictures.values())))
        first = data_url(translate_drawing(self.methods[0], outline, self.codes[0], data))
        super().__init__(models=about, outlines=outlines, first=first)

    def picture(self, content: dict, sent: Any) -> Image.Image:
        """Of a drawing, grey bytes, what the model makes of it; of a file its outline."""
        i = content["model"]
        method = self.methods[i]
        if content["kind"] == "file":
            return smooth(picture_to_x(bytes(sent), method.config.image_size)[0])
        if content["again"]:
            self.seed += 1
            self.codes[i] = _code(method, self.seed)
        side = content["side"]
        drawing = np.frombuffer(sent, np.uint8).reshape(side, side)
        return translate_drawing(method, drawing, self.codes[i], self.data)
