"""Before a student hands in: is the notebook fit to be graded, and what do the visible checks say?

Needs the notebook and the folder ``checks/`` that was handed out with it: no hidden check, no
nbgrader, no fork.
"""

import datetime
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

from assignments.grader import library, notebook
from assignments.grader.course import open_checks
from assignments.grader.grade_one import judged
from assignments.grader.inbox import Inbox
from assignments.grader.notebook import Cell, Submission, graded_cells, listed, released_cells
from assignments.grader.sandbox import Outcome
from assignments.grader.verdicts import Result
from course_lib.errors import ensure

SECONDS = 300  # by the clock, where a cell or a check lets nothing stop it
LIMITS = {"cell": 60, "cells": 160, "check": 30}  # seconds by the clock: of one, of all, of one


def as_released(checks: Path, problem_set: str) -> Path:
    """Where a student's copy of the checks keeps the notebook as it was handed out."""
    return checks / "visible" / f"{problem_set}-as-released.json"


def find(problem_set: str, path: Path | None) -> tuple[Path, Path]:
    """The notebook, by default psN.ipynb of this folder, and the checks beside it or in this
    folder.
    """
    path = path or Path(f"{problem_set}.ipynb")
    path = path / f"{problem_set}.ipynb" if path.is_dir() else path
    ensure(
        path.is_file(),
        "there is no such notebook",
        path.absolute(),
        f"course check {problem_set} FOLDER/NOTEBOOK",
    )
    folders = [folder / "checks" for folder in (path.absolute().parent, Path.cwd())]
    checks = next(
        (folder for folder in folders if as_released(folder, problem_set).is_file()), None
    )
    ensure(
        checks,
        f"the visible checks of {problem_set} are missing",
        folders[0],
        "put the folder checks/, which was handed out with the notebook, beside it",
    )
    return path, checks


def trouble(submission: Submission, released: dict) -> list[str]:
    """What must be mended before this notebook is handed in; each with what to do."""
    if submission.reason and submission.content:
        return [f"{submission.reason}: check it by its own name, and hand it in there"]
    if submission.reason:
        return [f"{submission.reason}. Save it again in JupyterLab, as a notebook"]
    wrong, path, ps = [], submission.path, submission.problem_set
    if path.name != f"{ps}.ipynb":
        wrong.append(f"the file is named {path.name}: rename it to {ps}.ipynb")
    if ".ipynb_checkpoints" in path.absolute().parts:
        wrong.append("this is Jupyter's own checkpoint copy: take the notebook one folder up")
    content = submission.content or {}
    return wrong + wrong_cells(graded_cells(content), released_cells(released)) + not_run(content)


def wrong_cells(cells: list[tuple[str, dict, dict]], released: dict[str, Cell]) -> list[str]:
    """What is wrong with the named cells: one sentence for each kind of mistake."""
    needed = {
        name: cell
        for name, cell in released.items()
        if cell.is_answer or cell.data.get("grade") or cell.locked_code
    }
    count = Counter(name for name, _, _ in cells)
    untouched = {
        name
        for name, _, cell in cells
        if name in released and cell["source"].strip() == released[name].source.strip()
    }
    changed = {
        name for name, cell in needed.items() if cell.data.get("locked") and not cell.is_answer
    } & (count.keys() - untouched)
    found = [
        (
            "cells are missing",
            [name for name in needed if name not in count],
            "they were deleted, or copied into new cells: copy your code into the cells of a fresh"
            " copy of the notebook",
        ),
        (
            "cells are there twice",
            [name for name in count if count[name] > 1],
            "delete the copies, of which only the last counts",
        ),
        (
            "cells carry names that were not handed out",
            [name for name in count if name not in released],
            "delete them, or start afresh",
        ),
        (
            "as they were handed out, without an answer",
            [name for name, cell in needed.items() if cell.is_answer and name in untouched],
            "write yours, and save",
        ),
        (
            "changed, but grading uses the original",
            [name for name in needed if name in changed],
            "move your code to a cell of your own",
        ),
    ]
    return [f"{what}: {listed(names)}; {fix}" for what, names, fix in found if names]


