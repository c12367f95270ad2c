"""What a training remembers, and how a stopped one goes on."""

import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data import View, files
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.training import checkpoint, distributed
from course_lib.training.progress import Progress

NOT_FINITE = "lower lr, or turn bfloat16 off; the last checkpoint is from before this step"
READ_EVERY = 10  # steps, whose terms are then read: until then nobody waits for a GPU
CHECKPOINT_SECONDS = 5.0  # between two checkpoints; 0 is after every step


class TrainingRun:
    """How far a training is, its history, and the folder that keeps both, if there is one."""

    def __init__(
        self,
        method: Method,
        out: Path | None,
        val: Dataset | None,
        settings: dict,
        previews: int,
        on_preview: Callable,
    ):
        self.method = method
        self.out = out
        self.settings = settings
        self.previews = previews
        self.on_preview = on_preview
        self.step = 0
        self.seconds = 0.0
        self.previewed = -1  # how many previews the training is past
        self.saved = -1  # the step of the last checkpoint
        self.next_save = 0.0  # the time from which another is due
        self.history: list[dict] = []
        self.known = 0  # rows of the history whose terms are numbers; the others wait on the device
        self.written = 0
        self.terms: dict[str, float] = {}  # the last that are known
        self.scores: list[dict] = []  # of the held-out images, at each preview
        self.best = out / "best" / "checkpoints" if out else None  # of the best preview
        self.val: dict[str, Tensor] = {}
        if val is not None and len(val):
            self._hold_out(val)

    def _hold_out(self, val: Dataset) -> None:
        """Keep up to 64 images of ``val``, spread evenly; up to six of them are shown."""
        count = min(64, len(val))
        rows = [i * len(val) // count for i in range(count)]
        worth_showing = View(val).shown
        self.on_screen = [k for k, row in enumerate(rows) if row in worth_showing][:6]
        items = [val[row] for row in rows]
        for key in ("x", "y", *self.method.maps):
            self.val[key] = torch.stack([item[key] for item in items]).to(self.method.device)
        self.val_paired = val.paired
        groups = View(val).groups or range(len(val))
        self.groups = [groups[row] for row in rows]

    def start(self, resume: bool | str) -> None:
        """Begin afresh, seeded, or at the newest checkpoint."""
        latest = None
        if self.out is not None:
            files.sweep(self.out)
            files.sweep(self.out / "checkpoints")
            files.sweep(self.best)
            latest = checkpoint.load_latest(self.out / "checkpoints") if resume else None
            recorded = latest[2]["settings"] if latest else None
            check_folder(self.out, type(self.method.config), self.settings, resume, recorded)
        rank, ranks = distributed.world()
        latest = distributed.of_all_ranks(latest)[0]
        if latest is None:
            torch.manual_seed(self.settings["seed"])
            if ranks > 1:
                weights = {k: t.cpu() for k, t in checkpoint.snapshot(self.method).items()}
                weights = distributed.of_all_ranks(weights if rank == 0 else None)[0]
                checkpoint.restore(self.method, weights, Path("rank 0"))
        else:
            self._go_on(*latest)
        if self.out is not None:
            files.replace_file(self.out / "history.jsonl", lines_of(self.history))
            known = read_rows(self.out / "scores.jsonl").values()
            self.scores = [row for row in known if row["step"] <= self.step]
            for late in [step for step in checkpoint.steps(self.best) if step > self.step]:
                checkpoint.drop(self.best / f"{late:08d}")

    def _go_on(self, step: int, tensors: dict[str, Tensor], state: dict) -> None:
        mine = f"rank{distributed.world()[0]}."
        tensors |= {n.removeprefix(mine): t for n, t in tensors.items() if n.startswith(mine)}
        checkpoint.restore(self.method, tensors, self.out or Path("rank 0"))
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.method.device)
        self.step = self.saved = step
        self.seconds = state["seconds"]
        self.previewed = state["shown"]
        if self.out is not None:
            self.history = read_history(self.out / "history.jsonl", step)
        self.known = self.written = len(self.history)

    def where(self, step: int) -> str:
        """The place that an error of this step names."""
        return f"step {step}" + (f" of {self.out}" if self.out else "")

    def advance(self, terms: dict[str, Tensor | float], seconds: float) -> None:
        """Another update is done, ``seconds`` of training after the first."""
        self.step += 1
        self.seconds = seconds
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
        """Show held-out images, or samples of a GAN, whenever another 1 / ``previews`` is done."""
        passed = int(share * self.previews)
        something_to_show = self.val or not self.method.translates
        if not self.previews or not something_to_show or passed <= self.previewed:
            return
        self.read()
        self.previewed = passed
        on_gpu = self.method.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.method.device] if on_gpu else []):
            torch.manual_seed(self.settings["seed"])
            if self.method.translates:
                rows, title = self._translated(), "held-out images"
            else:
                rows, title = self.method.preview(), "samples from the same noise"
                if self.val and self.method.config.keep == "best":
                    self._score(self.method.generate(len(self.val["y"])))
        scores = [row["score"] for row in self.scores if self.method.config.keep == "best"]
        if self.out and scores and scores.index(min(scores)) == len(scores) - 1:
            self._write(self.best)
        self.on_preview(self.step, rows)
        path = self.out / "previews" / f"{self.step:08d}.png" if self.out else None
        progress.show(rows, title, self.step, path)

    def _translated(self) -> dict[str, Tensor]:
        """Rows of held-out images and their translations; the L1 of all goes into the history."""
        painted = []
        for i in range(0, len(self.val["x"]), 16):
            part = {key: images[i : i + 16] for key, images in self.val.items()}
            painted.append(self.method.translate_batch(part)["fake_y"])
        rows = {"x": self.val["x"], "fake_y": torch.cat(painted)}
        if self.val_paired:  # without pairs, y shows something else
            rows["y"] = self.val["y"]
        self._score(rows["fake_y"])
        return {name: images[self.on_screen] for name, images in rows.items()}

    def _score(self, fake_y: Tensor) -> None:
        """How far the held-out images are from the truth goes into scores.jsonl.

        With pairs it is the L1, of each image and, in the history, of all; without, and where the
        best is to be kept, it is the KID of the sets, which takes longer.
        """
        y, row = self.val["y"], {"step": self.step, "groups": self.groups}
        if not self.history:
            return
        if self.method.translates and self.val_paired:
            apart = (fake_y - y).abs()
            self.history[-1]["val_l1"] = row["score"] = apart.mean().item()
            row |= {"kind": "L1", "each": apart.mean(dim=(1, 2, 3)).tolist()}
        elif self.method.config.keep == "best":
            from course_lib.metrics.distances import distances

            kid = distances(fake_y.cpu(), y.cpu(), torch.tensor(self.groups))
            names = {"score": "", "low": "_low", "high": "_high"}
            row |= {"kind": "KID"} | {n: kid[f"kid_features{end}"] for n, end in names.items()}
        else:
            return
        self.scores.append(row)
        if self.out is not None:
            files.replace_file(self.out / "scores.jsonl", lines_of(self.scores))

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
        has_changed = self.out is not None and self.saved != self.step
        is_due = has_changed and (at_once or time.monotonic() >= self.next_save)
        if not distributed.of_all_ranks(is_due)[0]:
            return
        others = distributed.of_all_ranks(checkpoint.private(self.method))[1:]
        if self.out is not None:
            start = time.monotonic()
            self._write(self.out / "checkpoints", others)
            self.saved, now = self.step, time.monotonic()
            pause = max(CHECKPOINT_SECONDS, 30 * (now - start) * bool(CHECKPOINT_SECONDS))
            self.next_save = now + pause

    def _write(self, folder: Path, others: Sequence[dict[str, Tensor]] = ()) -> None:
        """Write the checkpoint of this step below ``folder``; ``others``: of the other ranks."""
        self.read()  # no checkpoint is of a step whose terms are not known to be finite
        self.write_history()
        tensors = checkpoint.snapshot(self.method) | {"random.cpu": torch.get_rng_state()}
        if self.method.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.method.device)
        for rank, private in enumerate(others, start=1):
            tensors |= {f"rank{rank}.{name}": tensor for name, tensor in private.items()}
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                # the losses of a step do not see its update
                raise CourseError(
                    f"{name} is not finite any more", self.where(self.step), NOT_FINITE
                )
        state = {"seconds": self.seconds, "shown": self.previewed, "settings": self.settings}
        again = checkpoint.steps(self.out / "checkpoints") if folder == self.best else ()
        checkpoint.save(folder, self.step, tensors, state, again)


