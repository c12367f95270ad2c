"""What a run's data look like, as far as that decides how it translates a picture.

It is found when the training begins and kept in run.json: folders are moved, and change.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.data import DATA_SETS, TwoDomains, paintings, spread
from course_lib.data.images import Colour, find_images, grey
from course_lib.methods.base import Method

LOOKED_AT = 64  # items of a data set, evenly spread
COLOURLESS = 0.01  # mean spread of the channels of an image in [-1, 1]: a JPEG file may add so much
ALIKE = 0.04  # mean difference of two images in grey, for which the same goes


class Traits(NamedTuple):
    """How pictures are translated."""

    beside: bool  # an A|B image is cut in two, and its half is the input
    colouring: bool  # the input is seen in grey, and its luminance is kept
    grey: bool  # the output has no colours
    share: float = 1.0  # ``TwoDomains.share`` of the training
    palette: Sequence[Colour] = ()  # the input is brought to these colours, if there are any


def of_data(dataset: TwoDomains) -> dict[str, Any]:
    """For run.json: whether x and y are ``beside`` each other in a file, which of the two are
    ``grey``, whether one is the other without its colours (``same_luminance``), and its
    ``share`` and ``palette``.
    """
    in_grey, alike = ["x", "y"], dataset.paired
    for i in spread(range(len(dataset)), LOOKED_AT):
        item = dataset[i]
        # those with next to no colours
        in_grey = [s for s in in_grey if (item[s].amax(0) - item[s].amin(0)).mean() < COLOURLESS]
        if not in_grey:
            break
        x, y = (grey(item[side][None]) for side in "xy")
        alike = alike and bool((x - y).abs().mean() < ALIKE)
    look = {"beside": dataset.beside, "grey": in_grey, "share": dataset.share}
    look |= {"palette": [*dataset.palette]} if dataset.palette else {}
    return look | {"same_luminance": alike and bool(in_grey)}


def fingerprint(data: str) -> str:
    """Of a folder without splits, wherever it is moved, "" of all else: how many images it has,
    and the first ones. So a few of them, put aside for a test, are another folder.
    """
    sides = [side for side in (Path(data, "A"), Path(data)) if side.is_dir()]
    paths = [path for side in sides[:1] for path in find_images(side)]
    told = b"".join(os.fsencode(path.name) + path.read_bytes() for path in paths[:8])
    told += str(len(paths)).encode() * bool(paths)
    return hashlib.sha256(told).hexdigest() if told else ""


def of_run(settings: dict, direction: str) -> Traits:
    """By its run.json, for a translation in this ``direction``."""
    look = settings["look"]
    ways = "xy" if direction == settings["direction"] else "yx"  # as the training called them
    from_grey, to_grey = (side in look["grey"] for side in ways)
    colouring = look["same_luminance"] and from_grey and not to_grey
    palette = [tuple(colour) for colour in look.get("palette", ())] if direction == "xy" else ()
    return Traits(look["beside"], colouring, to_grey, look.get("share", 1.0), palette)


def takes_photographs(method: Method, settings: dict) -> bool:
    """Whether x may be any photograph: to be coloured, to be painted, or as in your own images.

    Of A|B files x is taken for a map or a drawing, as it mostly is.
    """
    data, direction, look = (settings[key] for key in ("data", "direction", "look"))
    painting = data in paintings.TASKS and direction == "xy"
    drawn = method.maps or look["beside"] or "x" in look["grey"] or "palette" in look
    own = data not in DATA_SETS and not drawn
    return painting or own or of_run(settings, direction).colouring
