"""Files of other systems, times of other countries, hand-ins that no table names, and what was
taken back: nothing is guessed, and nothing is left out without a word.
"""

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import unicodedata
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")
if os.name != "posix":
    pytest.skip("the grader needs fork", allow_module_level=True)

from hostile import CASES, notebook
from hostile.build import ANSWERS, ODDITIES, cells_of

from assignments.grader import course as courses
from assignments.grader import dates, handin, lms
from assignments.grader import notebook as reading
from course_lib.errors import CourseError
from tests.support.grading_runs import graded, needs_bubblewrap

SIX = datetime.datetime(2027, 3, 2, 18)
READ = (
    "2027-03-02 18:00:00 UTC",
    "2027-03-02 18:00:00.000000 UTC",
    "2027-03-02T18:00:00Z",
    "20270302T180000Z",
    "2027-03-02\u202f18:00",
    "2027-03-02T19:00:00+01:00",
    "2027-03-02 13:00:00 -0500",
    "2027-03-02 19:00 CET",
    "2027-03-02 10:00 pst",
    "1804010400",
    "1804010400000",
    "1804010400.0",
)
REFUSED = {
    "03/04/2026 19:00": "“03/04/2026 19:00” is no date and time that is read in one way",
    "3.4.2026 19:00": "one way",
    "10-11-12 19:00": "one way",
    "2027-13-02 19:00": "no date",
    "2 Mar 2027 19:00": "one way",
    "2026年11月5日 19:00": "one way",
    "yesterday": "“yesterday”",
    "2027-03-02 18:00 CST": "“CST”",
    "2027-03-02 18:00 Europe/Berlin": "Berlin",
    "2027-03-02": "time of day",
    "2569-03-02 18:00": "2569",
    "2027-03-02 25:00": "no date and time",
    "46000.5": "no date",
    "9999999999": "2286",
    "": "no date",
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1")


@pytest.mark.parametrize("text", READ)
def test_a_time_is_read_as_machines_and_people_write_it(text):
    assert dates.parse(text)[0] == SIX


@pytest.mark.parametrize("text", REFUSED)
def test_a_time_that_would_be_guessed_is_refused_with_the_form_that_is_read(tmp_path, text):
    (tmp_path / "timestamp.txt").write_text(text, encoding="utf-16")
    found = dates.of(tmp_path)
    assert found.handed_in is None and REFUSED[text] in found.wrong and dates.FORM in found.wrong


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_read_as_any_system_writes_it(tmp_path, encoding):
    (tmp_path / "timestamp.txt").write_bytes("2027-03-02 18:00 UTC\r\n".encode(encoding))
    assert dates.of(tmp_path).handed_in == SIX
    roster = "Student;ID;SIS Login ID\r\n    Points Possible;;\r\nMüller, Jörg;101;jörg\r\n"
    for delimiter in ";\t":
        path = tmp_path / "roster.csv"
        path.write_bytes(roster.replace(";", delimiter).encode(encoding))
        decomposed = unicodedata.normalize("NFD", "Jörg")
        rows = lms.read_roster(path)
        assert [row["Student"] for row in rows] == ["Müller, Jörg"]
        assert lms.match({decomposed, "eve"}, rows)[1:] == (["eve"], [])
    (tmp_path / "toy.ipynb").write_bytes(notebook(ANSWERS).decode().encode(encoding))
    assert reading.read(tmp_path, "ann", "toy").reason == ""
    (tmp_path / "term_key.txt").write_bytes("abc\r\n".encode(encoding))
    assert courses.term_key(tmp_path) == "abc"


def test_a_time_that_is_a_link_or_a_folder_is_named_and_not_shown(tmp_path):
    (tmp_path / "key").write_text("SECRET")
    (tmp_path / "timestamp.txt").symlink_to(tmp_path / "key")
    assert "link" in dates.of(tmp_path).wrong and "SECRET" not in dates.of(tmp_path).wrong
    (tmp_path / "timestamp.txt").unlink()
    assert dates.of(tmp_path) == dates.Times()
    (tmp_path / "timestamp.txt").mkdir()
    assert "cannot be read" in dates.of(tmp_path).wrong
    (tmp_path / "timestamp.txt").rename(tmp_path / "Timestamp.TXT")
    assert "Timestamp.TXT is not read" in dates.of(tmp_path).wrong


def test_a_table_of_extensions_names_each_row_that_it_cannot_use(tmp_path):
    rows = ("Jörg,ps1,2027-03-08", "Joerg,ps1,2027-03-08", "ann,ps9,2027-03-08 12:00 UTC")
    rows += (
        "ann,ps2,bald",
        "ann,ps1,03/04/2027",
        "bob,PS1,2027-03-08 12:00 CET",
        "bob,ps1,1804010400",
    )
    (tmp_path / "extensions.csv").write_text("\n".join(["student,set,until", *rows]) + "\n\n")
    students = [unicodedata.normalize("NFD", "Jörg"), "ann", "bob"]
    until, wrong = dates.extensions(tmp_path, "ps1", students, ["ps1", "ps2"])
    assert until == {
        "jörg": datetime.datetime(2027, 3, 8, 23, 59, 59),
        "bob": datetime.datetime(2027, 3, 8, 11),
    }
    words = {3: "nobody called “Joerg”", 4: "no set “ps9”", 6: "“03/04/2027”", 8: "above"}
    assert list(wrong) == [f"extensions.csv, line {number}" for number in words]
    assert all(map(str.__contains__, wrong.values(), words.values())), wrong
    (tmp_path / "extensions.csv").rename(tmp_path / "extensions.csv.txt")
    assert list(dates.extensions(tmp_path, "ps1", students, [])[1]) == ["extensions.csv.txt"]
    (tmp_path / "extensions.csv").write_text("name,until\n")
    with pytest.raises(CourseError, match="lacks set, student"):
        dates.extensions(tmp_path, "ps1", students, ["ps1"])


@pytest.mark.parametrize("beside", ["._toy.ipynb", "__MACOSX/._toy.ipynb", "a b/toy.IPYNB"])
def test_the_notebook_is_found_beside_what_other_systems_leave(tmp_path, beside):
    name = beside if beside.endswith("IPYNB") else "my toy.ipynb"
    for path in {beside, name}:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(notebook(ANSWERS) if path == name else b"\0\5\x16\7")
    read = reading.read(tmp_path, "ann", "toy")
    assert read.path == tmp_path / name and len(read.notes) == 1


def test_what_lies_there_in_place_of_a_notebook_is_named(tmp_path):
    (tmp_path / "toy.ipynb.txt").write_text("{}")
    assert reading.read(tmp_path, "ann", "toy").reason.endswith("no toy.ipynb, but toy.ipynb.txt")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_ends_of_lines_are_no_change(tmp_path, end):
    cells = cells_of(ANSWERS)
    for cell in cells:
        cell["source"] = cell["source"].replace("\n", end)
    (tmp_path / "toy.ipynb").write_bytes(notebook({}, cells))
    known = reading.released_cells({"cells": cells_of(ODDITIES)})
    read = reading.read(tmp_path, "ann", "toy", known)
    assert read.notes == [] and "\r" not in json.dumps(read.cells).replace("\\\\r", "")
    blank = cells_of(ODDITIES)
    for cell in blank:
        cell["source"] = cell["source"].replace("\n", end)
    (tmp_path / "toy.ipynb").write_bytes(notebook({}, blank))
    found = handin.trouble(reading.read(tmp_path, "ann", "toy"), {"cells": cells_of(ODDITIES)})
    assert "without an answer: weighted_loss, average, step, explain" in found[0]


@pytest.mark.parametrize("keeps_names", [True, False])
def test_the_notebook_of_another_set_is_named_for_what_it_is(tmp_path, keeps_names):
    functions = {"ps1": ("f", "g"), "toy": ("weighted_loss", "average", "step")}
    cells = cells_of(ANSWERS)
    for cell in cells:
        cell["metadata"] = cell["metadata"] if keeps_names else {}
    (tmp_path / "ps1.ipynb").write_bytes(notebook({}, cells))
    for name, reason in (("ps1", "this is toy, not ps1"), ("toy", "")):
        read = reading.read(tmp_path, "ann", name, reading.released_cells({"cells": cells}))
        reading.name_other_set(read, functions)
        assert read.reason == reason
    read = reading.load(tmp_path / "ps1.ipynb", reading.Submission("you", "ps1"))
    reading.name_other_set(read, functions)
    assert handin.trouble(read, {"cells": []})[0].startswith("this is toy, not ps1: ")


def test_names_that_are_one_students_and_hand_ins_in_no_place_are_named(tmp_path):
    names = ["Jörg", unicodedata.normalize("NFD", "Jörg"), "Ann", "ann", "bob"]
    for name in names:
        (tmp_path / "submitted" / name / "toy").mkdir(parents=True)
    handed_in = courses.submitted(tmp_path, "toy", None)
    good, wrong = courses.with_good_names(handed_in)
    assert list(good) == ["bob"] and all("two folders" in why for why in wrong.values())
    assert list(courses.submitted(tmp_path, "toy", ["BOB"])) == ["bob"]
    places = ("cem/toy.ipynb", "dan/Toy/toy.ipynb", "toy/eve/toy.ipynb", "fay/toy 1/a.ipynb")
    quiet = ("bob/toy/toy.ipynb", "bob/ps2/x.ipynb", "cem/ps2.ipynb", "__MACOSX/bob/._toy.ipynb")
    for place in (*places, *quiet):
        path = tmp_path / "submitted" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert set(courses.astray(tmp_path, "toy", ["toy", "ps2"])) == set(places)


# ---- in a graded term


@pytest.fixture
def course(tmp_path, term) -> Path:
    return Path(shutil.copytree(term, tmp_path / "a course"))


def late(course: Path) -> dict[str, float]:
    query = (
        "SELECT s.student_id, n.late_submission_penalty FROM submitted_notebook n"
        " JOIN submitted_assignment s ON s.id = n.assignment_id"
    )
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as db:
        return {student: penalty for student, penalty in db.execute(query) if penalty}


@needs_bubblewrap
def test_times_and_extensions_are_counted_shown_and_taken_back(course):
    settings = "from assignments.grader.lms import PenaltyPerDay\nc = get_config()\n"
    settings += "c.AssignLatePenalties.plugin_class = PenaltyPerDay\n"
    (course / "nbgrader_config.py").write_text(settings)
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as db, db:
        db.execute("UPDATE assignment SET duedate = '2027-03-01 18:00:00.000000'")
    for name, text in (("right", "2027-03-02 19:00 CET"), ("daemon", "yesterday")):
        path = course / "submitted" / name / "toy" / "timestamp.txt"
        path.write_text(text, encoding="utf-16")
    reports = course / "reports" / "toy"
    _, fresh, left_out = graded(course)
    assert fresh == 0 and list(left_out) == ["daemon"] and "“yesterday”" in left_out["daemon"]
    assert late(course) == {"right": 1.0}
    table = (reports / "grades.csv").read_text()
    said = "handed in 2027-03-02 18:00 UTC; due 2027-03-01 18:00 UTC; 1 points off"
    for text in (table, (reports / "right.md").read_text(), (reports / "right.html").read_text()):
        assert said in text
    for text in (table, (reports / "daemon.html").read_text()):
        assert "“yesterday”" in text
    (course / "extensions.csv").write_text("student,set,until\nright,toy,2027-03-08\nright,toy,x\n")
    _, _, left_out = graded(course)
    assert late(course) == {} and "extensions.csv, line 3" in left_out
    assert "due 2027-03-08 23:59 UTC, by an extension" in (reports / "right.md").read_text()
    (course / "extensions.csv").unlink()
    graded(course)
    assert late(course) == {"right": 1.0}
    (course / "submitted/right/toy/timestamp.txt").unlink()
    graded(course)
    assert late(course) == {} and "handed in" not in (reports / "right.md").read_text()


@needs_bubblewrap
def test_what_is_taken_back_leaves_the_reports_and_comes_back_whole(course, capsys):
    folder, reports = course / "submitted" / "daemon", course / "reports" / "toy"
    folder.rename(course / "aside")
    results, _, left_out = graded(course)
    said = capsys.readouterr().err
    assert not left_out and "nothing of daemon lies in submitted/ any more" in said
    assert "daemon" not in results and "daemon" not in (reports / "grades.csv").read_text()
    assert not (reports / "daemon.html").exists()
    (course / "aside").rename(folder)
    results, fresh, _ = graded(course)
    assert fresh == 0 and results["daemon"].score == CASES["daemon"].points
    assert (reports / "daemon.html").exists()


@needs_bubblewrap
@pytest.mark.parametrize("state", ["locked", "noise", "cut"])
def test_a_grade_book_in_use_or_damaged_takes_three_lines_and_loses_nothing(course, state):
    path = course / "gradebook.db"
    data = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as db:
        if state == "locked":
            db.execute("BEGIN EXCLUSIVE")
        else:
            path.write_bytes(data[: len(data) // 2] if state == "cut" else b"no database" * 999)
        with pytest.raises(CourseError, match="the grade book cannot be used"):
            graded(course)
    path.write_bytes(data)
    assert graded(course)[1] == 0
