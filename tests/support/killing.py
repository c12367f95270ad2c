"""Kills of processes and flipped bits: tests do a few of each, test_soak.py does hundreds.

As a program, ``python killing.py FOLDER KILLS SEED``, this is :func:`kill_while_saving`, which
forks and so wants a process of one thread.
"""

import builtins
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import Dataset

from course_lib import training
from course_lib.data import files
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.training import checkpoint, run
from tests import ROOT
from tests.support.pictures import noise, saved

OPERATIONS = {"write", "open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}
# for programs: this checkout, whatever copy is installed; one thread, to run several at a time
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
SMALL = Config(
    image_size=16,
    base_channels=4,
    d_base_channels=4,
    d_layers=1,
    batch_size=4,
    dropout=0.5,
    average=0.9,
    beta1=0.5,
    decay_from=0.5,
)


class Toy(Dataset):
    """18 pairs, 4 batches an epoch, or ``n``: x is four flat colours, y its negative."""

    paired, card = True, "a toy"

    def __init__(self, n: int = 18):
        colours = torch.rand(n, 3, 2, 2, generator=torch.Generator().manual_seed(n)) * 2 - 1
        self.x = torch.nn.functional.interpolate(colours, (16, 16))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"x": self.x[i], "y": -self.x[i], "name": f"picture {i}"}


def make(**changes) -> Pix2Pix:
    """SMALL but for ``changes``, always with the same weights."""
    torch.manual_seed(3)
    return Pix2Pix(replace(SMALL, **changes))


