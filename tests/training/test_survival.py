"""Training that survives: the faults of a real machine, each with what must happen.

Larger counts of the same are in tests/house/test_soak.py.
"""

import hashlib
import json
import math
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from course_lib import CourseError, runs
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.training import checkpoint, run
from course_lib.training.fit import fit
from tests.support.archives import tree as contents
from tests.support.killing import (
    ONE_THREAD,
    Toy,
    course_train,
    equal,
    flip_bits,
    kill_and_resume,
    kill_while_saving,
    lines,
    make,
    rows,
    write_pairs,
)

pytestmark = pytest.mark.usefixtures("always_saving")

posix = pytest.mark.skipif(
    os.name != "posix", reason="needs signals, limits and fork as POSIX has them"
)


@pytest.fixture
def always_saving(monkeypatch):
    """A checkpoint after every step, in this process."""
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0)


def train(out: Path, steps: int = 6, method: Pix2Pix | None = None, **options):
    return fit(method or make(), Toy(), steps=steps, out=out, progress=False, **options)


def prepared(code: str, command: list[str]) -> list[str]:
    """``command`` after ``code``, in one process. (Popen's preexec_fn can hang with threads.)"""
    return [
        sys.executable,
        "-c",
        f"import os, sys\n{code}\nos.execv(sys.argv[1], sys.argv[1:])",
        *command,
    ]


def three_lines(stderr: str) -> list[str]:
    found = [
        line for line in stderr.splitlines() if line.startswith(("error: ", "where: ", "fix: "))
    ]
    assert len(found) == 3 and "Traceback" not in stderr, stderr
    return found


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "data")


# ---- 1: killed while a checkpoint is written


@posix
@pytest.mark.slow
def test_a_kill_while_saving_loses_nothing(tmp_path):
    assert kill_while_saving(tmp_path, kills=3, seed=5)["killed"] == 3


# ---- 2: the disk is full


@posix
@pytest.mark.slow
def test_a_full_disk_stops_the_command_and_keeps_the_last_checkpoint(tmp_path, pairs, course):
    out = tmp_path / "out"
    assert course(*course_train(pairs, out, 3)[3:])[0] == 0
    before = contents(out / "checkpoints")
    command = course_train(pairs, out, 500, "--resume", "--accept-changes")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))"
    pipes = {"env": ONE_THREAD, "capture_output": True, "text": True}
    full = subprocess.run(prepared(limit, command), **pipes, timeout=200)
    error, where, _ = three_lines(full.stderr)
    assert full.returncode == 2 and re.search(r"checkpoint of \d{6} bytes: File too large$", error)
    assert where.startswith(f"where: {out / 'checkpoints'}/0000")
    assert contents(out / "checkpoints") == before
    assert runs.open_run(out)[1]["steps"] == 500  # still a run


# ---- 3, 4: damaged files


@pytest.mark.slow
def test_a_run_with_a_flipped_bit_goes_on_from_the_checkpoint_before(tmp_path, notes):
    whole, hurt = make(decay_from=1.0), make(decay_from=1.0)
    train(tmp_path / "whole", 9, whole)
    train(tmp_path / "part", 6, make(decay_from=1.0))
    assert flip_bits(tmp_path / "part" / "checkpoints", 9, seed=2)["missed"] == 0
    tensors = tmp_path / "part" / "checkpoints" / "00000006" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"?")
    train(tmp_path / "part", 9, hurt, resume=True)
    assert re.search("damaged.*00000006.*trying the one before", notes()[0])
    assert equal(checkpoint.snapshot(hurt), checkpoint.snapshot(whole))
    assert checkpoint.steps(tmp_path / "part" / "checkpoints") == [8, 9]


