"""What the widgets share: pictures as HTML, a place for one, a choice of several, errors."""

import base64
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data import films
from course_lib.data.images import read_image, to_file, to_image, to_png
from course_lib.errors import CourseError, expect

SLIDER = Path(__file__).with_name("slider.js")
# Longer side of an image of one's own, and of a film, in pixels; its frames at most, as in pick.js;
# and the pixels of its file that are gone through at most, about 30 frames of 3840 x 2160
LARGEST, FILM, FRAMES, PIXELS = 2048, 480, 32, 2**28
LEFT_OUT = (
    f"Of a film this page takes at most {FRAMES} frames (of large ones, fewer) and {FILM} px a "
    "side; <code>course translate</code> takes all of it."
)


def data_url(picture: Image.Image, quality: int | None = None) -> str:
    """A picture as an address that holds it, as a PNG file, or as WebP of a ``quality``."""
    file = Path("picture.png" if quality is None else "picture.webp")
    content = base64.b64encode(to_file(picture, file, quality or 0)).decode()
    return f"data:image/{file.suffix[1:]};base64,{content}"


def image_tag(picture: Image.Image, alt: str) -> str:
    """What a widget HTML shows as ``picture``, never wider than its place; ``alt`` is its text.

    The widget Image has no text for those who cannot see it. The picture's shape, width by height,
    is for style sheets.
    """
    return (
        f'<img alt="{escape(alt, quote=True)}" src="{data_url(picture)}" '
        f'style="--shape: {picture.width / picture.height:.3f}; max-width: 100%">'
    )


