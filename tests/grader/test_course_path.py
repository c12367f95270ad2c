"""From release to grades on the platform: the commands of assignments/manual.md, with nbgrader's
own in between.
"""

import contextlib
import csv
import json
import re
import shutil
import sqlite3
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

import checks

from assignments.grader import command, lms, release
from course_lib.errors import CourseError
from tests import ROOT
from tests.support.grading_runs import needs_bubblewrap
from tests.support.problem_sets import notebook, totals
from tests.support.toy_course import nbgrader

NOISE = "import sys, warnings\nprint('NNPACK!', file=sys.stderr)\nwarnings.warn('deprecated')\n"
# nothing uses it
LEAF = "optimal_discriminator"
WRONG = f"def {LEAF}(p_data, p_g, share):\n    return p_data"
# points of the automatic checks; the written answers come on top
AUTO = sum(totals("ps1").values())
LOST = totals("ps1")[LEAF]
BAD = next(item for item in checks.load("ps1") if item.function == "discriminator_loss")
BROKEN = """
import dataclasses
broken = lambda *_: Verdict(0.0, "broken")
CHECKS = [dataclasses.replace(c, judge=broken) if c.name == {name!r} else c for c in CHECKS]
"""


# ---- without a course: what goes out, what comes back


def test_a_release_with_a_solution_an_answer_or_a_hidden_check_is_found(tmp_path):
    source = tmp_path / "toy.ipynb"
    cells = [
        {
            "cell_type": kind,
            "source": text,
            "metadata": {"nbgrader": {"grade_id": name, "solution": True}},
        }
        for name, kind, text in [
            (
                "f",
                "code",
                "### BEGIN SOLUTION\n    return x.square().mean() + x.abs().mean()\n"
                "    ### END SOLUTION",
            ),
            ("why", "markdown", "Because the minimum of the sum is not the sum of minima."),
        ]
    ]
    source.write_text(json.dumps({"cells": cells}))
    item = checks.Check("f_odd", "f", 1, "odd sizes and other channels", False, print, "f", print)
    folder = tmp_path / "release"
    folder.mkdir()
    # files that are no text, and JSON that is no notebook
    for name, data in (("a.png", b"\x89PNG\r\n\xff"), ("a.json", b'{"a": 1}'), ("b.json", b"{")):
        (folder / name).write_bytes(data)
    for text, found in [
        ("def f(x):\n    raise NotImplementedError()", []),
        ("return x.square().mean()\n  + x.abs().mean()", ["the solution of f, in notes.py"]),
        (
            "# because the minimum; Because the minimum of the sum is not the sum of minima.",
            ["the solution of why"],
        ),
        ("title = 'odd sizes and other channels'", ["the hidden check f_odd"]),
        ("### BEGIN HIDDEN TESTS", ["BEGIN HIDDEN"]),
    ]:
        for encoding in ("utf-8", "utf-16"):
            (folder / "notes.py").write_text(text, encoding)
            leaks = release.leaks(folder, source, [item])
            assert len(leaks) == len(found) and all(map(str.startswith, leaks, found)), text


@pytest.mark.parametrize(
    ("seconds", "points"), [(0, 0), (599, 0), (601, 2), (86_400 + 601, 4), (30 * 86_400, 10)]
)
def test_lateness_costs_a_tenth_a_day_and_at_most_half(seconds, points):
    assert lms.PenaltyPerDay().late_submission_penalty("ann", 20.0, seconds) == points


def test_a_roster_is_read_as_platforms_write_it(tmp_path):
    path = tmp_path / "roster.csv"
    head = "Student,ID,SIS User ID,SIS Login ID,Section,ps1 (77)"
    path.write_bytes(
        f'\ufeff{head}\n    Points Possible,,,,,10\n"Doe, Jane",101,S1,jane,A,\n'.encode()
    )
    rows = lms.read_roster(path)
    assert [row["Student"] for row in rows] == ["Doe, Jane"] and lms.column(
        "PS1", rows[0]
    ) == "ps1 (77)"
    path.write_text(head.replace(",", ";") + "\nDoe;102;S2;joe;A;\nDoe;103;S2;ann;A;\n")
    found, strangers, doubtful = lms.match({"joe", "103", "S2", "eve"}, lms.read_roster(path))
    assert sorted(found.values()) == ["103", "joe"] and (strangers, doubtful) == (["eve"], ["S2"])
    path.write_text("name,score\na,1\n")
    for file, words in ((path, "this is no roster"), (tmp_path / "none.csv", "there is no roster")):
        with pytest.raises(CourseError, match=words):
            lms.read_roster(file)


