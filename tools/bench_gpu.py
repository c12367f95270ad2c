"""What one card makes of the course's steps, in two parts.

    python tools/bench_gpu.py [--part PART] [--out build/gpu] [--dry]

``terms`` compares the losses of every method with those of a CPU, and ``steps`` times their steps.
A part writes one file of rows, ``gpu_PART.json``, again after each measurement: what is killed
leaves what it had. What raises an exception is a row that holds the exception as text.
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

import course_lib
from course_lib.data import open_dataset
from course_lib.data.files import commit, replace_file
from course_lib.experiments.bench import KINDS, alternate, machine, ratios, seconds_of, stepper
from course_lib.methods import METHODS, method_class
from course_lib.runs import make_config
from course_lib.training import profiles
from course_lib.training.loading import batches

BUDGETS = {"terms": 40, "steps": 190}  # seconds of each part, after which it begins nothing more
COMPILED = "course bfloat16 compiled"
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
        "seconds": 0.0,
        "ended": "cut off from outside",
        "rows": rows,
    }
    terms = {name: partial(compared, name) for name in METHODS}
    jobs = terms if part == "terms" else steps(profile, dry)
    for name, work in jobs.items():
        facts["seconds"] = round(time.monotonic() - start, 1)
        _write(out, part, facts)
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
    facts["seconds"] = round(time.monotonic() - start, 1)
    _write(out, part, facts)
    return rows


def _write(out: Path, part: str, facts: dict[str, Any]) -> None:
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
    """All methods, those with a textbook step beside it; at the end torch.compile, which may take
    minutes.
    """
    turns = [(name, KINDS if name in EQUAL else KINDS[-2:]) for name in METHODS]
    turns += [(name, [KINDS[0], COMPILED]) for name in EQUAL]
    return {
        f"{name}, {kinds[-1]}": partial(timed, name, kinds, profile, dry) for name, kinds in turns
    }


def timed(name: str, kinds: Sequence[str], profile: str, dry: bool = False) -> Rows:
    """A row for each kind of step: median ``seconds``, ``images`` a second (an x and its y are one)
    and, on a GPU, the peak ``memory_mb`` of its networks and two steps; with a textbook step
    also the ratio to its speed.

    A time is the mean over a row of steps that lasts 0.3 s, after which the GPU is waited for, as
    fit() hardly does.
    """
    cls, device = method_class(name), profiles.pick_device()
    config = make_config(name, profile, settings=EQUAL.get(name, []))
    taker = SimpleNamespace(config=config, device=device)
    batch = next(batches(open_dataset("facades", "train", config.image_size), taker))
    often, works, memory = {}, {}, {}
    for kind in kinds:
        gc.collect()  # the networks that were measured before
        if on_gpu := torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        method, one_step = stepper(kind.removesuffix(" compiled"), config, cls, device)
        method.advance(1.0)  # pix2pixHD: both generators learn
        if kind == COMPILED:
            for net in method.networks.values():
                net.compile(backend="eager" if dry else "inductor")
        step = partial(one_step, batch)
        for _ in range(2):
            seconds_of(step)
        if on_gpu:
            memory[kind] = {"memory_mb": (torch.cuda.max_memory_allocated() - before) / 1e6}
        often[kind] = 1 if dry else max(1, round(0.3 / seconds_of(step)))
        works[kind] = partial(repeat, step, often[kind])
    took = alternate(works, 2 if dry else 7, warm=1)
    took = {kind: [seconds / often[kind] for seconds in took[kind]] for kind in kinds}
    rows = []
    for kind in [COMPILED] if COMPILED in kinds else kinds:  # the textbook's row was there before
        seconds = statistics.median(took[kind])
        row = {"method": name, "step": kind, "px": config.image_size, "batch": config.batch_size}
        row |= {"settings": " ".join(EQUAL.get(name, [])), "seconds": seconds}
        row |= {"images": config.batch_size / seconds}
        row |= ratios(took[KINDS[0]], took[kind]) if KINDS[0] in kinds else {}
        rows.append(row | memory.get(kind, {}))
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
