"""fit(): the one training loop, for every method, in a notebook and on the command line."""

import json
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data import files
from course_lib.data.files import only_run
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.training import checkpoint
from course_lib.training.loading import batches
from course_lib.training.progress import Progress

TIMING = ("seconds",)  # the fields of a history row that two equal runs may differ in
NOT_FINITE = "lower lr, or turn bfloat16 off; the last checkpoint is from before this step"


@dataclass
class Result:
    """What :func:`fit` returns: ``history`` (one dict a step), ``steps`` done in all, ``seconds`` of training in all,
    and ``stopped``: ``"finished"`` or ``"interrupted"``."""

    history: list[dict] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    stopped: str = "finished"


def lr_factor(progress: float, decay_from: float) -> float:
    """1 until ``decay_from``, then linearly to 0 at 1; both are shares of the training in [0, 1]."""
    return 1.0 if progress <= decay_from else max(0.0, (1 - progress) / (1 - decay_from))


def fit(
    method: Any,
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
    checkpoint_seconds: float = 5.0,
    workers: int = 0,
    progress: bool = True,
    accept_changes: bool = False,
    on_start: Callable[[], None] = lambda: None,
) -> Result:
    """Train ``method`` for ``steps`` updates, or for ``minutes`` of wall-clock time (then lr follows the clock).

    ``dataset`` yields dicts of x and y; it is augmented unless told not to, and shuffled by (seed, epoch). Six fixed
    images of ``val`` are translated ``previews`` times on the way, shown in a notebook, saved as PNG below ``out``, and
    the L1 over up to 64 pairs of ``val`` is added to the history as ``val_l1``. A method without ``translate()`` shows
    what its ``preview()`` returns instead, and needs no ``val``.

    With ``out``, the history is written as JSON lines, and a checkpoint every ``checkpoint_seconds`` (less often where
    writing is slow; 0 is after every step). ``resume`` continues from the newest good one: weights, optimisers, random
    states, data order and history are then, with ``steps`` on a CPU, bit for bit those of a run that was never stopped.
    Settings that differ from the checkpoint's need ``accept_changes``. Ctrl-C ends the step, writes a checkpoint and
    returns. ``workers`` processes prepare the batches (0: this one does): the same ones, faster if reading is slow.
    ``on_start`` is called once ``out`` is locked. A method's ``advance(share)`` is called before each step, its
    ``finish(dataset)``, with the data as they are, when training is over.

    Raises CourseError if a loss or weight is not finite, if another process trains into ``out``, if ``out`` cannot be
    written or already holds a run and ``resume`` is off, if memory runs out, or if a sample cannot be read.
    """
    if (steps is None) == (minutes is None):
        raise CourseError("say how long to train: steps or minutes, one of them", "fit()", "for example steps=1000")
    if (steps or minutes or 0) <= 0:
        raise CourseError(f"cannot train for {steps or minutes}", "fit()", "give a positive number")
    if workers < 0:
        raise CourseError(f"cannot read with {workers} processes", "workers", "give 0 or more")
    settings = {"seed": seed, "augment": augment, **configs.as_dict(method.config)}
    run = _Run(method, Path(out) if out else None, val, settings, previews)
    total = Progress(method, steps, minutes, show=progress)
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
            for optimizer in method.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = method.config.lr * lr_factor(share, method.config.decay_from)
            if hasattr(method, "advance"):  # it learns in phases
                method.advance(share)
            terms = _step(method, batch, run)
            run.step, run.seconds = run.step + 1, time.monotonic() - began
            share = run.share(steps, minutes)
            run.history.append({"step": run.step, **terms, "seconds": round(run.seconds, 3)})
            total.update(run.step, run.seconds, terms)
            run.preview(share, total)
            run.write_history()
            if share < 1:
                run.save(every=checkpoint_seconds)
        if share >= 1 and hasattr(method, "finish"):  # what it makes of the training set when it has learned
            method.finish(dataset)
            run.saved = -1
        run.save()
        total.close(run.step, interrupted.is_set())
    stopped = "interrupted" if interrupted.is_set() and share < 1 else "finished"
    return Result(run.history, run.step, run.seconds, stopped)


def _step(method: Any, batch: dict, run: "_Run") -> dict[str, float]:
    """One update, with what can go wrong in it named."""
    where = f"step {run.step + 1}" + (f" of {run.out}" if run.out else "")
    with explain_memory(where):
        terms = method.step(batch)
    for name, value in terms.items():
        if not math.isfinite(value):
            raise CourseError(f"the loss {name} is {value}", where, NOT_FINITE)
    return terms


