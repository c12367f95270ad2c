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


def jitter(images: list[Tensor], kind: str, flip: bool, generator: torch.Generator) -> list[Tensor]:
    """Enlarge each (3, S, S) image by 286/256, cut the same random S x S crop out of all, flip all or none.

    ``kind`` says how to enlarge: ``"resize"`` (bilinear, the paper's way), ``"shift"`` (repeat the border: nothing is
    resampled, and thin outlines stay as they will be at test time) or ``"none"``.
    """
    size = images[0].shape[-1]
    pad = round(size * 15 / 256) if kind != "none" else 0
    top, left = torch.randint(0, 2 * pad + 1, (2,), generator=generator).tolist()
    mirrored = flip and torch.rand((), generator=generator).item() < 0.5
    out = []
    for image in images:
        if kind == "resize":
            image = F.interpolate(image[None], (size + 2 * pad,) * 2, mode="bilinear", align_corners=False)[0]
        elif kind == "shift":
            image = F.pad(image[None], (pad,) * 4, mode="replicate")[0]
        image = image[:, top : top + size, left : left + size]
        out.append(image.flip(-1) if mirrored else image)
    return out


class Augment(Dataset):
    """The training view of a dataset: jitter (see :func:`jitter`) and random mirroring (pix2pix, appendix).

    A paired item gets one crop and flip for all its images; in an unpaired one x and y are jittered independently.
    Nothing is cached: ``set_epoch(e)`` changes every crop, and (seed, epoch, index) determines it.
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
        return item
