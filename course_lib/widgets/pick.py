"""A choice among pictures: what ToggleButtons are for words."""

from collections.abc import Sequence
from pathlib import Path

import anywidget
import traitlets
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import to_image
from course_lib.widgets.show import data_url


class Pictures(anywidget.AnyWidget):
    """Small pictures, of which pointer or keys choose one: ``value`` is its number, None is none of them."""

    _esm = Path(__file__).with_name("pick.js")
    _css = Path(__file__).with_name("pick.css")
    options = traitlets.List().tag(sync=True)  # (name, a PNG as a data URL)
    value = traitlets.Int(0, allow_none=True).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        images: Float[Tensor, "n 3 s s"],
        names: Sequence[str] | None = None,
        description: str = "",
    ):
        super().__init__(description=description)
        self.offer(images, names)

    def offer(self, images: Float[Tensor, "n 3 s s"], names: Sequence[str] | None = None) -> None:
        """Other pictures; the number that is chosen stays."""
        called = [
            name.replace("_", " ")
            for name in names or map("number {}".format, range(1, len(images) + 1))
        ]
        self.options = [
            (name, data_url(to_image(image.cpu())))
            for name, image in zip(called, images, strict=True)
        ]
