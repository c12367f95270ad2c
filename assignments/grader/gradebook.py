"""Grades go into nbgrader's grade book: scores and the record of how they came about, in one
transaction.

Killed at any moment and run again, a grading run ends with the same grades: what was committed
carries a digest of all it depends on and is not repeated, what was not is graded anew from the same
random inputs.
"""

import contextlib
import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.grader.notebook import Submission, nbgrader_data
from assignments.grader.verdicts import Result
from course_lib.errors import CourseError

TABLE = (
    "CREATE TABLE IF NOT EXISTS course_grading"
    " (student VARCHAR(128) NOT NULL, assignment VARCHAR(128) NOT NULL,"
    " digest VARCHAR(64) NOT NULL, result TEXT NOT NULL, PRIMARY KEY (student, assignment))"
)


@dataclass(frozen=True)
class Cell:
    """A cell as nbgrader recorded it at the release."""

    name: str
    kind: str  # code or markdown
    source: str
    checksum: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float


@dataclass
class Plan:
    """What a release says about a problem set's cells, and which of them take the points of which
    checks.
    """

    problem_set: str
    cells: dict[str, Cell]
    checks: dict[str, list[str]] = field(default_factory=dict)  # grade cell -> names of checks

    @property
    def locked(self) -> dict[str, str]:
        return {
            cell.name: cell.source
            for cell in self.cells.values()
            if cell.locked and cell.kind == "code"
        }

    def assign(self, checks: Iterable[Any]) -> None:
        """Each check to its cell: the one named like it, or ``test_FUNCTION``, or ``FUNCTION``.
        Points must add up.
        """
        checks = list(checks)
        where = f"{self.problem_set} in the grade book"
        for check in checks:
            names = (check.name, f"test_{check.function}", check.function)
            graded = [name for name in names if name in self.cells and self.cells[name].grade]
            if not graded:
                what = f"no graded cell takes the points of {check.name}"
                fix = f"name a test cell test_{check.function} in the source, and release it again"
                raise CourseError(what, where, fix)
            self.checks.setdefault(graded[0], []).append(check.name)
        points = {check.name: check.points for check in checks}
        for name, members in self.checks.items():
            total = sum(points[member] for member in members)
            if abs(total - self.cells[name].points) > 1e-9:
                what = f"{name} has {self.cells[name].points:g} points, its checks {total:g}"
                raise CourseError(what, where, "make them equal and generate the assignment again")


class Book:
    """The grade book that nbgrader keeps in a course's folder, open."""

    def __init__(self, course: Path):
        try:
            from nbgrader.api import Gradebook
            from sqlalchemy import text
        except ImportError:
            raise CourseError(
                "nbgrader is not installed", "Python", "pip install nbgrader"
            ) from None
        self.file = course.absolute() / "gradebook.db"
        if not self.file.is_file():
            raise CourseError(
                "there is no grade book",
                self.file,
                "nbgrader generate_assignment PS, in the course's folder",
            )
        self.text = text
        self.damaged: list[str] = []
        self.book = Gradebook(f"sqlite:///{self.file}")
        self.db = self.book.db
        self.db.execute(text("PRAGMA busy_timeout = 30000"))
        self.db.execute(text(TABLE))
        self.db.commit()

    def __enter__(self) -> "Book":
        return self

    def __exit__(self, *_: object) -> None:
        self.book.close()

    def plan(self, problem_set: str) -> Plan:
        from nbgrader.api import MissingEntry

        try:
            notebook = self.book.find_notebook(problem_set, problem_set)
        except MissingEntry:
            raise CourseError(
                f"{problem_set} is not in the grade book",
                self.file,
                f"nbgrader generate_assignment {problem_set}",
            ) from None
        grades = {
            cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]
        }
        solutions = {cell.name for cell in notebook.solution_cells}
        tasks = {cell.name for cell in notebook.task_cells}
        cells = {
            cell.name: Cell(
                cell.name,
                cell.cell_type,
                cell.source or "",
                cell.checksum or "",
                bool(cell.locked),
                cell.name in grades and cell.name not in tasks,
                cell.name in solutions,
                cell.name in tasks,
                float(grades.get(cell.name, 0)),
            )
            for cell in notebook.source_cells
        }
        return Plan(problem_set, cells)

    def done(self, problem_set: str) -> dict[str, Result]:
        """What is committed, by student; ``damaged`` then holds whose record cannot be read."""
        query = self.text(
            "SELECT student, digest, result FROM course_grading WHERE assignment = :a"
        )
        rows = list(self.db.execute(query, {"a": problem_set}))
        self.db.rollback()
        found, self.damaged = {}, []
        for student, digest, result in rows:
            try:
                found[student] = Result.from_json(result)
                found[student].digest = digest
            except ValueError:
                self.damaged.append(student)
        return found

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """One transaction."""
        try:
            yield
            self.db.commit()
        except BaseException:
            self.db.rollback()
            raise

    def commit(self, result: Result, plan: Plan, submission: Submission) -> None:
        """The scores, the automatic comments and the record of one submission: all of it or
        nothing.
        """
        from nbgrader import api

        with self.all_or_nothing():
            assignment = self.book.find_assignment(plan.problem_set)
            student = self.db.get(api.Student, result.student)
            if student is None:
                student = api.Student(id=result.student)
                self.db.add(student)
                self.db.flush()
            handed_in = self._row(
                api.SubmittedAssignment, assignment_id=assignment.id, student_id=student.id
            )
            self.db.flush()
            for notebook in assignment.notebooks:
                with self.db.no_autoflush:
                    row = self._row(
                        api.SubmittedNotebook, notebook_id=notebook.id, assignment_id=handed_in.id
                    )
                self.db.flush()
                grades = {
                    cell.name: self._row(api.Grade, cell_id=cell.id, notebook_id=row.id)
                    for cell in [*notebook.grade_cells, *notebook.task_cells]
                }
                comments = {
                    cell.name: self._row(api.Comment, cell_id=cell.id, notebook_id=row.id)
                    for cell in [*notebook.solution_cells, *notebook.task_cells]
                }
                if notebook.name == plan.problem_set:
                    fill(grades, comments, result, plan, submission)
            self._record(result)

    def regrade(self, results: Iterable[Result], plan: Plan, check: str) -> None:
        """One check's new scores, for all ``results`` or for none: no other cell's score and no
        manual one changes.
        """
        cell = next(name for name, members in plan.checks.items() if check in members)
        with self.all_or_nothing():
            for result in results:
                handed_in = self.book.find_submission_notebook(
                    plan.problem_set, plan.problem_set, result.student
                )
                grade = next(grade for grade in handed_in.grades if grade.name == cell)
                scores = {found.name: found.score for found in result.checks}
                score = round(sum(scores.get(member, 0.0) for member in plan.checks[cell]), 4)
                if grade.manual_score is not None and score != grade.auto_score:
                    grade.needs_manual_grade = True
                grade.auto_score = score
                self._record(result)

    def settle(
        self, problem_set: str, when: dict[str, datetime.datetime | None], late: Callable[..., Any]
    ) -> None:
        """When each was handed in, and what that costs: ``late(student, score, seconds late)`` of
        nbgrader's plugin.
        """
        from nbgrader.api import MissingEntry

        with self.all_or_nothing():
            self.db.expire_all()
            for student, moment in when.items():
                with contextlib.suppress(MissingEntry):
                    handed_in = self.book.find_submission(problem_set, student)
                    handed_in.timestamp = moment or handed_in.timestamp
                    seconds = handed_in.total_seconds_late
                    for notebook in handed_in.notebooks:
                        penalty = late(student, notebook.score, seconds) if seconds > 0 else None
                        limited = (
                            None if penalty is None else min(max(0.0, penalty), notebook.score)
                        )
                        notebook.late_submission_penalty = limited

    def _record(self, result: Result) -> None:
        record = {
            "s": result.student,
            "a": result.problem_set,
            "d": result.digest,
            "r": result.to_json(),
        }
        self.db.execute(
            self.text("DELETE FROM course_grading WHERE student = :s AND assignment = :a"), record
        )
        self.db.execute(self.text("INSERT INTO course_grading VALUES (:s, :a, :d, :r)"), record)

    def _row(self, kind: type, **keys: str) -> Any:
        found = self.db.query(kind).filter_by(**keys).one_or_none()
        if found is None:
            found = kind(**keys)
            self.db.add(found)
        return found


