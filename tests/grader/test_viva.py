"""Vivas: every key holds, one right option each, and what is hostile stays in the sandbox."""

import random
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from checks import FUNCTIONS, load
from hostile import CASES

from assignments.grader import sandbox
from assignments.grader.viva import ask, page
from tests import ROOT
from tests.support.grading_runs import left_behind, needs_bubblewrap
from tests.support.problem_sets import SETS, notebook
from tools.making import mutants

pytestmark = [needs_bubblewrap, pytest.mark.slow, pytest.mark.timeout(1800)]
COURSE = ROOT / "assignments"
TIGHT = sandbox.Limits(cells_cpu=3, cell_cpu=1, memory_mb=768, patience=2, wall=60)


@pytest.fixture(autouse=True)
def fewer(monkeypatch):
    monkeypatch.setattr(ask, "TRIED", 2)


def hand_in(folder: Path, ps: str, answers: dict[str, str], last: str = "") -> Path:
    """The solved notebook with other answers, and a cell of the student's own."""
    nb = notebook(ps)
    for cell in nb.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    nb.cells.append(nbformat.v4.new_code_cell(last))
    nbformat.write(nb, path := folder / f"{ps}.ipynb")
    return path


def of_the_corpus(ps: str, number: int) -> dict[str, str]:
    """One solution of each function: all right at first, then one in three is wrong."""
    rng, answers = random.Random(number), {}
    for function in FUNCTIONS[ps]:
        is_wrong = number > 0 and rng.random() < 1 / 3
        fit = [v for v in mutants.variants(ps, function) if (v.message is not None) == is_wrong]
        answers[function] = rng.choice(fit).code
    return answers


def failing(ps: str, question: dict) -> set[str]:
    """The titles of what fails, by the checks in this process, with other numbers than in the
    sandbox.
    """
    names: dict = {"__name__": "viva"}
    for cell in question["version"].submission.cells:
        exec(cell["source"], names)
    _, lost = mutants.grade(ps, names, "viva test", function=question["function"])
    return {check.title for check in load(ps) if check.name in {name for name, _ in lost}}


def prove(ps: str, number: int, folder: Path) -> None:
    """Make a viva twice, and compare; look at its options; find answers another way."""
    path, pages = hand_in(folder, ps, of_the_corpus(ps, number)), []
    for again in ("once", "twice"):
        made = ask.make(COURSE, ps, str(path), number, "bubblewrap")
        pages.append([one.read_text() for one in page.write(folder / again, made, False)])
    assert pages[0] == pages[1]
    assert len(made["questions"]) >= (5 if number == 0 else 2)
    for question in made["questions"]:
        options = question["options"]
        assert 3 <= len(options) == len(set(options)) <= 4, options
        assert options["ABCD".index(question["answer"])] == question["right"]
        if number == 0:
            titles = re.findall("“(.+?)”", question["right"])
            assert failing(ps, question) == set(titles), question["diff"]


def test_every_key_holds_in_a_second_run(tmp_path):
    prove("ps5", 0, tmp_path)


@pytest.mark.parametrize(
    "count", [pytest.param(2, marks=pytest.mark.extra), pytest.param(20, marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("ps", SETS)
def test_the_keys_of_so_many_solutions_hold(ps, count, tmp_path):
    """Of one that is right throughout, and of others in which one function in three is wrong."""
    for number in range(count):
        prove(ps, number, tmp_path)


def test_what_cannot_be_asked_about_is_refused(tmp_path, course, refusal):
    blank = {name: f"def {name}(*_): raise NotImplementedError" for name in FUNCTIONS["ps5"]}
    path = hand_in(tmp_path, "ps5", blank)
    assert "no question can be made" in course("viva", "ps5", path, "--course", COURSE)[2]
    assert "there is no ps5" in refusal("viva", "ps5", "nobody", "--course", COURSE)[0]


def test_hostile_code_stays_in_the_sandbox_and_the_next_student_has_a_viva(
    tmp_path, monkeypatch, course
):
    folder = tmp_path / "class"
    for part in ("checks", "source/ps5"):
        shutil.copytree(COURSE / part, folder / part)
    reads = f"def decide(d):\n    return open({str(COURSE / 'checks/ps5.py')!r}).read()"
    spoils = f"{CASES['daemon'].last}\nopen({str(tmp_path / 'escaped')!r}, 'w')"
    loops = "while True:\n    pass"
    for name, answers, last in (("ann", {}, loops), ("bob", {"decide": reads}, spoils)):
        (folder / "submitted" / name / "ps5").mkdir(parents=True)
        hand_in(folder / "submitted" / name / "ps5", "ps5", answers, last)
    (tmp_path / "bob").mkdir()  # a folder of a student's name
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ask, "LIMITS", TIGHT)
    status, out, err = course("viva", "ps5", "--course", folder)
    assert status == 1 and out.count("wrote") == 3 and "ps5-bob-0-sheet.html" in out
    assert "no viva: the cell “while True:”, line " in err and ": it took too long" in err
    assert "viva of ann" in err and "viva of bob" in err
    pages = [Path(line.removeprefix("wrote ")) for line in out.splitlines() if "wrote" in line]
    said = "".join(one.read_text() for one in pages)
    assert "def decisions" not in said and said.count("\n~~~~~~~~diff") >= 4
    assert not (tmp_path / "escaped").exists() and left_behind() == []
