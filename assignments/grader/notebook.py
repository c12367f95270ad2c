"""Reads what a student handed in, whatever state it is in; runs nothing of it."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.grader import safe
from course_lib.data.files import read_words
from course_lib.errors import expect

MAX_FILE = 60_000_000  # bytes
MAX_PARTS = 2_000_000  # lists, objects and commas: 60 MB of them would take a gigabyte of memory
MOST_CELLS, LONGEST_CELL = 1000, 100_000  # among which those that lost their names are looked for
SKIP = "not-graded"  # tag of cells the grader leaves out: long runs, plots, widgets


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed out: its text, and nbgrader's metadata."""

    source: str
    data: dict[str, Any]

    @property
    def locked_code(self) -> bool:
        return bool(self.data.get("locked")) and self.data.get("cell_type") == "code"

    @property
    def is_answer(self) -> bool:
        return bool(self.data.get("solution"))


@dataclass
class Submission:
    """The code of one notebook, and what is odd about it. ``reason`` says why nothing can be run,
    if so.
    """

    student: str
    problem_set: str
    path: Path | None = None
    # {"number": from 1, "source": text, "id": grade_id or "", "label": what a person calls it}
    cells: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unfound: set[str] = field(default_factory=set)  # answers that a person must look for
    reason: str = ""
    source: str = ""  # digest of the file
    digest: str = ""  # of all that its grades depend on
    content: dict | None = None  # the notebook as JSON, format 4

    @property
    def labels(self) -> dict[int, str]:
        return {cell["number"]: cell["label"] for cell in self.cells}


def read(
    folder: Path, student: str, problem_set: str, released: dict[str, Cell] | None = None
) -> Submission:
    """The submission in ``folder`` (submitted/STUDENT/psN), with the cells ``released`` as they
    were handed out."""
    submission = Submission(student, problem_set)
    if path := find(folder, submission):
        load(path, submission, released)
    if submission.content is not None:
        present = {name for name, _, _ in graded_cells(submission.content)}
        missing = sorted((released or {}).keys() - present)
        submission.notes += [f"the cell {name} is missing" for name in missing]
    return submission


def load(path: Path, submission: Submission, released: dict[str, Cell] | None = None) -> Submission:
    """The submission with what the file ``path`` holds."""
    submission.path = path
    try:
        small = path.stat().st_size <= MAX_FILE
        expect(small, f"it is larger than {MAX_FILE // 10**6} MB, clear its outputs")
        data = path.read_bytes()
        submission.source = hashlib.sha256(data).hexdigest()
        expect(sum(map(data.count, (b"[", b"{", b","))) <= MAX_PARTS, "too many parts")
        content = safe.data(json.loads(read_words(path)), safe.encodable)
        cells = notebook_cells(content)
    except (OSError, ValueError, RecursionError, TypeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        submission.reason = (
            f"the file is not a notebook that can be read: {why.splitlines()[0][:120]}"
        )
    else:
        submission.content = {**content, "cells": cells, "nbformat": 4}
        recognise(submission, released or {})
        collect(submission, released or {})
    return submission


def find(folder: Path, submission: Submission) -> Path | None:
    """psN.ipynb, or the one notebook that must be meant."""
    right = folder / f"{submission.problem_set}.ipynb"
    if right.is_symlink() or folder.is_symlink():
        submission.reason = "the notebook is a link to another file"
        return None
    others = [
        path
        for path in notebooks(folder)
        if path != right and path.is_file() and not path.is_symlink()
    ]
    if right.is_file():
        if others:
            names = listed([str(path.relative_to(folder)) for path in others], 3)
            submission.notes.append(
                f"{right.name} was graded, and beside it lies {names}: which one is meant?"
            )
        return right
    likely = [p for p in others if submission.problem_set in p.name.lower()] or others
    if len(likely) == 1:
        submission.notes.append(
            f"the notebook is named {likely[0].name}; {right.name} was expected"
        )
        return likely[0]
    names = sorted(path.name for path in folder.glob("[!.]*"))
    more = f", but {listed(names, 3)}" if names else ""
    submission.reason = f"there is no {right.name}{more}"
    return None


def notebooks(folder: Path) -> list[Path]:
    """All notebooks below a folder but what is hidden there, as checkpoints of Jupyter, its trash
    and a Mac's "._" files are.
    """
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() == ".ipynb"]
    hidden = (".", "__MACOSX")
    return [
        path
        for path in found
        if not any(part.startswith(hidden) for part in path.relative_to(folder).parts)
    ]


