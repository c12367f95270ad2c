"""Where a training is: its steps, its history and its folder; and how a stopped one goes on."""

import json
import math
import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from course_lib.data import files
from course_lib.errors import ensure, note
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.training import checkpoint

NOT_FINITE = "lower lr, or turn bfloat16 off; the last checkpoint is from before this step"
READ_EVERY = 10  # steps, whose terms are then read: until then nobody waits for a GPU
CHECKPOINT_SECONDS = 5.0  # between two checkpoints; 0 is after every step


class TrainingRun:
    """How far a training is, its history, and the folder that keeps both, if there is one.

    It takes ``steps`` updates or ``minutes``, of which one is None. Seed and configuration, its
    ``settings``, go into each checkpoint, and ``record``, where there is one, becomes run.json.
    """

    def __init__(
        self,
        method: Method,
        out: Path | None,
        seed: int = 0,
        steps: int | None = None,
        minutes: float | None = None,
        record: dict | None = None,
    ):
        self.method, self.out, self.seed, self.record = method, out, seed, record
        self.steps, self.limit = steps, 60 * (minutes or math.inf)  # updates, seconds
        self.settings = {"seed": seed, **configs.as_dict(method.config)}
        self.step, self.seconds = 0, 0.0
        self.images = 0  # that steps of this process have seen
        self.saved = -1  # the step of the last checkpoint
        self.next_save = 0.0  # the time from which another is due
        self.history: list[dict] = []
        self.known = 0  # rows of the history whose terms are numbers; the others wait on the device
        self.written = 0
        self.terms: dict[str, float] = {}  # the last that are known

    def start(self, resume: bool | str) -> None:
        """Begin afresh, seeded, or at the newest checkpoint. The folder is then that of this run.

        Raises CourseError if the folder already holds a run and ``resume`` is off, or if the run
        has other settings and ``resume`` is not ``"changed"``, or another architecture.
        """
        latest = self._latest(self.out, resume) if self.out else None
        if self.out is not None and latest is not None:
            self._go_on(self.out, *latest)
        else:
            torch.manual_seed(self.seed)
        if self.out is not None:
            self.describe(self.out)
            files.replace_file(self.out / "history.jsonl", lines_of(self.history))

    def describe(self, folder: Path) -> None:
        """Make ``folder`` a run that can be opened, if this is one."""
        if self.record is not None:
            folder.mkdir(exist_ok=True)
            files.replace_file(folder / "run.json", json.dumps(self.record, indent=1).encode())

    def _latest(self, out: Path, resume: bool | str) -> tuple[int, dict[str, Tensor], dict] | None:
        """The checkpoint in ``out`` to go on from, if the folder may be trained into."""
        folder = out / "checkpoints"
        # step 0 alone is no run yet
        ensure(
            resume or not any(checkpoint.steps(folder)),
            "this folder already holds a run",
            out,
            "add --resume to go on, or choose another --out",
        )
        files.remove_leftovers(out)
        files.remove_leftovers(folder)
        latest = checkpoint.load_latest(folder) if resume else None
        if latest:
            config, recorded = type(self.method.config), latest[2]["settings"]
            check_settings(out, config, recorded, self.settings, resume)
        return latest

    def _go_on(self, out: Path, step: int, tensors: dict[str, Tensor], state: dict) -> None:
        checkpoint.restore(self.method, tensors, out)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.method.device)
        self.step = self.saved = step
        self.seconds = state["seconds"]
        self.history = read_history(out / "history.jsonl", step)
        self.known = self.written = len(self.history)

    def where(self, step: int) -> str:
        """The place that an error of this step names."""
        return f"step {step}" + (f" of {self.out}" if self.out else "")

    def advance(self, terms: dict[str, Tensor], seconds: float, images: int = 1) -> None:
        """Another update is done, of so many images, ``seconds`` of training after the first."""
        self.step += 1
        self.seconds = seconds
        self.images += images
        self.history.append({"step": self.step, **terms, "seconds": round(seconds, 3)})
        if self.method.device.type == "cpu" or self.step % READ_EVERY == 0:
            self.read()

    def read(self) -> None:
        """Make the terms of all steps known as numbers, which waits for the device.

        Raises CourseError for the first that is not finite, with its step.
        """
        for row in self.history[self.known :]:
            self.terms = {
                name: float(value) for name, value in row.items() if name not in ("step", "seconds")
            }
            row |= self.terms
            for name, value in self.terms.items():
                ensure(
                    math.isfinite(value),
                    f"the loss {name} is {value}",
                    self.where(row["step"]),
                    NOT_FINITE,
                )
        self.known = len(self.history)

    def share(self) -> float:
        """How much of the training is done, in [0, 1]."""
        return min(1.0, self.step / self.steps if self.steps else self.seconds / self.limit)

    def write_history(self) -> None:
        """Append to history.jsonl the new rows that are known."""
        if self.out is not None and self.written < self.known:
            path = self.out / "history.jsonl"
            rows = lines_of(self.history[self.written : self.known])
            with files.writing("a row", path, len(rows)), open(path, "ab") as file:
                file.write(rows)
            self.written = self.known

    def save(self, at_once: bool = True) -> None:
        """Write a checkpoint, unless this step has one.

        If not ``at_once``, then only when the last is CHECKPOINT_SECONDS old, and 30 times as old
        as writing it took. Raises CourseError for a weight that is not finite.
        """
        is_due = at_once or time.monotonic() >= self.next_save
        if self.out is not None and self.saved != self.step and is_due:
            began = time.monotonic()
            self.write(self.out / "checkpoints")
            self.saved, took = self.step, time.monotonic() - began
            pause = CHECKPOINT_SECONDS and max(CHECKPOINT_SECONDS, 30 * took)
            self.next_save = began + took + pause

    def write(self, folder: Path) -> None:
        """Write the checkpoint of this step below ``folder``."""
        self.read()  # no checkpoint is of a step whose terms are not known to be finite
        self.write_history()
        tensors = checkpoint.snapshot(self.method) | {"random.cpu": torch.get_rng_state()}
        if self.method.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.method.device)
        for name, tensor in tensors.items():
            # the losses of a step do not see its update
            ensure(
                not tensor.is_floating_point() or tensor.isfinite().all(),
                f"{name} is not finite any more",
                self.where(self.step),
                NOT_FINITE,
            )
        state = {"seconds": self.seconds, "settings": self.settings}
        checkpoint.save(folder, self.step, tensors, state)


