"""What nbgrader gets: the notebook that its formgrader and feedback show; and in its grade book
the scores and the record of how they came about, in one transaction.

Killed at any moment and run again, a grading run ends with the same grades: what was committed
carries a digest of all it depends on and is not repeated, what was not is graded anew from the same
random inputs.
"""

import contextlib
import datetime
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.grader import dates, feedback, safe
from assignments.grader.course import plain
from assignments.grader.notebook import (
    Cell,
    Submission,
    dict_of,
    graded_cells,
    nbgrader_data,
    text_of,
)
from assignments.grader.verdicts import Result
from course_lib.data.files import replace_file
from course_lib.errors import CourseError, ensure, need, telling

api, preprocessors, traitlets, sqlalchemy = need(
    "grading",
    "nbgrader.api",
    "nbgrader.preprocessors",
    "traitlets.config",
    "sqlalchemy",
)

TABLE = (
    "CREATE TABLE IF NOT EXISTS course_grading"
    " (student VARCHAR(128) NOT NULL, assignment VARCHAR(128) NOT NULL,"
    " digest VARCHAR(64) NOT NULL, result TEXT NOT NULL, PRIMARY KEY (student, assignment))"
)
# a submission's HTML and scripts do not run in the instructor's browser
SAFE_OUTPUTS = ("text/plain", "image/png")
# nbgrader's pages show Markdown with the scripts in it; "< b" is no tag
TAG = re.compile(r"<(?=[A-Za-z/!?])")
MAX_OUTPUT, MAX_IMAGES = 20_000, 8_000_000
NOT_FOUND = (
    "This answer's cell was not found. If you wrote one, it stands elsewhere in the notebook, and a"
    " person looks for it."
)


@dataclass
class Plan:
    """What a release says about a problem set's cells, and which of them take the points of which
    checks.
    """

    problem_set: str
    cells: dict[str, Cell]
    checks: dict[str, list[str]] = field(default_factory=dict)  # grade cell -> names of checks

    def score(self, cell: str, result: Result) -> float:
        """The points that a cell's checks have reached."""
        scores = {check.name: check.score for check in result.checks}
        return round(sum(scores.get(name, 0.0) for name in self.checks[cell]), 4)

    def assign(self, checks: Iterable[Any]) -> None:
        """Each check to its cell, ``test_FUNCTION``. Points must add up."""
        where = f"{self.problem_set} in the grade book"
        points = {
            name: cell.data["points"] for name, cell in self.cells.items() if cell.data["grade"]
        }
        totals: Counter[str] = Counter()
        for check in checks:
            cell = f"test_{check.function}"
            ensure(
                cell in points,
                f"no graded cell takes the points of {check.name}",
                where,
                f"name a test cell {cell} in the source, and release it again",
            )
            self.checks.setdefault(cell, []).append(check.name)
            totals[cell] += check.points
        for name, total in totals.items():
            ensure(
                abs(total - points[name]) <= 1e-9,
                f"{name} has {points[name]:g} points, its checks {total:g}",
                where,
                "make them equal and generate the assignment again",
            )


