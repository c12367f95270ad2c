"""What a training remembers: step and seconds, history, previews and checkpoints, and how a stopped one goes on."""

import json
import math
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data import View, files
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.training import checkpoint
from course_lib.training.progress import Progress

NOT_FINITE = "lower lr, or turn bfloat16 off; the last checkpoint is from before this step"
READ_EVERY = 10  # steps, whose terms are then read: until then nobody waits for a GPU


class RunState:
    """The state of one training: how far it is, its history, and the folder that keeps both, if there is one."""

    def __init__(
        self,
        method: Method,
        out: Path | None,
        val: Dataset | None,
        settings: dict,
        previews: int,
        on_preview: Callable,
    ):
        self.method, self.out, self.settings = method, out, settings
        self.previews, self.on_preview = previews, on_preview
        self.step, self.seconds, self.shown = 0, 0.0, -1
        self.saved, self.saved_at, self.save_cost = -1, 0.0, 0.0  # step, time, seconds
        self.history: list[
            dict
        ] = []  # the rows from ``known`` on have terms that nobody has read yet
        self.known = self.written = 0
        self.terms: dict[str, float] = {}  # the last that were read
        self.val = None
        if val is not None and len(val):
            rows, shown = (
                [i * len(val) // min(64, len(val)) for i in range(min(64, len(val)))],
                View(val).shown,
            )
            self.on_screen = [k for k, row in enumerate(rows) if row in shown][:6]
            items = [val[row] for row in rows]
            keys = ("x", "y", *method.maps)
            self.val = {
                key: torch.stack([item[key] for item in items]).to(method.device) for key in keys
            }
            self.val_paired = val.paired

    def start(self, resume: bool, accept_changes: bool) -> None:
        """A fresh start, seeded, or the newest checkpoint."""
        found = None
        if self.out is not None:
            files.sweep(self.out)
            files.sweep(self.out / "checkpoints")
            found = checkpoint.load_latest(self.out / "checkpoints") if resume else None
            cls = type(self.method.config)
            old = configs.without_removed(cls, found[2]["settings"]) if found else None
            defaults = configs.defaults(cls)
            check_folder(self.out, self.settings, resume, accept_changes, old, defaults)
        if found is None:
            torch.manual_seed(self.settings["seed"])
            if self.out is not None:
                files.replace_file(self.out / "history.jsonl", b"")
            return
        self.step, tensors, state = found
        self.seconds, self.shown, self.saved = state["seconds"], state["shown"], self.step
        checkpoint.restore(self.method, tensors, self.out)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.method.device)
        self.history = read_history(self.out / "history.jsonl", self.step)
        files.replace_file(self.out / "history.jsonl", lines_of(self.history))
        self.known = self.written = len(self.history)

    def where(self, step: int) -> str:
        """Of a message."""
        return f"step {step}" + (f" of {self.out}" if self.out else "")

    def advance(self, terms: dict[str, Tensor | float], seconds: float) -> None:
        """Another update is done, ``seconds`` of training after the first. Of a GPU the terms may be read later."""
        self.step, self.seconds = self.step + 1, seconds
        self.history.append({"step": self.step, **terms, "seconds": round(seconds, 3)})
        if self.method.device.type == "cpu" or self.step % READ_EVERY == 0:
            self.read()

    def read(self) -> None:
        """Numbers in place of the terms of all steps since it was last called: this waits for the device.

        Raises CourseError for the first that is not finite, with its step.
        """
        for row in self.history[self.known :]:
            self.terms = {
                name: float(value) for name, value in row.items() if name not in ("step", "seconds")
            }
            for name, value in self.terms.items():
                if not math.isfinite(value):
                    raise CourseError(
                        f"the loss {name} is {value}", self.where(row["step"]), NOT_FINITE
                    )
            row |= self.terms
        self.known = len(self.history)

    def share(self, steps: int | None, minutes: float | None) -> float:
        """How much of the training is done, in [0, 1]."""
        return min(1.0, self.step / steps if steps else self.seconds / (60 * minutes))

    def preview(self, share: float, progress: Progress) -> None:
        """Another tenth (1 / previews) of the training is done: translate held-out images, or show a GAN's samples."""
        samples = not self.method.translates
        if (
            (self.val is None and not samples)
            or not self.previews
            or int(share * self.previews) <= self.shown
        ):
            return
        self.read()
        self.shown = int(share * self.previews)
        with torch.random.fork_rng(
            devices=[self.method.device] if self.method.device.type == "cuda" else []
        ):
            torch.manual_seed(self.settings["seed"])
            rows = self.method.preview() if samples else self._translated()
        title = "samples from the same noise" if samples else "held-out images"
        self.on_preview(self.step, rows)
        progress.show(
            rows, title, self.step, self.out and self.out / "previews" / f"{self.step:08d}.png"
        )

    def _translated(self) -> dict[str, Tensor]:
        parts = [
            {key: of[i : i + 16] for key, of in self.val.items()}
            for i in range(0, len(self.val["x"]), 16)
        ]
        fake_y = torch.cat([self.method.translate_batch(part)["fake_y"] for part in parts])
        if self.val_paired and self.history:
            self.history[-1]["val_l1"] = (fake_y - self.val["y"]).abs().mean().item()
        rows = {"x": self.val["x"], "fake_y": fake_y}
        if self.val_paired:  # without pairs, y shows something else
            rows["y"] = self.val["y"]
        return {name: images[self.on_screen] for name, images in rows.items()}

    def write_history(self) -> None:
        """Append the new rows to history.jsonl, as far as they are read."""
        if self.out is not None and self.written < self.known:
            path, rows = (
                self.out / "history.jsonl",
                lines_of(self.history[self.written : self.known]),
            )
            with files.writing("a row", path, len(rows)), open(path, "ab") as file:
                file.write(rows)
            self.written = self.known

    def save(self, every: float = 0.0) -> None:
        """A checkpoint, if this step has none and the last is ``every`` seconds old, or 30 times what writing takes."""
        pause = max(every, 30 * self.save_cost) if every else 0.0
        if self.out is None or self.saved == self.step or time.monotonic() - self.saved_at < pause:
            return
        self.read()  # no checkpoint is of a step whose terms are not known to be finite
        self.write_history()
        start = time.monotonic()
        tensors = checkpoint.snapshot(self.method) | {"random.cpu": torch.get_rng_state()}
        if self.method.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.method.device)
        for name, tensor in tensors.items():
            if (
                tensor.is_floating_point() and not tensor.isfinite().all()
            ):  # the losses of a step do not see its update
                raise CourseError(
                    f"{name} is not finite any more", self.where(self.step), NOT_FINITE
                )
        state = {"seconds": self.seconds, "shown": self.shown, "settings": self.settings}
        checkpoint.save(self.out / "checkpoints", self.step, tensors, state)
        self.saved, self.saved_at, self.save_cost = (
            self.step,
            time.monotonic(),
            time.monotonic() - start,
        )


