"""Synchronised augmentation: what happens to x happens to y (and to labels) of a pair."""

import math
from collections.abc import Sized

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

IMAGE_KEYS = ("x", "y")


def item_generator(*key: int) -> torch.Generator:
    """A generator for one (seed, epoch, index): random, yet the same after a resume and in every worker process."""
    mixed = 0
    for part in key:
        mixed = (mixed * 1_000_003 + part + 1) % (2**61 - 1)
    return torch.Generator().manual_seed(mixed)


def jitter(images: list[Tensor], kind: str, flip: bool, generator: torch.Generator) -> list[Tensor]:
    """The same random change for all (3, S, S) images: ``kind``, then a mirror image with probability 1/2 if ``flip``.

    ``"resize"``: enlarge by 286/256 and cut out S x S at random (the paper's). ``"affine"``: turn by up to 5 degrees,
    scale by up to 10 %, shift by up to 6 % of S, border repeated: variety for small sets. ``"none"``: neither.
    """
    size = images[0].shape[-1]
    top, left, angle, scale, coin = torch.rand(5, generator=generator).tolist()
    if kind == "resize":
        large = round(size * 286 / 256)
        top, left = (int(r * (large - size + 1)) for r in (top, left))
        images = [F.interpolate(i[None], (large, large), mode="bilinear", align_corners=False)[0] for i in images]
        images = [i[:, top : top + size, left : left + size] for i in images]
    elif kind == "affine":
        angle, scale = math.radians(10 * angle - 5), 0.9 + 0.2 * scale
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        theta = torch.tensor([[[cos, -sin, 0.24 * left - 0.12], [sin, cos, 0.24 * top - 0.12]]])
        grid = F.affine_grid(theta, [1, 3, size, size], align_corners=False)
        options = {"mode": "bicubic", "padding_mode": "border", "align_corners": False}
        images = [F.grid_sample(i[None], grid, **options)[0].clamp(-1, 1) for i in images]
    return [i.flip(-1) for i in images] if flip and coin < 0.5 else images


class Augment(Dataset):
    """The training view of a dataset: jitter (see :func:`jitter`) and random mirroring (pix2pix, appendix).

    A paired item gets one change for all its images; in an unpaired one x and y change independently. A dataset whose x
    is computed from y redraws it (``redraw(item)``), so that thin lines stay crisp. Nothing is cached: ``set_epoch(e)``
    changes every item, and (seed, epoch, index) determines it.
    """

    def __init__(self, dataset: Dataset, seed: int = 0, kind: str = "resize", flip: bool = True):
        assert isinstance(dataset, Sized)
        self.dataset, self.seed, self.kind, self.flip, self.epoch = dataset, seed, kind, flip, 0
        self.paired = getattr(dataset, "paired", True)

    def __len__(self) -> int:
        return len(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)

    def __getitem__(self, index: int) -> dict:
        item = dict(self.dataset[index])
        generator = item_generator(self.seed, self.epoch, index)
        for keys in [IMAGE_KEYS] if self.paired else [(key,) for key in IMAGE_KEYS]:
            images = jitter([item[key] for key in keys], self.kind, self.flip, generator)
            item.update(zip(keys, images, strict=True))
        return self.dataset.redraw(item) if hasattr(self.dataset, "redraw") else item
