"""Datasets by name, ``open_dataset("emoji:edges", "train")``, or your own: a folder of images, or
one photograph."""

import importlib
import os
from difflib import get_close_matches
from itertools import permutations
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from course_lib.data.augment import Augment
from course_lib.data.base import SIZES, TwoDomains, View, spread
from course_lib.data.folders import ALL, SPLITS, ImageFolder
from course_lib.data.images import is_image
from course_lib.errors import CourseError, check_choice, ensure, note_once

__all__ = [
    "DATA_SETS",
    "Augment",
    "Swapped",
    "TwoDomains",
    "View",
    "open_dataset",
    "opened_for",
    "spread",
]

PHOTO = "photo:"  # before the name of a photograph of the course, see photos.entries
PAIRED = ":paired"  # after two styles of emoji: train with the true pairs, the bound for unpaired
DIRECTIONS = ("xy", "yx")
# Classes in modules below this one, and the names that one is called with as its task
TASKS = {
    "facades.Facades": (
        "facades",
        "facades:touching",
        "facades:unpaired",
        "facades:day-night",
        "facades:day-night:paired",
        "facades:plaster-brick",
    ),
    "photos.Photos": (
        "photos:colour",
        "photos:sharp",
        "photos:flat",
        "photos:flat:unpaired",
    ),
    "letters.Letters": ("letters", "letters:many", "letters:a-to-b"),
    "paintings.Paintings": ("photos:van-gogh", "photos:ukiyo-e"),
}
# What needs no folder and no download, by name: its class, and what that is called with beside a
# split, size=... and seed=... A training loads the module of its own data alone
DATA_SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "emoji:edges": ("emoji.EmojiEdges", {}),
    **{name: (cls, {"task": name}) for cls, names in TASKS.items() for name in names},
    **{
        f"emoji:{a}-{b}{end}": ("emoji.EmojiStyles", {"styles": (a, b), "pairs": bool(end)})
        for end in ("", PAIRED)
        for a, b in permutations(("noto", "twemoji", "fluent"), 2)
    },
    "openmoji:lines": ("openmoji.LineDrawings", {}),
    "earth:relief-aerial": ("earth.EarthPairs", {"paired": True}),
    "earth:relief-aerial:unpaired": ("earth.EarthPairs", {"paired": False}),
}


class Swapped(View):
    """``dataset`` with x and y exchanged (``--direction yx``)."""

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self.redrawn = {"x": "y", "y": "x"}.get(self.redrawn)

    def __getitem__(self, index: int) -> dict:
        return _swap(self.dataset[index])

    def redraw(self, batch: dict) -> dict:
        return _swap(self.dataset.redraw(_swap(batch)))


def _swap(item: dict) -> dict:
    return {{"x": "y", "y": "x"}.get(key, key): value for key, value in item.items()}


def open_dataset(
    name: str,
    split: str,
    size: int = 64,
    direction: str = "xy",
    seed: int = 0,
    load: str = "square",
    jitter: str = "resize",
    single: bool = False,
) -> TwoDomains:
    """The ``split`` (train, val, test) of a named data set, a folder or one photograph.

    Items are dicts x, y, name. A photograph is a file, or ``photo:NAME``, one of the course's own:
    see ``one_photo.OnePhoto``.
    Of a folder, ``"all"`` is every image that it has, nothing held out. One with test/ alone opens
    as test; ``folders.own_splits`` tells which parts it has.
    x and y are (3, size, size) in [-1, 1]; named sets have them at 16 to 1024 px.
    ``direction="yx"`` swaps them. ``seed`` draws the partners of unpaired training data, and
    windows: of a folder ``load="crop"`` cuts squares out of images, ``"square"`` squeezes them into
    one. ``jitter`` is the augmentation to come: a folder's files are decoded once for both.
    ``single`` is for methods that learn from y alone: images of a folder that are no pairs A|B are
    taken whole, as x and y. Raises CourseError for a name, split, direction, size or
    folder that does not exist or cannot be used.
    """
    name = os.path.expanduser(name)
    has_scheme = name.startswith(("download:", PHOTO))
    is_folder = not (name in DATA_SETS or has_scheme or os.path.isfile(name))
    check_choice("split", split, (*SPLITS, ALL) if is_folder else SPLITS)
    check_choice("direction", direction, DIRECTIONS)
    check_choice("load", load, ("square", "crop"))
    ensure(
        is_folder
        or name.startswith("download:")
        or (isinstance(size, int) and SIZES[0] <= size <= SIZES[1]),
        f"{name} has no images of {size!r} px",
        "size",
        f"choose {SIZES[0]} to {SIZES[1]}",
    )
    if name in DATA_SETS:
        if load != "square":
            note_once(f"load={load} is for folders: the images of {name} are squares already")
        place, options = DATA_SETS[name]
        module, _, cls = place.partition(".")
        data_set = getattr(importlib.import_module(f"course_lib.data.{module}"), cls)
        dataset = data_set(split, size=size, seed=seed, **options)
    elif name.startswith("download:"):
        from course_lib.data.download import open_download

        dataset = open_download(name.removeprefix("download:"), split, size, seed, load, jitter)
    elif name.startswith(PHOTO):
        from course_lib.data import one_photo, photos

        photo, licence = photos.found(name.removeprefix(PHOTO))
        dataset = one_photo.OnePhoto(photo, name, split, size, seed, licence)
    elif os.path.isfile(name) and is_image(Path(name)):
        from course_lib.data import one_photo

        dataset = one_photo.OnePhoto(one_photo.read(name), name, split, size, seed)
    elif ":" in name and not os.path.exists(name):  # Path.exists raises for what it may not look at
        near = [f"did you mean {other}? else " for other in get_close_matches(name, DATA_SETS, 1)]
        more = "download:NAME, photo:NAME, or give a folder or a photograph"
        fix = f"choose from {', '.join(DATA_SETS)}, {more}"
        raise CourseError(f"unknown data set {name!r}", "--data", "".join(near) + fix)
    else:
        side = "y" if direction == "xy" else "x"
        dataset = ImageFolder(name, split, size, seed, load, jitter, single and side)
    return Swapped(dataset) if direction == "yx" else dataset


def opened_for(method: Any, data: str, split: str, direction: str = "xy") -> TwoDomains:
    """As :func:`open_dataset`, of the images that a trained ``method`` takes."""
    cfg = method.config
    return open_dataset(data, split, cfg.image_size, direction, load=cfg.load, single=method.single)
