"""Reads what a student handed in, whatever state it is in; runs nothing of it."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.grader import safe
from course_lib.errors import CourseError

MAX_FILE, MAX_CODE = 60_000_000, 2_000_000
MAX_PARTS = 2_000_000  # lists, objects and commas: 60 MB of them would take a gigabyte of memory
SKIP = "not-graded"  # tag of cells the grader leaves out: long runs, plots, widgets


@dataclass
class Submission:
    """The code of one notebook, and what is odd about it. ``reason`` says why nothing can be run,
    if so.
    """

    student: str
    problem_set: str
    path: Path | None = None
    cells: list[dict] = field(
        default_factory=list
    )  # {"number": from 1, "source": text, "id": grade_id or ""}
    notes: list[str] = field(default_factory=list)
    reason: str = ""
    source: str = ""  # digest of the file
    digest: str = ""  # of all that its grades depend on
    content: dict | None = None  # the notebook as JSON, format 4


def submitted(course: Path, problem_set: str, students: list[str] | None) -> dict[str, Path]:
    """The folders handed in, by student. Raises CourseError if there are none, or for a student
    who has none."""
    handed_in = {}
    for path in sorted((course / "submitted").glob("*")):
        if may_be_folder(path / problem_set):
            handed_in[path.name] = path / problem_set
    if unknown := sorted(set(students or []) - set(handed_in)):
        raise CourseError(
            f"nothing of {unknown[0]} for {problem_set}",
            course / "submitted",
            "see the names in that folder",
        )
    if not handed_in:
        raise CourseError(
            f"nothing handed in for {problem_set}",
            course / "submitted",
            f"nbgrader collect {problem_set}, or copy there",
        )
    return {name: path for name, path in handed_in.items() if not students or name in students}


def may_be_folder(path: Path) -> bool:
    """Whether it is one, or lies where this user may not look: that is said when it is read."""
    try:
        return path.is_dir()
    except PermissionError:
        return True


def with_printable_names(folders: dict[str, Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """The folders whose names can be written into a table, and the others, with what to do about
    them.
    """
    why = "the folder's name is not UTF-8 or has control characters: rename it"
    good = {name: path for name, path in folders.items() if name == safe.line(name)}
    return good, {safe.line(name): why for name in folders.keys() - good.keys()}


def read(folder: Path, student: str, problem_set: str) -> Submission:
    """The submission in ``folder`` (submitted/STUDENT/psN)."""
    submission = Submission(student, problem_set)
    path = find(folder, submission)
    return submission if path is None else load(path, submission)


def load(path: Path, submission: Submission) -> Submission:
    """The submission with what the file ``path`` holds."""
    submission.path = path
    try:
        if path.stat().st_size > MAX_FILE:
            most = MAX_FILE // 10**6
            submission.reason = (
                f"the notebook is larger than {most} MB: clear its outputs and hand in again"
            )
            return submission
        data = path.read_bytes()
        submission.source = hashlib.sha256(data).hexdigest()
        if sum(map(data.count, (b"[", b"{", b","))) > MAX_PARTS:
            raise ValueError("too many parts")
        content = safe.data(json.loads(data.decode("utf-8-sig")), safe.encodable)
        cells = notebook_cells(content)
    except OSError as error:
        submission.reason = f"the notebook cannot be read: {error.strerror}"
    except (ValueError, RecursionError, TypeError) as error:
        what = str(error).splitlines()[0][:120] if str(error) else "too deeply nested"
        submission.reason = f"the file is not a notebook: {what}"
    else:
        submission.content = {**content, "cells": cells, "nbformat": 4}
        collect(cells, content, submission)
    return submission


def find(folder: Path, submission: Submission) -> Path | None:
    """psN.ipynb, or the one notebook that must be meant."""
    right = folder / f"{submission.problem_set}.ipynb"
    if right.is_symlink() or folder.is_symlink():
        submission.reason = "the notebook is a link to another file"
        return None
    if right.is_file():
        return right
    others = [p for p in sorted(folder.glob("*.ipynb")) if p.is_file() and not p.is_symlink()]
    likely = [p for p in others if submission.problem_set in p.name.lower()] or others
    if len(likely) == 1:
        submission.notes.append(
            f"the notebook is named {likely[0].name}; {right.name} was expected"
        )
        return likely[0]
    more = f", and {len(likely)} other notebooks" if likely else ""
    submission.reason = f"there is no {right.name}{more}"
    return None


def notebook_cells(content: Any) -> list[dict]:
    """The cells of a notebook of format 4, or of 3, with a text as source each."""
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    cells, sheets = content.get("cells"), content.get("worksheets")
    if (
        cells is None
        and isinstance(sheets, list)
        and all(isinstance(sheet, dict) for sheet in sheets)
    ):
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        cells = [{**cell, "source": cell.get("input", cell.get("source", ""))} for cell in cells]
    if not isinstance(cells, list):
        raise ValueError("it has no cells")
    return [{**cell, "source": text_of(cell)} for cell in cells if isinstance(cell, dict)]


def text_of(cell: dict) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        return "".join(map(str, source))
    return source if isinstance(source, str) else ""


def nbgrader_data(cell: dict) -> dict:
    """nbgrader's metadata of a cell; {} where there is none or it is damaged."""
    metadata = cell.get("metadata")
    data = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return data if isinstance(data, dict) and isinstance(data.get("grade_id"), str) else {}


def collect(cells: list[dict], content: dict, submission: Submission) -> None:
    """The code to run: all code cells but nbgrader's test cells, which the grader's own checks
    stand for.
    """
    number, size, seen = 0, 0, set()
    for cell in cells:
        data = nbgrader_data(cell)
        if name := data.get("grade_id"):
            if name in seen:
                submission.notes.append(
                    f"the cell {name} is there twice; the last one counts"[:200]
                )
            seen.add(name)
        if cell.get("cell_type") != "code":
            continue
        number += 1
        metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
        tags = metadata.get("tags") if isinstance(metadata.get("tags"), list) else []
        is_test = data.get("grade") is True and data.get("solution") is False
        if cell["source"].strip() and not is_test and SKIP not in tags:
            size += len(cell["source"])
            submission.cells.append({"number": number, "source": cell["source"], "id": name or ""})
    if size > MAX_CODE:
        submission.reason = f"more than {MAX_CODE:,} characters of code"
        submission.cells.clear()
    metadata = content.get("metadata") if isinstance(content.get("metadata"), dict) else {}
    kernel = metadata.get("kernelspec") if isinstance(metadata.get("kernelspec"), dict) else {}
    if str(kernel.get("language", "python")).lower() not in ("python", "ipython"):
        submission.notes.append(
            f"the notebook asks for {kernel['language']!r:.40}; it was run with Python"
        )


def restore(submission: Submission, locked: dict[str, str], expected: set[str]) -> None:
    """Put locked cells back as they were handed out, and note the cells that are missing."""
    for cell in submission.cells:
        if cell["id"] in locked and cell["source"].strip() != locked[cell["id"]].strip():
            cell["source"] = locked[cell["id"]]
            submission.notes.append(
                f"the locked cell {cell['id']} was changed; the original was run"
            )
    if submission.content is not None:
        present = {nbgrader_data(cell).get("grade_id") for cell in submission.content["cells"]}
        submission.notes += [f"the cell {name} is missing" for name in sorted(expected - present)]
