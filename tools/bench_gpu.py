"""What one card makes of the course's steps, in three parts.

    python tools/bench_gpu.py [--part PART] [--out build/gpu] [--dry]

``terms`` compares the losses of every method with those of a CPU, ``steps`` times their steps, and
``quality`` says what a few seconds of them learn. A part writes one file of rows,
``gpu_PART.json``, again after each measurement: what is killed leaves what it had. What raises an
exception is a row that holds the exception as text.
``notebooks/guide/gpu.md`` says how to use it.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import golden
import torch
from bench_step import DTYPES, product
from torch.utils.flop_counter import FlopCounterMode

import course_lib
from course_lib.data import open_dataset
from course_lib.data.files import commit, replace_file
from course_lib.experiments.bench import KINDS, alternate, machine, ratios, seconds_of, stepper
from course_lib.methods import METHODS, method_class
from course_lib.runs import make_config
from course_lib.training import profiles
from course_lib.training.loading import batches

# seconds of each part, after which it begins nothing more
BUDGETS = {"terms": 60, "steps": 150, "quality": 70}
PLAIN = ("course float32", "course bfloat16")
WARM = 5  # steps before any is timed, in which cuDNN chooses its algorithms
LOOKS = 6  # at the held-out images in a training of the part quality
# with these settings the textbook's step and ours are the same mathematics
EQUAL = {
    "pix2pix": ["dropout=0"],
    "cyclegan": [],
    "bicyclegan": ["norm=instance", "conditional=False", "dropout=0"],
}
Rows = list[dict[str, Any]]
Jobs = dict[str, Callable[[], Rows]]  # what each is called, and what makes its rows


def measure(part: str, out: Path, dry: bool) -> Rows:
    """One part, until it is through or its seconds are spent; the rows of its file."""
    start, profile = time.monotonic(), "smoke" if dry else "gpu"
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda}
    versions |= {"python": platform.python_version(), "course_lib": course_lib.__version__}
    rows: Rows = []
    facts = {
        "title": f"{part}, profile {profile}; {machine()}",
        "device": profiles.device_name(),
        "versions": versions,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python tools/bench_gpu.py --part {part}{' --dry' * dry}",
        "commit": commit() or None,
        "budget_s": BUDGETS[part],
        "ended": "cut off from outside",
        "rows": rows,
    }
    jobs: Jobs = {name: partial(compared, name) for name in (EQUAL if dry else METHODS)}
    if part == "steps":
        jobs = steps(profile, dry)
    elif part == "quality":
        jobs = {name: partial(learned, name, profile, 0.2 if dry else 6.0) for name in EQUAL}
    for name, work in jobs.items():
        _write(out, part, facts, start)
        if facts["seconds"] > BUDGETS[part]:
            facts["ended"] = f"its {BUDGETS[part]} s were spent before {name}"
            break
        try:
            rows += work()
        except Exception as error:  # one that says what this machine cannot do is a result, too
            text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            rows.append({"job": name, "error": text})
    else:
        failed = sum("error" in row for row in rows)
        facts["ended"] = "complete" + f"; rows with an error: {failed}" * bool(failed)
    _write(out, part, facts, start)
    return rows


def _write(out: Path, part: str, facts: dict[str, Any], start: float) -> None:
    facts["seconds"] = round(time.monotonic() - start, 1)
    replace_file(out / f"gpu_{part}.json", (json.dumps(facts, indent=1) + "\n").encode())


# ---- the parts


def compared(name: str) -> Rows:
    """How far the losses of 20 steps here are from those that the CPU had, by precision.

    ``equal`` is whether each is within its bound of ``golden.BOUNDS``.
    """
    kept, device = golden.stored()[name], str(profiles.pick_device())
    found = {dtype: golden.terms(name, device, dtype == "bfloat16") for dtype in golden.BOUNDS}
    far = {dtype: golden.distance(terms, kept) for dtype, terms in found.items()}
    equal = all(far[dtype] <= bound for dtype, bound in golden.BOUNDS.items())
    return [{"method": name, **far, "equal": equal}]


def steps(profile: str, dry: bool) -> Jobs:
    """Those with a textbook step, beside it, all others, and some with the batch doubled: where
    that takes hardly longer, the card was waiting.
    """
    others = () if dry else [name for name in METHODS if name not in EQUAL]
    kinds = [KINDS[0], *PLAIN]
    turns = {name: kinds for name in EQUAL} | dict.fromkeys(others, kinds[1:])
    return {name: partial(timed, name, turns[name], profile, dry) for name in turns} | {
        f"{name}, batch doubled": partial(
            timed, name, ["course float32 batch doubled"], profile, dry,
            [f"batch_size={2 * method_class(name).PRESETS[profile]['batch_size']}"],
        )
        for name in EQUAL
    }  # fmt: skip


def timed(
    name: str, kinds: Sequence[str], profile: str, dry: bool, more: Sequence[str] = ()
) -> Rows:
    """A row for each kind of step: median ``seconds``, ``images`` a second (an x and its y are one)
    and, on a GPU, the peak ``memory_mb`` of its networks and first steps; ``share``, its products'
    and convolutions' speed over that of a large product; with a textbook step also the ratio to
    its speed.

    A time is the mean over a row of steps that lasts 0.2 s, after which the GPU is waited for, as
    fit() hardly does.
    """
    cls, device = method_class(name), profiles.pick_device()
    config = make_config(name, profile, settings=[*EQUAL.get(name, []), *more])
    taker = SimpleNamespace(config=config, device=device)
    batch = next(batches(open_dataset("facades", "train", config.image_size), taker))
    often, works, facts, products = {}, {}, {}, {}
    for kind in kinds:
        gc.collect()  # the networks that were measured before
        if on_gpu := torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        facts[kind] = {}
        method, one_step = stepper(" ".join(kind.split()[:2]), config, cls, device)
        method.advance(1.0)  # pix2pixHD: both generators learn
        with FlopCounterMode(display=False) as counter:
            one_step(batch)
        step = partial(one_step, batch)
        for _ in range(WARM):
            seconds_of(step)
        if on_gpu:
            facts[kind]["memory_mb"] = (torch.cuda.max_memory_allocated() - before) / 1e6
        often[kind] = 1 if dry else max(1, round(0.2 / seconds_of(step)))
        works[kind] = partial(repeat, step, often[kind])
        facts[kind]["gflop"], bits = counter.get_total_flops() / 1e9, kind.split()[1]
        if bits not in products:  # float32 is TF32 there, as it is for the textbook
            most, gflop = product(DTYPES[bits], device)
            products[bits] = gflop / min(seconds_of(most) for _ in range(1 if dry else 5))
    took = alternate(works, 2 if dry else 5, warm=1)
    took = {kind: [seconds / often[kind] for seconds in took[kind]] for kind in kinds}
    rows = []
    for kind in kinds:
        seconds = statistics.median(took[kind])
        row = {"method": name, "step": kind, "px": config.image_size, "batch": config.batch_size}
        row |= {"settings": " ".join(EQUAL.get(name, [])), "seconds": seconds}
        row |= {"images": config.batch_size / seconds}
        row |= ratios(took[KINDS[0]], took[kind]) if KINDS[0] in kinds else {}
        share = facts[kind]["gflop"] / seconds / products[kind.split()[1]]
        rows.append(row | facts[kind] | {"share": share})
    return rows


def learned(name: str, profile: str, seconds: float) -> Rows:
    """For each kind of step LOOKS at how far 32 held-out houses are from their photographs (L1)
    in so many seconds of training, and ``to_goal``, those until all kinds come as far.
    """
    cls, device = method_class(name), profiles.pick_device()
    config, rows = make_config(name, profile, settings=[*EQUAL[name], "average=0"]), []
    train, val = (open_dataset("facades", of, config.image_size) for of in ("train", "val"))
    x, y = (torch.stack([val[i][key] for i in range(32)]).to(device) for key in "xy")
    for kind in (KINDS[0], PLAIN[0]):
        torch.manual_seed(0)
        method, step = stepper(" ".join(kind.split()[:2]), config, cls, device)
        feed, spent, steps_done, often = batches(train, method), 0.0, 0, 10 if seconds > 1 else 1
        for look in range(1, LOOKS + 1):
            while spent < seconds * look / LOOKS:
                spent += seconds_of(lambda: repeat(lambda: step(next(feed)), often))  # noqa: B023
                steps_done += often
            fakes = [method.translate(part)["fake_y"] for part in x.split(8)]
            row = {"method": name, "step": kind, "seconds": spent, "steps": steps_done}
            rows.append(row | {"val_l1": (torch.cat(fakes) - y).abs().mean().item()})
    kinds = {row["step"] for row in rows}
    goal = max(min(row["val_l1"] for row in rows if row["step"] == kind) for kind in kinds)
    for row in rows:
        same = (one for one in rows if one["step"] == row["step"] and one["val_l1"] <= goal)
        row["to_goal"] = next(same)["seconds"]
    return rows


def repeat(work: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        work()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=BUDGETS, help="one alone")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"), help="folder of the files")
    parser.add_argument("--dry", action="store_true", help="without a GPU, at tiny sizes")
    asked = parser.parse_args()
    if asked.dry:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif not torch.cuda.is_available():
        sys.exit("there is no CUDA device here; --dry tries everything on the CPU")
    asked.out.mkdir(parents=True, exist_ok=True)
    for part in [asked.part] if asked.part else BUDGETS:
        for row in measure(part, asked.out, asked.dry):
            said = [f"{one:.3g}" if isinstance(one, float) else str(one) for one in row.values()]
            print("  ".join(f"{text:14}" for text in said), flush=True)
    print("What to do with these files: notebooks/guide/gpu.md", file=sys.stderr)
