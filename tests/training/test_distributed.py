"""Several ranks under torchrun: what they learn, exact resume, and that all end when one does."""

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from course_lib import CourseError
from course_lib.training import checkpoint, distributed
from course_lib.training.loading import batches
from tests import ROOT
from tests.support.killing import (
    ONE_THREAD,
    Toy,
    course_train,
    equal,
    lines,
    make,
    rows,
    write_pairs,
)
from tests.support.ranks import train

RUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
PIPES = {"env": ONE_THREAD, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def command(data: Path, out: Path, steps: int, *more: str) -> list[str]:
    """course train cyclegan, with pools of fakes, on two ranks."""
    words = course_train(data, out, steps, "--device", "cpu", "--no-bf16", *more, method="cyclegan")
    return [*RUN, "--no-python", *words]


@pytest.mark.slow
def test_two_ranks_learn_what_one_process_does_with_the_joined_batch(tmp_path):
    program = str(ROOT / "tests" / "support" / "ranks.py")
    subprocess.run([*RUN, program, str(tmp_path), "1"], check=True, **PIPES, timeout=200)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert equal(first, second)
    alone = train(tmp_path / "alone", 1)
    for optimizer in ("opt_G", "opt_D"):  # after one step the moment is 1 - beta1 of the gradient
        names = [name for name in alone if re.match(rf"{optimizer}\.\d+\.exp_avg$", name)]
        largest = max(alone[name].abs().max() for name in names)
        for name in names:
            # a bias before a norm has the gradient 0, but for rounding
            tolerance = 1e-3 * alone[name].abs().max() + 1e-4 * largest
            assert (alone[name] - first[name]).abs().max() <= tolerance, name


@pytest.mark.slow
def test_all_stop_when_one_is_killed_and_go_on_exactly(tmp_path):
    data, whole, killed = write_pairs(tmp_path / "data"), tmp_path / "whole", tmp_path / "killed"
    in_peace = subprocess.run(command(data, whole, 14), **PIPES, timeout=250)
    assert in_peace.stdout.count("finished at step 14") == 1, in_peace.stderr
    process = subprocess.Popen(command(data, killed, 14), **PIPES)
    while lines(killed / "history.jsonl") < 5:
        assert process.poll() is None
        time.sleep(0.01)
    ranks = {child.environ()["RANK"]: child for child in psutil.Process(process.pid).children()}
    ranks["1"].kill()
    began = time.monotonic()
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 30 and not any(rank.is_running() for rank in ranks.values())
    assert "SIGKILL" in stderr and lines(killed / "history.jsonl") < 14
    subprocess.run(command(data, killed, 14, "--resume"), check=True, **PIPES, timeout=250)
    ends = [checkpoint.load_latest(out / "checkpoints")[1] for out in (whole, killed)]
    assert equal(*ends) and rows(killed / "history.jsonl") == rows(whole / "history.jsonl")
    pools = [ends[0][name] for name in ("pool_x.images", "rank1.pool_x.images")]
    assert not torch.equal(*pools)  # each rank has its own


@pytest.mark.slow
@pytest.mark.extra
def test_a_loss_that_is_not_finite_stops_all(tmp_path):
    words = command(write_pairs(tmp_path / "data"), tmp_path / "out", 400, "--set", "lr=1e30")
    done = subprocess.run(words, **PIPES, timeout=250)
    assert done.returncode and re.search(r"error: .* (is|is not) (nan|inf|finite)", done.stderr)


def test_a_batch_must_be_shared_equally(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: (1, 3))
    with pytest.raises(CourseError, match="a batch of 4 cannot be shared among 3 processes"):
        next(batches(Toy(), make()))
