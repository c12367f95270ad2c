"""What there is to measure on one card, in parts, each a process with a time limit of its own.

    python tools/bench_gpu.py [--part PART] [--out build/gpu] [--dry]

A part writes one file of rows, ``gpu_PART.json``, again after each measurement: what is killed
leaves what it had. What raises an exception is a row that holds the exception as text.
``notebooks/guide/gpu.md`` says how to use it.
"""

import argparse
import contextlib
import gc
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
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
from course_lib.errors import CourseError
from course_lib.experiments.bench import KINDS, alternate, here, ratios, seconds_of, stepper
from course_lib.methods import METHODS, method_class
from course_lib.runs import make_config
from course_lib.training import profiles
from course_lib.training.loading import batches

# Seconds of each part; GRACE more, and it is ended from outside.
BUDGETS = {"terms": 40, "steps": 190}
BUDGETS |= {"notebooks-02": 265, "notebooks-04b": 205, "notebooks-06": 275, "notebooks-08": 310}
# tiny, on the CPU: does everything work?
DRY = {"terms": 60, "steps": 60, "notebooks-00": 120}
GRACE = 10
COMPILED = "course bfloat16 compiled"
# with these settings the textbook's step and ours are the same mathematics
EQUAL = {
    "pix2pix": ["dropout=0"],
    "cyclegan": [],
    "bicyclegan": ["norm=instance", "conditional=False", "dropout=0"],
}
ADVICE = "What to do with these files: notebooks/guide/gpu.md"

Rows = list[dict[str, Any]]
Jobs = list[
    tuple[dict[str, str], Callable[[], Rows]]
]  # what a row of an exception begins with, and what makes rows


def gpu(
    part: str | None = None, out: Path = Path("build/gpu"), dry: bool = False
) -> dict[str, Any]:
    """Measures one part in this process, or all one after the other in processes of their own, into
    ``out``.

    Returns what the part's file holds; of all parts a table that says how each of them ended.
    ``dry`` does everything at tiny sizes on the CPU. Raises CourseError without a CUDA device, or
    for a part that does not exist.
    """
    budgets = DRY if dry else BUDGETS
    if part is not None and part not in budgets:
        raise CourseError(f"no part called {part}", "--part", f"choose from {', '.join(budgets)}")
    if dry:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif not torch.cuda.is_available():
        fix = "call it on a machine with an NVIDIA card, or add --dry to try everything on the CPU"
        raise CourseError("there is no CUDA device here", "tools/bench_gpu.py", fix)
    out.mkdir(parents=True, exist_ok=True)
    return measure(part, out, dry, budgets[part]) if part else _all_parts(out, dry, budgets)


def _all_parts(out: Path, dry: bool, budgets: dict[str, int]) -> dict[str, Any]:
    rows = []
    for part, budget in budgets.items():
        path, start = out / f"gpu_{part}.json", time.monotonic()
        path.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--part", part, "--out", str(out)]
        status = run_for(budget + GRACE, command + ["--dry"] * dry)
        ended = (
            json.loads(path.read_text(encoding="utf-8"))["ended"]
            if path.exists()
            else f"no file: status {status}"
        )
        rows.append(
            {"part": part, "seconds": time.monotonic() - start, "file": str(path), "ended": ended}
        )
    return {"title": f"all parts; {here()}", "rows": rows}


def run_for(seconds: float, command: list[str]) -> int:
    """The exit status of a process. Past its time it gets a Ctrl-C, so that it ends what it
    started, or is killed.
    """
    with subprocess.Popen(command) as process:
        try:
            return process.wait(max(seconds, 1))
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
            with contextlib.suppress(
                ValueError, subprocess.TimeoutExpired
            ):  # Windows has no such signal
                process.send_signal(signal.SIGINT)
                process.wait(GRACE / 2)
            process.kill()
            if isinstance(error, KeyboardInterrupt):
                raise
            return process.wait()


def measure(part: str, out: Path, dry: bool, budget: float) -> dict[str, Any]:
    """One part, until it is through or its ``budget`` of seconds is spent; returns what its file in
    ``out`` holds.
    """
    start, profile = time.monotonic(), "smoke" if dry else "gpu"
    end = start + budget
    facts = about(part, profile, dry, budget)
    makers = {"terms": _terms, "steps": _steps}
    jobs = makers[part](profile, dry) if part in makers else _notebook(part, profile, end, out)
    path = out / f"gpu_{part}.json"
    _write(path, facts)
    for label, work in jobs:
        if time.monotonic() > end:
            facts["ended"] = f"its {budget} s were spent before {', '.join(label.values())}"
            break
        try:
            facts["rows"] += work()
        except Exception as error:  # one that says what this machine cannot do is a result, too
            facts["rows"].append(
                label | {"error": " ".join(f"{type(error).__name__}: {error}".split())[:500]}
            )
        facts["seconds"] = round(time.monotonic() - start, 1)
        _write(path, facts)
    else:
        failed = sum(bool(row.get("error")) for row in facts["rows"])
        facts["ended"] = "complete" + f"; rows with an error: {failed}" * bool(failed)
    _write(path, facts)
    return facts


def about(part: str, profile: str, dry: bool, budget: float) -> dict[str, Any]:
    """What a file says besides its rows: where, when, and by which command and commit it came to
    be.
    """
    versions = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }
    return {
        "title": f"{part}, profile {profile}; {here()}",
        "device": profiles.device_name(),
        "versions": versions | {"course_lib": course_lib.__version__},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python tools/bench_gpu.py --part {part}{' --dry' * dry}",
        "commit": commit() or None,
        "budget_s": budget,
        "seconds": 0.0,
        "ended": "cut off: out of time, or from outside",
        "rows": [],
    }


