"""What a data set of two domains tells of itself, beside its items."""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

from torch.utils.data import Dataset


class TwoDomains(Dataset):
    """Items are dicts of x, y and what else is known; the attributes say what may be done to them."""

    card: str = ""  # a paragraph: origin, licence, counts
    paired: bool = True  # x and y of an item show the same thing
    mirrors: bool = True  # images may be mirrored: they have neither a left nor a right
    jitter: str = "affine"  # the augmentation that suits the data, see augment.jitter
    names: list[str] | None = None  # of the items, in their order
    redrawn: str | None = None  # x or y, if that image is computed from the rest, with redraw()
    channels: tuple[int, int] = (
        3,
        3,
    )  # that say all of x and of y: 1 where it is grey, 2 where it is x with a colour
    cropped: bool = False  # images are cut out of larger ones of any shape
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """What is drawn at random, as the partners of unpaired images are, is drawn anew."""
        self.epoch = epoch

    @property
    def shown(self) -> Sequence[int]:
        """Which items to put on a screen, in their order: all but those that a teacher would not."""
        return range(len(self))

    def at(self, size: int) -> "TwoDomains":
        """The same items in ``size`` px, for augmentation that loads larger and crops; itself if there are none."""
        return self

    def redraw(self, batch: dict) -> dict:
        """``batch`` with the image called ``redrawn`` computed again from the rest of it."""
        return batch


class View(TwoDomains):
    """``dataset``, seen otherwise: what it tells of itself is what ``dataset`` does, unless a subclass changes it.

    A data set of your own need not be TwoDomains: what it does not say is taken from there.
    """

    TOLD: ClassVar[tuple[str, ...]] = (
        "card",
        "paired",
        "mirrors",
        "jitter",
        "names",
        "redrawn",
        "channels",
        "cropped",
    )

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        for name in self.TOLD:  # the one place that asks any data set what it has
            setattr(self, name, getattr(dataset, name, getattr(TwoDomains, name)))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index]

    @property
    def shown(self) -> Sequence[int]:
        return self.dataset.shown if isinstance(self.dataset, TwoDomains) else range(len(self))

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
