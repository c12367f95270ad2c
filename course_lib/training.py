"""fit(): the one training loop, for every method, in a notebook and on the command line."""

import json
import math
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
from torch.utils.data import DataLoader, Dataset

from course_lib import checkpoint
from course_lib.data.augment import Augment, item_generator
from course_lib.errors import CourseError
from course_lib.lock import only_run
from course_lib.progress import Progress

TIMING = ("seconds",)  # the fields of a history row that two equal runs may differ in


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
    progress: bool = True,
    on_start: Callable[[], None] = lambda: None,
) -> Result:
    """Train ``method`` for ``steps`` updates, or for ``minutes`` of wall-clock time (then lr follows the clock).

    ``dataset`` yields dicts of x and y; it is augmented unless told not to, and shuffled by (seed, epoch). Six fixed
    images of ``val`` are translated ``previews`` times on the way, shown in a notebook, saved as PNG below ``out``, and
    the L1 over up to 64 pairs of ``val`` is added to the history as ``val_l1``.

    With ``out``, the history is written as JSON lines, and a checkpoint every ``checkpoint_seconds`` (less often where
    writing is slow; 0 is after every step). ``resume`` continues from the newest good one: weights, optimisers, random
    states, data order and history are then, with ``steps`` on a CPU, bit for bit those of a run that was never stopped.
    Ctrl-C ends the step, writes a checkpoint and returns. ``on_start`` is called once ``out`` is locked.

    Raises CourseError if a loss is not finite, if another process trains into ``out``, if ``out`` already holds a run
    and ``resume`` is off, if memory runs out, or if a sample cannot be read.
    """
    if (steps is None) == (minutes is None):
        raise CourseError("say how long to train: steps or minutes, one of them", "fit()", "for example steps=1000")
    if (steps or minutes or 0) <= 0:
        raise CourseError(f"cannot train for {steps or minutes}", "fit()", "give a positive number")
    run = _Run(method, Path(out) if out else None, val, seed, previews)
    with only_run(run.out) if run.out else nullcontext(), _interrupts() as interrupted:
        run.start(resume)
        on_start()
        total = Progress(method, steps, minutes, run.step, run.seconds, show=progress)
        last_save, save_cost = float("-inf"), 0.0  # the first step is saved at once
        began = time.monotonic() - run.seconds
        share = run.share(steps, minutes)
        run.preview(share, total)
        for batch in _batches(dataset, method, seed, augment, run.step):
            if share >= 1 or interrupted.is_set():
                break
            for optimizer in method.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = method.config.lr * lr_factor(share, method.config.decay_from)
            terms = _step(method, batch, run)
            run.step, run.seconds = run.step + 1, time.monotonic() - began
            share = run.share(steps, minutes)
            run.history.append({"step": run.step, **terms, "seconds": round(run.seconds, 3)})
            total.update(run.step, run.seconds, terms)
            run.preview(share, total)
            run.write_history()
            pause = max(checkpoint_seconds, 30 * save_cost) if checkpoint_seconds else 0.0
            if time.monotonic() - last_save >= pause:
                start = time.monotonic()
                run.save()
                last_save, save_cost = time.monotonic(), time.monotonic() - start
        run.save()
        total.close(run.step, interrupted.is_set())
    stopped = "interrupted" if interrupted.is_set() and share < 1 else "finished"
    return Result(run.history, run.step, run.seconds, stopped)


def _step(method: Any, batch: dict, run: "_Run") -> dict[str, float]:
    """One update, with what can go wrong in it named."""
    where = f"step {run.step + 1}" + (f" of {run.out}" if run.out else "")
    try:
        terms = method.step(batch)
    except torch.OutOfMemoryError as error:
        raise CourseError("out of memory", where, "choose a smaller batch_size or image size") from error
    for name, value in terms.items():
        if not math.isfinite(value):
            fix = "lower lr, or turn bfloat16 off; the last checkpoint is from before this step"
            raise CourseError(f"the loss {name} is {value}", where, fix)
    return terms


