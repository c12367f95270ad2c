"""The batches of fit(): an endless, repeatable order, read in this process or by others."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from course_lib.data.augment import Augment, item_generator
from course_lib.data.base import MapDataset, View
from course_lib.errors import CourseError, ensure
from course_lib.networks.hardware import prefetch


def batches(
    dataset: MapDataset, method: Any, seed: int = 0, done: int = 0, workers: int = 0
) -> Iterator[dict]:
    """Endless batches on the method's device, without the first ``done``.

    A batch is a dict of x and y, (B, 3, S, S), and what else the data set has. The order depends on
    (seed, epoch) alone, so that a resume can jump in, and ``workers`` processes give the same
    batches as this one (0). Raises CourseError if there is no sample, if one cannot be read, or if
    a worker dies.
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
        num_workers=workers,
        worker_init_fn=_ignore_ctrl_c,
        generator=torch.Generator(),  # the loader must not draw from the one that dropout uses
        pin_memory=method.device.type == "cuda",
    )
    return prefetch(_read(loader), method.device)


def _read(loader: DataLoader) -> Iterator[dict]:
    """The batches of ``loader``; what goes wrong in its processes as a CourseError."""
    iterator = iter(loader)
    is_main = threading.current_thread() is threading.main_thread()
    if loader.num_workers and is_main and hasattr(signal, "SIGCHLD"):  # not on Windows
        # When a worker dies, torch's handler would raise wherever this process is, be it in a save.
        # Without it next() notices, after five seconds at most.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        try:
            batch = next(iterator)
        except RuntimeError as error:
            fix = "with workers=0 samples are read in this process, and the error shows itself"
            batch = (f"cannot make a batch: {error}", "the data", fix)
        if not isinstance(batch, dict):  # the three parts of a CourseError
            del iterator  # ends the workers; otherwise they would live as long as the traceback
            raise CourseError(*batch)
        yield batch


def _order(count: int, size: int, seed: int, done: int) -> Iterator[tuple[int, list[int]]]:
    """Endless (epoch, indices), without the first ``done``.

    What is left of an epoch after whole batches is dropped.
    """
    per_epoch = count // size
    epoch, skip = divmod(done, per_epoch)
    while True:
        order = torch.randperm(count, generator=item_generator(seed, epoch)).tolist()
        for i in range(skip, per_epoch):
            yield epoch, order[i * size : (i + 1) * size]
        epoch, skip = epoch + 1, 0


def _ignore_ctrl_c(_: int) -> None:
    """Ctrl-C reaches all processes of a terminal or kernel; fit() alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    """The batch of (epoch, indices). In a worker, a CourseError comes back as its three parts."""

    def __init__(self, view: Augment):
        self.view, self.epoch = view, -1

    def __getitem__(self, key: tuple[int, list[int]]) -> dict | tuple[str, str, str]:
        epoch, indices = key
        if epoch != self.epoch:  # a data set of one's own may draw or read much then
            self.view.set_epoch(epoch)
            self.epoch = epoch
        try:
            return self.view.batch(indices)
        except CourseError as error:
            if get_worker_info() is None:
                raise
            return error.what, error.where, error.fix
