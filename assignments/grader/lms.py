"""Plugins of nbgrader, named in a course's nbgrader_config.py: feedback without a network,
solutions to hand out, grades for Canvas, and what lateness costs.

``nbgrader export --exporter=assignments.grader.lms.CanvasExport --to canvas.csv``
"""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import nbgrader
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, Float, Unicode

from assignments.grader import safe
from assignments.grader.course import plain
from course_lib.data.files import replace_file
from course_lib.errors import ensure

# Columns of a roster in which a student's name in nbgrader may stand.
KEYS = ("ID", "SIS User ID", "SIS Login ID")
FACTS = ("Student", *KEYS, "Section")
WAITS = "waits for a person"
TEACHERS = re.compile(r" *### (?:BEGIN|END) SOLUTION\n?|\n+\*Notes for graders\.\*.*", re.DOTALL)
# Of nbgrader's feedback: ours, which loads no MathJax, before its own.
TEMPLATES = [
    str(Path(__file__).with_name("pages")),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]


def names_of(book: Gradebook) -> dict[str, str]:
    """Names by student, where the grade book has them."""
    parts = {student.id: (student.first_name, student.last_name) for student in book.students}
    names = {student: " ".join(filter(None, both)) for student, both in parts.items()}
    return {student: safe.line(name, 100) for student, name in names.items() if name}


class Feedback(NbGraderPreprocessor):
    """Feedback as a student reads it: what was not graded yet says so.

    Comes behind nbgrader's GetGrades; :func:`as_text` lets its template print words as scores.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """The notebook, with the scores to be shown."""
        facts = resources["nbgrader"]
        with Gradebook(facts["db_url"]) as book:
            keys = (facts[key] for key in ("notebook", "assignment", "student"))
            grades = book.find_submission_notebook(*keys).grades
            waiting = {g.name for g in grades if g.needs_manual_grade and g.manual_score is None}
        for cell in nb.cells:
            data = cell.metadata.get("nbgrader", {})
            if data.get("grade_id") in waiting:
                data["score"] = WAITS
        if waiting:
            facts["score"] = f"{facts['score']:g} so far"
        return nb, resources


class Solutions(NbGraderPreprocessor):
    """A source notebook as students read it: with the answers, without the marks around them, the
    notes for graders and what nbgrader knows of the cells.
    """

    def preprocess_cell(self, cell: Any, resources: Any, _: int) -> tuple[Any, Any]:
        cell.source = TEACHERS.sub("", cell.source)
        cell.metadata.pop("nbgrader", None)
        return cell, resources


def as_text(value: Any, *_: Any) -> Any:
    """Jinja's filters ``float`` and ``round`` for a score, which may be words."""
    return value if isinstance(value, str) else round(float(value or 0), 2)


