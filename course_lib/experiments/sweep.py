"""Sweeps: every cell of a grid (see grids.py) trained and scored on a Dask cluster, once.

    course sweep notebooks/sweeps/NAME.toml    -> NAME.csv, pictures NAME/ROW-seed0-xy.webp

The table is written again after each cell, and what is in there is never repeated. A row is known
by its settings, data and seed, which stand in its ``command``; its ``commit`` names the code that
computed it. ``seconds`` is the time that the process computed while it trained, with one thread; in
a row whose grid gives ``step_ms``, its steps times that (tools/making/calibrate.py). It is empty
where a training was taken up again. A cell whose worker is killed goes on from its last checkpoint,
in runs/NAME/cells beside the grid, or in the cache folder of a remote worker.
"""

import contextlib
import csv
import io
import json
import logging
import math
import os
import platform
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import torch
from torch import Tensor
from torch.utils.data import default_collate

from course_lib import __version__, runs
from course_lib.data import opened_for, spread
from course_lib.data.download import cache_folder
from course_lib.data.files import (
    check_apart,
    check_fresh,
    commit,
    expanded,
    only_run,
    read_words,
    replace_file,
)
from course_lib.data.images import listed, to_image
from course_lib.errors import CourseError, ensure, need, note, telling
from course_lib.experiments.grids import Cell, read_grid
from course_lib.methods import configs
from course_lib.metrics import samples, scores
from course_lib.training import profiles
from course_lib.training.progress import minutes_seconds

FIRST = ("row", "seed")
MEASURED = ("config", "seconds", "device", "versions", "commit")  # besides the scores
LAST = ("method", "data", "steps", *MEASURED, "command")
# The scores that a table holds, of those that were measured, whichever network looked: each is read
# by a notebook or a claim.
SCORES = (
    *("again_l1", "borders_visible", "copy_l1", "coverage_features", "d_std", "diversity_features"),
    *("diversity_l1", "fcn_iou", "fcn_iou_true", "frechet_features", "grid_ratio"),
    *("histogram_intersection", "hue_error", "kid_features", "l1", "labels_iou", "moved_l1"),
    *("nearest_l1", "rec_l1", "shape_top1", "sharpness_ratio", "variety_l1"),
    *("windows_lit", "yx_hue_error", "yx_labels_iou", "yx_rec_l1"),
    "yx_rec_noisy_l1",
)
MAKE_IT = "make it with course sweep"
DEATHS = 3  # workers that may die of one cell before it counts as failing
_ONE_AT_A_TIME = threading.Lock()  # a worker may have several threads; torch has one random state


def is_score(name: str) -> bool:
    """Whether a table holds this score, by the course's own network or by ImageNet's."""
    return name.replace("_lite0", "_features") in SCORES


def run(
    grid: Path,
    scheduler: str | None = None,
    workers: int | None = None,
    out: Path | None = None,
    judge: Callable[[Any, Cell], dict[str, float]] | None = None,
) -> list[str]:
    """Do what is missing of ``grid``; returns ``row seed N: error`` for each cell that failed.

    ``scheduler`` is the address of a Dask scheduler; None starts ``workers`` processes here
    (default: one a core), with one thread each. Table and pictures go beside the grid, or into
    ``out``. ``judge`` adds scores of its own to the table, by method and cell: tools/judge.py has
    eyes that the course does not ship. Raises CourseError for a bad grid, if another sweep is at
    it, and if ``out`` holds something else.
    """
    grid, out = expanded(grid), out and expanded(out)
    cells = read_grid(grid)
    place = out or grid.parent
    work = (out or grid.parent / "runs" / grid.stem).resolve()
    table_path = place / f"{grid.stem}.csv"
    for cell in cells:
        for folder in (work, place / grid.stem):
            check_apart(folder, expanded(cell.data))
    if place.resolve() != grid.parent.resolve():
        # Each sweep's table begins with these columns, so a folder of sweeps is known by any.
        check_fresh(place, "*.csv", ",".join(FIRST))
    firsts: dict[str, Cell] = {}
    for cell in cells:
        firsts.setdefault(cell.row, cell)
    failed = []
    with only_run(work):
        done = _measured(table_path)
        if out and not done:  # a sweep that is killed before its first row is known by its table
            replace_file(table_path, _csv([]))

        def keep(cell: Cell, result: dict) -> None:
            done[cell.command] = result
            rows = [_row(grid, c, done[c.command]) for c in cells if c.command in done]
            replace_file(table_path, _csv(rows))
            pictures = result["pictures"] if cell is firsts[cell.row] else {}
            for direction, picture in pictures.items():
                (place / grid.stem).mkdir(exist_ok=True)
                replace_file(place / grid.stem / f"{cell.slug}-{direction}.webp", picture)

        known = {cell.command for cell in cells}
        if gone := [row["row"] for command, row in done.items() if command not in known]:
            note(
                f"{len(gone)} rows of {table_path} are not in the grid any more, and go with the"
                f" next cell that is done: {listed(gone, 3)}"
            )
        todo = [cell for cell in cells if cell.command not in done]
        here = (cell for cell in todo if not (scheduler or _finished(work / "cells" / cell.folder)))
        for device in {cell.device for cell in here}:  # what was trained elsewhere needs none
            profiles.pick_device(device)
        finished = len(cells) - len(todo)
        print(f"{finished} of {len(cells)} cells are done", file=sys.stderr, flush=True)
        began = time.monotonic()
        with contextlib.closing(_results(todo, scheduler, workers, work, judge)) as results:
            for count, (cell, result) in enumerate(results if todo else (), 1):
                text = f"{cell.row} seed {cell.seed}: {result.get('error', 'done')}"
                if "error" in result:
                    failed.append(text)
                else:
                    keep(cell, result)
                left = minutes_seconds((time.monotonic() - began) / count * (len(todo) - count))
                print(
                    f"{finished + count}/{len(cells)} {text}, about {left} left",
                    file=sys.stderr,
                    flush=True,
                )
    return failed


