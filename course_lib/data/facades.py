"""Façades: generated houses whose truth is known: labels, instances, style.

One layout can be photographed in many styles, and the style does not depend on the layout, which is
what BicycleGAN must learn.
"""

from collections.abc import Iterable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data.base import TwoDomains
from course_lib.data.folders import CACHE_BYTES
from course_lib.houses.layout import PALETTE, Draw, layout
from course_lib.houses.render import Style, render

HOUSES = {"train": 6000, "val": 200, "test": 200}
TASKS = {  # what is fixed of the styles in the domains x and y; None: x shows the label map
    "facades": (None, {}),
    "facades:touching": (None, {}),
    "facades:unpaired": (None, {}),
    "facades:day-night": ({"time": 0.15}, {"time": 1.0}),
    "facades:day-night:paired": ({"time": 0.15}, {"time": 1.0}),
    "facades:plaster-brick": ({"brick": False}, {"brick": True}),
}
PAIRED = ("facades", "facades:touching", "facades:day-night:paired")  # in training, too
SHOWN = {
    "facades": "label map and photograph",
    "facades:touching": "label map and photograph, the windows of the upper floors side by side",
    "facades:unpaired": "label maps and photographs, in training each of half of the houses",
    "facades:day-night": "by day and at night, in training each half of the houses",
    "facades:day-night:paired": "each house by day and at night, in training 3,000",
    "facades:plaster-brick": "smooth walls and brick, in training each half of the houses",
}
CARD = """Generated toy houses: label maps of the 12 classes of CMP Facades, instance ids, and
photographs in a style of seven named factors, drawn without regard to the layout. 6,000 houses for
training, 200 val, 200 test, all different; the same picture for the same index on every machine. No
licence needed: the program that draws them is part of the course."""


COLOURS = torch.tensor(PALETTE) / 127.5 - 1  # of the classes, (12, 3) in [-1, 1]


def colour_labels(labels: Tensor) -> Float[Tensor, "*batch 3 h w"]:
    """Label maps (..., h, w) as images in the colours of PALETTE, in [-1, 1]."""
    return COLOURS[labels.long()].movedim(-1, -3).contiguous()


def label_map(images: Float[Tensor, "*batch 3 h w"]) -> Tensor:
    """The class of the nearest colour of PALETTE for each pixel, int64: the inverse of paint."""
    # The differences are (..., 12, 3, h, w).
    return (images.unsqueeze(-4) - COLOURS[:, :, None, None]).square().sum(-3).argmin(-3)


