"""The library's claims and sweeps in the shapes of problem set 5: they must pass its checks."""

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


def ledger(rows, more, less, better="higher"):
    """What the ledger says of a claim about these rows."""
    with tempfile.TemporaryDirectory() as folder:
        table(folder, rows)
        claim = claims.Claim("c", "", "", "", "t", "score", better=better, more=more, less=less)
        return claims.verdict_of(claim, Path(folder))


def paired_differences(rows, more, less, better):
    with tempfile.TemporaryDirectory() as folder:
        table(folder, [(r["row"], r["seed"], r["value"]) for r in rows])
        a, b = (claims._values(side, "score", "t", Path(folder)) for side in (more, less))
    sign = 1 if better == "higher" else -1
    return [sign * (a[seed] - b[seed]) for seed in claims._common(a, b)]


def decide(differences):
    found = ledger([("row", seed, value) for seed, value in enumerate(differences)], "row", 0.0)
    return VERDICTS.get(found["verdict"], "open")


def manifest():
    """The example, with rows as course sweep writes them today, and the ledger's numbers."""
    m, values = example(), {(row, seed): value for row, seed, _, value in RUNS}
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder) / m["grid_file"]
        grid.write_text(m["grid"])
        measured = dict.fromkeys(sweep.MEASURED, "")
        rows = [
            sweep._row(grid, cell, {"scores": {"l1": repr(values[cell.row, cell.seed])}, **measured})
            for cell in read_grid(grid)
        ]
    m["rows"] = [
        {"row": r["row"], "seed": int(r["seed"]), "key": r["key"], "value": float(r["l1"]), "command": r["command"]}
        for r in rows
    ]
    found = ledger([(r["row"], r["seed"], r["value"]) for r in m["rows"]], m["more"], m["less"], m["better"])
    m["interval"] = {"kind": "paired t, 95 %"} | {name: found[name] for name in ("mean", "low", "high")}
    return m | {"verdict": VERDICTS.get(found["verdict"], "open")}


PARTS = {
    "paired_differences": paired_differences,
    "interval": lambda values: intervals.interval(values)[:3],
    "decide": decide,
    "manifest": manifest,
}
