"""What test_survival.py does a few times and test_soak.py hundreds of times: kill processes, flip bits.

Run as a program, this trains a toy in FOLDER in child processes that are stopped at one point of a save and killed:

    python killing.py FOLDER < orders > answers

An order is one line of JSON, [step, kind, n]: resume the run, and in the save of that step stop when ``n`` bytes are
written (kind "byte") or before the n-th operation on files (kind "operation"). The answer is "killed", or "saved" if
there is no such point. [step, "whole", 0] trains up to that step without a break, and keeps every checkpoint.
"""

import builtins
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from course_lib import training
from course_lib.data import files
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.training import checkpoint
from course_lib.training.fit import TIMING
from tests import ROOT

OPERATIONS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.scandir",
    "os.listdir",
    "shutil.rmtree",
}
# for programs: this checkout, whatever copy is installed; one thread, so that several can run at a time
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
SMALL = Config(
    image_size=16, base_channels=4, d_base_channels=4, d_layers=1, batch_size=4, dropout=0.5, average=0.9, beta1=0.5,
    decay_from=0.5,
)  # fmt: skip


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
    return [{k: v for k, v in row.items() if k not in TIMING} for row in found]


# ---- kills during the writing of a checkpoint


def train_and_stop(folder: Path, step: int, kind: str, n: int, ready: int) -> None:
    """Train; at the point (see the module) write a byte to ``ready`` and wait to be killed."""
    true_save, armed, seen = checkpoint.save, False, Counter()

    def stop() -> None:
        os.write(ready, b"x")
        signal.pause()

    class Slow(io.FileIO):
        def write(self, data):
            left = n - seen["byte"]
            if armed and kind == "byte" and left <= len(data):
                super().write(data[:left])
                stop()
            seen["byte"] += len(data)
            return super().write(data)

    def watch(event: str, _) -> None:
        if armed and event in OPERATIONS:
            if kind == "operation" and seen["operation"] == n:
                stop()
            seen["operation"] += 1

    def save(folder, at, *arguments, **options):
        nonlocal armed
        armed = at == step and kind != "whole"
        true_save(folder, at, *arguments, **options)
        if at == step:
            os._exit(0)

    if kind != "whole":
        checkpoint.open = lambda path, mode: (Slow if mode == "wb" else builtins.open)(path, mode)
        sys.addaudithook(watch)
    checkpoint.save = partial(save, keep=10**9) if kind == "whole" else save
    training.fit(
        make(),
        Toy(),
        steps=10_000,
        out=folder,
        resume=True,
        previews=0,
        progress=False,
        checkpoint_seconds=0,
    )


def serve(folder: Path) -> None:
    training.fit(
        Pix2Pix(SMALL), Toy(), steps=1, progress=False
    )  # what torch imports late, imported once
    for line in sys.stdin:
        met, ready = os.pipe()
        child = os.fork()
        if not child:
            os.close(met)
            try:
                train_and_stop(folder, *json.loads(line), ready)
            finally:
                os._exit(1)
        os.close(ready)
        answer = "killed" if os.read(met, 1) else "saved"
        os.close(met)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if status not in (0, signal.SIGKILL):
            answer = f"failed with status {status}"
        print(answer, flush=True)