def check_settings(out: Path, cls: type, old: dict, new: dict, resume: bool | str) -> None:
    """Raises CourseError if the run in ``out`` has ``old`` settings that differ from the ``new``.

    Unless ``resume`` is ``"changed"``. ``cls`` is the method's Config: a setting that a run does
    not know yet has its default.
    """
    changes = configs.differences(old, new, configs.defaults(cls))
    ensure(
        not changes or resume == "changed",
        f"settings differ from the run's: {'; '.join(changes)}",
        out,
        'repeat the first command with --resume, or add --accept-changes (resume="changed")',
    )


def lines_of(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read_history(path: Path, up_to: int) -> list[dict]:
    """The rows of steps 1 to ``up_to``; those that are damaged are left out, with a note."""
    rows = read_rows(path)
    kept = [rows[step] for step in range(1, up_to + 1) if step in rows]
    if len(kept) < up_to:
        lost = up_to - len(kept)
        note(f"{path} lacks {lost} of {up_to} steps; the weights are not affected")
    return kept


def read_rows(path: Path) -> dict[int, dict]:
    """The rows of a file of JSON lines that can be read, by step; none if there is no file."""
    rows = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        with suppress(ValueError, TypeError, KeyError):
            row = json.loads(line)
            rows[row["step"]] = row
    return rows
