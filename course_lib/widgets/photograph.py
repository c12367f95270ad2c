"""A photograph in the colours that a network guesses, beside the truth; in its own size."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as w
import torch
from PIL import Image, ImageOps

from course_lib.data.images import grey, scaled, to_tensor, with_luminance
from course_lib.runs.looks import is_grey
from course_lib.runs.sizes import framer
from course_lib.widgets.show import Chooser, below, data_url, image_tag

LARGEST = 2048  # longer side of what is coloured, in pixels: a browser has to show it, too
SHOWN = 800  # ... of what is shown
SMALL = 128  # side of the pictures to choose from
# three in a row, or one below the other on a narrow screen
FIGURE = '<figure style="display: inline-block; width: max(32%, min(100%, 18rem)); margin: 0 4px">'


def coloured(method: Any, photo: Image.Image) -> Image.Image:
    """An RGB photograph of any size in the colours that ``method`` guesses from it in grey.

    It keeps its size and its luminance, as with ``runs.translate_files``. ``method`` has learned to
    colour: ``photos:colour``, or grey images and the same in colour.
    """

    def paint(x: torch.Tensor) -> torch.Tensor:
        return method.translate(x)["fake_y"]

    frame = framer(method, paint, None, False)(photo.size)
    x = frame.pad(to_tensor(photo, frame.inner)).to(method.device)
    return with_luminance(frame.crop(paint(grey(x))[0].cpu()), photo)


def draw_photograph(photo: Image.Image, guess: Image.Image) -> dict[str, Image.Image]:
    """By caption: in grey, as coloured, and in truth unless that is grey as well; reduced."""
    shown = {"in grey": photo.convert("L"), "the network's guess": guess, "in truth": photo}
    if is_grey(to_tensor(photo, SMALL)):
        del shown["in truth"]
    size = scaled(photo.size, min(1, SHOWN / max(photo.size)))
    return {caption: image.resize(size) for caption, image in shown.items()}


def colourer(method: Any, photos: Mapping[str, Image.Image]) -> w.VBox:
    """A choice of ``photos``, by their names, or one of your own, the two pictures, and a link.

    The link saves what the network made of it, with at most 2,048 px on its longer side. An error
    appears above the picture and is raised again.
    """
    images = [*photos.values()]
    small = [to_tensor(ImageOps.fit(image, (SMALL, SMALL)), SMALL) for image in images]
    chosen = Chooser(torch.stack(small), list(photos), own="Your photograph")

    def draw() -> tuple[str, str]:
        photo = images[chosen.value] if isinstance(chosen.value, int) else chosen.value
        photo = photo.resize(scaled(photo.size, min(1, LARGEST / max(photo.size))))
        guess = coloured(method, photo)
        link = f'<a download="coloured.png" href="{data_url(guess)}">Save as PNG</a>'
        shown = [
            f"{FIGURE}{image_tag(image, f'the photograph {caption}')}<br>{caption}</figure>"
            for caption, image in draw_photograph(photo, guess).items()
        ]
        return "".join(shown), link

    return below([chosen], draw)