def test_no_damage_is_overlooked_and_damaged_ones_push_out_no_good_ones(tmp_path):
    saved = {"seconds": 1e-05, "name": "é"}
    for step in (10, 20):
        checkpoint.save(tmp_path, step, {"w": torch.zeros(3)}, saved)
    path = tmp_path / "00000020" / "state.json"
    good = path.read_bytes()
    same_values = [good.replace(b"1e-05", b"1E-05"), good.replace(rb"\u00e9", rb"\u00E9")]
    for bad in [b"", good[:-2], b"[1, 2]", *same_values]:
        path.write_bytes(bad)
        with pytest.raises(CourseError, match="checkpoint is damaged"):
            checkpoint.load(path.parent)
    checkpoint.save(tmp_path, 12, {"w": torch.ones(3)}, {})
    assert checkpoint.steps(tmp_path) == [10, 12, 20]
    checkpoint.save(tmp_path, 20, {"w": torch.full((3,), 2.0)}, {})
    assert {path.name for path in tmp_path.iterdir()} == {"00000012", "00000020"}
    assert checkpoint.load_latest(tmp_path)[1]["w"][0] == 2
    for step in (12, 20):
        (tmp_path / f"{step:08d}" / "tensors.safetensors").unlink()
    with pytest.raises(CourseError, match="no checkpoint here"):
        checkpoint.load_latest(tmp_path)


def test_a_damaged_history_is_told_and_costs_no_weights(tmp_path, notes):
    train(tmp_path, 6)
    path = tmp_path / "history.jsonl"
    text = path.read_bytes().splitlines(keepends=True)
    damaged = text[1].replace(b'"step"', b'"s\xf4ep"')
    path.write_bytes(b"".join([text[0], damaged, b"[3]\n", *text[3:], b'{"half']))
    result = train(tmp_path, 7, resume=True)
    assert "lacks 2 of 6 steps" in notes()[0]
    assert [row["step"] for row in result.history] == [1, 4, 5, 6, 7]


# ---- 5: a malicious pickle


class Evil:
    def __init__(self, sentinel: Path):
        self.sentinel = str(sentinel)

    def __reduce__(self):
        return os.mkdir, (self.sentinel,)


def test_a_pickle_is_refused_even_with_the_right_hashes(tmp_path, pairs, course):
    run, newest = tmp_path / "run", tmp_path / "run" / "checkpoints" / "00000001"
    assert course(*course_train(pairs, run, 1)[3:])[0] == 0
    shutil.rmtree(newest.with_name("00000000"))
    torch.save({"G.weight": Evil(tmp_path / "executed")}, tmp_path / "evil.pt")
    document = json.loads((newest / "state.json").read_bytes())
    document.pop("sha256")
    as_pickle = pickle.dumps({"G.weight": Evil(tmp_path / "executed")})
    for payload in (as_pickle, (tmp_path / "evil.pt").read_bytes()):
        document["tensors_sha256"] = hashlib.sha256(payload).hexdigest()
        own_hash = hashlib.sha256(json.dumps(document, indent=1).encode()).hexdigest()
        signed = json.dumps(document | {"sha256": own_hash}, indent=1).encode()
        (newest / "tensors.safetensors").write_bytes(payload)
        (newest / "state.json").write_bytes(signed)
        with pytest.raises(CourseError, match=r"damaged: .*[Hh]eader"):  # safetensors' own words
            checkpoint.load(newest)
        (newest / "state.json").write_bytes(payload)
        with pytest.raises(CourseError, match="damaged"):
            checkpoint.load(newest)
    assert not (tmp_path / "executed").exists()


# ---- 6, 7: another architecture, other settings


def test_another_architecture_is_told_by_five_names_and_shapes(tmp_path):
    train(tmp_path, 1)
    before = contents(tmp_path / "checkpoints")
    named = r"architecture: (G\.\S+ \(.+\) for \(.+\), ){4}G\.\S+ \(.+\) for \(.+\) and \d+ more"
    with pytest.raises(CourseError, match=named):
        train(tmp_path, 2, make(base_channels=8), resume="changed")
    assert contents(tmp_path / "checkpoints") == before
    tensors = checkpoint.snapshot(make()) | {"D.extra": torch.zeros(2)}
    with pytest.raises(CourseError, match=r"architecture: D\.extra \(2,\) for none\n"):
        checkpoint.restore(make(), tensors, tmp_path)