class Book(api.Gradebook):
    """The grade book that nbgrader keeps in a course's folder, open."""

    def __init__(self, course: Path):
        self.file = course.absolute() / "gradebook.db"
        ensure(
            self.file.is_file(),
            "there is no grade book",
            self.file,
            "nbgrader generate_assignment PS, in the course's folder",
        )
        # no text, in which a "?" of the folder's name would end the path
        super().__init__(sqlalchemy.engine.URL.create("sqlite", database=str(self.file)))
        self.damaged: list[str] = []
        self.db.execute(sqlalchemy.text("PRAGMA busy_timeout = 30000"))
        self.db.execute(sqlalchemy.text(TABLE))
        self.db.commit()

    def plan(self, problem_set: str) -> Plan:
        try:
            notebook = self.find_notebook(problem_set, problem_set)
        except api.MissingEntry:
            raise CourseError(
                f"{problem_set} is not in the grade book",
                self.file,
                f"nbgrader generate_assignment {problem_set}",
            ) from None
        tasks = {cell.name for cell in notebook.task_cells}
        points = {
            cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]
        }
        solutions = {cell.name for cell in notebook.solution_cells}
        facts = {
            cell.name: {
                "grade": cell.name in points.keys() - tasks,
                "grade_id": cell.name,
                "locked": bool(cell.locked),
                "solution": cell.name in solutions,
                "task": cell.name in tasks,
                "schema_version": 3,
                "cell_type": cell.cell_type,
                "checksum": cell.checksum or "",
            }
            | ({"points": points[cell.name]} if cell.name in points else {})
            for cell in notebook.source_cells
        }
        cells = {c.name: Cell(text_of(c.source), facts[c.name]) for c in notebook.source_cells}
        return Plan(problem_set, cells)

    def done(self, problem_set: str) -> dict[str, Result]:
        """What is committed, by student; ``damaged`` then holds whose record cannot be read."""
        query = sqlalchemy.text(
            "SELECT student, digest, result FROM course_grading WHERE assignment = :a"
        )
        found, self.damaged = {}, []
        for student, digest, result in self.db.execute(query, {"a": problem_set}):
            try:
                found[student] = Result.from_json(result)
                found[student].digest = digest
            except ValueError:
                self.damaged.append(student)
        return found

    def all_or_nothing(self) -> contextlib.AbstractContextManager:
        """One transaction, after whatever was read."""
        self.db.rollback()
        return self.db.begin()

    def keep(self, result: Result, plan: Plan, submission: Submission) -> None:
        """The notebook in autograded/, then the scores, the automatic comments and the record of
        one submission, all of it or nothing: who is in the grade book has both.
        """
        name = plan.problem_set
        target = self.file.parent / "autograded" / result.student / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, autograded(result, plan, submission))
        with self.all_or_nothing():
            notebook = self.find_notebook(plan.problem_set, plan.problem_set)
            self.db.merge(api.Student(id=result.student))
            handed_in = self._row(
                api.SubmittedAssignment,
                assignment_id=notebook.assignment_id,
                student_id=result.student,
            )
            row = self._row(
                api.SubmittedNotebook, notebook_id=notebook.id, assignment_id=handed_in.id
            )
            grades, comments = (
                {cell.name: self._row(kind, cell_id=cell.id, notebook_id=row.id) for cell in cells}
                for kind, cells in (
                    (api.Grade, [*notebook.grade_cells, *notebook.task_cells]),
                    (api.Comment, [*notebook.solution_cells, *notebook.task_cells]),
                )
            )
            fill(grades, comments, result, plan, submission)
            self.db.execute(
                sqlalchemy.text("INSERT OR REPLACE INTO course_grading VALUES (:s, :a, :d, :r)"),
                {
                    "s": result.student,
                    "a": result.problem_set,
                    "d": result.digest,
                    "r": result.to_json(),
                },
            )

    def settle(
        self,
        problem_set: str,
        times: dict[str, dates.Times],
        until: dict[str, datetime.datetime],
    ) -> dict[str, str]:
        """When each was handed in, and what that costs by the course's plugin of nbgrader; in
        words, by student.

        ``until`` holds extensions, by the name's plain form. They lengthen the time only.
        """
        late, said = late_penalty(self.file.parent), {}
        with self.all_or_nothing():
            for student, time in times.items():
                said[student] = time.wrong or time.said
                with contextlib.suppress(api.MissingEntry):
                    handed_in = self.find_submission(problem_set, student)
                    handed_in.timestamp = time.handed_in
                    due = handed_in.duedate if handed_in.assignment.duedate else None
                    last = due and max(due, until.get(plain(student), due))
                    extended = ", by an extension" if last != due else ""
                    words = [said[student]]
                    words += [f"due {last:%Y-%m-%d %H:%M} UTC{extended}"] if last else []
                    timed = last and time.handed_in
                    seconds = (time.handed_in - last).total_seconds() if timed else 0.0
                    lost = 0.0
                    for notebook in handed_in.notebooks:
                        penalty = late(student, notebook.score, seconds) if seconds > 0 else 0.0
                        penalty = min(max(0.0, penalty or 0.0), notebook.score)
                        notebook.late_submission_penalty = penalty
                        lost += penalty
                    words += [f"{lost:g} points off for lateness"] if lost else []
                    said[student] = "; ".join(filter(None, words))
        return said

    def _row(self, kind: type, **keys: str) -> Any:
        """The row of these keys, made at need."""
        found = self.db.query(kind).filter_by(**keys).one_or_none()
        if found is None:
            found = kind(**keys)
            self.db.add(found)
            self.db.flush()
        return found


