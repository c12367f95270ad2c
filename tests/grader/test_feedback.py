"""What students and instructors read after grading: names, and scores that wait; offline."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from hostile.build import ANSWERS, cells_of, notebook

from assignments.grader import feedback, gradebook, lms, verdicts
from assignments.grader import notebook as reading
from tests import ROOT
from tests.support.toy_course import nbgrader

ANSWER = r"Because $k\ge 2$, not `$HOME`: $$\min_G V$$"


@pytest.fixture
def course(tmp_path, released) -> Path:
    folder = Path(shutil.copytree(released, tmp_path / "course"))
    shutil.copy(ROOT / "assignments" / "nbgrader_config.py", folder)
    return folder


def test_a_name_in_the_grade_book_and_an_ungraded_answer_reach_the_reports(course):
    cells = cells_of(ANSWERS)
    cells[-1]["source"] = ANSWER
    archive = course / "downloaded" / "toy" / "archive"
    for folder in (archive, course / "release" / "toy"):
        folder.mkdir(parents=True)
    (course / "release" / "toy" / "toy.ipynb").write_bytes(notebook(ANSWERS))
    (archive / "doejane_101_9001_toy.ipynb").write_bytes(notebook({}, cells))
    nbgrader(course, "zip_collect", "toy")
    check = verdicts.Graded("a", "f", "t", True, 2.0, 1.0, "x")
    result = verdicts.Result("101", "toy", "", [check], ["a remark"])
    with gradebook.Book(course) as book:
        plan = book.plan("toy")
        read = reading.read(course / "submitted" / "101" / "toy", "101", "toy", plan.cells)
        book.keep(result, plan, read)
        book.update_or_create_student("101", first_name="<i>Jane", last_name="Doe")
        result.name = lms.names_of(book)["101"]
    assert feedback.table([result]).splitlines()[1].startswith("101,<i>Jane Doe,1,2")
    assert "&lt;i&gt;Jane Doe" in feedback.page(result)
    assert verdicts.Result.from_json(result.to_json()).name == ""

    nbgrader(course, "generate_feedback", "toy")
    html = (course / "feedback" / "101" / "toy" / "toy.html").read_text()
    assert html.count("Score: waits for a person / 2.0") == 2 and "so far / " in html
    assert "Score: 0.0 / 2.0" not in html and "Score: 0.0 / 3.0" in html
    assert "<script src" not in html and "MathJax" not in html
    assert r"$k\ge 2$" in html and "$HOME" in html and r"$$\min_G V$$" in html
