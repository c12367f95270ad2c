"""Several devices: the gradients of one larger batch, disjoint shares, exact resume, and nobody left when one dies."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from course_lib import CourseError, runs
from course_lib.data import Swapped, open_dataset
from course_lib.data.augment import Augment
from course_lib.training import checkpoint, devices
from tests import ROOT
from tests.support.killing import ONE_THREAD, course_train, equal, lines, rows, write_pairs
from tests.support.ranks import gradients

# ---- gradients


@pytest.fixture(scope="module")
def averaged(tmp_path_factory) -> list[dict]:
    """{method: gradients} of two ranks, each with one image."""
    folder = tmp_path_factory.mktemp("ranks")
    program = [sys.executable, str(ROOT / "tests" / "support" / "ranks.py"), str(folder)]
    started = [subprocess.Popen([*program, str(rank)], env=ONE_THREAD) for rank in range(2)]
    assert [process.wait(200) for process in started] == [0, 0]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", runs.METHODS)
def test_two_ranks_with_one_image_learn_as_one_with_two(name, averaged):
    one = gradients(name)
    assert len(one) == len(averaged[0][name]) and sum(g.abs().sum() > 0 for g in one) > 0.9 * len(
        one
    )
    largest = max(
        g.abs().max() for g in one
    )  # of a bias before a norm the gradient is 0 but for rounding
    for alone, first, second in zip(one, averaged[0][name], averaged[1][name], strict=True):
        assert torch.equal(first, second)
        assert (alone - first).abs().max() <= 1e-3 * alone.abs().max() + 1e-4 * largest, alone.shape


# ---- shares


def test_shares_are_disjoint_and_leave_nothing_out():
    for name, direction in (("emoji:edges", "xy"), ("emoji:noto-fluent", "yx")):
        whole = open_dataset(name, "train", 16, direction)
        shares = [devices.Shard(whole, rank, 3) for rank in range(3)]
        names = [{share[i]["name"] for i in range(len(share))} for share in shares]
        assert [len(found) for found in names] == [len(whole) // 3] * 3
        assert len(set.union(*names)) == 3 * (len(whole) // 3)
        assert shares[1].paired == whole.paired and list(shares[1].names) == list(whole.names)[1::3]
        assert hasattr(shares[0], "redraw") == isinstance(whole, Swapped) or name == "emoji:edges"
        if not whole.paired:
            before = shares[2][4]["x"]  # direction yx: x is the partner that is drawn
            Augment(shares[2]).set_epoch(1)
            assert not torch.equal(before, shares[2][4]["x"])
    with pytest.raises(CourseError, match="cannot be shared among 2000 devices"):
        devices.Shard(whole, 0, 2000)


# ---- the command


def command(folder: Path, data: Path, steps: int, *more: str) -> list[str]:
    return course_train(
        data, folder, steps, "--device", "cpu", "--no-bf16", *more, method="cyclegan"
    )


def run(words: list[str], **environment: str) -> subprocess.CompletedProcess:
    env = {**ONE_THREAD, "LOGLEVEL": "ERROR", **environment}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=250)


def held(out: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load_latest(out / "checkpoints")[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, Path]:
    """Data, and a run of 14 steps on two devices that nothing disturbed."""
    pytest.importorskip(
        "lightning_fabric", reason="lightning-fabric is not installed: one device only"
    )
    folder = tmp_path_factory.mktemp("devices")
    data = write_pairs(folder / "data")
    done = run(command(folder / "whole", data, 14, "--devices", "2"))
    assert done.returncode == 0 and done.stdout.count("finished at step 14") == 1, done.stderr
    assert len(re.findall("note: ", done.stderr)) <= 1 and "Traceback" not in done.stderr
    return data, folder / "whole"


def test_a_run_on_two_devices_is_one_run(whole):
    _, out = whole
    tensors = held(out)
    own, other = (tensors[name] for name in ("random.cpu", "ranks.1.random.cpu"))
    assert not torch.equal(own, other) and tensors["ranks.1.steps"] == 14
    assert tensors["pool_x.count"] == 9 == tensors["ranks.1.pool_x.count"]
    assert not torch.equal(tensors["pool_x.images"], tensors["ranks.1.pool_x.images"])
    assert [row["step"] for row in rows(out / "history.jsonl")] == list(range(1, 15))
    assert json.loads((out / "run.json").read_text())["devices"] == 2
    method, _ = runs.open_run(out)  # like any other run
    assert method.translate(torch.zeros(1, 3, 16, 16))["fake_y"].isfinite().all()


def test_torchrun_starts_the_same_run(whole, tmp_path):
    data, out = whole
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = run([sys.executable, *start, *command(tmp_path / "out", data, 14)[1:]])
    assert done.returncode == 0, done.stderr
    assert equal(held(tmp_path / "out"), held(out))
    assert rows(tmp_path / "out/history.jsonl") == rows(out / "history.jsonl")


@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.soak), 1])
def test_all_stop_when_one_is_killed_and_go_on_exactly(whole, tmp_path, victim):
    data, out = whole
    words = command(tmp_path / "run", data, 14, "--devices", "2", "--workers", "1")
    process = subprocess.Popen(
        words, env=ONE_THREAD, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    history, deadline = tmp_path / "run/history.jsonl", time.monotonic() + 200
    while lines(history) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    first = psutil.Process(process.pid)
    everyone = [first, *first.children(recursive=True)]
    # and loader processes; a rank is started as course_lib.cli.__main__
    (second,) = (child for child in first.children() if child.environ().get("LOCAL_RANK") == "1")
    (first, second)[victim].kill()
    killed = time.monotonic()
    _, alive = psutil.wait_procs(everyone[1:], timeout=30)
    said = process.communicate(timeout=30)[1]
    assert not alive and time.monotonic() - killed < 30
    assert process.returncode in (2, -9) and lines(history) < 14
    if process.returncode == 2:
        assert "error: another process of this training has died" in said
    again = run([*words, "--resume"])
    assert again.returncode == 0, again.stderr
    assert equal(held(tmp_path / "run"), held(out)) and rows(history) == rows(out / "history.jsonl")


def test_a_loss_that_is_not_finite_stops_all(whole, tmp_path):
    data, _ = whole
    done = run(command(tmp_path / "out", data, 400, "--devices", "2", "--set", "lr=1e30"))
    assert (
        done.returncode == 2
        and done.stderr.count("error: ") == 1
        and "Traceback" not in done.stderr
    )
    assert re.search(r"error: (the loss \w+ is (nan|inf)|\S+ is not finite)", done.stderr)
    assert all(t.isfinite().all() for t in held(tmp_path / "out").values() if t.is_floating_point())


def test_what_only_another_rank_meets_is_reported_once(whole, tmp_path):
    """A damaged file in the share of rank 1, too large a folder to be decoded before training."""
    data, _ = whole
    shutil.copytree(data, tmp_path / "data")
    training = sorted((tmp_path / "data/train").iterdir(), key=lambda path: path.name)
    code = "from course_lib.data import folders; folders.EAGER_PIXELS = 0; from course_lib.cli import main; main()"
    (tmp_path / "start.py").write_text(code)
    for path in training[1::2]:
        path.write_bytes(
            path.read_bytes()[:-30]
        )  # whichever of these is held out, others are in training
    words = command(tmp_path / "out", tmp_path / "data", 14, "--devices", "2")
    done = run([sys.executable, str(tmp_path / "start.py"), *words[3:]])
    assert done.returncode == 2 and done.stderr.count("error: ") == 1, done.stderr
    assert "cannot read this image" in done.stderr and "Traceback" not in done.stderr


def test_another_number_of_devices_is_noticed(whole, course):
    data, out = whole
    status, _, err = course(*command(out, data, 20, "--resume")[3:])
    assert status == 2 and "devices: 2 -> 1" in err


# ---- what cannot be


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--devices", "0"], "--devices must be above 0"),
        (["--devices", "2", "--device", "cpu"], "a package that is missing: lightning_fabric"),
    ],
)
def test_refused_before_anything_is_written(arguments, what, tmp_path, monkeypatch, refusal):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    out = tmp_path / "out"
    said = refusal(
        "train", "pix2pix", "--data", "emoji:edges", "--steps", 1, "--out", out, *arguments
    )
    assert what in said[0] and not out.exists()


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(CourseError, match="there are 1 GPUs here, not 2"):
        devices.layout(2, torch.device("cuda"))
    with pytest.raises(CourseError, match="mps is one device"):
        devices.layout(2, torch.device("mps"))


def test_torchrun_says_how_many(monkeypatch):
    cpu = torch.device("cpu")
    assert devices.layout(3, cpu) == (3, 1) and devices.layout(1, cpu) == (1, 1)
    torchrun = {"TORCHELASTIC_RUN_ID": "a", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6"}
    monkeypatch.setattr(os, "environ", {**os.environ, **torchrun})
    assert devices.layout(1, cpu) == devices.layout(2, cpu) == (2, 3)
    with pytest.raises(CourseError, match="torchrun started 2 processes"):
        devices.layout(4, cpu)
