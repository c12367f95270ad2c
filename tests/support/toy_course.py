"""A course with the toy problem set, as nbgrader leaves it after a release, for the tests of the
grader; and nbgrader's own commands.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sys
from pathlib import Path

from tests import ROOT

sys.path.insert(0, str(ROOT / "assignments"))

from hostile.build import ODDITIES, cells_of

# nbgrader calls alembic
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def nbgrader(course: Path, *words: str) -> None:
    """One of nbgrader's commands in a course's folder, in this process; it logs what it says."""
    from nbgrader.apps import NbGraderApp
    from traitlets.config import Application

    with contextlib.chdir(course):
        try:
            NbGraderApp.launch_instance(words)
        except SystemExit as end:
            assert not end.code
        finally:
            type(Application.instance()).clear_instance()  # of the command, with its options
            logging.getLogger("traitlets").handlers.clear()  # the next test has its own


def make(folder: Path) -> Path:
    """checks/, an empty submitted/, a term key, sentinels to read, and the release in the grade
    book.
    """
    from nbgrader.api import Gradebook

    shutil.copytree(ROOT / "tests" / "support" / "toy" / "checks", folder / "checks",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    (folder / "submitted").mkdir()
    (folder / "term_key.txt").write_text("SENTINEL-KEY\n")
    (folder / "source" / "toy").mkdir(parents=True)
    (folder / "source" / "toy" / "toy.ipynb").write_text("SENTINEL-SOURCE")
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        book.add_assignment("toy")
        book.add_notebook("toy", "toy")
        for cell in cells_of(ODDITIES):
            data = cell["metadata"]["nbgrader"]
            name, kind = data["grade_id"], cell["cell_type"]
            where = {"notebook": "toy", "assignment": "toy"}
            if data["grade"]:
                book.add_grade_cell(name, max_score=data["points"], cell_type=kind, **where)
            if data["solution"]:
                book.add_solution_cell(name, **where)
            source = {"source": cell["source"], "cell_type": kind, "locked": data["locked"]}
            book.add_source_cell(
                name, checksum=hashlib.md5(cell["source"].encode()).hexdigest(), **source, **where
            )
    return folder


def scores(course: Path) -> dict[str, dict]:
    """Automatic scores by student and cell, as nbgrader's grade book has them."""
    from nbgrader import api

    from assignments.grader.gradebook import Book

    found: dict[str, dict] = {}
    with Book(course) as book:
        rows = book.db.query(api.Grade).join(api.SubmittedNotebook).join(api.SubmittedAssignment)
        for grade in rows.all():
            handed_in = grade.notebook.assignment
            if handed_in.name == "toy":
                found.setdefault(handed_in.student_id, {})[grade.cell.name] = grade.auto_score
    return found


def told(result) -> str:
    """All a student is told."""
    return json.dumps(
        [result.reason, *result.notes, *(check.message for check in result.checks)],
        ensure_ascii=False,
    )