def _results(
    cells: list[Cell],
    scheduler: str | None,
    workers: int | None,
    work: Path,
    judge: Callable | None,
) -> Iterator[tuple[Cell, dict]]:
    """Each cell with what :func:`run_cell` returned, in the order in which they end."""
    dask, system, distributed = need("sweep", "dask", "dask.system", "distributed")
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            rules = {  # one cell at a time in a worker, none waiting: who dies takes no other along
                "distributed.scheduler.allowed-failures": DEATHS - 1,
                "distributed.scheduler.worker-saturation": 1.0,
                # Dask's workers give freed memory back at once; training takes it again every step
                "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 30,
                "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 25,
            }
            stack.enter_context(dask.config.set(rules))
            cluster = distributed.LocalCluster(
                n_workers=min(workers or system.CPU_COUNT, len(cells)),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
        with telling(
            (OSError, ValueError),
            "no Dask scheduler answers",
            scheduler,
            "start one (dask scheduler) and workers (dask worker ADDRESS --nthreads 1), "
            "and give its address",
        ):
            client = stack.enter_context(distributed.Client(scheduler or cluster, timeout=20))
        if not client.nthreads():
            print("waiting for workers", file=sys.stderr, flush=True)
        futures = {}
        for cell in cells:
            folder = work / "cells" / cell.folder if scheduler is None else None
            futures[client.submit(run_cell, cell, folder, judge, pure=False)] = cell
        for future in distributed.as_completed(futures):
            try:
                yield futures[future], future.result()
            except Exception as error:
                yield futures[future], {"error": f"{type(error).__name__}: {error}"}


# ---- in a worker


def run_cell(cell: Cell, folder: Path | None = None, judge: Callable | None = None) -> dict:
    """Train and score one cell in ``folder``, by default in the user's cache; nothing is done
    twice.

    Returns scores by their names, what MEASURED names and pictures (``xy``, ``yx``: PNG), or only
    ``error``: exceptions need not survive the way back.
    """
    folder = folder or cache_folder() / "sweep" / cell.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # waits: a sweep that was stopped may be at it yet
        with _ONE_AT_A_TIME, filelock.FileLock(folder / ".lock"):
            return _finished(folder) or _do(cell, folder, judge)
    except CourseError as error:
        return {"error": f"{error.what} ({error.where})"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def train(cell: Cell, out: Path) -> tuple[Any, list[dict]]:
    """The method that the cell's training in ``out`` ends with, and the history; one thread."""
    torch.set_num_threads(1)
    result = runs.train(
        cell.method,
        cell.data,
        out,
        cell.config,
        steps=cell.steps,
        seed=cell.seed,
        bf16=cell.bf16,
        direction=cell.direction,
        device=cell.device,
        resume=True,
        start=cell.start or None,
        previews=0,
        progress=False,
    )
    return runs.open_run(out, cell.device)[0], result.history


def measure(method: Any, cell: Cell, split: str) -> dict[str, float]:
    """All scores of the cell's trained method on a split."""
    torch.manual_seed(cell.seed)  # the state that training left is another one after a resume
    if not method.translates:
        return samples.score_generated(method, cell.data, split)
    numbers = scores.score(method, cell.data, split, cell.direction)
    if method.has_codes:
        numbers |= samples.score_samples(method, cell.data, split, cell.direction)
    return numbers


def _do(cell: Cell, folder: Path, judge: Callable | None) -> dict:
    resumed, began = (folder / "run").exists(), time.process_time()
    method, history = train(cell, folder / "run")
    seconds = math.nan if resumed else time.process_time() - began
    if cell.step_ms:
        seconds = cell.step_ms * cell.steps / 1000
    numbers = measure(method, cell, "test")
    late = history[len(history) // 2 :]
    losses = [[v for name, v in step.items() if name.startswith("d_")] for step in late]
    if losses[-1]:
        numbers["d_std"] = statistics.pstdev(map(sum, losses))
    for direction, picture in _pictures(method, cell).items():
        replace_file(folder / f"{direction}.webp", picture)
    row = {
        **{name: float(number) for name, number in numbers.items() if is_score(name)},
        **(judge(method, cell) if judge else {}),
        **_circumstances(cell),
        "seconds": round(seconds, 1),
    }
    replace_file(folder / "row.json", json.dumps(row, indent=1).encode())
    shutil.rmtree(folder / "run" / "checkpoints")
    return _finished(folder)


def _circumstances(cell: Cell) -> dict[str, str]:
    """What MEASURED names besides the seconds; of the configuration, what is no default."""
    cpu = f"CPU ({platform.machine()}, {os.cpu_count()} cores)"
    where = cpu if cell.device == "cpu" else profiles.device_name()
    usual, config = configs.defaults(type(cell.config)), configs.as_dict(cell.config)
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    return {
        "config": json.dumps({k: value for k, value in config.items() if value != usual[k]}),
        "device": f"{where}, {'bfloat16' if cell.bf16 else 'float32'}, 1 thread",
        "versions": f"course_lib {__version__}, {versions}",
        "commit": commit(),
    }


def _finished(folder: Path) -> dict | None:
    """What a cell's folder holds, if the cell is finished; one that cannot be read is not."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        pictures = {path.stem: path.read_bytes() for path in sorted(folder.glob("[xy][xy].webp"))}
        return json.loads((folder / "row.json").read_text()) | {"pictures": pictures}
    return None


@torch.no_grad()
def _pictures(method: Any, cell: Cell) -> dict[str, bytes]:
    """WebP for each direction: eight test items side by side; input, translation, known truth.

    A method with codes translates four times, each time with one code for all; one that makes
    images from noise alone shows its preview.
    """
    if not method.translates:
        torch.manual_seed(cell.seed)
        return {"xy": _webp(list(method.preview().values()))}
    out = {}
    data = opened_for(method, cell.data, "test", cell.direction)
    items = spread(data, 8)
    torch.manual_seed(cell.seed)
    for direction in method.directions:
        x, y = (torch.stack([item[name] for item in items]) for name in direction)
        if method.has_codes:
            drawn = method.sample(x, 4, cell.seed, direction)
            fakes = [*drawn.cpu().unbind(1)]
        else:  # one by one: no picture depends on its neighbours
            batches = [default_collate([item]) for item in items]
            alone = [method.translate_batch(batch, direction)["fake_y"] for batch in batches]
            fakes = [torch.cat(alone).cpu()]
        out[direction] = _webp([x, *fakes] + ([y] if data.paired else []))
    return out


def _webp(rows: list[Tensor]) -> bytes:
    """Rows of images (n, 3, s, s) as one WebP."""
    grid = to_image(torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1).cpu())
    grid.save(webp := io.BytesIO(), format="webp", quality=80, method=6)
    return webp.getvalue()


# ---- the table


def table(path: Path) -> list[dict]:
    """The rows of a table of results: seed and steps as int, scores and seconds as float, else
    text.

    A score that a row does not have is nan. Raises CourseError for a file that is no such table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(read_words(path))))
        text = {*FIRST, *LAST} - {"seconds"}
        for row in rows:
            row |= {name: float(v or "nan") for name, v in row.items() if name not in text}
            row |= {"row": row["row"], "seed": int(row["seed"]), "steps": int(row["steps"])}
        return rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"no column {error}" if isinstance(error, KeyError) else error
        raise CourseError(f"no readable table of results: {why}", path, MAKE_IT) from None


def _measured(path: Path) -> dict[str, dict]:
    """By command, the rows of the table at ``path``; a table that cannot be read is not
    overwritten.
    """
    rows = table(path) if path.exists() else []
    ensure(
        all(row.get("command") for row in rows),
        "no readable table of results: a row has no command",
        path,
        MAKE_IT,
    )
    return {row["command"].rpartition(" --out ")[0]: row for row in rows}


def _row(grid: Path, cell: Cell, result: dict) -> dict[str, Any]:
    """A row of the table: what the grid knows of a cell, and what was measured."""
    row = {name: getattr(cell, name) for name in (*FIRST, "method", "data", "steps")}
    known = {*row, "pictures", "command"}  # what is nan stays empty
    row |= {name: value for name, value in result.items() if name not in known and value == value}
    return row | {"command": f"{cell.command} --out runs/{grid.stem}-{cell.slug}"}


def _csv(rows: list[dict]) -> bytes:
    names = sorted({name for row in rows for name in row} - {*FIRST, *LAST})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*FIRST, *names, *LAST], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
