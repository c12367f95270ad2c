"""The grader: real sandboxes, real kills, and nbgrader's own grade book."""

import dataclasses
import functools
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import typer

pytest.importorskip("nbgrader", reason="nbgrader is not installed")
if os.name != "posix":
    pytest.skip("the grader needs fork", allow_module_level=True)

from hostile import CASES, FULL, notebook, write

from assignments.grader import (
    command,
    grade,
    grade_one,
    gradebook,
    library,
    sandbox,
    verdicts,
)
from assignments.grader import notebook as reading
from assignments.grader.course import open_checks
from course_lib.errors import CourseError
from tests.support import processes, toy_course
from tests.support.grading_runs import (
    ONE_A_CATEGORY,
    gone_soon,
    graded,
    kill_and_run_again,
    left_behind,
    needs_bubblewrap,
    tighten,
)


@pytest.fixture
def course(tmp_path, released) -> Path:
    return Path(shutil.copytree(released, tmp_path / "course"))


@pytest.fixture
def tight(monkeypatch):
    tighten(monkeypatch)


# ---- reading and preparing: no sandbox


def test_the_library_of_a_submission_lacks_what_is_graded():
    text = (library.LIBRARY / "losses.py").read_text(encoding="utf-8")
    graded = {"course_lib.losses.log_real", "course_lib.losses.l1"}
    names = library.without(text, "course_lib.losses", graded)
    space: dict = {}
    exec(names, space)
    assert not {"log_real", "l1"} & set(space)
    with pytest.raises(NameError):  # a table of functions that call the first
        space["GAN_LOSSES"]["log"][0](None, None)
    assert "least_squares_real" in space
    kept = "from course_lib.losses import log_fake\n"
    for text, left in (
        ("from course_lib.losses import l1, log_real\nx = log_real\n", "pass\npass\n"),
        (kept.replace("log_fake", "l1, log_fake"), kept),
    ):
        assert library.without(text, "course_lib.y", graded) == left


def test_inputs_vary_with_key_and_student_and_are_the_same_again(course):
    draw = functools.partial(grade_one.draw, open_checks(course, "toy").load("toy")[0])
    assert draw("key", "ann/toy") == draw("key", "ann/toy")
    assert draw("key", "ann/toy") != draw("other", "ann/toy") != draw("key", "bob/toy")


def test_an_autograded_notebook_keeps_no_markup_that_runs(course):
    with gradebook.Book(course) as book:
        plan = book.plan("toy")
    cells = json.loads(notebook({"setup": "1"}))["cells"]
    bad = {"text/html": "<script>", "application/javascript": "1", "text/plain": "fine"}
    cells[0]["outputs"] = [
        {"output_type": "display_data", "data": bad, "metadata": {}},
        {"output_type": 3},
        5,
    ]
    text = {
        "cell_type": "markdown",
        "source": "$a<b$ < c <script>x</script><img onerror=y>",
        "metadata": {},
    }
    submission = reading.Submission(
        "ann", "toy", content={"cells": [{**cells[0], "metadata": {}}, text]}
    )
    made = json.loads(gradebook.autograded(verdicts.Result("ann", "toy", ""), plan, submission))
    kept = {"output_type": "display_data", "data": {"text/plain": "fine"}, "metadata": {}}
    first, last = made["cells"][0]["outputs"]
    assert first == kept and "2 outputs are not shown" in last["text"]
    assert made["cells"][1]["source"] == "$a< b$ < c < script>x< /script>< img onerror=y>"
    names = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in made["cells"]}
    assert names >= {"test_weighted_loss", "test_average", "test_step", "explain"}


def test_errors_say_what_is_wrong(course, tmp_path):
    for folder, problem_set in ((tmp_path, "toy"), (course, "toy"), (course, "ps9")):
        with pytest.raises(CourseError, match="nothing handed in"):
            grade.run(folder, problem_set)
    write(course, CASES["right"], "ann")
    with pytest.raises(CourseError, match="nothing of bob"):
        grade.run(course, "toy", students=["bob"])
    with pytest.raises(CourseError, match="no tier called x"):
        grade.run(course, "toy", tier="x")
    with pytest.raises(CourseError, match="no grade book"):
        gradebook.Book(tmp_path)
    with sqlite3.connect(course / "gradebook.db") as db:
        db.execute("UPDATE grade_cells SET max_score = 5 WHERE max_score = 4")
    with pytest.raises(CourseError, match="has 5 points, its checks 4"):
        grade.run(course, "toy", tier="plain")


# ---- the whole way


def expect(case, result) -> None:
    told = toy_course.told(result)
    assert result.score == case.points, f"{case.name}: {result.score}, not {case.points}: {told}"
    assert case.says in told, f"{case.name}: {told}"
    assert "SENTINEL" not in told and "NOTE FOUND" not in told, case.name


@pytest.mark.slow
@needs_bubblewrap
@pytest.mark.timeout(300)
def test_a_few_submissions_into_the_grade_book(tmp_path, term):
    course = Path(shutil.copytree(term, tmp_path / "course"))
    results, fresh, left_out = graded(course)
    assert fresh == 0 and not left_out and set(results) == set(ONE_A_CATEGORY)
    for name, result in results.items():
        expect(CASES[name], result)
    scores = toy_course.scores(course)
    assert scores["right"] == {
        "test_weighted_loss": 4,
        "test_average": 3,
        "test_step": 3,
        "explain": 0,
    }
    assert sum(filter(None, scores["reads-grade-book"].values())) == 7
    assert 0 < results["right"].cpu < 30
    with gradebook.Book(course) as book:
        assert book.find_submission("toy", "right").score == FULL
    reports = course / "reports" / "toy"
    assert "Not written yet" in (reports / "untouched.md").read_text()
    assert (reports / "grades.csv").read_bytes().count(b"\n") == len(results) + 1
    for name in results:
        said = (reports / f"{name}.md").read_text(encoding="utf-8")
        assert f"{CASES[name].points} of 10 points" in said
        assert name in (reports / f"{name}.html").read_text(encoding="utf-8")
    toy_course.nbgrader(course, "export")
    assert (course / "grades.csv").read_bytes().count(b"\ntoy,") == len(results)
    assert gone_soon()


