"""What Hypothesis throws at each place where a submission's data crosses into the grader, and what
must hold there.

``PLACES`` is the table: ``make test`` runs a few examples of each, ``make soak`` 500.
"""

import contextlib
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

import nbformat
from hostile import ODDITIES
from hostile.build import cells_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assignments.grader import (
    dates,
    feedback,
    grade_one,
    gradebook,
    inbox,
    notebook,
    sandbox,
    verdicts,
)
from assignments.grader.course import open_checks

LONG = st.builds(
    str.__mul__, st.sampled_from(["é", "\ud83d", "\x00", "= "]), st.integers(1000, 30_000)
)
ODD = st.sampled_from(
    ["\ud83d", "\udcff", "\x00\x1b[2J\x9b", "\r\n\u2028", "=1+1", "<script>", "|`"]
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=30) | ODD | LONG
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**4000), 2**63])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=30,
)
DEEP = st.integers(50, 20_000).flatmap(
    lambda n: st.sampled_from(["[" * n + "1" + "]" * n, '{"a":' * n + "1" + "}" * n])
)
TWICE = st.builds('{{"raw": {}, "raw": {}}}'.format, NUMBERS, DEEP)
JSON = VALUES.map(json.dumps) | DEEP | TWICE  # as text: not all of it can be made from objects


def one_line(text: str) -> bool:
    """Whether a text is one line of at most 1,000 characters that can be written and printed."""
    text.encode()
    return len(text) <= 1000 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


def is_safe(result: verdicts.Result) -> None:
    """Whatever arrived: sound numbers, harmless texts, and reports that can be written."""
    assert all(
        map(one_line, [result.reason, *result.notes, *(check.message for check in result.checks)])
    )
    assert all(0 <= check.score <= check.points for check in result.checks)
    assert verdicts.Result.from_json(result.to_json()) == result
    for text in (feedback.markdown(result), feedback.page(result), feedback.table([result])):
        assert "<script" not in text and text.encode()


# ---- what a sandbox says

NAMES = ["loss_values", "loss_slope", "average_values", "step_updates", "other"]
KINDS = st.sampled_from(["check", "ended", "begin", "cell", "cells", "end", "status", "raw"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={"raw": JSON, "error": JSON, "how": JSON, "at": JSON, "line": JSON, "message": JSON},
)


def said(kind: str, value: str, fields: dict) -> bytes:
    parts = [f'"{kind}": {value}', *(f'"{name}": {text}' for name, text in fields.items())]
    return ("\n{" + ", ".join(parts) + "}\n").encode()


LINES = st.builds(said, KINDS, st.sampled_from([json.dumps(name) for name in NAMES]) | JSON, FIELDS)
ANSWERS = st.builds(said, st.just("check"), st.sampled_from(NAMES).map(json.dumps), FIELDS)
ERRORS = TEXT.map(lambda text: {"cell": 1, "error": text})
TROUBLES = st.lists(ERRORS | VALUES, max_size=50).map(
    lambda rows: said("cells", json.dumps(rows), {})
)
SAID = st.tuples(
    st.lists(LINES | ANSWERS | TROUBLES | st.binary(max_size=50), max_size=12).map(b"".join),
    st.integers(1, 5000),
    st.sampled_from(["finished", "time", "output", "lost"]),
)


def answers_are_judged(course: Path, thrown: tuple[bytes, int, str]) -> None:
    data, size, reason = thrown
    checks = open_checks(course, "toy").load("toy")
    box = inbox.Inbox([check.name for check in checks], 3)
    for start in range(0, len(data), size):
        box.feed(data[start : start + size])
    found, notes, why = grade_one.answers(checks, sandbox.Outcome(box, reason, 1.0), {})
    drawn = [grade_one.draw(check, "key", "ann/toy") for check in checks]
    judged = [
        grade_one.judge(c, *both, found[c.name], {}) for c, both in zip(checks, drawn, strict=True)
    ]
    is_safe(verdicts.Result("ann", "toy", "", judged, notes, why))


# ---- a notebook file

CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | VALUES,
        "source": TEXT | st.lists(TEXT, max_size=3) | VALUES,
        "metadata": VALUES
        | st.fixed_dictionaries({"nbgrader": st.fixed_dictionaries({"grade_id": TEXT})}),
        "outputs": VALUES
        | st.lists(st.fixed_dictionaries({"text": TEXT | VALUES}), max_size=3)
        | st.lists(
            st.fixed_dictionaries({"data": st.fixed_dictionaries({"text/plain": TEXT | VALUES})}),
            max_size=3,
        ),
        "execution_count": VALUES,
    },
)
CELLS = st.lists(CELL | st.sampled_from(cells_of(ODDITIES)) | VALUES, max_size=8)
WHOLE = st.fixed_dictionaries(
    {},
    optional={
        "cells": CELLS | VALUES,
        "worksheets": st.lists(
            st.fixed_dictionaries({"cells": CELLS | VALUES}) | VALUES, max_size=2
        )
        | VALUES,
        "metadata": VALUES
        | st.fixed_dictionaries(
            {"kernelspec": st.fixed_dictionaries({"language": VALUES}) | VALUES}
        ),
        "nbformat": VALUES,
    },
)
FILES = (
    WHOLE.map(lambda whole: json.dumps(whole).encode())
    | JSON.map(str.encode)
    | st.binary(max_size=200)
)
STAMPS = st.binary(max_size=60) | st.integers(-(10**12), 10**12).map(lambda n: str(n).encode())
TIMES = st.datetimes().map(lambda when: f"{when} UTC".encode()) | STAMPS


