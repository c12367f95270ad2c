"""Synchronised augmentation: what happens to x happens to y (and to labels) of a pair."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from course_lib.data.base import TwoDomains, View

IMAGE_KEYS, MAP_KEYS = (
    ("x", "y"),
    ("labels", "instances"),
)  # of a map the values are names, never mixed


def item_generator(*key: int) -> torch.Generator:
    """A generator for one (seed, epoch, index): random, yet the same after a resume and in every worker process."""
    mixed = 0
    for part in key:
        mixed = (mixed * 1_000_003 + part + 1) % (2**61 - 1)
    return torch.Generator().manual_seed(mixed)


def partner(count: int, *key: int) -> int:
    """Which of ``count`` images of the other domain goes with the item of this (seed, epoch, index), at random."""
    generator = item_generator(
        *key, 1
    )  # the 1 keeps this draw apart from that of Augment, whose key is the same
    return int(torch.randint(count, (), generator=generator))


def enlarged(size: int) -> int:
    """The side from which "resize" cuts out images of ``size`` px: 286 for 256, as in the paper."""
    return round(size * 286 / 256)


def jitter(
    images: Tensor,
    kind: str,
    flip: bool,
    draws: Tensor,
    nearest: bool = False,
    size: int | None = None,
) -> Tensor:
    """A random change of each of (n, c, h, h) images: ``kind``, then mirrored with probability 1/2 if ``flip``.

    ``"resize"``: ``size`` x ``size`` is cut out at random of images of ``enlarged(size)`` (the paper's); others are
    brought to that side first, which costs sharpness: load them larger. ``"affine"``: turn by up to 5 degrees, scale by
    up to 10 %, shift by up to 6 % of the side: variety for small sets; beyond larger images the border is repeated.
    ``"none"``: neither. ``size`` is that of the images by default. ``draws``, (n, 5) in [0, 1), decide: equal rows give
    equal changes. ``nearest`` copies pixels and never mixes them.
    """
    size = size or images.shape[-1]
    if kind == "resize":
        large = enlarged(size)
        if images.shape[-1] != large:
            how = {"mode": "nearest"} if nearest else {"mode": "bilinear", "align_corners": False}
            images = F.interpolate(images, (large, large), **how)
        corners = (draws[:, :2] * (large - size + 1)).long().tolist()
        pairs = zip(images, corners, strict=True)
        images = torch.stack(
            [image[:, top : top + size, left : left + size] for image, (top, left) in pairs]
        )
    elif kind == "affine":
        angle, scale, shift = (
            (10 * draws[:, 2] - 5) * (math.pi / 180),
            0.9 + 0.2 * draws[:, 3],
            0.24 * draws - 0.12,
        )
        if images.shape[-1] == enlarged(size):  # loaded larger, to be cut
            scale, shift = scale * (size / images.shape[-1]), shift * (size / images.shape[-1])
        cos, sin, right, down = (
            of[:, None, None] for of in (scale * angle.cos(), scale * angle.sin(), *shift.T[:2])
        )
        x = (
            2 * torch.arange(size) + 1
        ) / size - 1  # the middles of the pixels: the border is at -1 and 1
        y = x[:, None]
        grid = torch.stack(
            [(cos * x + right) - sin * y, sin * x + (cos * y + down)], dim=-1
        )  # where each comes from
        mode = "nearest" if nearest else "bicubic"
        images = F.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=False)
        images = images if nearest else images.clamp_(-1, 1)
    else:
        images = images.clone()
    if flip and (mirrored := draws[:, 4] < 0.5).any():
        images[mirrored] = images[mirrored].flip(-1)
    return images


class Augment(View):
    """The training view of a dataset: jitter (see :func:`jitter`) and random mirroring (pix2pix, appendix).

    A paired item gets one change for all its images, labels and instances; in an unpaired one x changes on its own. A
    dataset in which one image is computed from the rest names it (``redrawn``) and computes it again
    (``redraw(batch)``): lines and colours stay crisp. Nothing is cached: ``set_epoch(e)`` changes every item, and
    (seed, epoch, index) determines it. Batches are changed at once (``__getitems__``). With a ``size``, in px, "resize"
    asks the data set for larger images (``at``) and cuts that size out of them: they stay as sharp as they are. So does
    "affine" where images are cut out of larger ones anyway.
    """

    def __init__(
        self,
        dataset: Dataset,
        seed: int = 0,
        kind: str = "resize",
        flip: bool = True,
        size: int | None = None,
    ):
        super().__init__(dataset)
        self.seed, self.kind, self.flip, self.size = seed, kind, flip, size
        if (
            size
            and (kind == "resize" or (kind == "affine" and self.cropped))
            and isinstance(dataset, TwoDomains)
        ):
            self.dataset = dataset.at(enlarged(size))

    def __getitem__(self, index: int) -> dict:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict]:
        items, batch = self._changed(indices)
        return [
            item | {key: images[i] for key, images in batch.items()} for i, item in enumerate(items)
        ]

    def batch(self, indices: list[int]) -> dict:
        """The items, collated: images are stacked once, not taken apart and stacked again."""
        items, batch = self._changed(indices)
        return {
            key: batch[key] if key in batch else default_collate([item[key] for item in items])
            for key in items[0]
        }

    def _changed(self, indices: list[int]) -> tuple[list[dict], dict[str, Tensor]]:
        """The items as they are, and stacked what changes in them."""
        items = [self.dataset[index] for index in indices]
        if self.kind == "none" and not self.flip:
            return items, {}
        generators = [item_generator(self.seed, self.epoch, index) for index in indices]
        draws, others = (
            torch.stack([torch.rand(5, generator=g) for g in generators]) for _ in range(2)
        )
        keys = [key for key in IMAGE_KEYS + MAP_KEYS if key in items[0] and key != self.redrawn]
        stacked = {key: torch.stack([item[key] for item in items]) for key in keys}
        images, maps = (
            {key: stacked[key] for key in keys if key in stacked} for keys in (IMAGE_KEYS, MAP_KEYS)
        )
        if self.paired:
            batch = _together(images, self.kind, self.flip, draws, False, self.size)
        else:  # x and y of one size, each with draws of its own
            both = torch.cat([images["x"], images["y"]])
            both = jitter(both, self.kind, self.flip, torch.cat([others, draws]), size=self.size)
            batch = dict(zip("xy", both.chunk(2), strict=True))
        if maps:
            batch |= _together(maps, self.kind, self.flip, draws, True, self.size)
        return items, self.dataset.redraw(batch) if self.redrawn else batch


def _together(
    found: dict[str, Tensor], kind: str, flip: bool, draws: Tensor, nearest: bool, size: int | None
) -> dict[str, Tensor]:
    """The same jitter for (n, c, S, S) images, or for (n, S, S) maps."""
    stacked = [images.unsqueeze(1).float() if nearest else images for images in found.values()]
    changed = jitter(torch.cat(stacked, dim=1), kind, flip, draws, nearest, size)
    changed = changed.split([s.shape[1] for s in stacked], dim=1)
    pairs = zip(found.items(), changed, strict=True)
    return {key: new.squeeze(1).to(old.dtype) if nearest else new for (key, old), new in pairs}
