"""Settings chosen on val before a table is run: a row of a grid, trained with each of some changes.

    python tools/choose.py GRID ROW SCORE[,SCORE] [--steps=N] [--seeds=0,1] [key=v1,v2 key=v+key=v]

Each change is added to the row's own settings, and scored as a sweep would, on ``val``. Which row
is tried, with what and what came out is written at the head of the grid.
"""

import itertools
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from course_lib import runs
from course_lib.experiments.grids import Cell, read_grid
from course_lib.metrics import samples, scores


def score(cell: Cell, steps: int, seed: int, changes: tuple[str, ...]) -> dict[str, float]:
    """What a training of ``cell`` with these ``changes`` scores on val."""
    torch.set_num_threads(1)
    config = runs.make_config(cell.method, cell.profile, None, [*cell.settings, *changes])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        runs.train(
            cell.method,
            cell.data,
            out,
            config,
            steps=steps,
            seed=seed,
            bf16=cell.bf16,
            direction=cell.direction,
            device="cpu",
            previews=0,
            progress=False,
        )
        method, _ = runs.open_run(out, "cpu")
    if not method.translates:
        return samples.score_generated(method, cell.data, "val")
    numbers = scores.score(method, cell.data, "val", cell.direction)
    if method.has_codes:
        numbers |= samples.score_samples(method, cell.data, "val", cell.direction)
    return numbers


def main(grid: str, row: str, metric: str, *words: str) -> None:
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    tried = [word for word in words if not word.startswith("--")] or [""]
    cell = next(cell for cell in read_grid(Path(grid)) if cell.row == row)
    steps = int(options.get("steps", cell.steps))
    seeds = [int(seed) for seed in options.get("seeds", "0").split(",")]
    sets = []
    for word in tried:  # key=v1,v2 is two changes; key=v+key=v is one
        name, _, values = word.partition("=")
        parts = [word] if "+" in word or not word else [f"{name}={v}" for v in values.split(",")]
        sets += [tuple(filter(None, part.split("+"))) for part in parts]
    jobs = list(itertools.product(sets, seeds))
    with ProcessPoolExecutor(int(options.get("workers", 2))) as pool:
        futures = [pool.submit(score, cell, steps, seed, changes) for changes, seed in jobs]
        found = [future.result() for future in futures]
    for changes in sets:
        mine = [n for (tried, _), n in zip(jobs, found, strict=True) if tried == changes]
        for name in metric.split(","):
            values = [numbers[name] for numbers in mine]
            text = ", ".join(f"{value:.4f}" for value in values)
            print(
                f"{' '.join(changes):40} {name} {statistics.fmean(values):.4f} ({text})", flush=True
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
