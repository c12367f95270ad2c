"""Draw and translate: a canvas whose strokes a model answers while they are drawn."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.emoji import TILE, EmojiEdges, outlines
from course_lib.data.images import read_image, to_bytes, to_image, to_tensor
from course_lib.errors import CourseError
from course_lib.plotting.figures import image_grid
from course_lib.widgets.show import data_url

if TYPE_CHECKING:
    import matplotlib.figure

SIDE = 512  # of an outline to start from, in pixels, as of the canvas in draw.js
PRESETS = (
    "astonished",
    "fox_face",
    "mushroom",
    "carrot",
    "car",
    "star",
    "hiking_boot",
    "tangerine",
)


def drawing_to_x(drawing: np.ndarray, size: int) -> Float[Tensor, "1 3 s s"]:
    """A drawing, (h, w) uint8 with black strokes on white, as an x of ``emoji:edges``: -1 and 1, nothing in between.

    It becomes size x size whatever its shape; a pixel is black where at least half of it is. Strokes
    should be about 3 px wide, at 64 px and at 128 px: wider outlines belong to darker emoji, so wide strokes come out
    dark, and thin ones pale. Raises ValueError for another array.
    """
    if drawing.ndim != 2 or drawing.dtype != np.uint8 or not drawing.size:
        raise ValueError(f"a drawing is (h, w) uint8, this is {drawing.shape} {drawing.dtype}")
    how = Image.Resampling.BOX if min(drawing.shape) >= size else Image.Resampling.BICUBIC
    grey = np.array(Image.fromarray(drawing).resize((size, size), how))
    return torch.where(torch.from_numpy(grey) > 127, 1.0, -1.0).repeat(1, 3, 1, 1)


def picture_to_x(data: bytes, size: int) -> Float[Tensor, "1 3 s s"]:
    """A picture, the bytes of an image file, as an x of ``emoji:edges``: its outline, by the rule of that data set.

    A line drawing is taken as it is: colourless, black on white, its lines narrower than an eighth of the picture.
    Raises CourseError for data that is not an image.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        image = read_image(path)
    look = to_tensor(image, 128)
    grey, dark = look.mean(0), (look.mean(0, keepdim=True) < 0).float()
    plain = ((look.amax(0) - look.amin(0) < 0.3) & (grey.abs() > 0.5)).float().mean() > 0.85
    thick = 1 - F.max_pool2d(1 - dark, 17, stride=1)  # where a whole square of 17 px is dark
    if plain and 0 < dark.mean() < 0.5 and not thick.any():
        return (
            torch.where(to_tensor(image, size).mean(0) > 0.5, 1.0, -1.0)
            .expand(1, 3, size, size)
            .contiguous()
        )
    return outlines(to_tensor(image, size)[None], 0.35 * TILE / size)


def translate_drawing(
    method: Any, drawing: np.ndarray, z: Float[Tensor, " z_dim"] | None = None
) -> Image.Image:
    """What ``method`` makes of a drawing, (h, w) uint8 with black strokes on white, at the model's size.

    A method with codes uses ``z``, or draws one. Raises ValueError as :func:`drawing_to_x` does.
    """
    x = drawing_to_x(drawing, method.config.image_size).to(method.device)
    fake_y = method.translate(x, *([] if z is None else [z[None]]))["fake_y"]
    return to_image(fake_y[0].cpu())


def smooth(x: Float[Tensor, "3 s s"]) -> Image.Image:
    """An outline as a drawing of 512 px without steps; :func:`drawing_to_x` gives it back, pixel by pixel."""
    grey = Image.fromarray(to_bytes(x)[0].cpu().numpy())
    return grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC).point(
        lambda value: 255 * (value > 127)
    )


def _named(models: Any) -> dict[str, Any]:
    named = dict(models) if isinstance(models, Mapping) else {"translation": models}
    for name, method in named.items():
        if not method.translates:
            what = f"{type(method).__name__} makes images from noise: it has no input to draw"
            raise CourseError(what, name, "give a method that translates, as Pix2Pix or BicycleGAN")
    if not named:
        raise CourseError("no model to draw for", "models", "give at least one")
    return named


def _outlines(presets: Sequence[str] | Mapping[str, Tensor], size: int) -> dict[str, Image.Image]:
    if not isinstance(presets, Mapping):
        emoji = EmojiEdges("test", size) if presets else None
        for name in presets:
            if name not in emoji.names:
                fix = f"choose from {', '.join(emoji.names[:20])} ..."
                raise CourseError(f"no emoji of the test split is called {name!r}", "presets", fix)
        presets = {name: emoji[emoji.names.index(name)]["x"] for name in presets}
    return {name.replace("_", " "): smooth(x) for name, x in presets.items()}


