"""What the benches have measured and notebooks/bench keeps, as the tables of the guide.

    python tools/bench_kept.py [--store]

``--store`` puts the tables into notebooks/guide/speed.md, in place of those with the same first
column, and draws README's picture of pix2pix's step. Call it in the course's folder.
"""

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from bench_quality import BOOK, CONTROL, GOALS, JUDGED, by_seed, verdict
from matplotlib import pyplot as plt

from course_lib import plotting
from course_lib.errors import CourseError

FOLDER = Path("notebooks/bench")  # of step_*.json, quality_*.json, data.json and `make gpu`'s
PAGE = Path("notebooks/guide/speed.md")
OURS = "course bfloat16"
STEPS = {  # kinds of steps: in words, and the colour in pictures
    BOOK: ("textbook", "#0072B2"),
    "textbook float32 with D frozen": ("textbook, D frozen", "#CC79A7"),
    "textbook bfloat16 by autocast": ("textbook + autocast", "#E69F00"),
    "course float32": ("course, float32", "#56B4E9"),
    OURS: ("course, bfloat16", "#009E73"),
}


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
        kept = [_read(path) for path in sorted(folder.glob(pattern))]
        if kept:
            machine = "; ".join(dict.fromkeys(facts["title"].split("; ")[1] for facts in kept))
            parts.append(f"{make(kept)}\n\n*{machine}*")
    if not parts:
        raise CourseError("no kept measurements", folder, "call it in the folder of the course")
    return "\n\n".join(parts) + "\n"


def store() -> None:
    """Put the tables into PAGE, each in place of the one with the same first column, and draw the
    picture.
    """
    parts, new = PAGE.read_text(encoding="utf-8").split("\n\n"), markdown().strip().split("\n\n")
    for table, machine in zip(new[::2], new[1::2], strict=True):
        first = table[: table.index("|", 1)]
        for i in [i for i, part in enumerate(parts) if part.startswith(first)]:
            parts[i : i + 2] = [table, machine]
    PAGE.write_text("\n\n".join(parts), encoding="utf-8")
    plt.rcParams.update(plotting.STYLE)
    _picture_of_pix2pix(_read(FOLDER / "step_pix2pix.json")["rows"])


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _picture_of_pix2pix(rows: list[dict]) -> None:
    """README's small one: a bar for each step."""
    fig, axes = plt.subplots(figsize=(3, 0.2 * len(rows) + 0.1), layout="constrained")
    for row in rows:
        label, colour = STEPS[row["step"]]
        axes.barh(label, row["ratio"], color=colour)
        axes.text(row["ratio"], label, f" {row['ratio']:.2f} times", va="center", fontsize=8)
    axes.set(xticks=[], xlim=(0, 1.35 * max(row["ratio"] for row in rows)))
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
    fig.savefig("notebooks/guide/small/10.webp", dpi=100)


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _steps(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        rows = {row["step"]: row for row in facts["rows"]}
        line = [facts["title"].partition("; ")[0], f"{rows[BOOK]['seconds']:.2f}"]
        for row in map(rows.get, list(STEPS)[1:]):
            line.append(
                f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if row else "-"
            )
        used = rows.get(OURS, rows["course float32"])
        lines.append([*line, f"{used['share']:.0%}"])
    first, *others = (label for label, _ in STEPS.values())
    return _table(["a step of", f"{first}, s", *others, "share of the peak"], lines)


def _qualities(kept: list[dict[str, Any]]) -> str:
    lines = []
    for facts in kept:
        goals = [None, *GOALS.get(facts["title"].split()[0], ())]
        ends = [{row["step"]: row for row in rows} for rows in by_seed(facts["rows"])]
        own = next(kind for kind in ends[0] if kind not in (BOOK, CONTROL))
        for weights, error in JUDGED.items():
            line = [facts["title"].partition(", profile")[0], weights]
            for kind in (BOOK, own):
                l1, steps = (mean(end[kind][key] for end in ends) for key in (error, "steps"))
                line.append(f"{l1:.3f}, {steps:.0f} steps")
            for goal in goals:
                said = verdict(facts["rows"], error, goal)
                line += [_spread(said), _spread(said["control"])]
            lines.append(line + ["-"] * (8 - len(line)))
    head = ["L1 to the true y, val", "judged", "textbook", "course"]
    head += ["times as fast, to the worst end", "control"]
    return _table([*head, "times as fast, to 0.27", "control"], lines)


def _spread(found: dict[str, Any]) -> str:
    return f"{found['ratio']:.2f}" + (
        f" [{found['low']:.2f}, {found['high']:.2f}]" if found["low"] else ""
    )


def _data(kept: list[dict[str, Any]]) -> str:
    columns = ("first_per_core", "images", "imagefolder", "in_memory", "by_batch")
    lines = []
    for row in kept[0]["rows"]:
        speeds = [f"{row[column]:.0f}" if column in row else "-" for column in columns]
        lines.append([row["data"].replace("|", "\\|"), *speeds])
    head = ["course, first pass", "course, later passes", "ImageFolder"]
    head += ["tensors, each image changed", "tensors, the batch changed"]
    return _table([kept[0]["title"].partition(";")[0], *head], lines)


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
    if sys.argv[1:] == ["--store"]:
        store()
    print(markdown(), end="")