class Facades(TwoDomains):
    """Items of one of TASKS: x, y (3, size, size) in [-1, 1]; those of y: ``labels``, ``instances``
    (size, size) uint8 and ``style`` (7,), see ``Style.NAMES``; ``name``.

    In the tasks of PAIRED x and y show the same house. In the others the training houses of x and y
    are disjoint, and partners are drawn per (seed, epoch, index); ``val`` and ``test`` show the
    same house. In ``facades:touching`` the windows of the upper floors stand side by side: only
    ``instances`` tells them apart. ``count`` overrides the number of houses in HOUSES. Above 64 px
    more is drawn than at 64 px: see houses/details.py. Rendered pictures are kept in memory, for
    all data sets of this process. There are enough houses to do without augmentation; mirroring
    would turn the light around behind the back of ``style``.
    """

    jitter, mirrors, eyes = "none", False, "features"
    kept: ClassVar[dict[tuple, tuple[Tensor, Tensor, Tensor]]] = {}
    kept_bytes: ClassVar[int] = 0

    def __init__(
        self,
        split: str,
        size: int = 64,
        task: str = "facades",
        seed: int = 0,
        count: int | None = None,
    ):
        self.split, self.size, self.seed = split, size, seed
        self.fixed_x, self.fixed_y = TASKS[task]
        self.touching = task == "facades:touching"
        self.card = f"{CARD} Here: {SHOWN[task]}."
        self.paired = task in PAIRED or split != "train"
        self.houses = HOUSES[split] if count is None else count
        if task == "facades:day-night:paired" and split == "train" and count is None:
            self.houses //= 2  # as many photographs as without pairs: 3,000 by day, 3,000 at night
        if self.fixed_x is None and self.paired:  # the labels are those of x
            self.redrawn = "x"

    def __len__(self) -> int:
        return self.houses if self.paired else self.houses // 2

    def style(self, house: int, **fixed: float) -> Style:
        """The style in which ``house`` is photographed, with the factors in ``fixed`` set."""
        return Style.draw(Draw("style", self.split, house), **fixed)

    def photograph(
        self, house: int, style: Style, grain: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(photo (3, s, s), labels (s, s), instances (s, s)), uint8, of one house in any style."""
        grain = int(Draw("grain", self.split, house).random() * 2**31) if grain is None else grain
        boxes = layout(self.split, house, touching=self.touching)
        photo, labels, instances = render(boxes, style, self.size, grain)
        photo = torch.from_numpy(photo.transpose(2, 0, 1).copy())
        return photo, torch.from_numpy(labels), torch.from_numpy(instances)

    def styles(self, house: int, count: int) -> Float[Tensor, "count 3 s s"]:
        """``count`` true photographs of one house in fresh styles, in [-1, 1]: draws of p(y|x)."""
        draws = [Draw("styles", self.split, house, k) for k in range(count)]
        shots = [_fresh(draw, **self.fixed_y) for draw in draws]
        photos = [self.photograph(house, *shot)[0] for shot in shots]
        return torch.stack(photos).float() / 127.5 - 1

    def _look(self, house: int, fixed: dict) -> tuple[Tensor, Tensor, Tensor]:
        key = (self.split, self.size, house, self.touching, *fixed.items())
        if key in self.kept:
            return self.kept[key]
        picture = self.photograph(house, self.style(house, **fixed))
        if Facades.kept_bytes < CACHE_BYTES:
            self.kept[key] = picture
            Facades.kept_bytes += 5 * self.size**2
        return picture

    def __getitem__(self, i: int) -> dict:
        x_house = y_house = i = range(len(self))[i]  # or IndexError, where a loop over items ends
        if not self.paired:  # even houses for x, odd ones for y
            x_house, y_house = 2 * i, 2 * self.partner(i, len(self)) + 1
        photo, labels, instances = self._look(y_house, self.fixed_y)
        first = self._look(x_house, self.fixed_x or {})
        x = colour_labels(first[1]) if self.fixed_x is None else first[0] / 127.5 - 1
        return {
            "x": x,
            "y": photo / 127.5 - 1,
            "labels": labels,
            "instances": instances,
            "style": torch.tensor(self.style(y_house, **self.fixed_y).vector()),
            "name": f"{self.split} house {x_house}",
        }

    def redraw(self, batch: dict) -> dict:
        """``batch`` with the label image x painted from its (augmented) labels."""
        return batch | {"x": colour_labels(batch["labels"])}


def _fresh(draw: Draw, **fixed: float) -> tuple[Style, int]:
    """A random style, and the grain of its photograph."""
    return Style.draw(draw, **fixed), int(draw.random() * 2**31)


def photographs(
    split: str, size: int, houses: Iterable[int], key: str | None = None, walls: int = 0
) -> tuple[Float[Tensor, "n 3 size size"], Tensor, Float[Tensor, "n 7"]]:
    """(photos in [-1, 1], labels (n, size, size) uint8, styles) of ``houses`` as in ``facades``.

    With a ``key`` they are in fresh random styles of the same distribution, drawn by it. With
    ``walls``, too, each house is photographed so often, in the first so many colours of wall; n is
    houses x walls.
    """
    data = Facades(split, size)
    if key is None:
        shots = [(house, data.style(house), None) for house in houses]
    else:
        fixed = [{"wall": wall} for wall in range(walls)] or [{}]
        shots = [
            (house, *_fresh(Draw(key, split, size, house, k), **of_wall))
            for house in houses
            for k, of_wall in enumerate(fixed)
        ]
    photos, labels, _ = zip(*(data.photograph(*shot) for shot in shots), strict=True)
    styles = torch.tensor([style.vector() for _, style, _ in shots])
    return torch.stack(photos).float() / 127.5 - 1, torch.stack(labels), styles
