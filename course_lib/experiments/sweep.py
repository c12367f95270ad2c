"""Sweeps: every cell of a grid (see grids.py) trained and scored on a Dask cluster, once and for good.

    course sweep notebooks/sweeps/NAME.toml         -> NAME.csv and the pictures NAME/ROW-seed0-xy.png beside it

The table is written again after each cell; what has its key in there is never repeated. A cell whose worker is killed
goes on from its last checkpoint, in runs/NAME/cells/KEY beside the grid, or in the cache folder of a remote worker.

Two columns of older tables hold measures that have changed since, and whose networks are gone: ``ssim_signed`` (and
``yx_ssim_signed``) is SSIM as it was up to ``scores.REVISION`` 1, taken of images in [-1, 1], and not to be compared
with ``ssim``; ``realism_error_halves`` is realism_error up to ``samples.REVISION`` 1, on one split into halves.
"""

import contextlib
import csv
import io
import json
import logging
import os
import platform
import shlex
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import torch
from torch import Tensor
from torch.utils.data import default_collate

from course_lib import __version__, runs
from course_lib.data import open_dataset
from course_lib.data.download import cache_folder
from course_lib.data.files import only_run, replace_file
from course_lib.data.images import to_image
from course_lib.errors import CourseError, need
from course_lib.experiments.grids import Cell, key_of, read_grid
from course_lib.methods import configs, method_class
from course_lib.metrics import generated, samples, scores
from course_lib.training import profiles
from course_lib.training.progress import clock

FIRST, LAST = (
    ("row", "seed", "key"),
    ("method", "data", "steps", "config", "seconds", "device", "versions", "command"),
)
MEASURED = ("seconds", "device", "versions")  # besides the scores; the grid knows the rest
SHOWN = (
    "l1",
    "fcn_iou",
    "labels_iou",
    "yx_labels_iou",
    "top1",
    "hue_error",
    "windows_lit",
)  # on the line of progress
DEATHS = 3  # workers that may die of one cell before it counts as failing
_ONE_AT_A_TIME = (
    threading.Lock()
)  # a Dask worker may have several threads; torch has one random state


def run(
    grid: Path, scheduler: str | None = None, workers: int | None = None, out: Path | None = None
) -> list[str]:
    """Do what is missing of ``grid``; returns ``row seed N: error`` for each cell that failed.

    ``scheduler`` is the address of a Dask scheduler; None starts ``workers`` processes here (default: one a core), with
    one thread each. Table and pictures go beside the grid, or into ``out``. Raises CourseError for a bad grid, and if
    another sweep is at it.
    """
    grid = Path(grid)
    cells, failed = read_grid(grid), []
    place, work = out or grid.parent, (out or grid.parent / "runs" / grid.stem).resolve()
    table_path, names = (
        place / f"{grid.stem}.csv",
        {cell.key: f"{cell.row} seed {cell.seed}" for cell in cells},
    )
    first = {
        cell.row: cell.slug for cell in reversed(cells)
    }.values()  # of each row: these are drawn
    with only_run(work):
        done = _measured(table_path)

        def keep(cell: Cell, found: dict) -> None:
            done[cell.key] = found
            replace_file(
                table_path, _csv([_row(grid, c, done[c.key]) for c in cells if c.key in done])
            )
            for direction, png in found["pictures"].items() if cell.slug in first else ():
                (place / grid.stem).mkdir(exist_ok=True)
                replace_file(place / grid.stem / f"{cell.slug}-{direction}.png", png)

        for cell in cells:  # those that were finished when the sweep was stopped
            if cell.key not in done and (found := _finished(work / "cells" / cell.key)):
                keep(cell, found)
        todo = [cell for cell in cells if cell.key not in done]
        print(
            f"{len(cells) - len(todo)} of {len(cells)} cells are done", file=sys.stderr, flush=True
        )
        began = time.monotonic()
        with contextlib.closing(_results(todo, scheduler, workers, work)) as results:
            for count, (cell, found) in enumerate(results if todo else (), 1):
                if "error" in found:
                    failed.append(f"{names[cell.key]}: {found['error']}")
                    text = f"failed: {found['error']}"
                else:
                    keep(cell, found)
                    shown = (
                        f"{n} {float(found['scores'][n]):.3f} "
                        for n in SHOWN
                        if n in found["scores"]
                    )
                    text = f"{''.join(shown)}{float(found['seconds']):.0f} s"
                left = clock((time.monotonic() - began) / count * (len(todo) - count))
                position = f"{len(cells) - len(todo) + count}/{len(cells)}"
                print(
                    f"{position} {names[cell.key]}: {text}, about {left} left",
                    file=sys.stderr,
                    flush=True,
                )
    return failed


