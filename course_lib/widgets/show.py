"""What the widgets share: pictures as HTML, a place for one, a choice of several, errors."""

import base64
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_lib.data.images import read_image, to_image, to_png


def data_url(picture: Image.Image) -> str:
    """A picture as an address that holds it, as a PNG file."""
    return "data:image/png;base64," + base64.b64encode(to_png(picture)).decode()


def image_tag(picture: Image.Image, alt: str) -> str:
    """What a widget HTML shows as ``picture``, never wider than its place; ``alt`` is its text.

    The widget Image has no text for those who cannot see it. The picture's shape, width by height,
    is for style sheets.
    """
    style = f"--shape: {picture.width / picture.height:.3f}; max-width: 100%"
    return f'<img alt="{escape(alt, quote=True)}" style="{style}" src="{data_url(picture)}">'


def to_picture(figure: Figure) -> Image.Image:
    """A figure as pixels, RGB."""
    return Image.open(BytesIO(to_png(figure))).convert("RGB")


def read_upload(content: bytes) -> Image.Image:
    """The image in the bytes of a file, as ``data.images.read_image`` does it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        return read_image(path)


@contextmanager
def shown_errors(message: w.HTML, failure: str = "this cannot be shown") -> Iterator[None]:
    """What fails in the block is told in ``message``, after ``failure``, and raised again."""
    try:
        yield
    except Exception as error:
        message.value = f"<b>{failure}</b>: {escape(str(error))}"
        raise


class Panel(w.VBox):
    """A picture, and above it a line, where errors appear, too; :meth:`show` draws it anew.

    ``draw`` gives the picture, its description for those who do not see it, and the line. While
    ``moving``, because the program itself moves controls, nothing is drawn.
    """

    def __init__(self, draw: Callable[[], tuple[Image.Image, str, str]]):
        self.draw, self.moving = draw, False
        self.message, self.picture = w.HTML(), w.HTML()
        super().__init__([self.message, self.picture])

    def show(self, _: Any = None) -> None:
        """Draws the picture; controls call it when they change. Errors are shown and raised."""
        if self.moving:
            return
        with shown_errors(self.message):
            picture, alt, line = self.draw()
            self.picture.value, self.message.value = image_tag(picture, alt), line

    @contextmanager
    def moving_controls(self) -> Iterator[None]:
        """Controls may move in the block without a picture for each."""
        self.moving = True
        try:
            yield
        finally:
            self.moving = False


class Pictures(anywidget.AnyWidget):
    """Small pictures, of which pointer or keys choose one: ``value`` is its number, or None."""

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
        names = names or [f"number {i + 1}" for i in range(len(images))]
        urls = [data_url(to_image(image.cpu())) for image in images]
        self.options = [
            (name.replace("_", " "), url) for name, url in zip(names, urls, strict=True)
        ]
