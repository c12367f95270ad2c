"""One photograph as a data set: ``open_dataset("red-panda.webp", "train", 128)``.

The picture and its flattened colours, under the same random smooth warps, are the pairs, and a
network learns to make the photograph from flat colours: the idea of DeepSIM (Vinker, Horwitz,
Zabari, Hoshen: "Image Shape Manipulation from a Single Augmented Training Sample", ICCV 2021).
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from course_lib.data.base import TwoDomains, item_generator
from course_lib.data.images import (
    flattened,
    note_frames,
    palette_of,
    printable,
    read_image,
    rgb,
    to_tensor,
    window_of,
)
from course_lib.errors import ensure, note_once

COLOURS = 8  # of the flattened picture
FAINT = 16  # of 255: colours that lie closer together are one
SMALLEST = 64  # px of the shorter side: below, there is nothing to learn from
ITEMS = {"train": 256, "val": 8, "test": 16}  # warps of the photograph, in training of an epoch
# How strongly a part is warped: standard deviation of the shifts of a grid of 4 x 4 points and, at
# most, the turn in radians and the zoom. Held-out warps are stronger
WARPS = {"train": (0.06, 0.15, 0.15), "val": (0.08, 0.2, 0.2), "test": (0.08, 0.2, 0.2)}
SEEDS = {"train": 1, "val": 2, "test": 3}


def read(path: str | Path) -> Image.Image:
    """The photograph in a file, RGB on white; what is lost of it is said.

    Raises CourseError for a file that is no image.
    """
    photo = read_image(path, keep_alpha=True)
    note_frames([Path(path)])
    if photo.mode == "RGBA":
        note_once(f"{printable(path)} is transparent in places: white stands there")
    return rgb(photo)


class OnePhoto(TwoDomains):
    """``PHOTO.jpg`` or ``photo:NAME``, paired: x is the photograph's middle square in flattened
    colours, y the square; ``name``.

    Both are (3, size, size) in [-1, 1], and warped alike: a coarse grid of random shifts, a turn, a
    zoom; beyond its border the picture is mirrored. In training each warp is drawn anew per (seed,
    epoch, index), see ``set_epoch``; those of val and test are others, stronger, and never change.
    ``palette`` are the flat colours, dark to light; ``licence`` is a clause for the card. Raises
    CourseError for a photograph of less than 64 px in width or height, and for one of one colour.
    """

    jitter = "none"

    def __init__(
        self,
        photo: Image.Image,
        title: str | Path,
        split: str,
        size: int = 256,
        seed: int = 0,
        licence: str = "that of the photograph",
    ):
        where, name = printable(title), Path(title).name.removeprefix("photo:")
        ensure(
            min(photo.size) >= SMALLEST,
            f"this photograph is only {photo.width} x {photo.height} px",
            where,
            f"give one of at least {SMALLEST} px on each side, or a folder of images",
        )
        square = ImageOps.fit(photo, (size, size), Image.Resampling.LANCZOS)
        # the nearest pixels, since mixed ones would add colours to a picture of few
        small = ImageOps.fit(photo, (size, size), Image.Resampling.NEAREST)
        self.palette = palette_of(small, COLOURS, window_of(size))
        ensure(
            max(max(values) - min(values) for values in zip(*self.palette, strict=True)) >= FAINT,
            "this picture is of one colour",
            where,
            "give a photograph of something",
        )
        if len(self.palette) < COLOURS:
            note_once(
                f"{where} has only {len(self.palette)} colours where {COLOURS} are looked for: a"
                " photograph has more to learn from"
            )
        self.size, self.split, self.seed = size, split, seed
        flat = flattened(square, self.palette, window_of(size))
        self.x, self.y = to_tensor(flat, size), to_tensor(square, size)
        self.names = [f"{name} {split} {i + 1}" for i in range(ITEMS[split])]
        self.card = (
            f"One photograph, {name}, and the same in {len(self.palette)} flat colours,"
            f" both under the same smooth random warps: {ITEMS['train']} an epoch for training,"
            f" drawn anew in each, and {ITEMS['val']} stronger ones for val, {ITEMS['test']} for"
            " test. Scores tell of other shapes of this one picture, not of other pictures. The"
            f" licence is {licence}."
        )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> dict:
        name, grid = self.names[i], self.warp(i)
        how = {"padding_mode": "reflection", "align_corners": False}
        # flat colours are copied, never mixed
        x = F.grid_sample(self.x[None], grid, mode="nearest", **how)[0]
        y = F.grid_sample(self.y[None], grid, mode="bicubic", **how)[0].clamp(-1, 1)
        return {"x": x, "y": y, "name": name}

    def warp(self, i: int) -> Float[Tensor, "1 size size 2"]:
        """Where each pixel of item ``i`` is taken from: -1 and 1 are the borders."""
        epoch = self.epoch if self.split == "train" else 0
        seed = self.seed if self.split == "train" else 0
        draws = item_generator(seed, epoch, i, SEEDS[self.split])
        shift, turn, zoom = WARPS[self.split]
        # a side is 2 long here
        shifts = 2 * shift * torch.randn(1, 2, 4, 4, generator=draws)
        shifts = F.interpolate(shifts, (self.size, self.size), mode="bicubic", align_corners=True)
        angle, scale = 2 * torch.rand(2, generator=draws) - 1
        angle, scale = turn * angle, 1 + zoom * scale
        across = (2 * torch.arange(self.size) + 1) / self.size - 1
        down = across[:, None]
        grid = torch.stack(
            [
                scale * (across * angle.cos() - down * angle.sin()),
                scale * (across * angle.sin() + down * angle.cos()),
            ],
            dim=-1,
        )
        return grid[None] + shifts.permute(0, 2, 3, 1)
