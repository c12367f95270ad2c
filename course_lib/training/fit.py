"""fit(): the one training loop, for every method, in a notebook and on the command line."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data.files import only_run
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.training.loading import batches
from course_lib.training.progress import Progress
from course_lib.training.state import RunState

SMALLER = "choose a smaller batch_size or image size; the last checkpoint is kept"
TIMING = ("seconds",)  # the fields of a history row that two equal runs may differ in


@dataclass
class Result:
    """What :func:`fit` returns: ``history`` (one dict a step), ``steps`` done in all, ``seconds`` of training in all,
    and ``stopped``: ``"finished"`` or ``"interrupted"``."""

    history: list[dict] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    stopped: str = "finished"


def fit(
    method: Method,
    dataset: Dataset,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    val: Dataset | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    resume: bool = False,
    augment: bool = True,
    previews: int = 10,
    on_preview: Callable[[int, dict[str, Tensor]], None] = lambda step, rows: None,
    checkpoint_seconds: float = 5.0,
    workers: int = 0,
    progress: bool = True,
    accept_changes: bool = False,
    on_start: Callable[[], None] = lambda: None,
    update: Callable[[dict], dict[str, Tensor]] | None = None,
    devices: int = 1,
) -> Result:
    """Train ``method`` for ``steps`` updates, or for ``minutes`` of wall-clock time (then lr follows the clock).

    ``dataset`` yields dicts of x and y; it is augmented unless told not to, and shuffled by (seed, epoch). Six fixed
    images of ``val`` are translated ``previews`` times on the way, shown in a notebook, saved as PNG below ``out``, and
    the L1 over up to 64 pairs of ``val`` is added to the history as ``val_l1``. A method that translates nothing shows
    what its ``preview()`` returns instead, and needs no ``val``. ``on_preview`` is called with each preview's step and
    rows of images.

    With ``out``, the history is written as JSON lines, and a checkpoint every ``checkpoint_seconds`` (less often where
    writing is slow; 0 is after every step). ``resume`` continues from the newest good one: weights, optimisers, random
    states, data order and history are then, with ``steps`` on a CPU, bit for bit those of a run that was never stopped.
    Settings that differ from the checkpoint's need ``accept_changes``. Ctrl-C ends the step, writes a checkpoint and
    returns. ``workers`` processes prepare the batches (0: this one does): the same ones, faster if reading is slow.
    ``on_start`` is called once ``out`` is locked. A method's ``advance(share)`` is called before each step, its
    ``finish(dataset)``, with the data as they are, when training is over. Several ``devices`` pass their own ``update``
    in place of ``method.step``. A GPU's terms are read every ten steps, and before each preview and checkpoint.

    Raises CourseError if a loss or weight is not finite, if another process trains into ``out``, if ``out`` cannot be
    written or already holds a run and ``resume`` is off, if memory runs out, or if a sample cannot be read.
    """
    if (steps is None) == (minutes is None):
        raise CourseError(
            "say how long to train: steps or minutes, one of them",
            "fit()",
            "for example steps=1000",
        )
    if (steps or minutes or 0) <= 0:
        raise CourseError(f"cannot train for {steps or minutes}", "fit()", "give a positive number")
    if workers < 0:
        raise CourseError(f"cannot read with {workers} processes", "workers", "give 0 or more")
    settings = {"seed": seed, "augment": augment, **configs.as_dict(method.config)}
    run = RunState(method, Path(out) if out else None, val, settings, previews, on_preview)
    total = Progress(method.config.batch_size * devices, steps, minutes, show=progress)
    with only_run(run.out) if run.out else nullcontext(), total, _interrupts() as interrupted:
        run.start(resume, accept_changes)
        on_start()
        run.save()  # before any work: a folder that cannot hold the run shows now
        total.start(run.step, run.seconds)
        began = time.monotonic() - run.seconds
        share = run.share(steps, minutes)
        run.preview(share, total)
        for batch in batches(dataset, method, seed, augment, run.step, workers):
            if share >= 1 or interrupted.is_set():
                break
            schedule(method, share)
            with explained(run.where(run.step + 1)):
                terms = (update or method.step)(batch)
            run.advance(terms, time.monotonic() - began)
            share = run.share(steps, minutes)
            total.update(run.step, run.seconds, run.terms)
            run.preview(share, total)
            run.write_history()
            if share < 1:
                run.save(every=checkpoint_seconds)
        run.read()
        if share >= 1 and method.finish(dataset):
            run.saved = -1  # the checkpoint of this step is of the method before
        run.save()
        total.close(run.step, interrupted.is_set())
    stopped = "interrupted" if interrupted.is_set() and share < 1 else "finished"
    return Result(run.history, run.step, run.seconds, stopped)


def schedule(method: Method, share: float) -> None:
    """The learning rate and the phase that belong to this ``share`` of the training."""
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = method.rate(share)
    method.advance(share)


@contextmanager
def explained(where: object, smaller: str = SMALLER) -> Iterator[None]:
    """Turns errors about memory, torch's on a CPU plain RuntimeErrors, and of torch.compile into a CourseError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            fix = "it needs a C++ compiler on a CPU and Triton on a GPU; or train without --compile"
            raise CourseError(
                f"torch.compile does not work here: {str(error).splitlines()[0]}", where, fix
            ) from error
        if not isinstance(
            error, torch.OutOfMemoryError | MemoryError
        ) and "tried to allocate" not in str(error):
            raise
        raise CourseError("out of memory", where, smaller) from error


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second interrupts as usual. Outside the main thread it is never set."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def first(signum: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