def check_folder(
    out: Path, settings: dict, resume: bool, accept_changes: bool, old: dict | None, defaults: dict
) -> None:
    """Raises CourseError if ``out`` already holds a run and ``resume`` is off, or if that run's settings were others.

    ``old`` are the settings that the run in ``out`` tells of itself, by the names of ``settings``; None if there is
    none to go on with; a setting that it does not know yet has its value in ``defaults``. A run that has not finished
    its first step is no run yet.
    """
    if not resume and any(checkpoint.steps(out / "checkpoints")):  # step 0 alone does not count
        raise CourseError(
            "this folder already holds a run", out, "add --resume to go on, or choose another --out"
        )
    changes = configs.differences(old, settings, defaults) if old is not None else []
    if changes and not accept_changes:
        fix = "repeat the first command with --resume, or add --accept-changes (in Python accept_changes=True)"
        raise CourseError(f"settings differ from the run's: {'; '.join(changes)}", out, fix)


def lines_of(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read_history(path: Path, up_to: int) -> list[dict]:
    """The rows of steps 1 to ``up_to``; those that are damaged are left out, with a warning."""
    rows = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        with suppress(ValueError, TypeError, KeyError):
            row = json.loads(line)
            rows[row["step"]] = row
    kept = [rows[step] for step in range(1, up_to + 1) if step in rows]
    if len(kept) < up_to:
        warnings.warn(
            f"{path} lacks {up_to - len(kept)} of {up_to} steps; the weights are not affected",
            stacklevel=2,
        )
    return kept
