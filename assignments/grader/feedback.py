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

from jinja2 import Environment, FileSystemLoader

from assignments.grader import safe
from assignments.grader.gradebook import Cell, Plan
from assignments.grader.notebook import Submission, nbgrader_data
from assignments.grader.verdicts import Graded, Result
from course_lib.data.files import replace_file
from course_lib.errors import CourseError

SAFE_OUTPUTS = (
    "text/plain",
    "image/png",
)  # a submission's HTML and scripts do not run in the instructor's browser
TAG = re.compile(
    r"<(?=[A-Za-z/!?])"
)  # nbgrader's pages show Markdown with the scripts in it; "< b" is no tag
MAX_OUTPUT, MAX_IMAGES = 20_000, 8_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run, at the start of a cell
UNWRITTEN = (
    CourseError,
    OSError,
    ValueError,
    TypeError,
    RecursionError,
)  # what stops one student's files


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


PAGES = Environment(loader=FileSystemLoader(Path(__file__).with_name("pages")), autoescape=True)
PAGES.filters["number"] = number


def line(check: Graded) -> str:
    """One check as a line of plain text."""
    mark = "full" if check.score == check.points else "none" if check.score == 0 else "part"
    text = f"[{mark}] {number(check.score)} of {number(check.points)}: {check.title}"
    return text + (
        f"\n       {check.message}" if check.message and check.score < check.points else ""
    )


def quoted(text: str) -> str:
    """Text of a submission inside Markdown: no markup, one line."""
    flat = " ".join(html.escape(text, quote=False).split())
    return "".join("\\" + letter if letter in "\\`*_[]#|!" else letter for letter in flat)


def markdown(result: Result) -> str:
    parts = [f"# {result.problem_set}: {quoted(result.student)}", ""]
    parts += [
        f"**{number(result.score)} of {number(result.points)} points** from the automatic checks."
    ]
    if result.reason:
        parts += ["", f"The notebook as a whole: {quoted(result.reason)}."]
    for function in dict.fromkeys(check.function for check in result.checks):
        checks = [check for check in result.checks if check.function == function]
        total, reached = sum(c.points for c in checks), sum(c.score for c in checks)
        parts += ["", f"## `{function}`: {number(reached)} of {number(total)}", ""]
        parts += ["| points | what was checked | what to look at |", "|---|---|---|"]
        for check in checks:
            message = quoted(check.message) if check.score < check.points else "right"
            points = f"{number(check.score)} of {number(check.points)}"
            parts.append(f"| {points} | {quoted(check.title)} | {message} |")
    if result.notes:
        parts += [
            "",
            "## Remarks on the notebook",
            "",
            *(f"- {quoted(note)}" for note in result.notes[:50]),
        ]
    return "\n".join(parts) + "\n"


def page(result: Result) -> str:
    """The same as a page of its own, without scripts."""
    return PAGES.get_template("report.html").render(of=result)


def table(results: Iterable[Result]) -> str:
    """All results as CSV: a row a student, a column a check."""
    results = sorted(results, key=lambda result: result.student)
    names = list(dict.fromkeys(check.name for result in results for check in result.checks))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "score", "points", *names, "reason"])
    for result in results:
        scores = {check.name: number(check.score) for check in result.checks}
        row = [
            safe.line(result.student),
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


def autograded(result: Result, plan: Plan, submission: Submission) -> bytes:
    """The submission with its test cells as released, and under each what its checks found."""
    cells, seen = [], set()
    for cell in (submission.content or {}).get("cells", []):
        name = nbgrader_data(cell).get("grade_id")
        known = plan.cells.get(name) if name not in seen else None
        seen.add(name)
        cells.append(clean(cell, known, len(cells)))
    for name, known in plan.cells.items():
        if name not in seen:
            cells.append(
                clean({"cell_type": known.kind, "source": known.source}, known, len(cells))
            )
    by_name = {check.name: check for check in result.checks}
    for cell in cells:
        checks = plan.checks.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), [])
        if checks and cell["cell_type"] == "code":
            text = "\n".join(line(by_name[name]) for name in checks if name in by_name)
            text = "\n".join([*([result.reason] if result.reason else []), text, ""])
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=True).encode() + b"\n"


def clean(cell: dict, known: Cell | None, index: int) -> dict:
    """A valid cell: the student's own text and harmless outputs; what was locked as it was handed
    out.
    """
    kind = known.kind if known else cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    restored = known is not None and not known.solution and (known.locked or known.grade)
    out: dict = {"cell_type": kind, "id": f"cell-{index}", "metadata": {}}
    out["source"] = known.source if known and restored else cell["source"]
    if kind != "code" and not restored:
        out["source"] = TAG.sub("< ", out["source"])
    if known is not None:
        data = {
            "grade": known.grade,
            "grade_id": known.name,
            "locked": known.locked,
            "solution": known.solution,
            "task": known.task,
            "schema_version": 3,
            "cell_type": kind,
            "checksum": known.checksum,
        }
        out["metadata"]["nbgrader"] = data | (
            {"points": known.points} if known.grade or known.task else {}
        )
    if kind == "code":
        outputs = [] if restored else cell.get("outputs")
        out |= {
            "execution_count": None,
            "outputs": harmless(outputs if isinstance(outputs, list) else []),
        }
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
