"""What goes out: the students' folder of a problem set; and their answers as plain Python, for
tools that compare.
"""

import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from assignments.grader import notebook
from assignments.grader.course import open_checks, put_down, submitted
from assignments.grader.handin import as_released
from assignments.grader.notebook import graded_cells
from course_lib.data.files import read_words, replace_file
from course_lib.errors import CourseError, ensure, need

BLOCK = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
# characters of a solution that cannot stand elsewhere by chance
SHORTEST = 30


def nbgrader(course: Path, *words: str) -> None:
    """One of nbgrader's own commands in the course's folder."""
    need("grading", "nbgrader")
    # nbgrader calls alembic; and what it warns of stops it nowhere
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    variables = {"PATH": path, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course,
        capture_output=True,
        text=True,
        env=os.environ | variables,
    )
    if done.returncode:
        errors = [
            line for line in done.stderr.splitlines() if "ERROR" in line
        ] or done.stderr.splitlines()
        what = errors[0].rpartition("]")[2].strip() if errors else f"status {done.returncode}"
        raise CourseError(
            f"nbgrader {words[0]}: {what}",
            course,
            f"nbgrader {' '.join(words)} in that folder says more",
        )


def release(course: Path, problem_set: str) -> Path:
    """Write release/psN (notebook and visible checks) and release/psN.zip, and record the cells in
    the grade book.

    Raises CourseError, with nothing left in release/, if anything of the solutions or hidden checks
    were in there.
    """
    course = course.absolute()
    source = course / "source" / problem_set / f"{problem_set}.ipynb"
    ensure(
        source.is_file(),
        f"there is no {problem_set} to release",
        source,
        "name the course's folder with --course",
    )
    checks = open_checks(course, problem_set).load(problem_set)
    folder = course / "release" / problem_set
    archive = folder.with_suffix(".zip")
    nbgrader(course, "generate_assignment", problem_set, "--force")
    try:
        importlib.import_module("checks.bundle").bundle(problem_set, folder)
        shutil.copyfile(
            folder / f"{problem_set}.ipynb", as_released(folder / "checks", problem_set)
        )
        found = "; ".join(leaks(folder, source, checks))
        fix = "mend the source; nothing was released"
        ensure(not found, f"this must not go out: {found}", source, fix)
        shutil.make_archive(str(folder), "zip", folder.parent, problem_set)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        archive.unlink(missing_ok=True)
        raise
    return archive


def leaks(folder: Path, source: Path, checks: list) -> list[str]:
    """Solutions, instructor's answers and hidden checks that are in a folder for students; none is
    right.
    """
    content = json.loads(read_words(source))
    secret = {}
    for name, data, cell in graded_cells({"cells": notebook.notebook_cells(content)}):
        if data.get("solution"):
            parts = BLOCK.findall(cell["source"]) or [cell["source"]]
            secret |= {
                flat(part): f"the solution of {name}"
                for part in parts
                if len(flat(part)) >= SHORTEST
            }
    secret |= {
        flat(check.title): f"the hidden check {check.name}" for check in checks if not check.visible
    }
    secret |= {mark: mark for mark in ("BEGIN SOLUTION", "BEGIN HIDDEN")}
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = read_words(path)
        # a picture stays as it is, and so does JSON that is no notebook
        with contextlib.suppress(ValueError):
            cells = notebook.notebook_cells(json.loads(text))
            text = "\n".join(cell["source"] for cell in cells)
        text, place = flat(text), path.relative_to(folder)
        found += [f"{what}, in {place}" for part, what in secret.items() if part in text]
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


def answers(course: Path, problem_set: str, folder: Path) -> tuple[int, dict[str, str]]:
    """Each submission's answer cells as FOLDER/submitted/STUDENT/psN.py, and FOLDER/released/psN.py
    as handed out.

    Where no answer cell is found, all code stands there. Returns the number of students, and of
    whom there is no code at all, with the reason. Nothing of the submissions is run.
    """
    released = course.absolute() / "release" / problem_set
    template = notebook.read(released, "released", problem_set)
    ensure(not template.reason, template.reason, released, f"course release {problem_set}")
    wanted = [
        name
        for name, data, cell in graded_cells(template.content)
        if data.get("solution") and cell["cell_type"] == "code"
    ]
    known, left_out = notebook.released_cells(template.content), {}
    handed_in = submitted(course.absolute(), problem_set, None)
    folders = {Path("submitted") / name: path for name, path in handed_in.items()}
    # what an earlier run wrote of a hand-in that was taken back
    for path in folder.glob(f"submitted/*/{problem_set}.py"):
        if path.parent.name not in handed_in and folder.absolute() != course.absolute():
            path.unlink()
    for place, path in {Path("released"): released, **folders}.items():
        with put_down(left_out, place.name):
            read = notebook.read(path, place.name, problem_set, known)
            cells = {name: cell["source"].strip() for name, _, cell in graded_cells(read.content)}
            target = folder / place / f"{problem_set}.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            found = [cells[name] for name in wanted if name in cells]
            text = "\n\n\n".join(found or [cell["source"].strip() for cell in read.cells])
            replace_file(target, text.encode() + b"\n")
            if not text:
                left_out[place.name] = read.reason or "there is no code in the notebook"
    return len(folders), left_out