@contextlib.contextmanager
def opened(course: Path) -> Iterator[Book]:
    """The grade book of a course. Raises CourseError where it is damaged, or something else has it
    to itself; what was committed before is kept.
    """
    try:
        with Book(course) as book:
            yield book
    except sqlalchemy.exc.DatabaseError as error:
        raise CourseError(
            f"the grade book cannot be used: {error.orig}",
            course.absolute() / "gradebook.db",
            "close what else uses it (a formgrader, a browser of databases), or put a copy back",
        ) from error


def fill(grades: dict, comments: dict, result: Result, plan: Plan, submission: Submission) -> None:
    """nbgrader's own rules, with our checks in the place of its test cells' outputs."""
    answers = {name: cell["source"] for name, _, cell in graded_cells(submission.content)}
    untouched = {
        name
        for name, cell in plan.cells.items()
        if answers.get(name, cell.source) == cell.source and not cell.data["task"]
    } - submission.unfound
    for name, grade in grades.items():
        data, before = plan.cells[name].data, grade.auto_score
        if name in plan.checks:
            grade.auto_score = plan.score(name, result)
        elif not data["task"] and (
            # an answer that was not touched; a test cell without checks: nothing shows it passed
            name in untouched if data["solution"] else data["cell_type"] == "code"
        ):
            grade.auto_score = 0.0
        else:
            grade.auto_score = None  # for a person to grade
        if grade.manual_score is None:
            grade.needs_manual_grade = grade.auto_score is None
        else:  # what somebody graded by hand may have changed since
            changed = before != grade.auto_score
            grade.needs_manual_grade = bool(grade.needs_manual_grade or changed)
    for name, comment in comments.items():
        unfound = NOT_FOUND if name in submission.unfound else None
        comment.auto_comment = "No response." if name in untouched else unfound


def autograded(result: Result, plan: Plan, submission: Submission) -> bytes:
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
            lines = [feedback.line(by_name[name]) for name in checks if name in by_name]
            text = "\n".join([*filter(None, [result.reason]), *lines, ""])
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1).encode() + b"\n"


def clean(cell: dict, known: Cell | None) -> dict:
    """A valid cell: the student's own text and harmless outputs; what was locked as it was handed
    out.
    """
    data = known.data if known else {}
    kind = data.get("cell_type", cell.get("cell_type"))
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    source, outputs = cell["source"], cell.get("outputs")
    if known and not data["solution"] and (data["locked"] or data["grade"]):
        source, outputs = known.source, []
    elif kind != "code":
        source = TAG.sub("< ", source)
    metadata = {"nbgrader": data} if known else {}
    out = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        out |= {"execution_count": None, "outputs": harmless(outputs)}
    return out


def harmless(outputs: Any) -> list[dict]:
    """Text and PNG pictures of a cell's outputs."""
    kept, size, outputs = [], 0, outputs if isinstance(outputs, list) else []
    for output in map(dict_of, outputs[:50]):
        data = dict_of(output.get("data"))
        data = {
            kind: safe.block(text_of(data.get(kind))) for kind in SAFE_OUTPUTS if data.get(kind)
        }
        size += sum(map(len, data.values()))
        if data and size < MAX_IMAGES:
            kept.append({"output_type": "display_data", "data": data, "metadata": {}})
        if text := safe.block(text_of(output.get("text"))[:MAX_OUTPUT]):
            kept.append({"output_type": "stream", "name": "stdout", "text": text})
    if len(kept) < len(outputs):
        text = f"[{len(outputs) - len(kept)} outputs are not shown here]\n"
        kept.append({"output_type": "stream", "name": "stdout", "text": text})
    return kept


def late_penalty(course: Path) -> Callable[..., Any]:
    """The method of nbgrader's plugin for late submissions that the course's nbgrader_config.py
    names.
    """
    config, path = traitlets.Config(), course / "nbgrader_config.py"
    with telling(Exception, "the penalty for lateness cannot be used", path, "mend that file"):
        if path.is_file():
            config = traitlets.PyFileConfigLoader(path.name, path=str(course)).load_config()
        preprocessor = preprocessors.AssignLatePenalties(config=config)
        preprocessor.init_plugin()
    return preprocessor.plugin_inst.late_submission_penalty
