"""What ``course bench ... --json`` has measured and the repository keeps, as the tables of README."""

import json
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

FOLDER = Path("notebooks/bench")  # of step_*.json, quality_*.json and data.json
OURS = "course bfloat16"


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


def reached(rows: list[dict], step: str = OURS) -> float | None:
    """Seconds until ``step`` has the last val_l1 of the textbook's, between two looks by a straight line; None: not
    reached."""
    goal = [row for row in rows if row["step"] != step][-1]["val_l1"]
    before = None
    for row in (row for row in rows if row["step"] == step):
        if row["val_l1"] <= goal:
            if before is None or before["val_l1"] == row["val_l1"]:
                return row["seconds"]
            share = (before["val_l1"] - goal) / (before["val_l1"] - row["val_l1"])
            return before["seconds"] + share * (row["seconds"] - before["seconds"])
        before = row
    return None


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _steps(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        rows = {row["step"]: row for row in facts["rows"]}
        book, own = rows["textbook float32"], rows.get(OURS)
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
        last = {row["step"]: row for row in facts["rows"]}
        (_, book), (own, ours) = sorted(last.items(), key=lambda item: item[0] == OURS)
        took = reached(facts["rows"], own)
        share = f"{took:.0f} s ({took / book['seconds']:.0%})" if took else "not reached"
        found = [f"{row['val_l1']:.3f} in {row['seconds']:.0f} s, {row['steps']} steps" for row in (book, ours)]
        lines.append([facts["title"].partition(", profile")[0], *found, share])
    return _table(["L1 to the true y, val", "textbook", "ours", "ours at the textbook's last"], lines)


def _data(kept: list[dict[str, Any]]) -> str:
    lines = [
        [row["data"].replace("|", "\\|"), f"{row['images']:.0f}", f"{row['imagefolder']:.0f}", f"{row['ratio']:.1f}"]
        for row in kept[0]["rows"]
    ]
    return _table([kept[0]["title"].partition(";")[0], "ours", "ImageFolder", "ratio"], lines)