def test_an_edited_run_json_is_noticed(tmp_path, pairs, course):
    words = course_train(pairs, tmp_path, 2)[3:]
    assert course(*words)[0] == 0
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"lr": 0.0012', '"lr": 0.5'))
    assert "lr: 0.5 -> 0.0012" in course(*words, "--resume")[2]
    # now run.json agrees, and the checkpoint does not
    assert "lr: 0.0012 -> 0.5" in course(*words, "--resume", "--set", "lr=0.5")[2]


# ---- 8: killed and resumed


@posix
@pytest.mark.slow
def test_killed_and_resumed_equals_never_killed(tmp_path, pairs):
    """With loader processes; without, and of the other methods, in ``make soak``."""
    killed_at = kill_and_resume(tmp_path, pairs, 120, 1, 9, "--workers", "2")
    assert len(killed_at) == 1 and killed_at[0] > 0


def test_a_killed_first_step_is_no_run_yet(tmp_path):
    """The checkpoint of step 0 only shows whether the folder can hold the run."""
    method = make()
    method.step = lambda batch: {"g_l1": float("inf")}
    with pytest.raises(CourseError, match="the loss g_l1 is inf"):
        train(tmp_path, 3, method)
    assert checkpoint.steps(tmp_path / "checkpoints") == [0]
    assert train(tmp_path, 3, make(lr=1e-3)).steps == 3
    with pytest.raises(CourseError, match="already holds a run"):
        train(tmp_path, 3)


# ---- 9, 10, 11: what is wrong with the numbers, the memory, the GPU


def spoils_a_weight(method, terms):
    """The losses of a step are computed before its update, so they cannot see this."""
    next(method.G.parameters()).data[0] = float("nan")
    return terms


@pytest.mark.parametrize(
    ("how", "what", "fix"),
    [
        (lambda _, terms: terms | {"g_gan": math.nan}, "the loss g_gan is nan", "lower lr"),
        (spoils_a_weight, r"^G\..* is not finite any more", "lower lr"),
        (lambda *_: torch.empty(2**60), "out of memory", "smaller batch_size or image size"),
    ],
)
def test_a_step_that_goes_wrong_is_named_and_the_checkpoint_before_it_is_kept(
    tmp_path, how, what, fix
):
    method, calls = make(), []
    true_step = method.step

    def step(batch):
        terms = true_step(batch)
        calls.append(1)
        return how(method, terms) if len(calls) == 4 else terms

    method.step = step
    with pytest.raises(CourseError, match=what) as error:
        train(tmp_path, 9, method)
    assert fix in error.value.fix and error.value.where == f"step 4 of {tmp_path}"
    step, tensors, _ = checkpoint.load_latest(tmp_path / "checkpoints")
    assert step == 3 and all(t.isfinite().all() for t in tensors.values() if t.is_floating_point())


def test_a_nan_that_is_read_late_reaches_no_checkpoint(tmp_path, monkeypatch):
    """Terms of a device that is no CPU are read every ten steps, and before a checkpoint."""
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 99)
    method, steps = make(), []
    method.device = torch.device("meta")

    def step(batch):
        steps.append(1)
        return {"g_l1": torch.tensor(math.nan if len(steps) == 13 else 1.0)}

    method.step = step
    with pytest.raises(CourseError, match="the loss g_l1 is nan") as error:
        train(tmp_path, 25, method)
    assert error.value.where.startswith("step 13 ") and len(steps) == 20
    assert checkpoint.steps(tmp_path / "checkpoints") == [0]
    assert lines(tmp_path / "history.jsonl") == 10


