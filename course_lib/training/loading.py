"""The batches of fit(): an endless, repeatable order, read in this process or by workers that may not survive it."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from course_lib.data.augment import Augment, item_generator
from course_lib.data.base import TwoDomains, View
from course_lib.errors import CourseError
from course_lib.networks.hardware import prefetch


def batches(
    dataset: Dataset,
    method: Any,
    seed: int = 0,
    augment: bool = True,
    done: int = 0,
    workers: int = 0,
) -> Iterator[dict]:
    """Endless batches on the method's device, without the first ``done``: dicts of x, y (B, 3, S, S), and more if any.

    The order depends on (seed, epoch) alone, so that a resume can jump in, and ``workers`` processes (0: this one) give
    the same batches. Raises CourseError naming the sample if it cannot be read, or if a worker dies reading it.
    """
    pinned = method.device.type == "cuda"
    return prefetch(
        _read(dataset, method.config, seed, augment, done, workers, pinned), method.device
    )


def _read(
    dataset: Dataset, config: Any, seed: int, augment: bool, done: int, workers: int, pinned: bool
) -> Iterator[dict]:
    """The batches of :func:`batches` on the CPU, ``pinned`` in memory or not."""
    watched = _Watched(dataset, workers)
    flip = {"on": True, "off": False, "auto": watched.mirrors}[config.flip]
    kind = config.jitter if config.jitter != "auto" else watched.jitter
    reader = _Reader(
        Augment(watched, seed, kind, flip, config.image_size) if augment else watched, watched
    )
    order = _order(len(dataset), min(config.batch_size, len(dataset)), seed, done)
    # a generator of its own: the loader must not draw from the one that dropout uses
    own = torch.Generator()
    options = {
        "num_workers": workers,
        "worker_init_fn": _ignore_ctrl_c,
        "generator": own,
        "pin_memory": pinned,
    }
    with _no_sudden_errors():
        loader = iter(DataLoader(reader, batch_size=None, sampler=order, **options))
    while True:
        try:
            batch = next(loader)
        except RuntimeError as error:
            fix = "look at that sample; with workers=0 it is read in this process, and the error shows itself"
            batch = (
                f"a loader process died reading {watched.by_the_dead()}: {error}",
                "the data",
                fix,
            )
        if not isinstance(
            batch, dict
        ):  # the three parts of a CourseError, which itself would come back as mere text
            del (
                loader
            )  # ends the workers; left to the garbage, they would live as long as the traceback
            raise CourseError(*batch)
        yield batch


def _order(count: int, size: int, seed: int, done: int) -> Iterator[tuple[int, list[int]]]:
    """Endless (epoch, indices), without the first ``done``; what is left of an epoch after whole batches is dropped."""
    per_epoch = count // size
    epoch, skip = divmod(done, per_epoch)
    while True:
        order = torch.randperm(count, generator=item_generator(seed, epoch)).tolist()
        for i in range(skip, per_epoch):
            yield epoch, order[i * size : (i + 1) * size]
        epoch, skip = epoch + 1, 0


@contextlib.contextmanager
def _no_sudden_errors() -> Iterator[None]:
    """Keeps torch from installing its SIGCHLD handler: when a worker dies, that one raises in the middle of anything,
    a save included. Without it next() notices, after five seconds at most."""
    main = threading.current_thread() is threading.main_thread() and hasattr(
        signal, "SIGCHLD"
    )  # not on Windows
    before = signal.getsignal(signal.SIGCHLD) if main else None
    yield
    if main:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def _ignore_ctrl_c(_: int) -> None:
    """Ctrl-C reaches all processes of a terminal or kernel; fit() alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Watched(View):
    """``dataset``, with a note in shared memory of which sample each process is reading: the dead cannot tell."""

    def __init__(self, dataset: Dataset, workers: int):
        super().__init__(dataset)
        self.notes = torch.full(
            (workers + 1, 2), -1
        )  # (process id, sample or -1); the last row is this process's
        if workers:
            self.notes.share_memory_()

    def __getitem__(self, index: int) -> dict:
        note = self.notes[self.row()]
        note[0], note[1] = os.getpid(), index
        item = self.dataset[index]
        note[1] = -1
        return item

    def row(self) -> int:
        worker = get_worker_info()
        return worker.id if worker else -1

    def name(self, index: int) -> str:
        """``sample 17 (its name)``, if the dataset has a list of ``names``."""
        return f"sample {index}" + (f" ({self.names[index]})" if self.names else "")

    def by_the_dead(self) -> str:
        """What the processes that are gone were reading."""
        alive = {process.pid for process in multiprocessing.active_children()}
        read = [
            self.name(index)
            for pid, index in self.notes.tolist()
            if index >= 0 and pid not in alive
        ]
        return ", ".join(read) or "no sample"


class _Reader(Dataset):
    """``view`` by (epoch, indices): a whole batch; in a worker, what went wrong comes back as a tuple."""

    def __init__(self, view: TwoDomains, watched: _Watched):
        self.view, self.watched, self.epoch = view, watched, -1

    def __getitem__(self, key: tuple[int, list[int]]) -> dict | tuple[str, str, str]:
        epoch, indices = key
        if epoch != self.epoch:
            self.view.set_epoch(epoch)
        self.epoch = epoch
        try:
            return self.batch(indices)
        except CourseError as error:
            if get_worker_info() is None:
                raise
            return error.what, error.where, error.fix

    def batch(self, indices: list[int]) -> dict:
        try:
            if isinstance(self.view, Augment):
                return self.view.batch(indices)
            return default_collate([self.view[i] for i in indices])
        except CourseError:
            raise
        except Exception as error:
            index = int(self.watched.notes[self.watched.row(), 1])
            where = self.watched.name(index) if index >= 0 else f"the batch of samples {indices}"
            what = f"the data set raised {type(error).__name__}: {error}"
            raise CourseError(what, where, "repair or remove this sample") from error