def equal(a: dict, b: dict) -> bool:
    """Whether two dicts of tensors are equal to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def rows(history: Path) -> list[dict]:
    """history.jsonl without what two equal runs may differ in."""
    found = [json.loads(line) for line in history.read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


# ---- kills while a checkpoint is written


def train_in_child(folder: Path, step: int, n: int | None = None) -> int:
    """The exit status of a process that goes on with the toy's training up to the save of ``step``.

    In that save it kills itself before the n-th operation on files, or amid a file's bytes, which
    count as one, too. With None it does not, and keeps every checkpoint.
    """
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    saving, done, true_save = None, 0, checkpoint.save

    def watch(event: str, _: object = None) -> None:
        nonlocal done
        if saving == step and event in OPERATIONS:
            if done == n:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1

    class Slow(io.FileIO):
        def write(self, data):
            half = super().write(data[: len(data) // 2])
            watch("write")
            return half + super().write(data[half:])

    def save(out, at, *arguments):
        nonlocal saving
        saving = at
        true_save(out, at, *arguments)
        saving = None
        if at == step:
            os._exit(0)

    checkpoint.save, run.CHECKPOINT_SECONDS = save, 0
    checkpoint.KEPT = 10**9 if n is None else checkpoint.KEPT
    files.open = lambda path, mode: (Slow if mode == "wb" else builtins.open)(path, mode)
    sys.addaudithook(watch)
    options = {"out": folder, "resume": True, "previews": 0, "progress": False}
    try:
        training.fit(make(), Toy(), steps=10_000, **options)
    finally:
        os._exit(1)


def kill_while_saving(folder: Path, kills: int, seed: int) -> Counter:
    """A run that is killed ``kills`` times while it writes a checkpoint, and resumed each time.

    After each kill the newest checkpoint must be the one being written or the one before, be read
    without a warning, and hold to the bit what a run that was never killed held at that step.
    Counts what was found.
    """
    program = [sys.executable, __file__, str(folder), str(kills), str(seed)]
    done = subprocess.run(program, env=ONE_THREAD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(done.stdout.splitlines()[-1]))


def _kill_while_saving(folder: Path, kills: int, seed: int) -> Counter:
    rng, counts, last = random.Random(seed), Counter(), -1
    whole, run = folder / "whole" / "checkpoints", folder / "killed" / "checkpoints"
    assert train_in_child(whole.parent, 4 * kills + 4) == 0
    while counts["killed"] < kills:
        step = last + 1 + rng.randrange(3) if last >= 0 else 0
        status = train_in_child(run.parent, step, rng.randrange(12))
        assert status in (0, signal.SIGKILL), status
        newest = checkpoint.load_latest(run)
        counts["killed"] += bool(status)
        if newest is None:
            assert step == 0 and status
            counts["nothing yet"] += 1
            continue
        last = newest[0]
        assert equal(newest[1], checkpoint.load(whole / f"{last:08d}")[1])
        assert all(checkpoint.load(run / f"{older:08d}") for older in checkpoint.steps(run))
        if status:
            assert last in (step, step - 1)
            counts["the new one" if last == step else "the one before"] += 1
            counts["with something half written"] += any(
                path.name.startswith(files.ASIDE) for path in run.iterdir()
            )
    assert train_in_child(run.parent, last + 2, 10**9) == 0
    assert equal(*(checkpoint.load(each / f"{last + 2:08d}")[1] for each in (whole, run)))
    histories = [rows(each.parent / "history.jsonl") for each in (whole, run)]
    assert histories[1] == histories[0][: last + 2]
    assert [path.name for path in sorted(run.iterdir())] == [f"{last + k:08d}" for k in (1, 2)]
    return counts


# ---- flipped bits


def flip_bits(folder: Path, flips: int, seed: int) -> Counter:
    """Flip a random bit of the newest checkpoint, ``flips`` times; counts which were noticed."""
    rng, counts = random.Random(seed), Counter()
    before, newest = checkpoint.steps(folder)[-2:]
    parts = sorted((folder / f"{newest:08d}").iterdir())
    for _ in range(flips):
        path = rng.choice(parts)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            step = checkpoint.load_latest(folder)[0]
        noticed = step == before and "damaged" in said.getvalue()
        counts[f"noticed in {path.name}" if noticed else "missed"] += 1
        path.write_bytes(good)
    assert checkpoint.load_latest(folder)[0] == newest
    return counts


# ---- kills of `course train`


def write_pairs(folder: Path, count: int = 26, size: int = 16) -> Path:
    """A folder of A|B images of noise."""
    saved(folder / "train", (noise(2 * size, size, i) for i in range(count)))
    return folder


def course_train(
    data: Path | str, out: Path, steps: int, *more: str, method: str = "pix2pix"
) -> list[str]:
    """A command that trains a small network, and saves often; its data: write_pairs()."""
    special = {"pix2pix": "dropout=0.5", "cyclegan": "pool_size=9", "pix2pixhd": "cluster_images=4"}
    special |= {"unit": "noise=on", "munit": "d_scales=2"}
    sizes = ("d_layers=1", "batch_size=4", "base_channels=4", "d_base_channels=4")
    command = f"train {method} --data {data} --out {out} --size 16 --steps {steps} --profile smoke"
    sets = [word for setting in (special[method], *sizes) for word in ("--set", setting)]
    often = "from course_lib.training import run; run.CHECKPOINT_SECONDS = 0.05"
    program = f"{often}; from course_lib.cli import main; main()"
    return [sys.executable, "-c", program, *command.split(), *sets, *more]


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_and_resume(
    folder: Path,
    data: Path | str,
    steps: int,
    kills: int,
    seed: int,
    *more: str,
    method: str = "pix2pix",
) -> list[int]:
    """Train once in peace, once killed at ``kills`` random steps and resumed; must be equal.

    Compared to the bit: weights, statistics, moments of both Adams, random states, and the history
    but for its times. Returns the steps it was killed at.
    """
    rng, whole, run, killed_at = random.Random(seed), folder / "whole", folder / "killed", []
    resume = course_train(data, run, steps, *more, "--resume", method=method)
    in_peace = course_train(data, whole, steps, *more, method=method)
    subprocess.run(in_peace, check=True, env=ONE_THREAD, capture_output=True)
    for _ in range(kills):
        began = (checkpoint.steps(run / "checkpoints") or [0])[-1]
        target = began + rng.randrange(1, max(2, (steps - began) // 3))
        process = subprocess.Popen(resume, env=ONE_THREAD, stderr=subprocess.DEVNULL)
        while process.poll() is None and not began < lines(run / "history.jsonl") >= target:
            time.sleep(0.002)
        assert process.poll() is None, f"it ended by itself: {process.returncode}"
        process.kill()
        process.wait()
        killed_at.append(lines(run / "history.jsonl"))
    subprocess.run(resume, check=True, env=ONE_THREAD, capture_output=True)
    ends = [checkpoint.load_latest(out / "checkpoints") for out in (whole, run)]
    assert ends[0][0] == ends[1][0] == steps and equal(ends[0][1], ends[1][1])
    assert rows(run / "history.jsonl") == rows(whole / "history.jsonl")
    return killed_at


if __name__ == "__main__":
    counted = _kill_while_saving(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(counted))