def test_other_errors_of_torch_stay_what_they_are(tmp_path):
    method = make()
    method.step = lambda batch: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        train(tmp_path, 1, method)


@pytest.mark.slow
def test_without_a_gpu_there_is_one_notice(tmp_path, pairs, course, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, err = course(*course_train(pairs, tmp_path / "auto", 1)[3:])
    notices = [line for line in err.splitlines() if "GPU" in line]
    assert status == 0 and len(notices) == 1 and "note: no GPU found: training on" in notices[0]
    status, _, err = course(*course_train(pairs, tmp_path / "cpu", 1, "--device", "cpu")[3:])
    assert status == 0 and "GPU" not in err  # asked for, so nothing to tell


# ---- 28: the folder


@posix
@pytest.mark.slow
def test_a_second_run_is_refused_and_ctrl_c_ends_the_first(tmp_path, pairs, course):
    """Ctrl-C reaches the whole process group, loaders included; what was learned is kept."""
    out = tmp_path / "out"
    # background processes may ignore it
    hear = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)"
    command = prepared(hear, course_train(pairs, out, 10**6, "--workers", "2"))
    pipes = {"env": ONE_THREAD, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    first = subprocess.Popen(command, start_new_session=True, **pipes)
    try:
        wait_until(lambda: lines(out / "history.jsonl") > 3)
        status, _, said = course(*course_train(pairs, out, 10**6, "--resume")[3:])
        assert status == 2 and f"process {first.pid} is writing" in three_lines(said)[0]
        children = psutil.Process(first.pid).children(recursive=True)
        assert len(children) >= 2
        os.killpg(first.pid, signal.SIGINT)
        said, complained = first.communicate(timeout=60)
    finally:
        first.kill()
    assert (
        first.returncode == 130
        and "interrupted: stopped after step" in said
        and "Traceback" not in complained
    )
    assert checkpoint.load_latest(out / "checkpoints")[0] == len(rows(out / "history.jsonl")) > 3
    wait_until(lambda: not any(child.is_running() for child in children), 10)


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- 31: a loader process dies


class Bad(Toy):
    """Sample 7 is read by ``how``."""

    def __init__(self, how):
        super().__init__()
        self.how, self.names = how, [f"picture {i}.png" for i in range(len(self))]

    def __getitem__(self, i):
        return self.how() if i == 7 else super().__getitem__(i)


def refuses():
    raise CourseError("not an image", "7.png", "remove it")


def raises():
    return {}["x"]


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_dead_loader_process_ends_the_training(tmp_path):
    start = time.monotonic()
    with pytest.raises(CourseError, match="cannot make a batch: DataLoader worker") as error:
        fit(make(), Bad(dies), steps=30, out=tmp_path, progress=False, workers=2)
    assert "workers=0" in error.value.fix
    assert time.monotonic() - start < 30 and multiprocessing.active_children() == []
    assert checkpoint.load_latest(tmp_path / "checkpoints") is not None


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_read_is_named(workers):
    with pytest.raises(CourseError) as error:
        fit(make(), Bad(refuses), steps=30, progress=False, workers=workers)
    assert (error.value.what, error.value.where, error.value.fix) == (
        "not an image",
        "7.png",
        "remove it",
    )
    with pytest.raises(CourseError) as error:
        fit(make(), Bad(raises), steps=30, progress=False, workers=workers)
    assert error.value.what == "the data set raised KeyError: 'x'"
    assert error.value.where == "sample 7 (picture 7.png)"
    assert (error.value.__cause__ is not None) == (
        workers == 0
    )  # a notebook can show where it happened
    assert multiprocessing.active_children() == []


def test_samples_that_do_not_fit_together_are_told():
    odd = Bad(lambda: {"x": torch.zeros(3, 8, 8), "y": torch.zeros(3, 8, 8), "name": "odd"})
    with pytest.raises(CourseError, match="cannot make a batch: stack expects"):
        fit(make(jitter="none"), odd, steps=30, progress=False)