def notebooks_are_read(course: Path, thrown: tuple[bytes, bytes]) -> None:
    with gradebook.Book(course) as book:
        plan = book.plan("toy")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in zip(("toy.ipynb", "timestamp.txt"), thrown, strict=True):
            (Path(folder) / name).write_bytes(data)
        dates.of(Path(folder))
        submission = notebook.read(Path(folder), "ann", "toy", plan.cells)
    for cell in submission.cells:
        assert cell["source"].encode()
    result = verdicts.Result("ann", "toy", "", [], submission.notes, submission.reason)
    is_safe(result)
    made = nbformat.reads(gradebook.autograded(result, plan, submission).decode(), 4)
    nbformat.validate(made)
    assert json.dumps(made, ensure_ascii=False).encode()
    outputs = [output for cell in made.cells for output in cell.get("outputs", [])]
    texts = [output.get("text") or output["data"].get("text/plain", "") for output in outputs]
    assert all(
        one_line(line[:1000]) for text in texts for line in text.replace("\t", " ").split("\n")
    )


# ---- the grade book

CHECK = {
    "name": "a",
    "function": "f",
    "title": "t",
    "visible": True,
    "points": 2.0,
    "score": 1.0,
    "message": "",
}
RECORD = {
    "student": "ann",
    "problem_set": "toy",
    "digest": "d",
    "checks": [CHECK],
    "notes": ["n"],
    "reason": "",
    "seconds": 1.0,
    "cpu": 1.0,
}


def changed(where: str, name: str, value: object) -> str:
    check = {**CHECK, name: value} if where == "check" else CHECK
    return json.dumps({**RECORD, "checks": [check], **({} if where == "check" else {name: value})})


RECORDS = (
    st.builds(changed, st.just("check"), st.sampled_from([*CHECK, "new"]), VALUES | TEXT)
    | st.builds(changed, st.just("record"), st.sampled_from([*RECORD, "new"]), VALUES | TEXT)
    | JSON
    | st.text(max_size=20)
)


def grade_books_are_read(course: Path, thrown: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as db, db:
        db.execute("DELETE FROM course_grading")
        rows = [(f"student{number}", "toy", "d", text) for number, text in enumerate(thrown)]
        db.executemany("INSERT INTO course_grading VALUES (?, ?, ?, ?)", rows)
    with gradebook.Book(course) as book:
        done = book.done("toy")
        assert {*done, *book.damaged} == {row[0] for row in rows}
    for result in done.values():
        is_safe(result)
    assert feedback.table(done.values()).encode()


PLACES = {
    "answers of a sandbox": (answers_are_judged, SAID),
    "notebook files and their times": (notebooks_are_read, st.tuples(FILES, TIMES)),
    "records of the grade book": (grade_books_are_read, st.lists(RECORDS, min_size=1, max_size=4)),
}


def at(place: str, released: Path, folder: Path, examples: int) -> None:
    """So many examples at one place, in a copy of a course. Without a data base: the same examples
    each time, and no folder left behind.
    """
    body, strategy = PLACES[place]
    course = Path(shutil.copytree(released, folder / "thrown"))
    with gradebook.Book(course):  # makes the grader's own table
        pass
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    chosen(given(strategy)(lambda thrown: body(course, thrown)))()
