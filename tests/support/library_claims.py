"""The library's intervals and sweeps in the shapes of problem set 5: they must pass its checks."""

import csv
import tempfile
from pathlib import Path

from mutants.ps5.example import RUNS, example

from course_lib.experiments import claims, sweep
from course_lib.experiments.grids import read_grid
from course_lib.metrics import intervals

VERDICTS = {claims.REPRODUCED: "supported", claims.CONTRADICTED: "contradicted"}


def table(folder, rows):
    """Rows (name, seed, value) as the table t.csv in the folder."""
    with open(Path(folder) / "t.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "seed", "steps", "score"])
        writer.writerows([name, seed, 1, value] for name, seed, value in rows)


def paired_differences(rows, more, less, better):
    with tempfile.TemporaryDirectory() as folder:
        table(folder, [(r["row"], r["seed"], r["value"]) for r in rows])
        a, b = (claims._values(side, "score", "t", Path(folder)) for side in (more, less))
    sign = 1 if better == "higher" else -1
    return [sign * (a[seed] - b[seed]) for seed in claims._common(a, b)]


def decide(differences):
    """The rule of the problem set, which asks for three differences: what the interval says."""
    if len(differences) < 3:
        return "open"
    _, low, high, _ = intervals.interval(differences)
    return VERDICTS.get(claims.verdict(low, high), "open")


def manifest():
    """The example, with rows as course sweep writes them today, and the library's interval."""
    m, values = example(), {(row, seed): value for row, seed, _, value in RUNS}
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder) / m["grid_file"]
        grid.write_text(m["grid"])
        measured = dict.fromkeys(sweep.MEASURED, "")
        rows = [
            sweep._row(
                grid, cell, {"scores": {"l1": repr(values[cell.row, cell.seed])}, **measured}
            )
            for cell in read_grid(grid)
        ]
    m["rows"] = [
        {
            "row": r["row"],
            "seed": int(r["seed"]),
            "key": r["key"],
            "value": float(r["l1"]),
            "command": r["command"],
        }
        for r in rows
    ]
    differences = paired_differences(m["rows"], m["more"], m["less"], m["better"])
    numbers = dict(zip(("mean", "low", "high"), intervals.interval(differences), strict=False))
    return m | {"interval": {"kind": "paired t, 95 %"} | numbers, "verdict": decide(differences)}


PARTS = {
    "paired_differences": paired_differences,
    "interval": lambda values: intervals.interval(values)[:3],
    "decide": decide,
    "manifest": manifest,
}
