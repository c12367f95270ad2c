"""The batches of fit(): an endless, repeatable order."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from course_lib.data.augment import Augment, item_generator
from course_lib.data.base import View
from course_lib.errors import CourseError, ensure, telling
from course_lib.networks.hardware import prefetch
from course_lib.training import distributed


def batches(dataset: Dataset, method: Any, seed: int = 0, done: int = 0) -> Iterator[dict]:
    """Endless batches on the method's device, without the first ``done``.

    A batch is a dict of x and y, (B, 3, S, S), and what else the data set has. The order depends on
    (seed, epoch) alone, so that a resume can jump in. Of several ranks each gets its share of every
    batch. Raises CourseError if there is no sample, if one cannot be read, or if a batch cannot be
    made or shared.
    """
    ensure(
        len(dataset),
        "this data set has no items to train on",
        type(dataset).__name__,
        "add some images",
    )
    config, view = method.config, _Named(dataset)
    kind = view.jitter if config.jitter == "auto" else config.jitter
    flip = {"on": True, "off": False, "auto": view.mirrors}[config.flip]
    loader = DataLoader(
        _Batches(Augment(view, seed, kind, flip, config.image_size)),
        batch_size=None,
        sampler=_order(len(dataset), min(config.batch_size, len(dataset)), seed, done),
        generator=torch.Generator(),  # the loader must not draw from the one that dropout uses
        pin_memory=method.device.type == "cuda",
    )
    return prefetch(loader, method.device)


def _order(count: int, size: int, seed: int, done: int) -> Iterator[tuple[int, list[int]]]:
    """Endless (epoch, indices), without the first ``done``.

    What is left of an epoch after whole batches is dropped.
    """
    rank, ranks = distributed.world()
    ensure(
        size % ranks == 0,
        f"a batch of {size} cannot be shared among {ranks} processes",
        "torchrun --nproc-per-node",
        f"--set batch_size={ranks * size}",
    )
    per_epoch = count // size
    epoch, skip = divmod(done, per_epoch)
    while True:
        order = torch.randperm(count, generator=item_generator(seed, epoch)).tolist()
        for i in range(skip, per_epoch):
            yield epoch, order[i * size : (i + 1) * size][rank::ranks]
        epoch, skip = epoch + 1, 0


class _Named(View):
    """``dataset``, whose errors name the sample."""

    def __getitem__(self, index: int) -> dict:
        try:
            return self.dataset[index]
        except CourseError:
            raise
        except Exception as error:
            name = f" ({self.names[index]})" if self.names else ""
            raise CourseError(
                f"the data set raised {type(error).__name__}: {error}",
                f"sample {index}{name}",
                "repair or remove this sample",
            ) from error


class _Batches(Dataset):
    """The batch of (epoch, indices)."""

    def __init__(self, view: Augment):
        self.view, self.epoch = view, -1

    def __getitem__(self, key: tuple[int, list[int]]) -> dict:
        epoch, indices = key
        if epoch != self.epoch:  # a data set of one's own may draw or read much then
            self.view.set_epoch(epoch)
            self.epoch = epoch
        fix = "make all samples of one size, or remove the odd one"
        with telling(RuntimeError, "cannot make a batch", "the data", fix):
            return self.view.batch(indices)
