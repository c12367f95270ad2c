"""One photograph through several networks: in guessed colours, as a painter might have seen it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import torch
import traitlets
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from course_lib.data import films
from course_lib.data.images import scaled, to_file, to_png, to_tensor
from course_lib.plotting.figures import image_grid
from course_lib.runs import image_translator
from course_lib.widgets.show import LARGEST, Chooser, shown_errors

TRUE = "the photograph"
SMALL = 64  # side of the pictures to choose from
COLUMNS = "repeat(auto-fit, minmax(min(100%, max(45%, 16rem)), 1fr))"  # two, or one on a phone
ON_PAPER = (320, 240)  # width and height in the static figure

Networks = Mapping[str, tuple[Any, dict]]  # by caption: method and settings, as of runs.open_run


def static(networks: Networks, photos: Mapping[str, Image.Image]) -> Figure:
    """What the widget shows, on paper: a row for each photograph, cut to 4:3."""
    painters, rows = [image_translator(*run) for run in networks.values()], {}
    for name, photo in photos.items():
        cut = ImageOps.fit(photo, [2 * side for side in ON_PAPER])
        pictures = [cut, *(paint(cut) for paint in painters)]
        rows[name.replace("_", " ")] = torch.stack(
            [to_tensor(picture, ON_PAPER) for picture in pictures]
        )
    return image_grid(rows, [TRUE, *networks], scale=0.7)  # a page holds many more


class Picture(anywidget.AnyWidget):
    """The bytes of an image file, its ``caption``, and unless it is "" the ``file`` of a link."""

    _esm = Path(__file__).with_name("photograph.js")
    _css = Path(__file__).with_name("photograph.css")
    picture = traitlets.Bytes().tag(sync=True)
    caption, file = traitlets.Unicode().tag(sync=True), traitlets.Unicode().tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)  # another picture is being made
    seen = traitlets.Bool(False).tag(sync=True)  # a page shows it


def moving(frames: list[tuple[Image.Image, float]]) -> bytes:
    """The file of a film, of pictures and milliseconds, or of the still that is its only frame."""
    first, shown = frames[0][0], zip(*frames, strict=True)
    return (
        films.to_film(Path("a.webp"), *shown, first.size) if frames[1:] else to_png(first, level=1)
    )


class ways(w.VBox):
    """A photograph, and what each of ``networks`` makes of it, with a link that saves it as PNG.

    It is one of ``photos``, by their names, or your own: a file, chosen or dropped, or a still of
    the camera, reduced to 2,048 px on its longer side. A short film, of a file or the camera,
    becomes films of its size and speed, in WebP: see ``show.Chooser``. ``networks`` are runs as
    ``runs.open_run`` gives them, by what is written below their pictures. They see the photograph
    as ``runs.translate_files`` shows it to them, in grey if they have learned to colour. The first
    pictures are made when a page shows the widget. An error appears above the pictures, which stay,
    and is raised again.
    """

    def __init__(self, networks: Networks, photos: Mapping[str, Image.Image]):
        self.painters = [image_translator(*run) for run in networks.values()]
        self.photos = [
            photo.resize(scaled(photo.size, min(1, LARGEST / max(photo.size))))
            for photo in photos.values()
        ]
        small = [to_tensor(ImageOps.fit(photo, (SMALL, SMALL)), SMALL) for photo in self.photos]
        self.chosen = Chooser(
            torch.stack(small),
            list(photos),
            own="Your photograph or film",
            camera="Take one with the camera",
            films=True,
        )
        files = [re.sub(r"\W+", "-", caption).strip("-") + ".png" for caption in networks]
        self.true, *self.ways = (
            Picture(caption=caption, file=file)
            for caption, file in zip([TRUE, *networks], ["", *files], strict=True)
        )
        self.message = w.HTML()
        shown = w.GridBox([self.true, *self.ways], layout=w.Layout(grid_template_columns=COLUMNS))
        super().__init__([self.chosen, self.message, shown])
        self.add_class("course-drop")
        self.chosen.observe(self.show, "value")
        self.true.observe(self.show, "seen")

    def __repr__(self) -> str:  # all that a page without widgets shows
        return (
            "A photograph of yours, while the notebook runs; elsewhere the pictures stand for it."
        )

    def show(self, _: Any = None) -> None:
        """Each picture appears when it is made. If one fails, the old ones stay; it is raised."""
        pictures = [self.true, *self.ways]
        before = [(one.picture, one.file) for one in pictures]
        with shown_errors(self.message):
            try:
                value = self.chosen.value
                photo = self.photos[value] if isinstance(value, int) else value
                frames = photo if (is_film := isinstance(photo, list)) else [(photo, 0)]
                # of a photograph, PNG would take ten times as long
                self.true.picture = moving(frames) if is_film else to_file(photo, Path("a.jpg"))
                for one in self.ways:
                    one.busy = True
                for one, paint in zip(self.ways, self.painters, strict=True):
                    made = []
                    for number, (frame, shown) in enumerate(frames, 1):
                        self.message.value = is_film * f"{one.caption}: {number} of {len(frames)}"
                        made.append((paint(frame), shown))
                    file = Path(one.file).with_suffix(".webp" if is_film else ".png")
                    one.file, one.picture, one.busy = file.name, moving(made), False
                self.message.value = ""
            except BaseException:  # an interrupt, too
                for one, (picture, file) in zip(pictures, before, strict=True):
                    one.file, one.picture, one.busy = file, picture, False  # a page asks in turn
                raise