def _first_code(method: Any, seed: int) -> Tensor | None:
    return method.noise(1, seed)[0] if method.has_codes else None


def static(
    models: Any,
    presets: Sequence[str] | Mapping[str, Tensor] = PRESETS,
    seed: int = 0,
    scale: float = 1.0,
) -> "matplotlib.figure.Figure":
    """What the canvas shows, on paper: outlines to start from, and below them what each model makes of them.

    Arguments are those of :func:`draw`, ``scale`` that of ``plotting.image_grid``.
    """
    named = _named(models)
    size = max(method.config.image_size for method in named.values())
    pictures = _outlines(presets, size)
    drawings = [np.array(picture) for picture in pictures.values()]
    rows = {"drawing": torch.cat([drawing_to_x(drawing, size) for drawing in drawings])}
    for name, method in named.items():
        z = _first_code(method, seed)
        rows[name] = torch.stack(
            [to_tensor(translate_drawing(method, one, z), size) for one in drawings]
        )
    return image_grid(rows, list(pictures), scale)


class Canvas(anywidget.AnyWidget):
    """The canvas of :func:`draw`; ``answer`` is what the kernel does with a message of draw.js."""

    _esm = Path(__file__).with_name("draw.js")
    _css = Path(__file__).with_name("draw.css")
    models = traitlets.List().tag(
        sync=True
    )  # {"name": ..., "codes": whether it has any, "pen": 320ths of the canvas}
    outlines = traitlets.List().tag(sync=True)  # {"name": ..., "image": a PNG as a data URL}

    def __init__(self, models: Any, presets: Sequence[str] | Mapping[str, Tensor], seed: int):
        named = _named(models)
        self.methods, self.seed = list(named.values()), seed
        self.codes = [_first_code(method, seed) for method in self.methods]
        pens = [8 if method.config.image_size >= 128 else 13 for method in self.methods]
        pictures = _outlines(presets, self.methods[0].config.image_size)
        super().__init__(
            models=[
                {"name": n, "codes": z is not None, "pen": p}
                for n, z, p in zip(named, self.codes, pens, strict=True)
            ],
            outlines=[
                {"name": name, "image": data_url(picture)} for name, picture in pictures.items()
            ],
        )
        self.on_msg(lambda _, content, buffers: self.answer(content, buffers))

    def __repr__(self) -> str:  # all that a page without widgets shows
        return "A canvas to draw on, alive only while the notebook runs; the pictures stand for it elsewhere."

    def answer(self, content: dict, buffers: Sequence[Any]) -> None:
        """Sends the picture for a drawing, or the outline of a file, under the number ``seq`` of the message.

        ``content`` is {"kind": "drawing", "seq", "model", "side", "again"}, with side * side grey bytes in ``buffers``,
        or {"kind": "file", "seq", "model"}, with those of an image file. An error is sent, and raised again.
        """
        try:
            method, i = self.methods[content["model"]], content["model"]
            if content["kind"] == "file":
                picture = smooth(picture_to_x(bytes(buffers[0]), method.config.image_size)[0])
            else:
                if content["again"] and self.codes[i] is not None:
                    self.seed += 1
                    self.codes[i] = method.noise(1, self.seed)[0]
                drawing = np.frombuffer(buffers[0], np.uint8).reshape(
                    content["side"], content["side"]
                )
                picture = translate_drawing(method, drawing, self.codes[i])
        except BaseException as error:  # an interrupt, too: the page waits for an answer
            told = (
                f"{error.what}: {error.fix}"
                if isinstance(error, CourseError)
                else f"the model failed: {error!r}"
            )
            self.send({"kind": "error", "seq": content["seq"], "text": told})
            raise
        self.send({"kind": "picture", "seq": content["seq"], "image": data_url(picture)})


def draw(
    models: Any, presets: Sequence[str] | Mapping[str, Tensor] = PRESETS, seed: int = 0
) -> Canvas:
    """A canvas to draw on, and beside it what the model makes of the drawing, anew after every stroke.

    ``models`` is a method that translates, or several by their names. ``presets`` are outlines to start from: names of
    test emoji, or x of (3, s, s) by name. ``seed`` determines the codes of a method that has them. An error of a model
    or of an uploaded file appears below the canvas and is raised again. Raises CourseError for a method or a name
    that does not fit.
    """
    return Canvas(models, presets, seed)