def check_folder(
    out: Path, cls: type, settings: dict, resume: bool | str, recorded: dict | None
) -> None:
    """Raises CourseError if ``out`` cannot be trained into with these ``settings``.

    That is if it already holds a run and ``resume`` is off, or if the run had ``recorded`` other
    settings and ``resume`` is not ``"changed"``. A run that has not finished its first step is no
    run yet. ``cls`` is the method's Config: a setting that a run does not know yet has its default.
    """
    if not resume and any(checkpoint.steps(out / "checkpoints")):  # step 0 alone does not count
        raise CourseError(
            "this folder already holds a run", out, "add --resume to go on, or choose another --out"
        )
    if recorded is None:
        return
    changes = configs.differences(recorded, settings, configs.defaults(cls))
    if changes and resume != "changed":
        raise CourseError(
            f"settings differ from the run's: {'; '.join(changes)}",
            out,
            'repeat the first command with --resume, or add --accept-changes (resume="changed")',
        )


def lines_of(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read_history(path: Path, up_to: int) -> list[dict]:
    """The rows of steps 1 to ``up_to``; those that are damaged are left out, with a warning."""
    rows = read_rows(path)
    kept = [rows[step] for step in range(1, up_to + 1) if step in rows]
    if len(kept) < up_to:
        warnings.warn(
            f"{path} lacks {up_to - len(kept)} of {up_to} steps; the weights are not affected",
            stacklevel=2,
        )
    return kept


def read_rows(path: Path) -> dict[int, dict]:
    """The rows of a file of JSON lines that can be read, by step; none if there is no file."""
    rows = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        with suppress(ValueError, TypeError, KeyError):
            row = json.loads(line)
            rows[row["step"]] = row
    return rows