@needs_bubblewrap
@pytest.mark.extra
@pytest.mark.timeout(900)
def test_every_case_of_the_corpus_gets_its_points_and_its_reason(course, tight):
    before = {
        path: path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and path.suffix != ".db"
    }
    for name, case in CASES.items():
        write(course, case, name, port=9)
    results, fresh, left_out = graded(course)
    assert fresh == len(CASES) and not left_out
    for name, case in CASES.items():
        expect(case, results[name])
    assert all(path.read_bytes() == data for path, data in before.items())
    assert gone_soon()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_weak_tier_survives_accidents(course, tight):
    rows = [name for name, case in CASES.items() if case.innocent]
    rows += [
        "loop-in-function",
        "loop-in-cell",
        "sleeps",
        "exit-in-cell",
        "hard-exit-in-function",
        "huge-allocation",
        "equals-everything",
        "patched-allclose",
        "imports-the-answer",
        "20-mb-of-output",
        "daemon",
    ]
    for name in rows:
        write(course, CASES[name], name)
    results, _, _ = grade.run(course, "toy", tier="plain", progress=False)
    for result in results:
        expect(CASES[result.student], result)
    if sys.platform.startswith("linux"):
        assert left_behind() == []


@needs_bubblewrap
@pytest.mark.extra
def test_without_nested_namespaces_each_submission_gets_a_sandbox_of_its_own(course, monkeypatch):
    real, started = sandbox.Worker.start, []

    def start(self):
        started.append(self)
        real(self)
        self.facts["nested"] = False

    monkeypatch.setattr(sandbox.Worker, "start", start)
    for name in ("right", "untouched", "leaves-a-note"):
        write(course, CASES[name], name)
    results, _, _ = grade.run(course, "toy", tier="bubblewrap", workers=1, progress=False)
    assert [result.score for result in results] == [10, 10, 0] and len(started) == 3


@needs_bubblewrap
@pytest.mark.slow
def test_what_cannot_be_written_is_named_and_stops_nobody_else(course, capsys):
    names = ["ann", "bob", "cem", os.fsdecode(b"eve\xff"), "fay\n=1"]
    for name in names:
        write(course, CASES["right"], name)
    (course / "reports" / "toy" / "bob.md").mkdir(parents=True)
    (course / "autograded").mkdir()
    (course / "autograded" / "cem").write_text("a file, where a folder is wanted")
    with pytest.raises(typer.Exit):
        command.grade("toy", course, "bubblewrap")
    named = capsys.readouterr().err.partition("mend it and run again:")[2].split("\n  ")[1:]
    assert [line.partition(":")[0] for line in named] == ["bob", "cem", "eve\ufffd", "fay =1"]
    assert "Is a directory" in named[0] and "rename it" in named[2]
    assert (course / "reports/toy/grades.csv").read_text().count("\n") == 3  # ann and bob
    assert (course / "reports" / "toy" / "ann.html").is_file()


MEASURED = """
import sys
from pathlib import Path
from unittest.mock import Mock
from assignments.grader import grade
grade.run(Path(sys.argv[1]), "toy", tier="bubblewrap", workers=2, progress=False)
facts = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(*(int(facts[name].split()[0]) // 1024 for name in ("VmHWM", "RssFile")))
"""


@needs_bubblewrap
@pytest.mark.extra
def test_the_graders_own_memory_is_bounded_whatever_a_submission_writes(course):
    answer = (
        "    data = b'\\n{\"check\": \"%s\", \"raw\": [' % name + b'{},' * 1_300_000 + b'{}]}\\n'\n"
    )
    answers = (
        "import os\nfor name in (b'loss_values', b'average_values', b'step_updates'):\n" + answer
    )
    answers += "    while data:\n        data = data[os.write(4, data):]\nos._exit(0)"
    for name in ("ann", "bob"):
        write(course, dataclasses.replace(CASES["right"], last=answers), f"{name}-answers")
        write(course, CASES["floods-with-lines"], f"{name}-floods")
    # MB; PyTorch's files alone are some 250 of them
    peak, libraries = map(int, processes.python(MEASURED, course).stdout.split())
    assert peak - libraries < 600, f"{peak} MB, of which {libraries} MB are files of libraries"


# ---- killed and run again


@needs_bubblewrap
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_submissions_killed_twice_end_with_the_same_grades(tmp_path, released):
    graded, killed_at = kill_and_run_again(released, tmp_path, 8, 2, seed=0)
    assert graded == 8 and len(killed_at) == 2


@pytest.mark.parametrize(
    ("share", "points"), [(0.5, 1.0), (7.0, 2.0), (-1.0, 0.0), (float("nan"), 0.0)]
)
def test_no_judge_gives_more_points_than_its_check_has(share, points):
    check = Mock(points=2, judge=Mock(return_value=Mock(share=share, message="")))
    graded = grade_one.judge(check, {}, {}, {"raw": {}}, {})
    assert graded.score == points