def _results(
    cells: list[Cell], scheduler: str | None, workers: int | None, work: Path
) -> Iterator[tuple[Cell, dict]]:
    """Each cell with what :func:`run_cell` returned, in the order in which they end."""
    dask, system, distributed = need("sweep", "dask", "dask.system", "distributed")
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            # one cell at a time in a worker, none waiting there: who dies takes no other cell along
            rules = {"scheduler.allowed-failures": DEATHS - 1, "scheduler.worker-saturation": 1.0}
            # Dask has workers give freed memory back at once; training takes it again in every step
            rules["nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"] = 1 << 30
            rules["nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_"] = 1 << 25
            stack.enter_context(dask.config.set({f"distributed.{k}": v for k, v in rules.items()}))
            cluster = distributed.LocalCluster(
                n_workers=min(workers or system.CPU_COUNT, len(cells)), threads_per_worker=1,
                processes=True, host="127.0.0.1", dashboard_address=":0", memory_limit=0,
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
            stack.enter_context(cluster)
        try:
            client = stack.enter_context(distributed.Client(scheduler or cluster, timeout=20))
        except (OSError, ValueError) as error:
            fix = "start one (dask scheduler) and workers (dask worker ADDRESS --nthreads 1), and give its address"
            raise CourseError(f"no Dask scheduler answers: {error}", scheduler, fix) from None
        if not client.nthreads():
            print("waiting for workers", file=sys.stderr, flush=True)
        folders = [work / "cells" / cell.key if scheduler is None else None for cell in cells]
        futures = {
            client.submit(run_cell, cell, at, pure=False): cell
            for cell, at in zip(cells, folders, strict=True)
        }
        for future in distributed.as_completed(futures):
            try:
                yield futures[future], future.result()
            except distributed.KilledWorker:
                yield (
                    futures[future],
                    {"error": "every worker that tried it died; too little memory?"},
                )
            except Exception as error:
                yield futures[future], {"error": f"{type(error).__name__}: {error}"}


# ---- in a worker


def run_cell(cell: Cell, folder: Path | None = None) -> dict:
    """Train and score one cell in ``folder``, by default in the user's cache; what is there already is not repeated.

    Returns scores (name: number as text), seconds, device, versions and pictures (``xy``, ``yx``: PNG), or only
    ``error``: exceptions need not survive the way back.
    """
    folder = folder or cache_folder() / "sweep" / cell.key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            _ONE_AT_A_TIME,
            filelock.FileLock(folder / ".lock"),
        ):  # waits: a sweep that was stopped may be at it yet
            return _finished(folder) or _do(cell, folder)
    except CourseError as error:
        return {"error": f"{error.what} ({error.where})"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _do(cell: Cell, folder: Path) -> dict:
    if key_of(cell) != cell.key:
        fix = "give every worker the same course and data; after an edit start the sweep again"
        raise CourseError(
            "revisions or data differ from those the sweep started with", "worker", fix
        )
    torch.set_num_threads(1)
    result = runs.train(
        cell.method, cell.data, folder / "run", cell.config, steps=cell.steps, seed=cell.seed, bf16=cell.bf16,
        direction=cell.direction, device=cell.device, resume=True, previews=0, progress=False,
    )  # fmt: skip
    method, _ = runs.open_run(folder / "run", cell.device)
    torch.manual_seed(
        cell.seed
    )  # not the state that training left: it is another one after a resume
    if method.translates:
        numbers = scores.score(method, cell.data, "test", cell.direction)
    else:
        numbers = generated.score_generated(method, cell.data, "test")
    if method.has_codes:
        numbers |= samples.score_samples(method, cell.data, "test", cell.direction)
    losses = [
        sum(value for name, value in step.items() if name.startswith("d_"))
        for step in result.history
    ]
    if any(name.startswith("d_") for name in result.history[-1]):
        numbers["d_std"] = statistics.pstdev(losses[len(losses) // 2 :])
    for direction, png in _pictures(method, cell).items():
        replace_file(folder / f"{direction}.png", png)
    where = (
        profiles.device_name()
        if cell.device != "cpu"
        else f"CPU ({platform.machine()}, {os.cpu_count()} cores)"
    )
    found = {
        "scores": {
            name: str(v) if isinstance(v, int) else repr(float(v)) for name, v in numbers.items()
        },
        "seconds": f"{result.seconds:.1f}",
        "device": f"{where}, {'bfloat16' if cell.bf16 else 'float32'}, 1 thread",
        "versions": f"course_lib {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }
    replace_file(folder / "row.json", json.dumps(found, indent=1).encode())
    shutil.rmtree(folder / "run" / "checkpoints")
    return _finished(folder)


def _finished(folder: Path) -> dict | None:
    """What a cell's folder holds, if the cell is finished."""
    if not (folder / "row.json").exists():
        return None
    pictures = {path.stem: path.read_bytes() for path in sorted(folder.glob("[xy][xy].png"))}
    return json.loads((folder / "row.json").read_text()) | {"pictures": pictures}


@torch.no_grad()
def _pictures(method: Any, cell: Cell, count: int = 8) -> dict[str, bytes]:
    """PNG for each direction: test items side by side; the rows are input, translation and, where known, the truth.

    A method with codes translates four times, each time with one code for all; one from noise alone shows its preview.
    """
    cfg, out = method.config, {}
    data = open_dataset(cell.data, "test", cfg.image_size, cell.direction, load=cfg.load)
    items = [data[i * len(data) // min(count, len(data))] for i in range(min(count, len(data)))]
    torch.manual_seed(cell.seed)
    for direction in method.directions:
        if not method.translates:
            out[direction] = _png(list(method.preview().values()))
            continue
        x, y = (torch.stack([item[name] for item in items]) for name in direction)
        if method.has_codes:
            fakes = list(
                method.sample(x.to(method.device), 4, cell.seed, direction).cpu().unbind(1)
            )
        else:
            alone = (method.translate_batch(default_collate([item]), direction) for item in items)
            fakes = [torch.cat([found["fake_y"].cpu() for found in alone])]
        rows: list[Tensor] = [x, *fakes] + ([y] if data.paired else [])
        out[direction] = _png(rows)
    return out


def _png(rows: list[Tensor]) -> bytes:
    grid = to_image(torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1).cpu())
    grid.quantize(256, kmeans=3).save(
        png := io.BytesIO(), format="png", optimize=True
    )  # a third of the bytes
    return png.getvalue()


# ---- the table


def table(path: Path) -> list[dict]:
    """The rows of a table of results: seed and steps as int, scores and seconds as float (missing: nan), else text."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        text = {*FIRST, *LAST} - {"seconds"}
        numbers = [{k: float(v or "nan") for k, v in row.items() if k not in text} for row in rows]
        return [
            r | n | {k: int(r[k]) for k in ("seed", "steps")}
            for r, n in zip(rows, numbers, strict=True)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"no readable table of results: {type(error).__name__}: {error}"
        raise CourseError(what, path, "make it with course sweep") from None


def _measured(path: Path) -> dict[str, dict]:
    """By key, what the table at ``path`` holds that only a training run can tell; empty if there is no table."""
    if not path.exists():
        return {}
    table(path)  # refuses what it cannot read: nothing that was measured is overwritten
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = [name for name in (rows[0] if rows else ()) if name not in (*FIRST, *LAST)]
    return {
        r["key"]: {"scores": {n: r[n] for n in named if r[n]}} | {n: r[n] for n in MEASURED}
        for r in rows
    }


def _row(grid: Path, cell: Cell, found: dict) -> dict[str, str]:
    config, usual = (
        configs.as_dict(cell.config),
        configs.as_dict(method_class(cell.method).Config()),
    )
    command = [
        "course",
        "train",
        cell.method,
        "--data",
        cell.data,
        "--out",
        f"runs/{grid.stem}-{cell.slug}",
    ]
    command += ["--profile", cell.profile, "--steps", str(cell.steps), "--seed", str(cell.seed)]
    command += [
        "--direction",
        cell.direction,
        "--device",
        cell.device,
        "--bf16" if cell.bf16 else "--no-bf16",
    ]
    command += [word for setting in cell.settings for word in ("--set", setting)]
    own = {name: str(vars(cell)[name]) for name in (*FIRST, "method", "data", "steps")}
    own |= {
        "config": json.dumps(
            {name: value for name, value in config.items() if value != usual[name]}
        )
    }
    return (
        own
        | found["scores"]
        | {name: found[name] for name in MEASURED}
        | {"command": shlex.join(command)}
    )


def _csv(rows: list[dict[str, str]]) -> bytes:
    scores = sorted({name for row in rows for name in row} - {*FIRST, *LAST})
    writer = csv.DictWriter(
        text := io.StringIO(), [*FIRST, *scores, *LAST], restval="", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
