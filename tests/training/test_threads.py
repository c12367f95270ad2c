"""How many threads a training on a CPU uses, and what its line of progress says of its pace."""

import pytest
import torch

from course_lib.training import threads
from course_lib.training.fit import fit
from course_lib.training.progress import Progress
from course_lib.training.run import TrainingRun
from tests.support.killing import Toy, make


@pytest.fixture
def two_threads(monkeypatch):
    """As on a machine with two cores, whatever this one has; which numbers were set."""
    numbers = [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: numbers[-1])
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return numbers


def test_it_takes_one_thread_while_others_use_the_cores(monkeypatch):
    chosen = threads.choices(2)
    now, seen = next(chosen), []

    def train(seconds, steps, share=0.9):
        nonlocal now
        for _ in range(steps):
            seen.append(now)
            now = chosen.send((seconds[now], share))

    quiet, busy = {1: 1.0, 2: 0.6}, {1: 1.3, 2: 9.0}
    train(quiet, 20)
    assert seen == [1] * 3 + [2] * 17
    train(busy, 20)  # five slow steps, and both are tried again
    assert seen[20:] == [2] * 5 + [1] * 3 + [2] + [1] * 11
    train(quiet, 20)
    assert seen[40:] == [1] * 20  # steps are not slower: one goes on until the next trial
    monkeypatch.setattr(threads.time, "monotonic", lambda: 1e9)
    train(quiet, 20)
    assert now == 2
    monkeypatch.setattr(threads.time, "monotonic", lambda: 2e9)
    train(busy, 20, share=0.3)  # two would get no cores, and are not even tried
    assert seen[-19:] == [1] * 19


def test_a_training_tries_and_leaves_torch_as_it_was(two_threads, monkeypatch):
    monkeypatch.setattr(threads, "BUSY", 0.0)  # however busy this machine is
    fit(make(), Toy(), steps=9, progress=False)
    assert two_threads[1:7] == [1, 1, 1, 2, 2, 2] and two_threads[-1] == 2


@pytest.mark.parametrize("promise", ["the bits of a resumed run", "OMP_NUM_THREADS", "one core"])
def test_it_keeps_the_number_of_threads(promise, two_threads, tmp_path, monkeypatch):
    """Of a run that must repeat to the bit, of a person's choice, and where there is no other."""
    if promise == "OMP_NUM_THREADS":
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
    if promise == "one core":
        two_threads[:] = [1]
    before, out = two_threads[:], tmp_path if "bits" in promise else None
    fit(make(), Toy(), steps=9, out=out, progress=False)
    assert two_threads == before


def test_the_line_says_it(two_threads, monkeypatch):
    chosen = threads.Threads(torch.device("cpu"))
    assert str(chosen) == "1 of 2 threads"
    fixed = threads.Threads(torch.device("cpu"), may_choose=False)
    assert str(fixed) == ""
    monkeypatch.setattr(threads.time, "process_time", lambda: 0.0)
    for _ in range(9):
        with fixed.step():
            pass
    assert str(fixed) == "2 threads wait for busy cores: try OMP_NUM_THREADS=1"


def test_a_slow_training_says_how_long_an_update_takes():
    run = TrainingRun(make(batch_size=8), None, minutes=1.0)
    bar = Progress(run, show=False)
    bar.start()
    run.step, run.seconds, run.terms = 11, 60.5, {"d_real": 0.25}
    said = bar.text("1 of 2 threads")
    assert said == "step 11 · 5.5 s per update · 0:00 left · 1 of 2 threads · d_real 0.250"
    run.step, run.seconds, run.terms = 110, 55.0, {}
    assert bar.text() == "step 110 · 16 images/s · 0:05 left"


def test_a_training_that_is_too_short_says_so_once(capsys):
    fit(make(), Toy(), steps=20)
    assert "note: " not in capsys.readouterr().err  # who counts updates knows them
    run = TrainingRun(make(), None, minutes=1.0)
    bar = Progress(run, show=True)
    bar.start()
    for step in range(1, 11):  # early, while there is time to choose another
        run.advance({}, 6.0 * step)
        bar.update(at_once=True)
        said = capsys.readouterr().err
        wanted = "at 0.17 updates a second, 1 minutes are about 10, and Pix2Pix takes" in said
        assert wanted == (step == 3) == ("some 300 from random weights: train for 30 m" in said)
    bar.remark, bar.run = "", (run := TrainingRun(make(), None, minutes=100.0))
    for step in range(1, 60):
        run.advance({}, 2.0 * step)
        bar.update(at_once=True)
    assert "updates a second" not in capsys.readouterr().err
