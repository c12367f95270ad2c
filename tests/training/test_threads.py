"""How many threads a training on a CPU uses."""

import pytest
import torch

from course_lib.training import threads
from course_lib.training.fit import fit
from course_lib.training.progress import Progress
from tests.support.killing import Toy, make


@pytest.fixture
def two_threads(monkeypatch):
    """As on a machine with two cores, whatever this one has; which numbers were set."""
    numbers = [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: numbers[-1])
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return numbers


@pytest.mark.parametrize("winner", [1, 2])
def test_a_training_tries_both_keeps_the_winner_and_leaves_torch_as_it_was(
    winner, two_threads, monkeypatch
):
    """The first step with each number is slow, as it prepares."""
    clock, steps = [0.0], []
    monkeypatch.setattr(threads.time, "perf_counter", lambda: clock[0])
    method = make()

    def step(batch):
        steps.append(two_threads[-1])
        clock[0] += 1.0 if steps[-1] == winner else 2.0
        clock[0] += 9.0 * (steps.count(steps[-1]) == 1)
        return {"g_l1": 1.0}

    method.step = step
    fit(method, Toy(), steps=9, progress=False)
    assert steps == [1] * 3 + [2] * 3 + [winner] * 3 and two_threads[-1] == 2


@pytest.mark.parametrize("promise", ["the bits of a resumed run", "OMP_NUM_THREADS", "one core"])
def test_it_keeps_the_number_of_threads(promise, two_threads, tmp_path, monkeypatch):
    """Of a run that must repeat to the bit, of a person's choice, and where there is no other."""
    if promise == "OMP_NUM_THREADS":
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
    if promise == "one core":
        two_threads[:] = [1]
    before, out = two_threads[:], tmp_path if "bits" in promise else None
    fit(make(), Toy(), steps=9, out=out, progress=False)
    assert {*two_threads} == {*before}


def test_images_are_counted_as_they_come(monkeypatch):
    """Of three images a batch of eight has three; and a training that goes on counts its own."""
    seen = []
    monkeypatch.setattr(Progress, "update", lambda bar, at_once=False: seen.append(bar.run.images))
    fit(make(batch_size=8), Toy(3), steps=2, progress=False)
    assert seen == [3, 6, 6]
