"""What a data set of two domains tells of itself, beside its items."""

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset

SIZES = (16, 1024)  # px, smallest and largest of the data sets that have a name


def item_generator(*key: int) -> torch.Generator:
    """A generator for one (seed, epoch, index): the same after a resume and in every process."""
    mixed = 0
    for part in key:
        mixed = (mixed * 1_000_003 + part + 1) % (2**61 - 1)
    return torch.Generator().manual_seed(mixed)


def spread(items: Any, most: int) -> list:
    """At most so many of ``items``, a sequence or a data set: the first, and evenly on from it."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]


class MapDataset(Protocol):
    """A data set of any class: so many items, asked for by their number from 0 on."""

    def __len__(self) -> int:
        """The number of items."""

    def __getitem__(self, index: int, /) -> Any:
        """One of them, a dict of x and y, (3, S, S) in [-1, 1], and what else is known."""


class TwoDomains(Dataset):
    """Items are dicts of x, y and what else is known; attributes say what may be done to them."""

    card: str = ""  # a paragraph: origin, licence, counts
    paired: bool = True  # x and y of an item show the same thing
    mirrors: bool = True  # images may be mirrored: they have neither a left nor a right
    jitter: str = "affine"  # the augmentation that suits the data, see augment.jitter
    names: list[str] | None = None  # of the items, in their order
    groups: Sequence[int] | None = None  # a number for each item; relatives share theirs
    redrawn: str | None = None  # x or y, if that image is computed from the rest, with redraw()
    cropped: bool = False  # images are cut out of larger ones of any shape
    eyes: str = "lite0"  # which network compares images for scores: of metrics.perceptual.EYES
    share: float = 1.0  # whole pictures are translated so much larger: 0.45, as 1 / 0.45
    beside: bool = False  # x and y are the halves of one file
    palette: Sequence[tuple[int, int, int]] = ()  # the colours of x, red, green, blue, if so few
    seed: int = 0  # of what is drawn at random
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Random choices, such as the partners of unpaired images, are made anew."""
        self.epoch = epoch

    @property
    def presentable(self) -> Sequence[int]:
        """The items to put on a screen, in their order: all but those that a teacher would not."""
        return range(len(self))

    def partner(self, i: int, count: int) -> int:
        """Which of ``count`` y goes with the x of item ``i``: of pairs its own, else one drawn."""
        if self.paired:
            return i
        # the 1 keeps it apart from Augment, whose key is the same
        return int(torch.randint(count, (), generator=item_generator(self.seed, self.epoch, i, 1)))

    def at(self, size: int) -> "TwoDomains":
        """The same items in ``size`` px, to be cropped, if the data set reads ``self.size``."""
        other = copy.copy(self)
        other.size = size
        return other

    def redraw(self, batch: dict) -> dict:
        """``batch`` with the image called ``redrawn`` computed again from the rest of it."""
        return batch


class View(TwoDomains):
    """``dataset``, changed in some way; it says of itself what ``dataset`` says.

    A data set of your own need not be TwoDomains: what it does not say is taken from there.
    """

    def __init__(self, dataset: MapDataset):
        self.dataset = dataset
        for name in TwoDomains.__annotations__:  # the one place that asks what a data set has
            setattr(self, name, getattr(dataset, name, getattr(TwoDomains, name)))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index]

    @property
    def presentable(self) -> Sequence[int]:
        return getattr(self.dataset, "presentable", range(len(self)))

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        if hasattr(self.dataset, "set_epoch"):  # a data set of your own may do without
            self.dataset.set_epoch(epoch)

    def at(self, size: int) -> "View":
        view = copy.copy(self)
        if isinstance(self.dataset, TwoDomains):
            view.dataset = self.dataset.at(size)
        return view

    def redraw(self, batch: dict) -> dict:
        return self.dataset.redraw(batch)
