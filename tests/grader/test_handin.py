"""What ``course check`` tells a student before anything is handed in."""

import contextlib
import json
from pathlib import Path

import pytest
from checks import bundle
from hostile.build import ANSWERS, ODDITIES, cells_of

from assignments.grader import handin
from assignments.grader import notebook as reading
from course_lib.errors import CourseError
from tests.support.problem_sets import notebook

RELEASED = {"cells": cells_of(ODDITIES)}
WRITTEN = "D would see no fakes."


def handed_in(folder: Path, cells: list, name: str = "toy.ipynb") -> reading.Submission:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    return reading.load(path, reading.Submission("you", "toy"))


def answered() -> list[dict]:
    """All cells answered and run from top to bottom."""
    cells = cells_of(ANSWERS)
    cells[-1]["source"] = WRITTEN
    for number, cell in enumerate(cell for cell in cells if cell["cell_type"] == "code"):
        cell["execution_count"] = number + 1
    return cells


def test_a_notebook_that_is_complete_needs_no_mending(tmp_path):
    assert handin.trouble(handed_in(tmp_path, answered()), RELEASED) == []


def edited(change) -> list[dict]:
    cells = answered()
    change(cells)
    return cells


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cells: cells.pop(1), ["missing: weighted_loss;"]),
        (
            lambda cells: cells.insert(3, {**cells[1], "execution_count": 3}),
            ["twice: weighted_loss;", "top to bottom"],
        ),
        (
            lambda cells: cells[1]["metadata"]["nbgrader"].update(grade_id="mine"),
            ["missing: weighted_loss", ": mine;"],
        ),
        (
            lambda cells: cells[1].update(source=ODDITIES["weighted_loss"]),
            ["without an answer: weighted_loss;"],
        ),
        (
            lambda cells: cells[-1].update(source=RELEASED["cells"][-1]["source"]),
            ["without an answer: explain;"],
        ),
        (lambda cells: cells[0].update(source="import os"), ["uses the original: setup;"]),
        (lambda cells: cells[3].update(execution_count=None), ["1 of 7 code cells were not run"]),
        (lambda cells: cells[3].update(execution_count=1), ["not run from top to bottom"]),
    ],
    ids=["deleted", "twice", "renamed", "untouched", "unwritten", "locked", "not run", "order"],
)
def test_what_costs_points_later_is_said_now_with_what_to_do(tmp_path, change, words):
    found = handin.trouble(handed_in(tmp_path, edited(change)), RELEASED)
    assert len(found) == len(words) and all(
        word in text for word, text in zip(words, found, strict=True)
    ), found


def test_files_that_are_no_notebook_of_this_name_are_named(tmp_path):
    (tmp_path / "toy.ipynb").write_text('{"cells": [')
    broken = reading.load(tmp_path / "toy.ipynb", reading.Submission("you", "toy"))
    assert "not a notebook" in handin.trouble(broken, RELEASED)[0]
    renamed = handed_in(tmp_path, answered(), "toy (1).ipynb")
    assert handin.trouble(renamed, RELEASED) == [
        "the file is named toy (1).ipynb: rename it to toy.ipynb"
    ]
    copied = handed_in(tmp_path, answered(), ".ipynb_checkpoints/toy.ipynb")
    assert "one folder up" in handin.trouble(copied, RELEASED)[0]


def test_errors_name_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="no such notebook"):
        handin.find("ps1", None)
    (tmp_path / "ps1.ipynb").write_text("{}")
    with pytest.raises(CourseError, match="visible checks of ps1 are missing"):
        handin.find("ps1", None)


# ---- the command, in a student's folder


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    """A folder as handed out: a notebook without solutions, and the visible checks."""
    folder = tmp_path_factory.mktemp("student")
    bundle.bundle("ps1", folder)
    blank = notebook("ps1")
    for cell in blank.cells:
        if cell.metadata.nbgrader.solution:
            cell.source = (
                "raise NotImplementedError()" if cell.cell_type == "code" else "YOUR ANSWER HERE"
            )
    handin.as_released(folder / "checks", "ps1").write_text(json.dumps(blank))
    return folder


def course_check(course, folder: Path, cells: list) -> tuple[int, str, str]:
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "ps1.ipynb").write_text(json.dumps(content))
    with contextlib.chdir(folder):
        return course("check", "ps1")


def solved() -> list[dict]:
    cells, number = [], 0
    for cell in notebook("ps1").cells:
        cells.append(json.loads(json.dumps(cell)))
        if cell.cell_type == "code" and cell.source.strip():
            number += 1
            cells[-1]["execution_count"] = number
        elif cell.metadata.nbgrader.solution:
            cells[-1]["source"] = WRITTEN
    return cells


@pytest.mark.slow
def test_a_solved_notebook_hears_what_was_checked_and_a_wrong_one_what_to_mend(
    student, course, monkeypatch
):
    cells = solved()
    status, said, complained = course_check(course, student, cells)
    assert status == 0, said + complained
    assert (
        "mend:" not in said
        and "not checked: what you wrote" in said
        and "hidden checks" in said
        and "hand in ps1.ipynb" in said
        and "[none]" not in said
    )
    by_name = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in cells}
    imported = "from course_lib.losses import log_generator\n%time generator_loss = log_generator"
    by_name["generator_loss"]["source"] = imported
    wrong = "def discriminator_loss(real, fake):\n    return real.mean()"
    by_name["discriminator_loss"]["source"] = wrong
    # one endless cell and one endless function cost themselves, and nothing else
    by_name["optimal_discriminator"]["source"] += "\nimport time\ntime.sleep(10**6)"
    by_name["generator_slopes"]["source"] = (
        "def generator_slopes(*_):\n    while True:\n        pass"
    )
    monkeypatch.setattr(handin, "LIMITS", {"cell": 2, "cells": 20, "check": 2})
    status, said, _ = course_check(course, student, cells)
    assert status == 1 and "cannot import name 'log_generator'" in said
    assert "[none]" in said and "[full]" in said and "mend what is" in said
    late = "it took too long: is there an endless loop?"
    assert f"”: {late}" in said and f"\n       {late}" in said and "as a whole" not in said
