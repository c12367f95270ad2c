"""What the tests of the grader share: courses with a toy problem set, and runs that are killed and
run again.
"""

import contextlib
import functools
import gc
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from hostile import CASES, write

from assignments.grader import grade, sandbox
from tests.support import toy_course

TIGHT = sandbox.Limits(cells_cpu=3, cell_cpu=1, memory_mb=768, patience=2, wall=60)
# broken files and noise; loops; processes; files and network; tricks; floods
ONE_A_CATEGORY = ("right", "untouched", "missing", "stderr-noise", "loop-in-function", "daemon",
                  "reads-grade-book", "dials-home", "hard-exit-in-cell", "equals-everything",
                  "forged-results", "floods-the-pipe", "half-a-character",
                  "ten-million-lines")  # fmt: skip
TROUBLE = sandbox.bubblewrap_trouble()
needs_bubblewrap = pytest.mark.skipif(
    bool(TROUBLE), reason=f"bubblewrap (bwrap) does not work here: {TROUBLE}"
)


def tighten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time and memory than a course gives, so that attacks end soon; and one sandbox for all,
    as each takes seconds to start.
    """
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(grade, "grade_all", functools.partial(grade.grade_all, limits=TIGHT))


def graded(course: Path, **options: object) -> tuple[dict, int, dict[str, str]]:
    """Results by student, how many are new, and what was left out, with bubblewrap."""
    results, fresh, left_out = grade.run(
        course, "toy", tier="bubblewrap", progress=False, **options
    )
    return {result.student: result for result in results}, fresh, left_out


def left_behind() -> list[str]:
    """Processes of these tests' sandboxes and submissions, all of which should be gone."""
    lines = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True
    ).stdout.splitlines()
    return [line for line in lines if line.startswith("sleep 98765") or "checks.probes.toy" in line]


def graded_table(course: Path) -> dict:
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as db:
        rows = db.execute("SELECT student, result FROM course_grading").fetchall()
    checks = {student: json.loads(result)["checks"] for student, result in rows}
    return {"checks": checks, "scores": toy_course.scores(course)}


def hand_in(course: Path, count: int) -> None:
    names = ("right", "daemon", "deleted-cell", "not-json", "untouched", "crash", "missing",
             "magics", "right", "loop-in-function")  # fmt: skip
    for number in range(count):
        write(course, CASES[names[number % len(names)]], f"student{number:03d}")


def gone_soon() -> bool:
    """Whether the sandboxes of a killed run end within half a minute, beside other tests."""
    end = time.monotonic() + 30
    while left := left_behind():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return not left


def in_the_fork(**arguments: object) -> None:
    """Grade, and leave the garbage of the tests before alone: a finalizer that runs while Python
    builds a syntax tree ends it with a SystemError (CPython issue 106905).
    """
    gc.freeze()
    grade.run(**arguments)


def grade_in_a_process(course: Path) -> multiprocessing.Process:
    """A grading run of its own; forked, as importing torch once more each time would take longer
    than the grading.
    """
    arguments = {"course": course, "problem_set": "toy", "tier": "bubblewrap", "progress": False}
    process = multiprocessing.get_context("fork").Process(target=in_the_fork, kwargs=arguments)
    process.start()
    return process


def finish(process: multiprocessing.Process) -> None:
    process.join()
    assert process.exitcode == 0


def kill_and_run_again(
    released: Path, folder: Path, count: int, kills: int, seed: int
) -> tuple[int, list[int]]:
    """Grade once in peace, once killed ``kills`` times at random moments; the grade books must
    agree.
    """
    rng, courses, killed_at = random.Random(seed), [], []
    for name in ("peace", "killed"):
        courses.append(Path(shutil.copytree(released, folder / name)))
        hand_in(courses[-1], count)
    peace, killed = courses
    finish(grade_in_a_process(peace))
    for number in range(kills):
        process = grade_in_a_process(killed)
        # spread over the submissions, but also over start-up
        target = (number + rng.random()) * count / kills
        end = time.monotonic() + 120
        while process.is_alive() and committed(killed) < target and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed_at.append(committed(killed))
        assert gone_soon(), left_behind()
    finish(grade_in_a_process(killed))
    assert graded_table(killed) == graded_table(peace)
    return len(graded_table(killed)["scores"]), killed_at


def committed(course: Path) -> int:
    with (
        contextlib.closing(sqlite3.connect(course / "gradebook.db")) as db,
        contextlib.suppress(sqlite3.Error),
    ):
        return db.execute("SELECT count(*) FROM course_grading").fetchone()[0]
    return 0