def not_run(content: dict) -> list[str]:
    """Whether all code cells were run, in their order."""
    code = [cell for cell in content.get("cells", []) if cell.get("cell_type") == "code"]
    numbers = [cell.get("execution_count") for cell in code if cell["source"].strip()]
    again = "Kernel > Restart Kernel and Run All Cells, then save"
    if lacking := sum(not isinstance(number, int) for number in numbers):
        return [
            f"{lacking} of {len(numbers)} code cells were not run: {again} (a cell that stops keeps"
            " those below it from running: run them one by one)"
        ]
    if numbers != sorted(set(numbers)):
        return [f"the cells were not run from top to bottom: {again}"]
    return []


def rehearse(submission: Submission, checks: ModuleType) -> Result:
    """The visible checks on this notebook, in a process of its own, with the library that a
    grader's sandbox has.
    """
    student, judges = map(importlib.import_module, ("checks.student", "checks.judges"))
    cases = student.cases(submission.problem_set)
    probes = f"checks.probes.{submission.problem_set}"
    job = {"cells": submission.cells, "checks": cases, "probes": probes, "limits": LIMITS}
    with tempfile.TemporaryDirectory(prefix="course-check-", ignore_cleanup_errors=True) as place:
        library.stage(Path(place) / "library", checks, submission.problem_set)
        said, reason = run(job, Path(place))
    drawn = [
        (
            SimpleNamespace(**case | {"visible": True, "judge": judges.facets}),
            case["inputs"],
            case["expectations"],
        )
        for case in cases
    ]
    outcome = Outcome(said, reason, 0.0)
    found, notes, reason = judged(drawn, outcome, submission.labels)
    facts = submission.student, submission.problem_set, submission.digest
    return Result(*facts, found, submission.notes + notes, reason)


def run(job: dict, place: Path) -> tuple[Inbox, str]:
    """What a job's cells and checks say, and how they ended: ``finished``, ``time`` or
    ``output``."""
    (place / "scratch").mkdir()
    (place / "job.json").write_text(json.dumps(job))
    variables = {
        "PYTHONPATH": str(place / "library"),
        "MPLBACKEND": "Agg",
        "PYTHONWARNINGS": "ignore",
        "IPYTHONDIR": str(place / "ipython"),
        "COURSE_NO_SHAPE_CHECK": "1",
    }
    reason = "finished"
    try:
        subprocess.run(
            [sys.executable, "-B", "-m", "grading_child.rehearse", "../job.json", "../out"],
            env=os.environ | variables,
            cwd=place / "scratch",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        reason = "time"
    said = Inbox([case["name"] for case in job["checks"]], len(job["cells"]))
    if (place / "out").is_file():
        enough = said.feed((place / "out").read_bytes())
        reason = reason if enough else "output"
    return said, reason


def saved(path: Path) -> str:
    """When the file was saved, for a person."""
    then = datetime.datetime.fromtimestamp(path.stat().st_mtime)
    return f"saved {then:%Y-%m-%d %H:%M}; what you changed since then is not in it"


def check(
    problem_set: str, path: Path | None = None
) -> tuple[Submission, list[str], Result | None]:
    """The notebook, what is to be mended in it, and the visible checks; None for those if nothing
    can be run.
    """
    path, folder = find(problem_set, path)
    checks = open_checks(folder.parent, problem_set)
    released = json.loads(as_released(folder, problem_set).read_text(encoding="utf-8"))
    released["cells"] = notebook.notebook_cells(released)
    submission = notebook.load(path, Submission("you", problem_set), released_cells(released))
    notebook.name_other_set(submission, checks.FUNCTIONS)
    result = None if submission.reason else rehearse(submission, checks)
    return submission, trouble(submission, released), result