@contextmanager
def explain_memory(where: str) -> Iterator[None]:
    """Turns torch's errors about memory into a CourseError; on a CPU they are plain RuntimeErrors."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "tried to allocate" not in str(error):
            raise
        fix = "choose a smaller batch_size or image size; the last checkpoint is kept"
        raise CourseError("out of memory", where, fix) from error


class _Run:
    """The state of one training run, and the folder that keeps it."""

    def __init__(self, method: Any, out: Path | None, val: Dataset | None, settings: dict, previews: int):
        self.method, self.out, self.settings, self.previews = method, out, settings, previews
        self.step, self.seconds, self.shown = 0, 0.0, -1
        self.saved, self.saved_at, self.save_cost = -1, 0.0, 0.0  # step, time, seconds
        self.history: list[dict] = []
        self.written = 0
        self.val = None
        if val is not None and len(val):
            items = [val[i * len(val) // min(64, len(val))] for i in range(min(64, len(val)))]
            keys = ("x", "y", *getattr(method, "maps", ()))  # maps: labels and instances, if translate() needs them
            self.val = {key: torch.stack([item[key] for item in items]).to(method.device) for key in keys}
            self.val_paired = val.paired

    def start(self, resume: bool, accept_changes: bool) -> None:
        """A fresh start, seeded, or the newest checkpoint."""
        found = None
        if self.out is not None:
            files.sweep(self.out)
            files.sweep(self.out / "checkpoints")
            if not resume and any(checkpoint.steps(self.out / "checkpoints")):  # step 0 alone is no run yet
                raise CourseError("this folder already holds a run", self.out, "add --resume, or choose another --out")
            found = checkpoint.load_latest(self.out / "checkpoints") if resume else None
        if found is None:
            torch.manual_seed(self.settings["seed"])
            if self.out is not None:
                files.replace_file(self.out / "history.jsonl", b"")
            return
        self.step, tensors, state = found
        changes = configs.differences(state["settings"], self.settings)
        if changes and not accept_changes:
            fix = "resume with the run's own settings, or accept the changes (--accept-changes, accept_changes=True)"
            raise CourseError(f"settings differ from the run's: {'; '.join(changes)}", self.out, fix)
        self.seconds, self.shown, self.saved = state["seconds"], state["shown"], self.step
        checkpoint.restore(self.method, tensors, self.out)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.method.device)
        self.history = _read_history(self.out / "history.jsonl", self.step)
        files.replace_file(self.out / "history.jsonl", _lines(self.history))
        self.written = len(self.history)

    def share(self, steps: int | None, minutes: float | None) -> float:
        """How much of the training is done, in [0, 1]."""
        return min(1.0, self.step / steps if steps else self.seconds / (60 * minutes))

    def preview(self, share: float, progress: Progress) -> None:
        """Another tenth (1 / previews) of the training is done: translate held-out images, or show a GAN's samples."""
        samples = not hasattr(self.method, "translate")
        if (self.val is None and not samples) or not self.previews or int(share * self.previews) <= self.shown:
            return
        self.shown = int(share * self.previews)
        with torch.random.fork_rng(devices=[self.method.device] if self.method.device.type == "cuda" else []):
            torch.manual_seed(self.settings["seed"])
            rows = self.method.preview() if samples else self._translated()
        title = "samples from the same noise" if samples else "held-out images"
        progress.show(rows, title, self.step, self.out and self.out / "previews" / f"{self.step:08d}.png")

    def _translated(self) -> dict[str, Tensor]:
        parts = [
            [of[i : i + 16] for key, of in self.val.items() if key != "y"] for i in range(0, len(self.val["x"]), 16)
        ]
        fake_y = torch.cat([self.method.translate(*part)["fake_y"] for part in parts])
        if self.val_paired and self.history:
            self.history[-1]["val_l1"] = (fake_y - self.val["y"]).abs().mean().item()
        rows = {"x": self.val["x"][:6], "fake_y": fake_y[:6]}
        return rows | {"y": self.val["y"][:6]} if self.val_paired else rows  # without pairs, y shows something else

    def write_history(self) -> None:
        """Append the new rows to history.jsonl."""
        if self.out is not None:
            path, rows = self.out / "history.jsonl", _lines(self.history[self.written :])
            with files.writing("a row", path, len(rows)), open(path, "ab") as file:
                file.write(rows)
            self.written = len(self.history)

    def save(self, every: float = 0.0) -> None:
        """A checkpoint, if this step has none and the last is ``every`` seconds old, or 30 times what writing takes."""
        pause = max(every, 30 * self.save_cost) if every else 0.0
        if self.out is None or self.saved == self.step or time.monotonic() - self.saved_at < pause:
            return
        start = time.monotonic()
        tensors = checkpoint.snapshot(self.method) | {"random.cpu": torch.get_rng_state()}
        if self.method.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.method.device)
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():  # the losses of a step do not see its update
                raise CourseError(f"{name} is not finite any more", f"step {self.step} of {self.out}", NOT_FINITE)
        state = {"seconds": self.seconds, "shown": self.shown, "settings": self.settings}
        checkpoint.save(self.out / "checkpoints", self.step, tensors, state)
        self.saved, self.saved_at, self.save_cost = self.step, time.monotonic(), time.monotonic() - start


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


def _lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _read_history(path: Path, up_to: int) -> list[dict]:
    """The rows of steps 1 to ``up_to``; those that are damaged are left out, with a warning."""
    rows = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        with suppress(ValueError, TypeError, KeyError):
            row = json.loads(line)
            rows[row["step"]] = row
    kept = [rows[step] for step in range(1, up_to + 1) if step in rows]
    if len(kept) < up_to:
        warnings.warn(f"{path} lacks {up_to - len(kept)} of {up_to} steps; the weights are not affected", stacklevel=2)
    return kept
