"""The library's intervals in the shapes of problem set 5: they must pass its checks."""

import csv
import tempfile
from pathlib import Path

from course_lib.experiments import claims
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


PARTS = {
    "paired_differences": paired_differences,
    "interval": lambda values: intervals.interval(values)[:3],
    "decide": decide,
}
