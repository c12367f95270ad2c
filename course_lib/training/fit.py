"""fit(): the one training loop, for every method, in a notebook and on the command line."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.data.base import MapDataset
from course_lib.data.files import expanded, only_run
from course_lib.errors import ensure, explained, note
from course_lib.methods.base import Method
from course_lib.training.loading import batches
from course_lib.training.previews import Previews
from course_lib.training.progress import Progress
from course_lib.training.run import TrainingRun
from course_lib.training.threads import Threads


@dataclass
class Result:
    """What :func:`fit` returns.

    ``history`` has one dict a step, ``steps`` and ``seconds`` are those of the training in all, and
    ``stopped`` is ``"finished"`` or ``"interrupted"``.
    """

    history: list[dict] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    stopped: str = "finished"


def fit(
    method: Method,
    dataset: MapDataset,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    val: MapDataset | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    resume: bool | str = False,
    previews: int = 10,
    workers: int = 0,
    progress: bool = True,
    record: dict[str, Any] | None = None,
    remark: str = "",
) -> Result:
    """Train ``method`` for ``steps`` updates, or for ``minutes`` of wall-clock time.

    ``dataset`` yields dicts of x and y, which are augmented as the method's configuration says and
    shuffled by (seed, epoch). ``workers`` processes prepare the batches; with 0 this one does.
    ``previews`` times on the way, the same images of ``val`` are translated, shown in a notebook
    and saved below ``out``. The folder ``out`` keeps history and checkpoints, and with
    ``keep="best"`` in the configuration the best preview's in ``best``.
    ``record`` becomes its run.json, and a ``remark`` is told once the training has begun.
    ``resume=True`` goes on from the newest good checkpoint: on a CPU and with ``steps``, to the bit
    as if the training had never stopped. ``resume="changed"`` does so with other settings than the
    checkpoint's, too. Ctrl-C ends the step, saves and returns. On a CPU steps take one thread or
    all, whichever was faster in the first steps (see threads.py), but with ``steps`` and ``out``,
    which must repeat to the bit, as many as torch has.

    Raises CourseError if a loss or a weight is not finite, if another process trains into ``out``,
    if ``out`` cannot be written or already holds a run and ``resume`` is off, if memory runs out,
    and if a sample cannot be read.
    """
    folder = expanded(out) if out else None
    _check(steps, minutes, workers)
    run = TrainingRun(method, folder, seed, steps, minutes, record)
    bar = Progress(run, show=progress)
    shown = Previews(run, val, previews, bar)
    # with steps, a run that is resumed equals one that never stopped
    threads = Threads(method.device, may_choose=not (run.steps and folder))
    with (
        only_run(folder) if folder else nullcontext(),
        closing(bar),
        closing(threads),
        _interrupts() as interrupted,
    ):
        run.start(resume)
        shown.start()
        # before any work, so that a folder that cannot hold the run shows now
        run.save()
        if remark:
            note(remark)
        bar.start()
        began = time.monotonic() - run.seconds
        shown.show()
        for batch in batches(dataset, method, run.seed, run.step, workers):
            if run.share() >= 1 or interrupted.is_set():
                break
            schedule(method, run.share())
            with explained(run.where(run.step + 1)), threads.step():
                terms = method.step(batch)
            run.advance(terms, time.monotonic() - began, images=len(batch["y"]))
            bar.update()
            shown.show()
            run.write_history()
            if run.share() < 1:
                run.save(at_once=False)
        run.read()
        if run.share() >= 1 and method.finish(dataset):
            # the method has changed, so this step needs another checkpoint
            run.saved = -1
        run.save()
        bar.update(at_once=True)
    is_cut_short = interrupted.is_set() and run.share() < 1
    if is_cut_short and progress:
        print(f"interrupted: stopped after step {run.step}; what was learned so far is kept")
    stopped = "interrupted" if is_cut_short else "finished"
    return Result(run.history, run.step, run.seconds, stopped)


def _check(steps: int | None, minutes: float | None, workers: int) -> None:
    ensure(
        (steps is None) != (minutes is None),
        "say how long to train: steps or minutes, one of them",
        "fit()",
        "for example steps=1000",
    )
    length, unit = (steps, "steps") if minutes is None else (minutes, "minutes")
    ensure(
        0 < (length or 0) < float("inf"),
        f"cannot train for {length} {unit}",
        unit,
        "give a positive number",
    )
    ensure(workers >= 0, f"cannot read with {workers} processes", "workers", "give 0 or more")


def schedule(method: Method, share: float) -> None:
    """Set the learning rate and the phase that belong to this ``share`` of the training."""
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = method.rate(share)
    method.advance(share)


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second interrupts as usual.

    Outside the main thread it is never set.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)  # known before a Ctrl-C can ask for it

    def first(signum: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
