"""What a student reads: per check its title, the points, and the likely mistake. Also the notebook
for nbgrader.

Titles and messages only: never a hidden check's inputs or what was expected. Whatever comes from
the submission is escaped: it is text, not markup.
"""

import csv
import html
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

from assignments.grader import safe
from assignments.grader.notebook import Submission, nbgrader_data
from assignments.grader.verdicts import Graded, Result
from course_lib.data.files import replace_file
from course_lib.errors import CourseError

if TYPE_CHECKING:  # `course check` does without nbgrader
    from assignments.grader.gradebook import Cell, Plan

# a submission's HTML and scripts do not run in the instructor's browser
SAFE_OUTPUTS = ("text/plain", "image/png")
# nbgrader's pages show Markdown with the scripts in it; "< b" is no tag
TAG = re.compile(r"<(?=[A-Za-z/!?])")
MAX_OUTPUT, MAX_IMAGES = 20_000, 8_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run, at the start of a cell
# what stops one student's files
UNWRITTEN = (CourseError, OSError, ValueError, TypeError, RecursionError)


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def line(check: Graded) -> str:
    """One check as a line of plain text."""
    mark = "full" if check.score == check.points else "none" if check.score == 0 else "part"
    return f"[{mark}] {number(check.score)} of {number(check.points)}: {check.title}" + (
        f"\n       {check.message}" if check.message and check.score < check.points else ""
    )


def quoted(text: str) -> str:
    """Text of a submission inside Markdown: no markup, one line."""
    flat = " ".join(html.escape(text, quote=False).split())
    return "".join("\\" + letter if letter in "\\`*_[]#|!" else letter for letter in flat)


PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("pages")),
    autoescape=lambda name: name.endswith(".html"),
    keep_trailing_newline=True,
    trim_blocks=True,
)
PAGES.filters |= {"number": number, "quoted": quoted}


def markdown(result: Result) -> str:
    return PAGES.get_template("report.md").render(of=result)


def page(result: Result) -> str:
    """The same as a page of its own, without scripts."""
    return PAGES.get_template("report.html").render(of=result)


def table(results: Iterable[Result]) -> str:
    """All results as CSV: a row a student, a column a check."""
    results = sorted(results, key=lambda result: result.student)
    names = list(dict.fromkeys(check.name for result in results for check in result.checks))
    named = any(result.name for result in results)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", *["name"] * named, "score", "points", *names, "reason"])
    for result in results:
        scores = {check.name: number(check.score) for check in result.checks}
        row = [
            safe.line(result.student),
            *[result.name] * named,
            number(result.score),
            number(result.points),
            *(scores.get(n, "") for n in names),
        ]
        writer.writerow(["'" + c if c[:1] in FORMULA else c for c in [*row, result.reason]])
    return out.getvalue()


def write(folder: Path, results: list[Result]) -> dict[str, str]:
    """One page and one Markdown file a student, and grades.csv. Returns who got none, with the
    reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failed = {}
    for result in results:
        try:
            replace_file(folder / f"{result.student}.md", markdown(result).encode())
            replace_file(folder / f"{result.student}.html", page(result).encode())
        except UNWRITTEN as error:
            failed[result.student] = why(error)
    replace_file(folder / "grades.csv", table(results).encode())
    return failed


def why(error: Exception) -> str:
    """What stopped a file from being written, in one line."""
    what = (
        f"{error.what}, {error.where}"
        if isinstance(error, CourseError)
        else f"{type(error).__name__}: {error}"
    )
    return safe.line(what)


# ---- the autograded notebook, which nbgrader's formgrader and feedback show


def autograded(result: Result, plan: "Plan", submission: Submission) -> bytes:
    """The submission with its test cells as released, and under each what its checks found."""
    cells, missing = [], dict(plan.cells)
    for cell in (submission.content or {}).get("cells", []):
        cells.append(clean(cell, missing.pop(nbgrader_data(cell).get("grade_id"), None)))
    cells += [clean({"source": known.source}, known) for known in missing.values()]
    by_name = {check.name: check for check in result.checks}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        checks = plan.checks.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), [])
        if checks and cell["cell_type"] == "code":
            text = "\n".join(line(by_name[name]) for name in checks if name in by_name)
            text = "\n".join([*([result.reason] if result.reason else []), text, ""])
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1).encode() + b"\n"


def clean(cell: dict, known: "Cell | None") -> dict:
    """A valid cell: the student's own text and harmless outputs; what was locked as it was handed
    out.
    """
    data = known.data if known else {}
    kind = data.get("cell_type", cell.get("cell_type"))
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    out = {
        "cell_type": kind,
        "metadata": {"nbgrader": data} if known else {},
        "source": cell["source"],
    }
    outputs = cell.get("outputs")
    if known and not data["solution"] and (data["locked"] or data["grade"]):
        out["source"], outputs = known.source, []
    elif kind != "code":
        out["source"] = TAG.sub("< ", out["source"])
    if kind == "code":
        kept = harmless(outputs if isinstance(outputs, list) else [])
        out |= {"execution_count": None, "outputs": kept}
    return out


def harmless(outputs: list) -> list[dict]:
    """Text and PNG pictures of a cell's outputs."""
    kept, size = [], 0
    for output in outputs[:50]:
        data = output.get("data") if isinstance(output, dict) else None
        if isinstance(data, dict):
            data = {
                kind: data[kind] for kind in SAFE_OUTPUTS if isinstance(data.get(kind), str | list)
            }
            data = {kind: safe.block("".join(map(str, text))) for kind, text in data.items()}
            size += sum(map(len, data.values()))
            if data and size < MAX_IMAGES:
                kept.append({"output_type": "display_data", "data": data, "metadata": {}})
        elif isinstance(output, dict) and isinstance(output.get("text"), str | list):
            text = safe.block("".join(map(str, output["text"]))[:MAX_OUTPUT])
            kept.append({"output_type": "stream", "name": "stdout", "text": text})
    return kept