class Trainer:
    """The program above, with its answers."""

    def __init__(self, folder: Path):
        command = [sys.executable, __file__, str(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=ONE_THREAD, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def order(self, step: int, kind: str, n: int = 0) -> str:
        print(json.dumps([step, kind, n]), file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


def kill_while_saving(folder: Path, kills: int, seed: int) -> Counter:
    """A run that is killed ``kills`` times while it writes a checkpoint, and resumed each time.

    Half of the kills are at a random byte of what is written, half before a random operation on files. After each one
    the newest checkpoint must be the one being written or the one before, be found without a warning, and hold to the
    bit what a run that was never killed held at that step. Counts what was found.
    """
    rng, found, whole, run = random.Random(seed), Counter(), folder / "whole", folder / "killed"
    with Trainer(whole) as never_killed:
        assert never_killed.order(8 * kills, "whole") == "saved"
    sizes = [path.stat().st_size for path in (whole / "checkpoints" / "00000001").iterdir()]
    last = -1
    with Trainer(run) as trainer, warnings.catch_warnings():
        warnings.simplefilter("error")
        while found["killed"] < kills:
            step = last + 1 + rng.randrange(3) if last >= 0 else 0
            kind = rng.choice(["byte", "operation"])
            n = (
                rng.choice([0, sizes[0], sum(sizes), *[rng.randrange(sum(sizes))] * 9])
                if kind == "byte"
                else 0
            )
            n = rng.randrange(16) if kind == "operation" else n
            answer = trainer.order(step, kind, n)
            assert answer in ("killed", "saved"), answer
            found[answer] += 1
            newest = checkpoint.load_latest(run / "checkpoints")
            if newest is None:
                assert step == 0 and answer == "killed"
                found["nothing yet"] += 1
                continue
            last, tensors, _ = newest
            assert equal(tensors, checkpoint.load(whole / "checkpoints" / f"{last:08d}")[1])
            for older in checkpoint.steps(run / "checkpoints"):
                checkpoint.load(run / "checkpoints" / f"{older:08d}")
            if answer == "killed":
                found[
                    "the new one"
                    if last == step
                    else "the one before"
                    if last == step - 1
                    else "another"
                ] += 1
                found[f"at a {kind}"] += 1
                left = [
                    path
                    for path in (run / "checkpoints").iterdir()
                    if path.name.startswith(files.ASIDE)
                ]
                found["with something half written"] += bool(left)
        end = last + 2
        assert trainer.order(end, "operation", 10**9) == "saved"
    never_killed = checkpoint.load(whole / "checkpoints" / f"{end:08d}")[1]
    assert equal(checkpoint.load_latest(run / "checkpoints")[1], never_killed)
    assert rows(run / "history.jsonl") == rows(whole / "history.jsonl")[:end]
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        f"{s:08d}" for s in (end - 1, end)
    }
    return found


# ---- flipped bits


def flip_bits(folder: Path, flips: int, seed: int) -> Counter:
    """Flip one random bit of a random file of the newest checkpoint, ``flips`` times; counts which were noticed."""
    rng, found = random.Random(seed), Counter()
    before, newest = checkpoint.steps(folder)[-2:]
    files = sorted((folder / f"{newest:08d}").iterdir())
    for _ in range(flips):
        path = rng.choice(files)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            step = checkpoint.load_latest(folder)[0]
        noticed = step == before and len(said) == 1 and "damaged" in str(said[0].message)
        found[f"noticed in {path.name}" if noticed else "missed"] += 1
        path.write_bytes(good)
    assert checkpoint.load_latest(folder)[0] == newest
    return found


# ---- kills of `course train`


def write_pairs(folder: Path, count: int = 26, size: int = 16) -> Path:
    """A folder of A|B images of noise."""
    rng = np.random.default_rng(0)
    (folder / "train").mkdir(parents=True)
    for i in range(count):
        Image.fromarray(rng.integers(0, 256, (size, 2 * size, 3), dtype=np.uint8)).save(
            folder / f"train/{i}.png"
        )
    return folder


def course_train(
    data: Path | str, out: Path, steps: int, *more: str, method: str = "pix2pix"
) -> list[str]:
    """A command that trains a small pix2pix with dropout; 4 or 5 batches an epoch on :func:`write_pairs`."""
    own = {"pix2pix": "dropout=0.5", "cyclegan": "pool_size=9", "pix2pixhd": "cluster_images=4"}
    own |= {"unit": "noise=on", "munit": "d_scales=2"}
    settings = ("d_layers=1", own[method], "batch_size=4", "base_channels=4", "d_base_channels=4")
    command = f"-m course_lib.cli train {method} --data {data} --out {out} --profile smoke --size 16 --steps {steps}"
    sets = [word for setting in settings for word in ("--set", setting)]
    return [sys.executable, *command.split(), "--checkpoint-seconds", "0.05", *sets, *more]


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
    """Train once without a break, once killed at ``kills`` random steps and resumed each time; must be equal.

    A quarter as many more kills come while the command starts and resumes. Compared to the bit: weights, statistics,
    moments of both Adams, random states, and the history but for its times. Returns the steps it was killed at.
    """
    rng, whole, run, killed_at = random.Random(seed), folder / "whole", folder / "killed", []
    at_once = course_train(data, whole, steps, *more, method=method)
    resume = course_train(data, run, steps, *more, "--resume", method=method)
    subprocess.run(at_once, check=True, env=ONE_THREAD, capture_output=True)
    moments = ["training"] * kills + ["starting"] * (kills // 4)
    rng.shuffle(moments)
    for moment in moments:
        began = (checkpoint.steps(run / "checkpoints") or [0])[-1]
        target = began + rng.randrange(1, max(2, (steps - began) // 3))
        process = subprocess.Popen(
            resume, env=ONE_THREAD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if moment == "starting":
            time.sleep(rng.random() * 6)
        while (
            moment == "training"
            and process.poll() is None
            and not (began < lines(run / "history.jsonl") >= target)
        ):
            time.sleep(0.002)
        time.sleep(rng.random() * 0.02)
        assert process.poll() is None, f"it ended by itself: {process.communicate()[0].decode()}"
        process.kill()
        process.communicate()
        if moment == "training":
            killed_at.append(lines(run / "history.jsonl"))
    subprocess.run(resume, check=True, env=ONE_THREAD, capture_output=True)
    (step_a, a, _), (step_b, b, _) = (
        checkpoint.load_latest(out / "checkpoints") for out in (whole, run)
    )
    assert step_a == step_b == steps and equal(a, b)
    parts = {name.partition(".")[0] for name in a}
    assert {"opt_G", "opt_D", "random"} <= parts and (
        {"G", "D"} <= parts or {"pool_x", "pool_y"} <= parts or {"G2", "styles"} <= parts
    )
    assert rows(run / "history.jsonl") == rows(whole / "history.jsonl")
    return killed_at


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