@pytest.mark.parametrize(
    ("name", "student", "file"),
    [
        ("doejane_4711_1234_ps2.ipynb", "4711", "ps2"),
        ("doejane_LATE_4711_1234_ps2-3.ipynb", "4711", "ps2"),
        ("o'neil-x_5_6_my_ps2 final.ipynb", "5", "my_ps2 final"),
        ("ps2.ipynb", None, None),
    ],
)
def test_names_of_exported_files_are_understood(name, student, file):
    settings = (ROOT / "assignments" / "nbgrader_config.py").read_text(encoding="utf-8")
    pattern = "".join(re.findall(r'^    r"(.+)"$', settings, re.MULTILINE))
    found = re.match(pattern, f"/course/downloaded/ps2/extracted/{name}")
    assert (found and found["student_id"], found and found["file_id"]) == (student, file)


# ---- the whole way


class Course:
    """A course's folder, and what lies in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def nbgrader(self, *words: str) -> None:
        nbgrader(self.folder, *words)

    def cells(self) -> dict[str, tuple]:
        """Automatic and manual score of each cell, by student and cell."""
        query = (
            "SELECT submitted_assignment.student_id || ' ' || base_cell.name,"
            " grade.auto_score, grade.manual_score"
            " FROM grade JOIN base_cell ON base_cell.id = grade.cell_id"
            " JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id"
            " JOIN submitted_assignment"
            " ON submitted_assignment.id = submitted_notebook.assignment_id"
        )
        with contextlib.closing(sqlite3.connect(self.folder / "gradebook.db")) as db:
            return {name: scores for name, *scores in db.execute(query)}

    def table(self, name: str) -> list[list[str]]:
        return list(csv.reader((self.folder / name).read_text().splitlines()))


def solve(released: dict, *, wrong: bool) -> dict:
    """The released notebook with answers; ``wrong`` in one function, and noisy on stderr."""
    right = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook("ps1").cells}
    for cell in released["cells"]:
        data = cell["metadata"]["nbgrader"]
        if data["solution"]:
            cell["source"] = (
                right[data["grade_id"]] if cell["cell_type"] == "code" else "In my words."
            )
        if wrong and data["grade_id"] == LEAF:
            cell["source"] = NOISE + WRONG
    return released


@needs_bubblewrap
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_release_to_grades_on_the_platform(tmp_path, course, caplog, capsys):
    ordered, course = course, Course(tmp_path / "course")

    def typed(*words: str) -> str:
        """The course's command, in its folder; what it says."""
        sys.modules.pop("checks", None)  # it reads them anew, as a process of its own would
        with contextlib.chdir(course.folder):
            status, said, complained = ordered(*words, "--course", ".")
        assert status == 0, complained
        return said + complained

    for part in ("checks", "source/ps1"):
        shutil.copytree(ROOT / "assignments" / part, course.folder / part)
    shutil.copy(ROOT / "assignments" / "nbgrader_config.py", course.folder)

    # release: one zip
    command.release("ps1", course.folder)
    shutil.unpack_archive(course.folder / "release" / "ps1.zip", tmp_path / "student")
    names = {
        path.relative_to(tmp_path / "student" / "ps1").as_posix()
        for path in (tmp_path / "student").rglob("*.*")
    }
    assert {
        "ps1.ipynb",
        "checks/student.py",
        "checks/visible/ps1.json",
    } <= names and "checks/ps1.py" not in names
    released = (tmp_path / "student" / "ps1" / "ps1.ipynb").read_text()
    assert "SOLUTION" not in released and "NotImplementedError" in released

    # hand in and collect: a platform's zip of files
    inbox = course.folder / "downloaded" / "ps1" / "archive"
    inbox.mkdir(parents=True)
    with zipfile.ZipFile(inbox / "submissions.zip", "w") as archive:
        archive.writestr(
            "aalice_101_9001_ps1.ipynb", json.dumps(solve(json.loads(released), wrong=False))
        )
        archive.writestr("bbob_LATE_102_9002_ps1-1.ipynb", released)
        archive.writestr(
            "cchris_103_9003_ps1.ipynb", json.dumps(solve(json.loads(released), wrong=True))
        )
    course.nbgrader("zip_collect", "ps1")
    assert {path.name for path in (course.folder / "submitted").iterdir()} == {"101", "102", "103"}
    course.nbgrader("db", "assignment", "add", "ps1", "--duedate=2027-03-01 18:00 UTC")
    # a day and an hour late
    stamp = course.folder / "submitted/103/ps1/timestamp.txt"
    stamp.write_text("2027-03-02 19:00:00 UTC")

    # grade, with a check that is broken: nobody gets its point
    good = (course.folder / "checks" / "ps1.py").read_text()
    (course.folder / "checks" / "ps1.py").write_text(good + BROKEN.format(name=BAD.name))
    said = typed("grade", "ps1", "--workers", "1")
    assert "graded 3 of 3 submissions;" in said
    cells = course.cells()

    def total(student: str) -> float:
        return sum(auto or 0 for name, (auto, _) in cells.items() if name.startswith(student))

    assert (total("101"), total("102")) == (AUTO - BAD.points, 0)
    assert AUTO - BAD.points - LOST <= total("103") < AUTO - BAD.points
    written = next(
        name for name, (auto, _) in cells.items() if auto is None and name.startswith("101")
    )
    with contextlib.closing(sqlite3.connect(course.folder / "gradebook.db")) as db:
        db.execute(
            "UPDATE grade SET manual_score = 2"
            " WHERE cell_id = (SELECT id FROM base_cell WHERE name = ?)"
            " AND notebook_id IN (SELECT n.id FROM submitted_notebook n JOIN submitted_assignment a"
            " ON a.id = n.assignment_id WHERE a.student_id = '101')",
            (written[4:],),
        )
        db.commit()

    # mend that check and grade again: its cell changes, in the two notebooks that are right
    # there, nothing else does
    before = course.cells()
    (course.folder / "checks" / "ps1.py").write_text(good)
    assert "graded 3 of 3 submissions;" in typed("grade", "ps1", "--workers", "1")
    after = course.cells()
    changed = {
        name: after[name][0] - before[name][0] for name in after if after[name] != before[name]
    }
    assert changed == {
        "101 test_discriminator_loss": BAD.points,
        "103 test_discriminator_loss": BAD.points,
    }
    assert after[written] == [None, 2]

    # feedback
    course.nbgrader("generate_feedback", "ps1")
    assert "NotImplementedError" in (course.folder / "feedback/102/ps1/ps1.html").read_text()
    assert (course.folder / "reports/ps1/103.html").is_file()

    # grades: nbgrader's table, and Canvas'; two days late cost a fifth
    cells = after
    reached = {
        student: total(student) + 2 * (student == "101") for student in ("101", "102", "103")
    }
    course.nbgrader("export", "--to", "grades.csv")
    head, *rows = course.table("grades.csv")
    got = {row[head.index("student_id")]: dict(zip(head, row, strict=True)) for row in rows}
    for student, points in reached.items():
        assert float(got[student]["raw_score"]) == pytest.approx(points)
        assert float(got[student]["late_submission_penalty"]) == pytest.approx(
            points * 0.2 * (student == "103")
        )
    (course.folder / "roster.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,PS1 (77)\n    Points Possible,,,,,\n"
        '"A, Alice",101,s1,a,X,\n"B, Bob",102,s2,b,X,\n"D, Dan",104,s4,d,X,\n'
    )
    exporter = "--exporter=assignments.grader.lms.CanvasExport"
    course.nbgrader("export", exporter, "--to", "canvas.csv")
    said = capsys.readouterr().err + caplog.text  # as logging was set up by the tests before
    for words in ("left out: 103", "nothing handed in: D, Dan", "of 101 waits for a grade by hand"):
        assert words in said
    full = sum(cell.metadata.nbgrader.get("points", 0) for cell in notebook("ps1").cells)
    assert course.table("canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "PS1 (77)"],
        ["    Points Possible", "", "", "", "", str(full)],
        ["A, Alice", "101", "s1", "a", "X", f"{reached['101']:g}"],
        ["B, Bob", "102", "s2", "b", "X", "0"],
        ["D, Dan", "104", "s4", "d", "X", ""],
    ]

    # for the instructor: the solutions
    course.nbgrader("generate_solution", "ps1")
    solution = (course.folder / "solution/ps1/ps1.ipynb").read_text()
    assert "softplus" in solution and not any(
        word in solution for word in ("SOLUTION", "nbgrader", "Notes for graders")
    )

    # for tools that look for copies: answers only
    command.answers("ps1", course.folder / "answers", course.folder)
    text = {
        name: (course.folder / "answers" / name / "ps1.py").read_text()
        for name in ("released", "submitted/103")
    }
    assert WRONG in text["submitted/103"] and "check(" not in text["submitted/103"]
    assert (
        "NotImplementedError" in text["released"]
        and len(list((course.folder / "answers/submitted").iterdir())) == 3
    )
