"""The library's intervals in the shapes of problem set 5: they must pass its checks."""

import csv
import tempfile
from pathlib import Path

from course_lib.experiments import claims
from course_lib.metrics import intervals


def paired_differences(rows, more, less, better):
    with tempfile.TemporaryDirectory() as folder:
        table = [{"row": r["row"], "seed": r["seed"], "steps": 1, "l1": r["value"]} for r in rows]
        with open(Path(folder) / "t.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, table[0])
            writer.writeheader()
            writer.writerows(table)
        a, b = (claims.values(side, "l1", "t", Path(folder)) for side in (more, less))
    sign = 1 if better == "higher" else -1
    return [sign * (a[seed] - b[seed]) for seed in sorted(a.keys() & b.keys())]


def decide(differences):
    """The rule of the problem set, which asks for three differences: what the interval says."""
    if len(differences) < 3:
        return "open"
    _, low, high, _ = intervals.interval(differences)
    return claims.verdict(low, high)


PARTS = {
    "paired_differences": paired_differences,
    "interval": lambda values: intervals.interval(values)[:3],
    "decide": decide,
}
