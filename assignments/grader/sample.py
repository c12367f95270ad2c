"""A course of model answers: what ``course bench grade`` has the grader work on."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from course_lib.errors import CourseError


def model_course(source: Path, problem_set: str, count: int, folder: Path) -> None:
    """``folder`` as after a release and ``count`` submissions, each the model answer of the course in ``source``.

    Raises CourseError if there is no such problem set.
    """
    path = source / "source" / problem_set / f"{problem_set}.ipynb"
    if not path.exists():
        raise CourseError(f"no problem set {problem_set} here", source, "go to the folder that holds assignments/")
    shutil.copytree(source / "checks", folder / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "term_key.txt").write_text("bench\n")
    for student in range(count):
        place = folder / "submitted" / f"student{student:03d}" / problem_set
        place.mkdir(parents=True)
        shutil.copy(path, place)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader's alembic
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        book.add_assignment(problem_set)
        book.add_notebook(problem_set, problem_set)
        where = {"notebook": problem_set, "assignment": problem_set}
        for cell in nbformat.read(path, 4).cells:
            if not (facts := cell.metadata.get("nbgrader")):
                continue
            name, kind = facts["grade_id"], {"cell_type": cell.cell_type}
            if facts["grade"]:
                book.add_grade_cell(name, max_score=facts["points"], **kind, **where)
            if facts["solution"]:
                book.add_solution_cell(name, **where)
            checksum = hashlib.md5(cell.source.encode()).hexdigest()
            book.add_source_cell(name, source=cell.source, locked=facts["locked"], checksum=checksum, **kind, **where)
