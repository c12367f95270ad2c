"""Synchronised augmentation: what happens to x happens to y (and to labels) of a pair."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from course_lib.data.base import TwoDomains, View, item_generator
from course_lib.errors import check_choice

MAP_KEYS = ("labels", "instances")  # of a map the values are names, never mixed


def enlarged(size: int) -> int:
    """The side from which "resize" cuts out images of ``size`` px: 286 for 256, as in the paper."""
    return round(size * 286 / 256)


def loaded_size(size: int, kind: str, cropped: bool) -> int:
    """The side at which images are read of which Augment cuts ``size`` px out."""
    return enlarged(size) if kind == "resize" or (kind == "affine" and cropped) else size


def jitter(
    images: Tensor,
    kind: str,
    flip: bool,
    draws: Tensor,
    nearest: bool = False,
    size: int | None = None,
) -> Tensor:
    """A random change of each of (n, c, h, h) images: ``kind``, then half are mirrored if ``flip``.

    ``"resize"``: ``size`` x ``size`` is cut out at random of images of ``enlarged(size)`` (the
    paper's); others are brought to that side first, which costs sharpness: load them larger.
    ``"affine"``: turn by up to 5 degrees, scale by up to 10 %, shift by up to 6 % of the side:
    variety for small sets; beyond larger images the border is repeated. ``"none"``: neither.
    ``size`` is that of the images by default. ``draws``, (n, 5) in [0, 1), decide: equal rows give
    equal changes. ``nearest`` copies pixels and never mixes them.
    """
    size = size or images.shape[-1]
    if kind == "resize":
        large = enlarged(size)
        if images.shape[-1] != large:
            mode = "nearest" if nearest else "bilinear"
            images = F.interpolate(images, (large, large), mode=mode)
        corners = (draws[:, :2] * (large - size + 1)).long().tolist()
        windows = zip(images, corners, strict=True)
        images = torch.stack(
            [i[:, top : top + size, left : left + size] for i, (top, left) in windows]
        )
    elif kind == "affine":
        draws = draws[:, :, None, None]  # (n, 5, 1, 1)
        angle, scale = (10 * draws[:, 2] - 5) * (math.pi / 180), 0.9 + 0.2 * draws[:, 3]
        right, down = 0.24 * draws[:, 0] - 0.12, 0.24 * draws[:, 1] - 0.12
        if images.shape[-1] == enlarged(size):  # loaded larger, to be cut
            share = size / images.shape[-1]
            scale, right, down = scale * share, right * share, down * share
        cos, sin = scale * angle.cos(), scale * angle.sin()
        x = (2 * torch.arange(size) + 1) / size - 1  # middles of pixels; the border is -1 and 1
        y = x[:, None]
        source_x, source_y = (cos * x + right) - sin * y, sin * x + (cos * y + down)
        grid, mode = torch.stack([source_x, source_y], dim=-1), "nearest" if nearest else "bicubic"
        images = F.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=False)
        images = images if nearest else images.clamp_(-1, 1)
    else:
        images = images.clone()
    if flip and (mirrored := draws[:, 4].flatten() < 0.5).any():
        images[mirrored] = images[mirrored].flip(-1)
    return images


class Augment(View):
    """The training view of a dataset: :func:`jitter` and random mirroring (pix2pix, appendix).

    A paired item gets one change for all its images, labels and instances; in an unpaired one x
    changes on its own. A dataset in which one image is computed from the rest names it
    (``redrawn``) and computes it again (``redraw(batch)``): lines and colours stay crisp. Nothing
    is cached: ``set_epoch(e)`` changes every item, and (seed, epoch, index) determines it. With a
    ``size``, in px, "resize" asks the data set for larger images (``at``) and cuts that size out of
    them: they stay as sharp as they are. So does "affine" where images are cut out of larger ones
    anyway.
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
        check_choice("jitter", kind, ("resize", "affine", "none"))
        self.seed, self.kind, self.flip, self.size = seed, kind, flip, size
        if size and isinstance(dataset, TwoDomains):
            side = loaded_size(size, kind, self.cropped)
            self.dataset = dataset.at(side) if side != size else dataset

    def __getitem__(self, index: int) -> dict:
        item = self.dataset[index]
        return item | {key: images[0] for key, images in self._changed([item], [index]).items()}

    def batch(self, indices: list[int]) -> dict:
        """The items, changed at once and collated: images are stacked once."""
        items = [self.dataset[index] for index in indices]
        batch = self._changed(items, indices)
        rest = items[0].keys() - batch.keys()
        return batch | {key: default_collate([item[key] for item in items]) for key in rest}

    def _changed(self, items: list[dict], indices: list[int]) -> dict[str, Tensor]:
        """What changes in the items, stacked."""
        if self.kind == "none" and not self.flip:
            return {}
        generators = [item_generator(self.seed, self.epoch, index) for index in indices]
        draws = torch.stack([torch.rand(5, generator=g) for g in generators])
        others = torch.stack([torch.rand(5, generator=g) for g in generators])
        keys = [key for key in ("x", "y") if key in items[0] and key != self.redrawn]
        if self.paired:
            batch = self._together(items, keys, draws)
        else:  # each with draws of its own
            batch = self._together(items, ["x"], others) | self._together(items, ["y"], draws)
        maps = [key for key in MAP_KEYS if key in items[0]]
        if maps:
            batch |= self._together(items, maps, draws, nearest=True)
        return self.dataset.redraw(batch) if self.redrawn else batch

    def _together(
        self, items: list[dict], keys: list[str], draws: Tensor, nearest: bool = False
    ) -> dict[str, Tensor]:
        """The same jitter for (c, S, S) images, or for (S, S) maps, of each item."""
        stacked = [torch.stack([item[key] for item in items]) for key in keys]
        images = [each[:, None].float() if nearest else each for each in stacked]
        changed = jitter(torch.cat(images, 1), self.kind, self.flip, draws, nearest, self.size)
        parts = changed.split([each.shape[1] for each in images], dim=1)
        if nearest:
            parts = [new[:, 0].to(old.dtype) for new, old in zip(parts, stacked, strict=True)]
        return dict(zip(keys, parts, strict=True))