class CanvasExport(ExportPlugin):
    """The grade book as a CSV file that Canvas imports, made from the roster that Canvas exports.

    nbgrader's student names must be Canvas' ID, SIS User ID or SIS Login ID. A late penalty is
    taken off. Who handed in nothing gets an empty cell, which Canvas leaves as it is. Students who
    do not match are named.
    """

    roster = Unicode(
        "roster.csv", help="Canvas: Grades > Export; a path, from the course's folder"
    ).tag(config=True)
    columns = Dict(
        help="name in nbgrader: column in Canvas, for example 'Problem set 2 (4711)'"
    ).tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the file. Raises CourseError if the roster is none."""
        target, wanted = Path(self.to or "canvas.csv"), set(map(str, self.assignment))
        rows = read_roster(Path(self.roster))
        chosen = [a for a in gradebook.assignments if not wanted or a.name in wanted]
        unknown = ", ".join(sorted(wanted - {a.name for a in chosen}))
        fix = "see: nbgrader db assignment list"
        ensure(not unknown, f"no assignment {unknown}", gradebook.engine.url, fix)
        heads = [self.columns.get(a.name) or column(a.name, rows[0]) for a in chosen]
        ids = {str(number) for number in self.student} or {
            student.id for student in gradebook.students
        }
        found, strangers, doubtful = match(ids, rows)
        table = [
            [*FACTS, *heads],
            ["    Points Possible", "", "", "", "", *(f"{a.max_score:g}" for a in chosen)],
        ]
        silent = []
        for row in rows:
            scores = [self.score(gradebook, a.name, found.get(id(row))) for a in chosen]
            table.append([row.get(fact, "") for fact in FACTS] + scores)
            silent += [row["Student"]] if not any(scores) else []
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(table)
        replace_file(target, out.getvalue().encode())
        for what, names in (
            ("in the grade book but not in the roster, so left out", strangers),
            ("in the grade book and more than once in the roster, so left out", doubtful),
            ("in the roster, with nothing handed in", silent),
            (
                "in CanvasExport.columns, and no assignment",
                set(self.columns) - {a.name for a in gradebook.assignments},
            ),
        ):
            if names:
                self.log.warning("%s: %s", what, ", ".join(sorted(names)))
        self.log.info(
            "wrote %d students with grades, of %d in the roster, to %s",
            len(found),
            len(rows),
            target,
        )

    def score(self, gradebook: Gradebook, assignment: str, student: str | None) -> str:
        """The points less the late penalty, or an empty text for who handed in nothing, or took it
        back."""
        try:
            submission = gradebook.find_submission(assignment, student or "")
        except MissingEntry:
            return ""
        handed_in = Path("submitted")
        if handed_in.is_dir() and not (handed_in / submission.student_id / assignment).exists():
            self.log.warning(
                "%s of %s lies in submitted/ no more: left out", assignment, submission.student_id
            )
            return ""
        if submission.needs_manual_grade:
            self.log.warning(
                "%s of %s waits for a grade by hand: its score is not final", assignment, student
            )
        return f"{max(0.0, submission.score - submission.late_submission_penalty):g}"


def read_roster(path: Path) -> list[dict[str, str]]:
    """A row for each student of a file that Canvas exported, with commas or semicolons."""
    ensure(
        path.is_file(),
        "there is no roster",
        path.absolute(),
        "export it from Canvas, name it by CanvasExport.roster",
    )
    heads, rows = safe.table(path)
    ensure(
        "Student" in heads and set(KEYS) & set(heads),
        "this is no roster: it needs the columns Student and ID",
        path,
        "export it from Canvas again",
    )
    # others hold points, or notes
    return [row for _, row in rows if any(row.get(key) for key in KEYS)]


def column(name: str, row: dict[str, str]) -> str:
    """The roster's own column of an assignment, "NAME (number)", so that Canvas updates it; else a
    new one.
    """
    return next(
        (head for head in row if head.rpartition(" (")[0].strip().lower() == name.lower()), name
    )


def match(ids: set[str], rows: list[dict[str, str]]) -> tuple[dict[int, str], list[str], list[str]]:
    """Student by ``id`` of the roster's row; students in no row; and students in more than one."""
    found, strangers, doubtful = {}, [], []
    for student in ids:
        mine = next(
            (
                hits
                for key in KEYS
                if (hits := [row for row in rows if plain(row.get(key, "")) == plain(student)])
            ),
            [],
        )
        if len(mine) == 1:
            found[id(mine[0])] = student
        else:
            (doubtful if mine else strangers).append(student)
    return found, strangers, doubtful


class PenaltyPerDay(LateSubmissionPlugin):
    """A share of the points reached for each day begun after the due date, up to a limit."""

    share = Float(0.1, help="of the points, for a day").tag(config=True)
    most = Float(0.5, help="of the points, in all").tag(config=True)
    grace = Float(600, help="seconds that cost nothing").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        """Points to take off."""
        days = math.ceil(max(0.0, total_seconds_late - self.grace) / 86_400)
        return score * min(self.most, self.share * days)