def _batches(dataset: Dataset, method: Any, seed: int, augment: bool, done: int) -> Iterator[dict]:
    """Endless batches on the method's device; their order depends on (seed, epoch) alone, so a resume can jump in."""
    flip = {"on": True, "off": False, "auto": getattr(dataset, "mirrors", True)}[method.config.flip]
    view = Augment(dataset, seed, method.config.jitter, flip) if augment else dataset
    size = min(method.config.batch_size, len(dataset))
    per_epoch = len(dataset) // size
    epoch, skip = divmod(done, per_epoch)
    while True:
        if hasattr(view, "set_epoch"):
            view.set_epoch(epoch)
        order = torch.randperm(len(dataset), generator=item_generator(seed, epoch)).tolist()
        chunks = [order[i * size : (i + 1) * size] for i in range(skip, per_epoch)]
        # a generator of its own: the loader must not draw from the one that dropout uses
        for batch in DataLoader(view, batch_sampler=chunks, generator=torch.Generator()):
            yield {k: v.to(method.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
        epoch, skip = epoch + 1, 0


class _Run:
    """The state of one training run, and the folder that keeps it."""

    def __init__(self, method: Any, out: Path | None, val: Dataset | None, seed: int, previews: int):
        self.method, self.out, self.seed, self.previews = method, out, seed, previews
        self.step, self.seconds, self.shown = 0, 0.0, -1
        self.history: list[dict] = []
        self.written = 0
        self.val = None
        if val is not None and len(val):
            items = [val[i * len(val) // min(64, len(val))] for i in range(min(64, len(val)))]
            self.val = {key: torch.stack([item[key] for item in items]).to(method.device) for key in ("x", "y")}
            self.val_paired = val.paired

    def start(self, resume: bool) -> None:
        """A fresh start, seeded, or the newest checkpoint."""
        found = None
        if self.out is not None:
            checkpoint.sweep(self.out)
            checkpoint.sweep(self.out / "checkpoints")
            if not resume and checkpoint.steps(self.out / "checkpoints"):
                raise CourseError("this folder already holds a run", self.out, "add --resume, or choose another --out")
            found = checkpoint.load_latest(self.out / "checkpoints") if resume else None
        if found is None:
            torch.manual_seed(self.seed)
            if self.out is not None:
                (self.out / "history.jsonl").write_text("")
            return
        self.step, tensors, state = found
        self.seconds, self.shown = state["seconds"], state["shown"]
        restore(self.method, tensors)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.method.device)
        rows = [json.loads(line) for line in _read(self.out / "history.jsonl").splitlines() if line.endswith("}")]
        self.history = [row for row in rows if row["step"] <= self.step]
        checkpoint.replace_file(self.out / "history.jsonl", _lines(self.history))
        self.written = len(self.history)

    def share(self, steps: int | None, minutes: float | None) -> float:
        """How much of the training is done, in [0, 1]."""
        return min(1.0, self.step / steps if steps else self.seconds / (60 * minutes))

    def preview(self, share: float, progress: Progress) -> None:
        """Translate the held-out images when another tenth (1 / previews) of the training is done."""
        if self.val is None or not self.previews or int(share * self.previews) <= self.shown:
            return
        self.shown = int(share * self.previews)
        with torch.random.fork_rng(devices=[self.method.device] if self.method.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            fake_y = torch.cat([self.method.translate(x)["fake_y"] for x in self.val["x"].split(16)])
        if self.val_paired and self.history:
            self.history[-1]["val_l1"] = (fake_y - self.val["y"]).abs().mean().item()
        rows = {"x": self.val["x"][:6], "fake_y": fake_y[:6], "y": self.val["y"][:6]}
        progress.show(rows, self.step, self.out and self.out / "previews" / f"{self.step:08d}.png")

    def write_history(self) -> None:
        """Append the new rows to history.jsonl."""
        if self.out is not None:
            with open(self.out / "history.jsonl", "ab") as file:
                file.write(_lines(self.history[self.written :]))
            self.written = len(self.history)

    def save(self) -> None:
        if self.out is not None:
            tensors = snapshot(self.method) | {"random.cpu": torch.get_rng_state()}
            if self.method.device.type == "cuda":
                tensors["random.cuda"] = torch.cuda.get_rng_state(self.method.device)
            checkpoint.save(
                self.out / "checkpoints", self.step, tensors, {"seconds": self.seconds, "shown": self.shown}
            )


def snapshot(method: Any) -> dict[str, Tensor]:
    """Every tensor of a method: weights and statistics of its networks, moments of its optimisers."""
    out = {}
    for name, net in method.networks.items():
        out |= {f"{name}.{key}": tensor for key, tensor in net.state_dict().items()}
    for name, optimizer in method.optimizers.items():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for i, parameter in enumerate(parameters):
            out |= {f"{name}.{i}.{key}": tensor for key, tensor in optimizer.state.get(parameter, {}).items()}
    return out


def restore(method: Any, tensors: dict[str, Tensor], optimizers: bool = True) -> None:
    """The inverse of :func:`snapshot`, in place. Raises CourseError naming the first five entries that do not fit."""
    own = {f"{name}.{k}": t for name, net in method.networks.items() for k, t in net.state_dict().items()}
    shapes = {key: tuple(tensors[key].shape) if key in tensors else "missing" for key in own}
    wrong = [f"{k} {shapes[k]} for {tuple(t.shape)}" for k, t in own.items() if shapes[k] != tuple(t.shape)]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise CourseError(
            f"the checkpoint is of another architecture: {shown}", "checkpoint", "use the settings of its run.json"
        )
    for key, tensor in own.items():
        tensor.copy_(tensors[key])
    for name, optimizer in method.optimizers.items() if optimizers else []:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for i, parameter in enumerate(parameters):
            prefix = f"{name}.{i}."
            for key in [k for k in tensors if k.startswith(prefix)]:
                # moments must keep the memory layout of their parameter, which the file does not
                moment = tensors[key].to(parameter.device)
                kept = torch.empty_like(parameter).copy_(moment) if moment.shape == parameter.shape else moment
                optimizer.state[parameter][key.removeprefix(prefix)] = kept


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


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
