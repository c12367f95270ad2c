"""What is found in a hand-in before anything of it runs: lost names, a second notebook, cells as
a person calls them.
"""

import json
import types
from pathlib import Path

import pytest
from hostile.build import ANSWERS, ODDITIES, WRITTEN, cells_of

from assignments.grader import feedback, grade_one, inbox, release, sandbox, verdicts
from assignments.grader import notebook as reading
from tests.support.problem_sets import notebook as source

RELEASED = reading.released_cells({"cells": cells_of(ODDITIES)})


def written(folder: Path, cells: list, name: str = "toy.ipynb") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


def nameless(cells: list) -> list:
    return [{**json.loads(json.dumps(cell)), "metadata": {}} for cell in cells]


@pytest.mark.parametrize("ps", ["ps2", "ps5"])
def test_cells_that_lost_their_names_are_found_by_what_is_in_them_and_by_their_place(ps, tmp_path):
    released = source(ps).cells
    for cell in released:
        if cell.metadata.nbgrader.solution and cell.cell_type == "markdown":
            cell.source = "YOUR ANSWER HERE"
    known = reading.released_cells({"cells": released})
    answers = source(ps).cells
    answers.insert(3, {"cell_type": "code", "source": "# my own notes", "metadata": {}})
    written(tmp_path, nameless(answers), f"{ps}.ipynb")
    read = reading.read(tmp_path, "ann", ps, known)
    found = {name: cell["source"] for name, _, cell in reading.graded_cells(read.content)}
    assert found == {c.metadata.nbgrader.grade_id: c.source for c in source(ps).cells}
    assert list(found) == list(known) and not read.unfound
    assert len(read.notes) == 1 and "lost their names" in read.notes[0]


def test_answers_are_compared_though_cells_lost_their_names(tmp_path):
    written(tmp_path / "release" / "toy", cells_of(ODDITIES))
    written(tmp_path / "submitted" / "ann" / "toy", nameless(cells_of(ANSWERS)))
    written(tmp_path / "submitted" / "bob" / "toy", "no cells")
    count, left_out = release.answers(tmp_path, "toy", tmp_path / "answers")
    text = (tmp_path / "answers" / "submitted" / "ann" / "toy.py").read_text()
    assert count == 2 and list(left_out) == ["bob"] and "not a notebook" in left_out["bob"]
    names = ("weighted_loss", "average", "step")
    assert text.strip() == "\n\n\n".join(ANSWERS[name].strip() for name in names)


def test_an_answer_that_cannot_be_told_from_other_texts_waits_for_a_person(tmp_path):
    gradebook = pytest.importorskip("assignments.grader.gradebook")
    text = {"cell_type": "markdown", "metadata": {}, "source": "One of these is my answer."}
    cells = [*nameless(cells_of(ANSWERS))[:-1], text, {**text, "source": "Or is it this?"}]
    grade = types.SimpleNamespace(auto_score=None, manual_score=None, needs_manual_grade=False)
    comment = types.SimpleNamespace(auto_comment="")
    plan = gradebook.Plan("toy", RELEASED)
    for content, waits in ((cells, True), (cells_of(ANSWERS)[:-1], False)):
        written(tmp_path, content)
        read = reading.read(tmp_path, "ann", "toy", RELEASED)
        result = verdicts.Result("ann", "toy", "", notes=read.notes)
        gradebook.fill({WRITTEN: grade}, {WRITTEN: comment}, result, plan, read)
        assert grade.needs_manual_grade is waits and (grade.auto_score is None) is waits
        assert ("not found" in comment.auto_comment) is waits
        assert any("a person must look" in note for note in result.notes) is waits


def test_answers_that_stand_together_in_one_text_wait_for_a_person(tmp_path):
    known = reading.released_cells({"cells": source("ps5").cells})
    kinds = {name: cell.data["cell_type"] for name, cell in known.items() if cell.is_answer}
    answers = {name for name, kind in kinds.items() if kind == "markdown"}
    text = "\n\n".join(cell.source for cell in source("ps5").cells)
    written(tmp_path, [{"cell_type": "markdown", "metadata": {}, "source": text}], "ps5.ipynb")
    read = reading.read(tmp_path, "ann", "ps5", known)
    found = {name for name, _, _ in reading.graded_cells(read.content)}
    assert len(answers) > 1 and answers <= found | read.unfound


def test_a_second_notebook_beside_the_one_that_was_graded_is_named(tmp_path):
    written(tmp_path, cells_of(ODDITIES))
    for name in ("toy (1).ipynb", "old/toy.ipynb", ".ipynb_checkpoints/toy-checkpoint.ipynb"):
        written(tmp_path, cells_of(ANSWERS), name)
    read = reading.read(tmp_path, "ann", "toy", RELEASED)
    assert read.path.name == "toy.ipynb" and len(read.notes) == 1
    assert read.notes[0].startswith("toy.ipynb was graded, and beside it lies old/toy.ipynb, toy (")
    assert "toy (1).ipynb" in feedback.page(verdicts.Result("ann", "toy", "", notes=read.notes))


def test_a_cell_is_called_by_what_jupyterlab_shows_and_by_its_first_line(tmp_path):
    cells = cells_of(ANSWERS)
    for cell, number in zip(cells, (1, 4, 5, None), strict=False):
        cell["execution_count"] = number
    read = reading.read(written(tmp_path, cells).parent, "ann", "toy", RELEASED)
    box = inbox.Inbox(["f"], 3)
    late = {"cell": 2, "error": "it took too long: is there an endless loop?"}
    wrong = {"cell": 4, "at": 4, "line": 2, "error": "E: x"}
    raised = [late, wrong, {"cell": [9], "error": "forged"}]
    box.feed(json.dumps({"cells": raised}).encode() + b'\n{"check": "f", "raw": {}}\n{"end": 1}\n')
    outcome = sandbox.Outcome(box, "finished", 1.0)
    _, notes, _ = grade_one.answers([types.SimpleNamespace(name="f")], outcome, read.labels)
    loss = "cell [4] “def weighted_loss(real, fake, weight):”"
    assert notes[0] == f"{loss}: it took too long: is there an endless loop?"
    assert notes[1] == "the cell “def average(values, decay):”, line 2: E: x"
    assert notes[2] == "a cell: forged"
    where = grade_one.error_text({"error": "E", "at": 2, "line": 3}, read.labels)
    assert where == f"E ({loss}, line 3)"
