"""An upload box: your own picture through a model that colours outlines."""

import tempfile
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import ipywidgets as w
from PIL import Image

from course_lib.data.emoji import outlines
from course_lib.data.images import read_image, to_image, to_tensor
from course_lib.errors import CourseError

SHOWN = 192  # side of a shown image, in screen pixels


def colour_picture(method: Any, data: bytes, is_outline: bool = False) -> tuple[Image.Image, Image.Image]:
    """(outline, coloured) of a picture given as the bytes of an image file, both at the model's size.

    A picture that is no outline yet becomes one by the rule of ``emoji:edges``. Raises CourseError for data that is not
    an image.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        image = read_image(path)
    x = to_tensor(image, method.config.image_size)[None]
    x = x if is_outline else outlines(x)
    fake_y = method.translate(x.to(method.device))["fake_y"].cpu()
    return to_image(x[0]), to_image(fake_y[0])


def upload(method: Any) -> w.VBox:
    """A button that takes an image file, a box to tick for outlines, and the two pictures that come of it."""
    button = w.FileUpload(accept="image/*", description="your picture")
    ticked = w.Checkbox(value=False, description="it is an outline already", indent=False)
    message = w.HTML("<i>Choose an image: it becomes an outline, and the model colours it.</i>")
    panels = [w.Image(format="png", width=SHOWN, height=SHOWN, layout={"display": "none"}) for _ in range(2)]
    for panel, alt in zip(panels, ("the outline", "the coloured picture"), strict=True):
        panel.alt = alt

    def show(_: Any) -> None:
        if not button.value:
            return
        try:
            pictures = colour_picture(method, bytes(button.value[-1]["content"]), ticked.value)
        except CourseError as error:
            message.value = f"<b>{escape(error.what)}</b>: {escape(error.fix)}"
            return
        except Exception as error:
            message.value = f"<b>the model failed</b>: {escape(str(error))}"
            raise
        for panel, picture in zip(panels, pictures, strict=True):
            file = BytesIO()
            picture.resize((SHOWN, SHOWN), Image.Resampling.NEAREST).save(file, "png")
            panel.value, panel.layout.display = file.getvalue(), None
        message.value = "left the outline, right what the model makes of it"

    button.observe(show, "value")
    ticked.observe(show, "value")
    return w.VBox([w.HBox([button, ticked]), message, w.HBox(panels)])
