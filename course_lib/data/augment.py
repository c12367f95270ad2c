"""Synchronised augmentation: what happens to x happens to y (and to labels) of a pair."""

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


def jitter(images: list[Tensor], load_size: int, flip: bool, generator: torch.Generator) -> list[Tensor]:
    """Resize each (3, S, S) image to load_size, cut the same random S x S crop out of all, flip all or none."""
    size = images[0].shape[-1]
    top, left = torch.randint(0, load_size - size + 1, (2,), generator=generator).tolist()
    mirrored = flip and torch.rand((), generator=generator).item() < 0.5
    out = []
    for image in images:
        if load_size != size:
            image = F.interpolate(image[None], (load_size, load_size), mode="bilinear", align_corners=False)[0]
            image = image[:, top : top + size, left : left + size]
        out.append(image.flip(-1) if mirrored else image)
    return out


class Augment(Dataset):
    """The training view of a dataset: resize to ``load_size``, random crop back, random mirror (pix2pix, appendix).

    A paired item gets one crop and flip for all its images; in an unpaired one x and y are jittered independently.
    Nothing is cached: ``set_epoch(e)`` changes every crop, and (seed, epoch, index) determines it. ``load_size``
    defaults to the papers' ratio 286/256.
    """

    def __init__(self, dataset: Dataset, seed: int = 0, load_size: int | None = None, flip: bool = True):
        assert isinstance(dataset, Sized)
        self.dataset, self.seed, self.load_size, self.flip, self.epoch = dataset, seed, load_size, flip, 0

    def __len__(self) -> int:
        return len(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)

    def __getitem__(self, index: int) -> dict:
        item = dict(self.dataset[index])
        generator = item_generator(self.seed, self.epoch, index)
        size = item["x"].shape[-1]
        load_size = self.load_size or round(size * 286 / 256)
        groups = [IMAGE_KEYS] if getattr(self.dataset, "paired", True) else [(key,) for key in IMAGE_KEYS]
        for keys in groups:
            images = jitter([item[key] for key in keys], load_size, self.flip, generator)
            item.update(zip(keys, images, strict=True))
        return item
