"""What ``course bench ... --json`` has measured and the repository keeps, as the tables of README."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

from course_lib.errors import CourseError

FOLDER = Path("notebooks/bench")  # of step_*.json, quality_*.json and data.json
BOOK, OURS = "textbook float32", "course bfloat16"


def markdown(folder: Path = FOLDER) -> str:
    """The tables, each with the machine below it. A missing file makes no row; CourseError if there is none at all."""
    makers = {"step_*.json": _steps, "quality_*.json": _qualities, "data.json": _data}
    parts = []
    for pattern, make in makers.items():
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))]
        if kept:
            machine = "; ".join(dict.fromkeys(facts["title"].split("; ")[1] for facts in kept))
            parts.append(f"{make(kept)}\n\n*{machine}*")
    if not parts:
        raise CourseError("no kept measurements", folder, "call it in the folder of the course")
    return "\n\n".join(parts) + "\n"


def reached(rows: list[dict], error: str = "val_l1") -> float | None:
    """Seconds until the course's step has the last ``error`` of the textbook's, for the rows of one seed; between two
    looks by a straight line. None: not reached."""
    goal = [row for row in rows if row["step"] == BOOK][-1][error]
    before = None
    for row in (row for row in rows if row["step"] != BOOK):
        if row[error] <= goal:
            if before is None or before[error] == row[error]:
                return row["seconds"]
            share = (before[error] - goal) / (before[error] - row[error])
            return before["seconds"] + share * (row["seconds"] - before["seconds"])
        before = row
    return None


def by_seed(rows: list[dict]) -> list[list[dict]]:
    """The rows of each seed, apart."""
    return [[row for row in rows if row["seed"] == seed] for seed in dict.fromkeys(row["seed"] for row in rows)]


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _steps(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        rows = {row["step"]: row for row in facts["rows"]}
        book, own = rows[BOOK], rows.get(OURS)
        line = [facts["title"].partition("; ")[0], f"{book['seconds']:.2f}"]
        for row in (rows["course float32"], own):
            line.append(f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if row else "-")
        used = own or rows["course float32"]
        lines.append([*line, f"{used['share']:.0%}", f"{book['resident']:.0f}, {used['resident']:.0f}"])
    head = ["a step of", "textbook, s", "times as fast, float32", "bfloat16", "share of the peak", "memory, MB"]
    return _table(head, lines)


def _qualities(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        seeds = by_seed(facts["rows"])
        last = [{row["step"]: row for row in rows} for rows in seeds]
        own = next(kind for kind in last[0] if kind != BOOK)
        found = []
        for kind in (BOOK, own):
            ends = [one[kind] for one in last]
            l1, took, steps = (mean(end[key] for end in ends) for key in ("val_l1", "seconds", "steps"))
            found.append(f"{l1:.3f} in {took:.0f} s, {steps:.0f} steps")
        took = [(reached(rows), one[BOOK]["seconds"]) for rows, one in zip(seeds, last, strict=True)]
        shares = ", ".join(f"{t / end:.0%}" if t is not None else "not reached" for t, end in took)
        lines.append([facts["title"].partition(", profile")[0], *found, own.split()[1], shares])
    head = ["L1 to the true y, val", "textbook", "ours", "in", "ours is where it ends after, each seed"]
    return _table(head, lines)


def _data(kept: list[dict[str, Any]]) -> str:
    lines = [
        [row["data"].replace("|", "\\|"), f"{row['images']:.0f}", f"{row['imagefolder']:.0f}", f"{row['ratio']:.1f}"]
        for row in kept[0]["rows"]
    ]
    return _table([kept[0]["title"].partition(";")[0], "ours", "ImageFolder", "ratio"], lines)
