"""What a student reads: per check its title, the points, and the likely mistake.

Titles and messages only: never a hidden check's inputs or what was expected. Whatever comes from
the submission is escaped: it is text, not markup.
"""

import contextlib
import csv
import html
import io
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from assignments.grader import safe
from assignments.grader.course import put_down
from assignments.grader.verdicts import Graded, Result
from course_lib.data.files import replace_file

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run, at the start of a cell


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
    timed = any(result.time for result in results)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["student", *["name"] * named, "score", "points", *names, *["time"] * timed, "reason"]
    )
    for result in results:
        scores = {check.name: number(check.score) for check in result.checks}
        row = [
            safe.line(result.student),
            *[result.name] * named,
            number(result.score),
            number(result.points),
            *(scores.get(n, "") for n in names),
            *[result.time] * timed,
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
        with put_down(failed, result.student):
            replace_file(folder / f"{result.student}.md", markdown(result).encode())
            replace_file(folder / f"{result.student}.html", page(result).encode())
    replace_file(folder / "grades.csv", table(results).encode())
    return failed


def take_back(folder: Path, student: str) -> None:
    """Remove the pages of a student who no longer hands in."""
    for suffix in ("md", "html"):
        with contextlib.suppress(OSError):
            (folder / f"{student}.{suffix}").unlink()