def name_other_set(submission: Submission, functions: Mapping[str, Iterable[str]]) -> None:
    """Say so in ``reason`` where this is the notebook of another problem set.

    ``functions`` are those that each set grades.
    """
    texts = [
        cell["source"]
        for cell in (submission.content or {}).get("cells", [])
        if cell.get("cell_type") == "code" and len(cell["source"]) < LONGEST_CELL
    ]
    defined = set(re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", "\n".join(texts), re.MULTILINE))
    there = {name for names in defined for name in names}
    there |= {name for name, _, _ in graded_cells(submission.content)}
    counts = {name: len(there & set(graded)) for name, graded in functions.items()}
    other, own = max(counts, key=lambda name: counts[name], default=""), submission.problem_set
    if submission.content and own in counts and counts[other] > 1 and not counts[own]:
        submission.reason = f"this is {other}, not {own}"
        submission.notes.clear()


def notebook_cells(content: Any) -> list[dict]:
    """The cells of a notebook of format 4, with a text as source each."""
    cells = dict_of(content).get("cells")
    expect(isinstance(cells, list), "it has no cells")
    cells = [cell for cell in cells if isinstance(cell, dict)]
    return [{**cell, "source": text_of(cell.get("source"))} for cell in cells]


def text_of(value: Any) -> str:
    """A text, or the lines of one, with ends of lines as Python has them; empty for what is
    neither.
    """
    value = "".join(map(str, value)) if isinstance(value, list) else value
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else ""


def dict_of(value: Any) -> dict:
    """The value, if it is the object that it should be."""
    return value if isinstance(value, dict) else {}


def listed(names: list[str], most: int = 6) -> str:
    """Names as a part of a sentence."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def nbgrader_data(cell: dict) -> dict:
    """nbgrader's metadata of a cell; {} where there is none or it is damaged."""
    data = dict_of(dict_of(cell.get("metadata")).get("nbgrader"))
    return data if isinstance(data.get("grade_id"), str) else {}


def graded_cells(content: dict | None) -> list[tuple[str, dict, dict]]:
    """Name, nbgrader's metadata and cell of all cells that have them, in order."""
    cells = (content or {}).get("cells", [])
    return [(data["grade_id"], data, cell) for cell in cells if (data := nbgrader_data(cell))]


def released_cells(content: dict | None) -> dict[str, Cell]:
    """The named cells of a notebook as it was handed out, in order."""
    return {
        name: Cell(cell["source"], {**data, "cell_type": cell.get("cell_type")})
        for name, data, cell in graded_cells(content)
    }


def recognise(submission: Submission, released: dict[str, Cell]) -> None:
    """Give cells that lost nbgrader's metadata (editors and drives drop it) their names again.

    Code is known by what it defines, what was handed out by its text, and a written answer by its
    place: it is the only text between its neighbours. Any other one is left for a person to find.
    """
    cells = submission.content["cells"]
    places = {nbgrader_data(cell).get("grade_id"): at for at, cell in enumerate(cells)}
    nameless = [at for at, cell in enumerate(cells) if not nbgrader_data(cell)][:MOST_CELLS]
    nameless = [at for at in nameless if 0 < len(cells[at]["source"].strip()) < LONGEST_CELL]
    texts = Counter(known.source.strip() for known in released.values())
    lost, order = [name for name in released if name not in places], list(released)

    def settle(name: str, at: int) -> None:
        data = {"nbgrader": dict(released[name].data)}
        cells[at]["metadata"] = dict_of(cells[at].get("metadata")) | data
        places[name] = at
        nameless.remove(at)

    def alike(name: str) -> list[int]:
        kind = released[name].data.get("cell_type")
        return [at for at in nameless if cells[at].get("cell_type") == kind]

    for name in lost:
        known, text = released[name], released[name].source.strip()
        if known.is_answer and known.data.get("cell_type") == "code":
            exact = re.escape(name)
            defines = re.compile(rf"^(?:def|class)\s+{exact}\b|^{exact}\s*=", re.MULTILINE)
            found = [at for at in alike(name) if defines.search(cells[at]["source"])]
        else:
            found = alike(name) if texts[text] == 1 else []
            found = [at for at in found if cells[at]["source"].strip() == text]
        if found:
            settle(name, found[0])
    written = [name for name in lost if released[name].is_answer and name not in places]
    # a cell may hold several answers
    doubtful = {name for name in written if released[name].data.get("grade") and alike(name)}
    for name in written:
        at = order.index(name)
        low = max((places[other] for other in order[:at] if other in places), default=-1)
        high = min((places[other] for other in order[at:] if other in places), default=len(cells))
        between = [place for place in alike(name) if low < place < high]
        if len(between) == 1 and released[name].data.get("cell_type") == "markdown":
            settle(name, between[0])
    submission.unfound = doubtful - places.keys()
    if found := [name for name in lost if name in places]:
        submission.notes.append(
            f"{len(found)} cells had lost their names, which some editors drop; they were found"
            " again by their text and their place"
        )
    if submission.unfound:
        submission.notes.append(
            f"the cell of {listed(sorted(submission.unfound))} was not found: if an answer stands"
            " elsewhere in the notebook, a person must look for it"
        )


def collect(submission: Submission, released: dict[str, Cell]) -> None:
    """The code to run: all code cells but nbgrader's test cells, which the grader's own checks
    stand for. Locked ones run as they were handed out.
    """
    content, notes = submission.content, submission.notes
    times = Counter(name for name, _, _ in graded_cells(content))
    twice = [name for name, count in times.items() if name and count > 1]
    notes += [f"the cell {name} is there twice; the last one counts"[:200] for name in twice]
    code = [cell for cell in content["cells"] if cell.get("cell_type") == "code"]
    for number, cell in enumerate(code, 1):
        data, tags = nbgrader_data(cell), dict_of(cell.get("metadata")).get("tags")
        is_test = data.get("grade") is True and data.get("solution") is False
        if is_test or (isinstance(tags, list) and SKIP in tags) or not cell["source"].strip():
            continue
        name, source = data.get("grade_id", ""), cell["source"]
        known = released.get(name)
        if known and known.locked_code and source.strip() != known.source.strip():
            source = known.source
            notes.append(f"the locked cell {name} was changed; the original was run")
        facts = {"number": number, "source": source, "id": name, "label": label(cell)}
        submission.cells.append(facts)


def label(cell: dict) -> str:
    """What a person finds a code cell by: its number as JupyterLab shows it, and its first line."""
    count, first = cell.get("execution_count"), cell["source"].strip()[:200].splitlines()[0]
    shown = f"cell [{count}]" if type(count) is int and 0 < count < 10**6 else "the cell"
    return f"{shown} “{safe.line(first, 60)}”"
