"""Paint and translate: a canvas of a network's few colours, whose picture follows the painting."""

from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from course_lib.data import opened_for, spread
from course_lib.data.images import in_palette, to_image, to_tensor
from course_lib.data.one_photo import OnePhoto
from course_lib.errors import CourseError, ensure
from course_lib.runs import image_translator, traits
from course_lib.widgets.draw import Canvas
from course_lib.widgets.show import data_url, read_upload

STARTS = 7  # of val, beside the photograph itself


def palette_of(settings: dict) -> list[tuple[int, int, int]]:
    """The colours, red, green and blue, from which a run with these ``settings`` paints; of most
    runs none."""
    return [*traits.of_run(settings, settings["direction"]).palette]


def starts(method: Any, settings: dict) -> dict[str, Image.Image]:
    """Paintings to start from, by name: the flattened photograph, if it is one, and some of val.

    If the data are no more where they were, a sheet of the lightest colour.
    """
    palette, size = palette_of(settings), method.config.image_size
    try:
        data = opened_for(method, settings["data"], "val", settings["direction"])
    except CourseError:
        return {"a blank sheet": Image.new("RGB", (size, size), palette[-1])}
    named = {"the photograph itself": data.x} if isinstance(data, OnePhoto) else {}
    named |= {
        data.names[i].replace("_", " "): data[i]["x"] for i in spread(data.presentable, STARTS)
    }
    # a file that was changed since the training has other colours
    flat = in_palette(torch.stack([*named.values()]), palette)
    return dict(zip(named, map(to_image, flat), strict=True))


class paint(Canvas):
    """A canvas in the few colours of a network, and beside it what it makes of the painting.

    ``method`` and ``settings`` are those of a run that learned from flat colours, as
    ``runs.open_run`` gives them. Its pixels are the network's own, and each has one of the colours:
    what is saved is what ``course translate`` takes, and gives the same picture. A pen, a fill of
    the connected area, undo, and paintings to start from, see :func:`starts`; an uploaded picture
    is cut to a square and flattened. All of it goes by keys, too. Raises CourseError for a run that
    learned from other pictures.
    """

    def __init__(self, method: Any, settings: dict):
        self.colours, self.side = palette_of(settings), method.config.image_size
        ensure(
            self.colours,
            "this run has not learned from flat colours",
            settings["data"],
            "give one that was trained with --data PHOTO.jpg, or draw with draw.draw",
        )
        self.translated = image_translator(method, settings, squared=True)
        paintings = starts(method, settings)
        palette = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in self.colours]
        super().__init__(
            models=[{"name": "", "codes": False, "pen": 16, "palette": palette, "side": self.side}],
            outlines=[{"name": name, "image": data_url(one)} for name, one in paintings.items()],
            first=data_url(self.translated(next(iter(paintings.values()))), 90),
        )

    def picture(self, content: dict, sent: Any) -> Image.Image:
        """Of a painting, the numbers of the colours, what the network makes of it; of a file the
        painting."""
        if content["kind"] == "file":
            (((image, _),), _) = read_upload([bytes(sent)])
            x = to_tensor(ImageOps.fit(image, (self.side, self.side)), self.side)
            return to_image(in_palette(x[None], self.colours)[0])
        numbers = np.frombuffer(sent, np.uint8).reshape(content["side"], content["side"])
        return self.translated(Image.fromarray(np.uint8(self.colours)[numbers]))
