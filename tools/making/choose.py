"""Settings chosen on val before a table is run: a row of a grid, trained with each of some changes.

    python -m tools.making.choose GRID ROW SCORE[,SCORE] [--steps=N] [--seeds=0,1] [CHANGE ...]

A change is key=v1,v2 (two of them) or key=v+key=v (one).

Each change is added to the row's own settings, and scored as a sweep would, on ``val``. Which row
is tried, with what and what came out is written at the head of the grid.
"""

import itertools
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from course_lib.experiments import sweep
from course_lib.experiments.grids import Cell, read_grid
from tools.judge import SCORES, verdict


def score(cell: Cell, judged: bool) -> dict[str, float]:
    """What a training of ``cell`` scores on val; ``judged`` by tools/judge.py, too."""
    with tempfile.TemporaryDirectory() as folder:
        method, _ = sweep.train(cell, Path(folder) / "run")
    return sweep.measure(method, cell, "val") | (verdict(method, cell, "val") if judged else {})


def main(grid: str, row: str, metric: str, *words: str) -> None:
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    cell = next(cell for cell in read_grid(Path(grid)) if cell.row == row)
    cell = replace(cell, steps=int(options.get("steps", cell.steps)))
    seeds = [int(seed) for seed in options.get("seeds", "0").split(",")]
    wanted, sets = [word for word in words if not word.startswith("--")], []
    for word in wanted or [""]:  # key=v1,v2 is two changes; key=v+key=v is one
        name, _, values = word.partition("=")
        parts = [word] if "+" in word or not word else [f"{name}={v}" for v in values.split(",")]
        sets += [tuple(filter(None, part.split("+"))) for part in parts]
    tried = [replace(cell, settings=(*cell.settings, *changes)) for changes in sets]
    judged = any(name.removeprefix("yx_") in SCORES for name in metric.split(","))
    with ProcessPoolExecutor(2) as pool:
        seeded = [replace(one, seed=seed) for one in tried for seed in seeds]
        found = pool.map(score, seeded, [judged] * len(seeded))
        for changes in sets:
            mine = list(itertools.islice(found, len(seeds)))
            for name in metric.split(","):
                values = [numbers[name] for numbers in mine]
                text = ", ".join(f"{value:.4f}" for value in values)
                mean = f"{statistics.fmean(values):.4f}"
                print(f"{' '.join(changes):40} {name} {mean} ({text})", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