def slider(
    pictures: Sequence[Any],
    axes: Mapping[str, Sequence[Any]],
    alt: str,
    start: Sequence[int] = (0, 0),
    map_width: int = 0,
) -> str:
    """HTML with one of ``pictures`` at a time, chosen by a slider for each of one or two ``axes``.

    It needs no kernel, and nothing from elsewhere: on the site, on a phone and offline it moves as
    in a notebook. ``pictures`` are images or figures of one size, the last axis the fastest;
    ``axes`` gives the values of each by its name, ``{"k": range(1, 11)}``. ``start`` are the
    numbers of the values to begin with. With a ``map_width`` in pixels, and two axes, the whole
    sheet stands beside the picture as a map, over which a pointer drags. The sheet is a WebP file
    of quality 80. Raises CourseError if it would have more than 16,383 px on a side, and ValueError
    for pictures of several sizes, or more or fewer than the values ask for.
    """
    names = [(name, [*map(str, values)]) for name, values in axes.items()]
    images = [Image.open(io.BytesIO(to_png(picture, 1))) for picture in pictures]
    rows, across = (len(values) for _, values in [*names, ("", [""])][:2])
    expect(
        len(images) == rows * across and len({image.size for image in images}) == 1,
        f"a slider needs {rows} x {across} pictures, all of one size",
    )
    width, height = images[0].size
    sheet = Image.new("RGB", (across * width, rows * height))
    for i, image in enumerate(images):
        sheet.paste(image, (i % across * width, i // across * height))
    told = json.dumps({"axes": names, "start": start, "map": map_width}, ensure_ascii=False)
    return (
        f'<div class="course-slider" style="max-width: {max(width, 400) + map_width}px" '
        f'data-told="{escape(told)}"><style>{SLIDER.with_suffix(".css").read_text("utf-8")}'
        f'</style><div><div class="picture" style="aspect-ratio: {width} / {height}">'
        f'<img alt="{escape(alt)}" style="width: {100 * across}%; max-width: none; '
        f'top: {-100 * start[0]}%; left: {-100 * start[-1] * (across > 1)}%" '
        f'onload="{escape(SLIDER.read_text("utf-8"))}" src="{data_url(sheet, 80)}">'
        "</div></div></div>"
    )


def read_upload(
    files: Sequence[bytes], name: str = "", lasts: float = 0
) -> tuple[list[tuple[Image.Image, float]], bool]:
    """The image in the bytes of a file, as ``data.images.read_image`` does it, as one frame of at
    most LARGEST px on its longer side; whether a part of a film was left out.

    If ``name`` ends as that of a film, and it is one, its first frames of at most FILM px: FRAMES
    of them, or as many as have PIXELS in all. Several files are frames that last ``lasts`` ms each.
    Raises CourseError, which doesn't tell a visitor where on this machine the bytes lay.
    """
    kept, pixels, cut = [], 0, False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix}"
        try:
            for content in files:
                path.write_bytes(content)
                moves = films.is_film(path)
                for image, shown in films.frames(path) if moves else [(read_image(path), lasts)]:
                    pixels += image.width * image.height
                    if len(kept) == FRAMES or (kept and pixels > PIXELS):
                        return kept, True
                    cut |= moves and max(image.size) > FILM
                    image.thumbnail((FILM if moves else LARGEST,) * 2)  # before the next is read
                    kept.append((image, shown))
        except CourseError as error:
            raise CourseError(error.what, "the file that you chose", error.fix) from None
    return kept, cut


@contextmanager
def shown_errors(message: w.HTML, failure: str = "this cannot be shown") -> Iterator[None]:
    """What fails in the block is told in ``message``, after ``failure``, and raised again."""
    try:
        yield
    except Exception as error:
        message.value = (
            f'<b>{failure}</b>: <span style="white-space: pre-line">{escape(str(error))}</span>'
        )
        raise


class Panel(w.VBox):
    """A picture, and above it a line, where errors appear, too; :meth:`show` draws it anew.

    ``draw`` gives the HTML of the picture (:func:`image_tag`) and the line. It is called when one
    of ``controls`` gets another value. While ``moving``, because the program itself moves controls,
    nothing is drawn.
    """

    def __init__(self, draw: Callable[[], tuple[str, str]], *controls: w.Widget):
        self.draw, self.moving = draw, False
        self.message, self.picture = w.HTML(), w.HTML()
        super().__init__([self.message, self.picture])
        for control in controls:
            control.observe(self.show, "value")

    def show(self, _: Any = None) -> None:
        """Draws the picture; controls call it when they change. Errors are shown and raised."""
        if self.moving:
            return
        with shown_errors(self.message):
            self.picture.value, self.message.value = self.draw()

    @contextmanager
    def moving_controls(self) -> Iterator[None]:
        """Controls may move in the block without a picture for each."""
        self.moving = True
        try:
            yield
        finally:
            self.moving = False


def below(controls: Sequence[w.Widget], draw: Callable[[], tuple[str, str]]) -> w.VBox:
    """Controls, and below them the :class:`Panel` that they change."""
    panel = Panel(draw, *controls)
    panel.show()
    return w.VBox([*controls, panel])


class Pictures(anywidget.AnyWidget):
    """Small pictures, of which pointer or keys choose one: ``value`` is its number, or None.

    A button called ``own``, if any, sends the bytes of an image file as a message, with ``films``
    also those of a film, whose name goes with them; so does a file that is dropped on the widget,
    or on the box around it of class ``course-drop``, if any; and one called ``camera``, the still
    of a camera, with ``films`` also several, and for how many milliseconds each is shown.
    """

    _esm = Path(__file__).with_name("pick.js")
    _css = Path(__file__).with_name("pick.css")
    options = traitlets.List().tag(sync=True)  # (name, a PNG as a data URL)
    value = traitlets.Int(0, allow_none=True).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    own, camera, films = (
        kind().tag(sync=True) for kind in (traitlets.Unicode, traitlets.Unicode, traitlets.Bool)
    )

    def __init__(
        self,
        images: Float[Tensor, "n 3 s s"],
        names: Sequence[str] | None = None,
        description: str = "",
        **own: str | bool,
    ):
        super().__init__(description=description, **own)
        self.offer(images, names)

    def offer(self, images: Float[Tensor, "n 3 s s"], names: Sequence[str] | None = None) -> None:
        """Other pictures; the number that is chosen stays."""
        names = names or [f"number {i + 1}" for i in range(len(images))]
        urls = [data_url(to_image(image.cpu())) for image in images]
        self.options = [
            (name.replace("_", " "), url) for name, url in zip(names, urls, strict=True)
        ]


class Chooser(w.VBox):
    """:class:`Pictures`, and a button for a file of one's own, and one for the camera if it is
    named.

    ``value`` is the number of a picture, or the image in the file, at most LARGEST px on its longer
    side. With ``films`` it may be a list of frames (image, milliseconds): the first FRAMES, at most
    FILM px on their longer side; what was left out is told below. So is a file that is no image,
    and that is raised.
    """

    value = traitlets.Any(0)

    def __init__(
        self,
        images: Float[Tensor, "n 3 s s"],
        names: Sequence[str] | None = None,
        description: str = "",
        own: str = "your own",
        **more: str | bool,
    ):
        self.pictures = Pictures(images, names, description, own=own, **more)
        self.message = w.HTML()
        super().__init__([self.pictures, self.message])
        self.pictures.observe(self._choose, "value")
        self.pictures.on_msg(lambda _, content, buffers: self.take(*map(bytes, buffers), **content))

    def _choose(self, change: Any) -> None:
        if change["new"] is not None:
            self.message.value, self.value = "", change["new"]

    def take(self, *files: bytes, name: str = "", lasts: float = 0) -> None:
        """The image in the bytes of a file becomes the value, or the film, if its name is given, or
        that of several files; see :func:`read_upload`. Raises CourseError if it is none.
        """
        with shown_errors(self.message, "this file cannot be used"):
            frames, cut = read_upload(files, name if self.pictures.films else "", lasts)
        self.message.value = LEFT_OUT if cut else ""
        self.pictures.value = None  # so that any can be chosen again
        self.value = frames if len(frames) > 1 else frames[0][0]
