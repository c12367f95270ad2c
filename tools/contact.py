"""Contact sheets: the same items of a data set at several sizes, side by side.

python tools/contact.py FOLDER     the sheets of notebooks/guide/data.md
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from course_lib.data import open_dataset
from course_lib.plotting.figures import image_grid

SIZES = (64, 128, 256)
SHEETS = {  # file: data set, test items, sizes
    "emoji_edges": ("emoji:edges", ("fox_face", "carrot", "astonished"), SIZES),
    "emoji_colour": ("emoji:colour", ("butterfly", "pie", "turtle"), SIZES),
    "emoji_fill": ("emoji:fill", ("partying_face", "elephant", "ice_cream"), SIZES),
    "emoji_twemoji-fluent": ("emoji:twemoji-fluent", ("octopus", "corn", "nauseated_face"), SIZES),
    "emoji_noto-fluent": (
        "emoji:noto-fluent",
        ("unicorn_face", "melon", "face_with_monocle"),
        SIZES,
    ),
    "facades": ("facades", (33, 100, 166), SIZES),
    "facades_touching": ("facades:touching", (3, 22, 88), SIZES),
    "facades_day-night": ("facades:day-night", (57, 120, 177), SIZES),
    "facades_plaster-brick": ("facades:plaster-brick", (41, 101, 12), SIZES),
    "photos_colour": ("photos:colour", ("great_wall 1", "red_panda 1", "bison 1"), SIZES),
    "photos_sharp": ("photos:sharp", ("horses 1", "kingfisher 1", "dandelions 1"), SIZES),
    "photos_fill": ("photos:fill", ("great_wall 1", "bison 1", "horses 1"), SIZES),
    "earth": ("earth:relief-aerial", (92, 18, 148), (64, 128)),
    "earth_large": ("earth:relief-aerial", (56, 11, 95), (256,)),
}


def contact_sheet(
    name: str, items: Sequence[int | str], sizes: Sequence[int] = SIZES, split: str = "test"
) -> Figure:
    """x and y of ``items``, by number or name, at each of ``sizes`` px; a row for each size.

    All are shown as large as the largest: each pixel becomes a square. Raises CourseError as
    ``open_dataset`` does.
    """
    rows, captions = {}, []
    for size in sizes:
        data = open_dataset(name, split, size)
        chosen = [data[data.names.index(item) if isinstance(item, str) else item] for item in items]
        images = torch.stack([item[key] for item in chosen for key in "xy"])
        rows[f"{size} px"] = F.interpolate(images, (max(sizes),) * 2, mode="nearest")
        captions = [f"{item['name']}: {key}".replace("_", " ") for item in chosen for key in "xy"]
    return image_grid(rows, captions, scale=2 * len(items) * (max(sizes) + 2) / 1100)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for stem, sheet in SHEETS.items():
        file = folder / f"{stem}.webp"
        contact_sheet(*sheet).savefig(file, pil_kwargs={"quality": 86, "method": 6})
        print(file, file.stat().st_size)
