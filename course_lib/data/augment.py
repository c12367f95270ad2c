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


def jitter(images: Tensor, kind: str, flip: bool, draws: Tensor) -> Tensor:
    """A random change of each of (n, c, S, S) images: ``kind``, then mirrored with probability 1/2 if ``flip``.

    ``"resize"``: enlarge by 286/256 and cut out S x S at random (the paper's). ``"affine"``: turn by up to 5 degrees,
    scale by up to 10 %, shift by up to 6 % of S, border repeated: variety for small sets. ``"none"``: neither.
    ``draws``, (n, 5) in [0, 1), decide: equal rows give equal changes.
    """
    size = images.shape[-1]
    if kind == "resize":
        large = round(size * 286 / 256)
        images = F.interpolate(images, (large, large), mode="bilinear", align_corners=False)
        corners = (draws[:, :2] * (large - size + 1)).long().tolist()
        pairs = zip(images, corners, strict=True)
        images = torch.stack([image[:, top : top + size, left : left + size] for image, (top, left) in pairs])
    elif kind == "affine":
        angle, scale, shift = (10 * draws[:, 2] - 5) * (math.pi / 180), 0.9 + 0.2 * draws[:, 3], 0.24 * draws - 0.12
        cos, sin = scale * angle.cos(), scale * angle.sin()
        theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        images = F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)
    mirrored = (draws[:, 4] < 0.5).view(-1, 1, 1, 1) & flip
    return torch.where(mirrored, images.flip(-1), images)


class Augment(Dataset):
    """The training view of a dataset: jitter (see :func:`jitter`) and random mirroring (pix2pix, appendix).

    A paired item gets one change for all its images; in an unpaired one x and y change independently. A dataset whose x
    is computed from y redraws it (``redraw(item)``), so that thin lines stay crisp. Nothing is cached: ``set_epoch(e)``
    changes every item, and (seed, epoch, index) determines it. Batches are changed at once (``__getitems__``).
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
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict]:
        items = [dict(self.dataset[index]) for index in indices]
        generators = [item_generator(self.seed, self.epoch, index) for index in indices]
        x, y = (torch.stack([item[key] for item in items]) for key in IMAGE_KEYS)
        draws = torch.stack([torch.rand(5, generator=g) for g in generators])
        if self.paired:
            x, y = jitter(torch.cat([x, y], dim=1), self.kind, self.flip, draws).chunk(2, dim=1)
        else:
            others = torch.stack([torch.rand(5, generator=g) for g in generators])
            x, y = (jitter(images, self.kind, self.flip, d) for images, d in ((x, draws), (y, others)))
        batch = {"x": x, "y": y}
        if hasattr(self.dataset, "redraw"):
            batch = self.dataset.redraw(batch)
        return [item | {key: batch[key][i] for key in IMAGE_KEYS} for i, item in enumerate(items)]