def _write(path: Path, facts: dict[str, Any]) -> None:
    replace_file(path, (json.dumps(facts, indent=1) + "\n").encode())


# ---- the parts: lists of jobs


def _terms(profile: str, dry: bool) -> Jobs:
    return [({"method": name}, partial(compared, name)) for name in METHODS]


def compared(name: str) -> Rows:
    """How far the losses of 20 steps here are from those that the CPU had, by precision.

    ``equal`` is whether each is within its bound of ``golden.BOUNDS``.
    """
    kept, device = golden.stored()[name], str(profiles.pick_device())
    found = {dtype: golden.terms(name, device, dtype == "bfloat16") for dtype in golden.BOUNDS}
    far = {dtype: golden.distance(terms, kept) for dtype, terms in found.items()}
    equal = all(far[dtype] <= bound for dtype, bound in golden.BOUNDS.items())
    return [{"method": name, **far, "equal": equal}]


def _steps(profile: str, dry: bool) -> Jobs:
    """All methods, those with a textbook step beside it; at the end torch.compile, which may take
    minutes.
    """
    turns = [(name, KINDS if name in EQUAL else KINDS[-2:]) for name in METHODS]
    turns += [(name, [KINDS[0], COMPILED]) for name in EQUAL]
    return [
        ({"method": name, "step": kinds[-1]}, partial(timed, name, kinds, profile, dry))
        for name, kinds in turns
    ]


def timed(name: str, kinds: list[str], profile: str, dry: bool = False) -> Rows:
    """A row for each kind of step: median ``seconds``, ``images`` a second (an x and its y are one)
    and, on a GPU, the peak ``memory_mb`` of its networks and two steps; with a textbook step
    also the ratio to its speed.

    A time is the mean over a row of steps that lasts 0.3 s, after which the GPU is waited for, as
    fit() hardly does.
    """
    cls, device = method_class(name), profiles.pick_device()
    settings = EQUAL.get(name, [])
    config = make_config(name, profile, settings=settings)
    taker = SimpleNamespace(config=config, device=device)
    batch = next(batches(open_dataset("facades", "train", config.image_size), taker))
    works, memory = {}, {}
    for kind in kinds:
        if on_gpu := torch.cuda.is_available():
            gc.collect()  # the networks that were measured before
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        method, one_step = stepper(kind.removesuffix(" compiled"), config, cls, device)
        method.advance(1.0)  # pix2pixHD: both generators learn
        if kind == COMPILED:
            for net in method.networks.values():
                net.compile(backend="eager" if dry else "inductor")
        for _ in range(2):
            seconds_of(lambda s=one_step: s(batch))
        if on_gpu:
            memory[kind] = {"memory_mb": (torch.cuda.max_memory_allocated() - before) / 1e6}
        works[kind] = one_step
    often = {
        kind: 1 if dry else max(1, round(0.3 / seconds_of(lambda s=s: s(batch))))
        for kind, s in works.items()
    }
    blocks = {
        kind: lambda s=s, n=often[kind]: [s(batch) for _ in range(n)] for kind, s in works.items()
    }
    seconds = alternate(blocks, 2 if dry else 7, warm=1)
    rows = []
    for kind in (
        kinds if COMPILED not in kinds else [COMPILED]
    ):  # the textbook's row was there before
        took = statistics.median(seconds[kind]) / often[kind]
        row = {"method": name, "step": kind, "px": config.image_size, "batch": config.batch_size}
        row |= {"settings": " ".join(settings), "seconds": took, "images": config.batch_size / took}
        if KINDS[0] in kinds:
            own, book = ([took / often[one] for took in seconds[one]] for one in (kind, KINDS[0]))
            row |= ratios(book, own)
        rows.append(row | memory.get(kind, {}))
    return rows


def _notebook(part: str, profile: str, end: float, out: Path) -> Jobs:
    """The notebook that the part is called after, as ``course run`` executes it and ``out`` keeps
    it.
    """
    folder = Path(__file__).parents[1] / "notebooks"
    (found,) = folder.glob(f"{part.partition('-')[2]}_*.ipynb")

    def work() -> Rows:
        command = [sys.executable, "-m", "course_lib.cli", "run", str(found)]
        command += ["--require", "cuda"] * (profile == "gpu")
        command += ["--profile", profile, "--out", str(out / "notebooks")]
        run_for(end - GRACE - time.monotonic(), command)
        report = json.loads((out / "notebooks/report.json").read_text(encoding="utf-8"))
        (row,) = report["notebooks"]
        if row["error"] == "interrupted":
            row["error"] = "interrupted: the part's time was over"
        return [row | {"minutes": row["seconds"] / 60}]

    return [({"notebook": found.name}, work)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", help=f"one alone: {', '.join(BUDGETS)}")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"), help="folder of the files")
    parser.add_argument("--dry", action="store_true", help="without a GPU, at tiny sizes")
    asked = parser.parse_args()
    try:
        facts = gpu(asked.part, asked.out, asked.dry)
    except CourseError as error:
        sys.exit(str(error))
    for row in facts["rows"]:
        said = (
            f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()
        )
        print("  ".join(f"{text:14}" for text in said))
    if asked.part is None:
        print(ADVICE, file=sys.stderr)