def fill(grades: dict, comments: dict, result: Result, plan: Plan, submission: Submission) -> None:
    """nbgrader's own rules, with our checks in the place of its test cells' outputs."""
    scores = {check.name: check.score for check in result.checks}
    answers = {}
    for cell in (submission.content or {}).get("cells", []):
        if name := nbgrader_data(cell).get("grade_id"):
            answers[name] = cell["source"]
    for name, grade in grades.items():
        cell, before = plan.cells.get(name), grade.auto_score
        if name in plan.checks:
            grade.auto_score = round(sum(scores.get(check, 0.0) for check in plan.checks[name]), 4)
        elif (
            cell is not None
            and cell.solution
            and (name not in answers or answers[name] == cell.source)
        ):
            grade.auto_score = 0.0  # an answer that was not touched
        elif cell is not None and not cell.solution and not cell.task and cell.kind == "code":
            grade.auto_score = 0.0  # a test cell without checks: nothing shows that it passed
        else:
            grade.auto_score = None  # for a person to grade
        if grade.manual_score is None:
            grade.needs_manual_grade = grade.auto_score is None
        elif before != grade.auto_score:
            grade.needs_manual_grade = True  # somebody graded by hand what has changed since
        grade.needs_manual_grade = bool(grade.needs_manual_grade)
    for name, comment in comments.items():
        cell = plan.cells.get(name)
        untouched = (
            cell is not None and not cell.task and answers.get(name, cell.source) == cell.source
        )
        comment.auto_comment = "No response." if untouched else None


def handed_in_at(folder: Path) -> datetime.datetime | None:
    """The time nbgrader wrote beside a collected submission, in UTC."""
    from nbgrader.utils import parse_utc

    try:
        with open(folder / "timestamp.txt", encoding="utf-8") as file:
            return parse_utc(file.read(100).strip())
    except (OSError, ValueError, OverflowError, TypeError):
        return None


def late_penalty(course: Path) -> Callable[..., Any]:
    """The method of nbgrader's plugin for late submissions that the course's nbgrader_config.py
    names.
    """
    from nbgrader.preprocessors import AssignLatePenalties
    from traitlets.config import Config, PyFileConfigLoader

    file = course / "nbgrader_config.py"
    config = (
        PyFileConfigLoader(file.name, path=str(course)).load_config()
        if file.is_file()
        else Config()
    )
    preprocessor = AssignLatePenalties(config=config)
    preprocessor.init_plugin()
    return preprocessor.plugin_inst.late_submission_penalty
