"""The long counts of which `make test` runs a few. ``make soak`` writes what came out into
build/soak.md.
"""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from assignments.grader import grade
from course_lib import __version__
from course_lib.training import profiles
from tests import ROOT
from tests.support import thrown_data, toy_course
from tests.support.grading_runs import graded_table, hand_in, kill_and_run_again, needs_bubblewrap
from tests.support.killing import flip_bits, kill_and_resume, kill_while_saving, write_pairs

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork"),
    pytest.mark.timeout(3600),
]
SEED = 0
ROWS: list[list[str]] = []  # what, how often, what was found


@pytest.fixture(scope="module", autouse=True)
def report() -> Iterator[None]:
    """The report is written whatever happens: a test that fails is a row of it."""
    ROWS.clear()
    yield
    machine = f"{profiles.device_name()}, {platform.system()}, Python {platform.python_version()}"
    others = [f"{name} {metadata.version(name)}" for name in ("torch", "safetensors")]
    versions = ", ".join([f"course {__version__}", *others])
    how = f"Command: `make soak`, seed {SEED}. Machine: {machine}. Versions: {versions}."
    head = [
        "# Soak report",
        "",
        how,
        "",
        "| what was done | times | what was found |",
        "|---|---|---|",
    ]
    (ROOT / "build").mkdir(exist_ok=True)
    text = "\n".join([*head, *(f"| {' | '.join(row)} |" for row in ROWS)]) + "\n"
    (ROOT / "build" / "soak.md").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def counted(what: str, times: int) -> Iterator[list[str]]:
    """A row of the report; the body puts its findings into the list it gets."""
    found: list[str] = []
    try:
        yield found
    except BaseException as error:
        found.append(f"**FAILED**: {type(error).__name__}: {(str(error).splitlines() or ['?'])[0]}")
        raise
    finally:
        ROWS.append([what, str(times), "; ".join(found)])


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("killed")


def test_200_kills_while_saving(killed):
    with counted("run killed (SIGKILL) while it wrote a checkpoint, then resumed", 200) as found:
        counts = kill_while_saving(killed, 200, SEED)
        unreadable = (
            counts["killed"]
            - counts["the new one"]
            - counts["the one before"]
            - counts["nothing yet"]
        )
        found += [
            f"{unreadable} unreadable runs",
            f"afterwards the newest checkpoint was the new one {counts['the new one']} times,"
            f" the one before {counts['the one before']} times,"
            f" none yet (killed in the first save) {counts['nothing yet']} times",
            f"half-written files were left {counts['with something half written']} times,"
            " none at the end",
            "after the last kill the run went on to the bit like one that was never killed",
        ]
    assert unreadable == 0 and counts["killed"] == 200


def test_100_flipped_bits(killed):
    with counted("one bit flipped in a checkpoint", 100) as found:
        counts = flip_bits(killed / "killed" / "checkpoints", 100, SEED)
        found += [f"{n} {what}" for what, n in sorted(counts.items())]
        found += (
            ["each time the checkpoint before it was used, with a warning"]
            if not counts["missed"]
            else []
        )
    assert counts["missed"] == 0 and sum(counts.values()) == 100


def test_20_kills_of_course_train(tmp_path):
    runs = [("pairs", "0"), ("pairs", "0"), ("pairs", "2"), ("emoji:edges", "0")]
    with counted(
        "`course train` killed (SIGKILL) at a random step and resumed", 5 * len(runs)
    ) as found:
        pairs = write_pairs(tmp_path / "pairs")
        for number, (data, workers) in enumerate(runs):
            source, folder = pairs if data == "pairs" else data, tmp_path / str(number)
            at = kill_and_resume(folder, source, 900, 5, SEED + number, "--workers", workers)
            what = "a folder of 26 pairs" if data == "pairs" else data
            steps = ", ".join(map(str, at))
            found.append(
                f"{what}, {workers} workers: killed at steps {steps} of 900, equal to the bit"
            )


@pytest.mark.parametrize(
    ("method", "data"),
    [(name, "facades:day-night") for name in ("cyclegan", "unit", "munit")]
    + [("pix2pixhd", "facades")],
)
def test_other_methods_are_killed_too(tmp_path, method, data):
    """With its pools, shared blocks and encoders; with phases, and centres that are found when
    training is over.
    """
    with counted(f"`course train {method}` killed (SIGKILL) and resumed", 2) as found:
        at = kill_and_resume(tmp_path, data, 80, 2, SEED, method=method)
        found.append(f"{data}: killed at steps {', '.join(map(str, at))} of 80, equal to the bit")


@needs_bubblewrap
def test_60_submissions_killed_20_times_while_they_are_graded(tmp_path):
    released = toy_course.make(tmp_path / "released")
    with counted(
        "`course grade` killed (SIGKILL) at a random moment and run again, 60 submissions", 20
    ) as found:
        graded, killed_at = kill_and_run_again(released, tmp_path, 60, 20, SEED + 1)
        found += [
            f"killed after {', '.join(map(str, killed_at))} submissions",
            f"{graded} of 60 graded, each score and message equal to those of a run in peace",
        ]
    assert graded == 60 and len(set(killed_at)) > 10


@needs_bubblewrap
def test_200_submissions_graded_twice(tmp_path):
    course = toy_course.make(tmp_path / "course")
    with counted(
        "submissions graded twice, right ones, broken ones and hostile ones mixed", 200
    ) as found:
        hand_in(course, 200)
        began = time.monotonic()
        grade.run(course, "toy", tier="bubblewrap", progress=False)
        minutes = (time.monotonic() - began) / 60
        first = graded_table(course)
        _, fresh, _ = grade.run(course, "toy", tier="bubblewrap", progress=False, force=True)
        found += [
            f"{fresh} graded again"
            + (", identical grades" if graded_table(course) == first else "")
        ]
        found += [f"{200 / minutes:.0f} submissions a minute"]
        assert fresh == 200 and graded_table(course) == first and len(first["scores"]) == 200


@pytest.mark.parametrize("place", thrown_data.PLACES)
def test_500_examples_at_each_place_where_data_enters_the_grader(tmp_path, place):
    course = toy_course.make(tmp_path / "course")
    with counted(f"data that Hypothesis makes up, thrown at the grader: {place}", 500) as found:
        thrown_data.at(place, course, tmp_path, 500)
        found.append("all read, made safe and reported")
