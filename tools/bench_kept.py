"""What the benches have measured and notebooks/bench keeps, as the tables of the guide.

python tools/bench_kept.py
"""

import json
from pathlib import Path
from statistics import mean
from typing import Any

from bench_quality import BOOK, CONTROL, JUDGED, by_seed, verdict

from course_lib.errors import CourseError

FOLDER = Path(
    "notebooks/bench"
)  # of step_*.json, quality_*.json, data.json, and what `course bench gpu` writes
OURS = "course bfloat16"


def markdown(folder: Path = FOLDER) -> str:
    """The tables, each with the machine below it. A missing file makes no row; CourseError if there
    is none at all.
    """
    makers = {
        "step_*.json": _steps,
        "quality_*.json": _qualities,
        "data.json": _data,
        "gpu_steps.json": _on_a_gpu,
    }
    parts = []
    for pattern, make in makers.items():
        kept = [
            json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))
        ]
        if kept:
            machine = "; ".join(dict.fromkeys(facts["title"].split("; ")[1] for facts in kept))
            parts.append(f"{make(kept)}\n\n*{machine}*")
    if not parts:
        raise CourseError("no kept measurements", folder, "call it in the folder of the course")
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _steps(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        rows = {row["step"]: row for row in facts["rows"]}
        book, own = rows[BOOK], rows.get(OURS)
        line = [facts["title"].partition("; ")[0], f"{book['seconds']:.2f}"]
        for row in (rows["course float32"], own):
            line.append(
                f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if row else "-"
            )
        used = own or rows["course float32"]
        lines.append([*line, f"{used['share']:.0%}"])
    head = [
        "a step of",
        "textbook, s",
        "times as fast, float32",
        "bfloat16",
        "share of the peak",
    ]
    return _table(head, lines)


def _qualities(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        last = [{row["step"]: row for row in rows} for rows in by_seed(facts["rows"])]
        own = next(kind for kind in last[0] if kind not in (BOOK, CONTROL))
        found = []
        for kind in (BOOK, own):
            ends = [one[kind] for one in last]
            l1, took, steps = (
                mean(end[key] for end in ends) for key in ("val_l1", "seconds", "steps")
            )
            found.append(f"{l1:.3f} in {took:.0f} s, {steps:.0f} steps")
        line = [facts["title"].partition(", profile")[0], *found, own.split()[1]]
        for judged in JUDGED.values():
            said = verdict(facts["rows"], judged)
            line += [f"{_spread(said)}: {said['verdict']}", _spread(said["control"])]
        lines.append(line)
    head = ["L1 to the true y, val", "textbook", "ours", "in"]
    head += [f"{name}, both {said}" for said in JUDGED for name in ("times as fast", "control")]
    return _table(head, lines)


def _spread(found: dict[str, Any]) -> str:
    return f"{found['ratio']:.2f}" + (
        f" [{found['low']:.2f}, {found['high']:.2f}]" if found["low"] else ""
    )


def _data(kept: list[dict[str, Any]]) -> str:
    lines = [
        [
            row["data"].replace("|", "\\|"),
            f"{row['images']:.0f}",
            f"{row['imagefolder']:.0f}",
            f"{row['ratio']:.1f}",
        ]
        for row in kept[0]["rows"]
    ]
    return _table([kept[0]["title"].partition(";")[0], "ours", "ImageFolder", "ratio"], lines)


def _on_a_gpu(kept: list[dict[str, Any]]) -> str:
    lines: dict[str, list[str]] = {}
    for row in kept[0]["rows"]:
        if "error" not in row and row["step"] == OURS:
            faster = (
                f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                if "ratio" in row
                else "-"
            )
            size = f"{row['method']}, {row['px']} px, batch {row['batch']}"
            lines[row["method"]] = [
                size,
                f"{row['images']:.0f}",
                f"{row.get('memory_mb', 0):.0f}",
                faster,
                "-",
            ]
        if "error" not in row and row["step"].endswith("compiled") and row["method"] in lines:
            lines[row["method"]][-1] = f"{row['ratio']:.2f}"
    head = [
        "on a GPU, bfloat16",
        "images a second",
        "memory, MB",
        "times as fast as the textbook",
        "compiled",
    ]
    return _table(head, list(lines.values()))


if __name__ == "__main__":
    print(markdown(), end="")
