"""The long counts of which `make test` runs a few. ``make soak`` puts a row of each into
build/soak.md.
"""

import os

import pytest

from assignments.grader import grade
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


def told(what: str, times: int, found: str) -> None:
    """A row of the report; what failed has none, but pytest's words."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "soak.md").open("a", encoding="utf-8") as report:
        report.write(f"| {what} | {times} | {found} |\n")


def test_200_kills_while_saving_and_100_flipped_bits(tmp_path):
    counts = kill_while_saving(tmp_path, 200, SEED)
    assert counts.pop("killed") == 200
    told("run killed (SIGKILL) while it wrote a checkpoint, then resumed", 200, f"{dict(counts)}")
    flipped = flip_bits(tmp_path / "killed" / "checkpoints", 100, SEED)
    assert flipped["missed"] == 0 and flipped.total() == 100
    told("one bit flipped in a checkpoint", 100, f"{dict(flipped)}, the one before it was used")


def test_20_kills_of_course_train(tmp_path):
    pairs = write_pairs(tmp_path / "pairs")
    for k, (data, workers) in enumerate([(pairs, 0), (pairs, 0), (pairs, 2), ("emoji:edges", 0)]):
        at = kill_and_resume(tmp_path / f"{k}", data, 900, 5, SEED + k, "--workers", f"{workers}")
        told("`course train` killed and resumed, equal to the bit", 5, f"at {at} of 900 steps")


@pytest.mark.parametrize("method", ["cyclegan", "unit", "munit", "pix2pixhd"])
def test_other_methods_are_killed_too(tmp_path, method):
    """With its pools, shared blocks and encoders; with phases, and centres that are found when
    training is over.
    """
    data = "facades" if method == "pix2pixhd" else "facades:day-night"
    at = kill_and_resume(tmp_path, data, 80, 2, SEED, method=method)
    told(f"`course train {method}` killed and resumed, equal to the bit", 2, f"at {at} of 80 steps")


@needs_bubblewrap
def test_60_submissions_killed_20_times_while_they_are_graded(tmp_path):
    released = toy_course.make(tmp_path / "released")
    graded, at = kill_and_run_again(released, tmp_path, 60, 20, SEED + 1)
    assert graded == 60 and len(set(at)) > 10
    told("`course grade` killed and run again, grades as of a run in peace", 20, f"after {at}")


@needs_bubblewrap
def test_200_submissions_graded_twice(tmp_path):
    course = toy_course.make(tmp_path / "course")
    hand_in(course, 200)
    grade.run(course, "toy", tier="bubblewrap", progress=False)
    first = graded_table(course)
    _, fresh, _ = grade.run(course, "toy", tier="bubblewrap", progress=False, force=True)
    assert fresh == 200 and graded_table(course) == first and len(first["scores"]) == 200
    told("submissions of all kinds graded twice", 200, "identical grades")


@pytest.mark.parametrize("place", thrown_data.PLACES)
def test_500_examples_at_each_place_where_data_enters_the_grader(tmp_path, place):
    thrown_data.at(place, toy_course.make(tmp_path / "course"), tmp_path, 500)
    told(f"data that Hypothesis makes up, thrown at the grader: {place}", 500, "all made safe")
