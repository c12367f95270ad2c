"""Training that survives: the faults of a real machine, each with what must happen.

Rarer or larger counts of the same are in test_soak.py.
"""

import hashlib
import json
import multiprocessing
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from course_lib import CourseError, runs
from course_lib.data import files
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.training import checkpoint
from course_lib.training.fit import fit
from course_lib.training.loading import batches
from tests import ROOT
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

pytestmark = pytest.mark.usefixtures("one_thread")

posix = pytest.mark.skipif(
    os.name != "posix", reason="needs signals, limits and fork as POSIX has them"
)


def train(out: Path, steps: int = 6, method: Pix2Pix | None = None, **options):
    data = options.pop("data", None) or Toy()
    return fit(
        method or make(),
        data,
        steps=steps,
        out=out,
        progress=False,
        checkpoint_seconds=0,
        **options,
    )


def prepared(code: str, command: list[str]) -> list[str]:
    """``command`` after ``code``, in one process. (Popen's preexec_fn can hang: this process has threads.)"""
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
def test_kills_while_saving_lose_nothing(tmp_path):
    found = kill_while_saving(tmp_path, kills=12, seed=1)
    assert found["the new one"] + found["the one before"] + found["nothing yet"] == 12
    assert found["with something half written"] and not found["another"]


def test_a_good_checkpoint_is_never_written_again(tmp_path, monkeypatch):
    """For a moment there would be none of that step."""
    true_save, steps = checkpoint.save, []
    watched = lambda folder, step, *more: steps.append(step) or true_save(folder, step, *more)  # noqa: E731
    monkeypatch.setattr(checkpoint, "save", watched)
    train(tmp_path, 3)
    train(tmp_path, 3, resume=True)
    assert steps == [0, 1, 2, 3]


def test_what_a_killed_run_left_half_written_is_swept(tmp_path):
    train(tmp_path, 2)
    for name in (
        ".writing-history.jsonl",
        "checkpoints/.writing-00000007",
        "checkpoints/.writing-old-00000001/x",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    train(tmp_path, 3, resume=True)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(files.ASIDE)]


def test_the_report_of_make_soak_is_whole():
    """The guide quotes it (reliability.md). Remade by hand: see the end of ``make soak``."""
    table = (ROOT / "tests" / "soak_report.md").read_text(encoding="utf-8").splitlines()[6:]
    assert [line.split(" | ")[1] for line in table][:3] == ["200", "100", "20"]
    assert (
        "0 unreadable runs" in table[0]
        and "missed" not in table[1]
        and table[2].count("equal to the bit") == 4
    )
    assert not any("FAILED" in line for line in table)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    for text in (b"one", b"two"):
        files.replace_file(tmp_path / "f.json", text)
        assert contents(tmp_path) == {"f.json": text}


# ---- 2: the disk is full


@posix
@pytest.mark.slow
def test_a_full_disk_stops_the_command_and_keeps_the_last_checkpoint(tmp_path, pairs, course):
    out = tmp_path / "out"
    assert course(*course_train(pairs, out, 3)[3:])[0] == 0
    before = contents(out / "checkpoints")
    command = course_train(pairs, out, 500, "--resume", "--accept-changes")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))"
    full = subprocess.run(
        prepared(limit, command), env=ONE_THREAD, capture_output=True, text=True, timeout=200
    )
    what, where, _ = three_lines(full.stderr)
    assert full.returncode == 2 and re.search(r"checkpoint of \d{6} bytes: File too large$", what)
    assert where.startswith(f"where: {out / 'checkpoints'}/0000")
    assert contents(out / "checkpoints") == before
    assert runs.open_run(out)[1]["steps"] == 500  # still a run


@posix
def test_a_full_disk_is_told_for_the_history_too(tmp_path):
    method, limits = make(), resource.getrlimit(resource.RLIMIT_FSIZE)
    true_step = method.step

    def step(batch):
        terms = true_step(batch)
        size = (tmp_path / "history.jsonl").stat().st_size
        if size > 300:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
        return terms

    method.step = step
    try:
        with pytest.raises(
            CourseError, match=r"cannot write a row of .* bytes: File too large"
        ) as error:
            fit(method, Toy(), steps=50, out=tmp_path, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.where == str(tmp_path / "history.jsonl")
    done = train(tmp_path, 8, resume=True)  # half a row is at the end of the file
    assert done.steps == 8 and [row["step"] for row in rows(tmp_path / "history.jsonl")] == list(
        range(1, 9)
    )


# ---- 3, 4: damaged files


@pytest.mark.slow
def test_a_run_with_a_damaged_checkpoint_goes_on_from_the_one_before(tmp_path):
    whole, hurt = make(decay_from=1.0), make(decay_from=1.0)
    train(tmp_path / "whole", 9, whole)
    train(tmp_path / "part", 6, make(decay_from=1.0))
    newest = tmp_path / "part" / "checkpoints" / "00000006"
    for damage in (
        lambda: (newest / "tensors.safetensors").write_bytes(b""),
        lambda: (newest / "state.json").write_bytes((newest / "state.json").read_bytes()[:-2]),
        lambda: (newest / "tensors.safetensors").unlink(),
        lambda: (
            shutil.rmtree(newest / "tensors.safetensors", ignore_errors=True)
            or newest.joinpath("x").touch()
        ),
    ):
        damage()
        with pytest.warns(UserWarning, match="damaged.*trying the one before"):
            assert checkpoint.load_latest(newest.parent)[0] == 5
    with pytest.warns(UserWarning, match="00000006"):
        train(tmp_path / "part", 9, hurt, resume=True)
    assert equal(checkpoint.snapshot(hurt), checkpoint.snapshot(whole))
    assert checkpoint.steps(newest.parent) == [8, 9]


def test_a_damaged_newer_checkpoint_does_not_push_out_good_ones(tmp_path):
    for step in (10, 20):
        checkpoint.save(tmp_path, step, {"w": torch.zeros(3)}, {})
    (tmp_path / "00000020" / "state.json").write_text("[1, 2]")
    checkpoint.save(tmp_path, 12, {"w": torch.ones(3)}, {})
    assert checkpoint.steps(tmp_path) == [10, 12, 20]
    checkpoint.save(tmp_path, 20, {"w": torch.full((3,), 2.0)}, {})
    assert checkpoint.steps(tmp_path) == [12, 20]
    assert checkpoint.load_latest(tmp_path)[1]["w"][0] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"00000012", "00000020"}
    for step in (12, 20):
        (tmp_path / f"{step:08d}" / "state.json").write_bytes(b"")
    with (
        pytest.warns(UserWarning),
        pytest.raises(CourseError, match="no checkpoint here is readable"),
    ):
        checkpoint.load_latest(tmp_path)


@pytest.mark.slow
def test_any_flipped_bit_of_a_real_checkpoint_is_noticed(tmp_path):
    train(tmp_path, 2)
    found = flip_bits(tmp_path / "checkpoints", 30, seed=2)
    assert found["missed"] == 0 and sum(found.values()) == 30 and len(found) == 2
    path = tmp_path / "checkpoints" / "00000002" / "state.json"
    good = path.read_bytes()
    for position in range(len(good)):  # every byte of this file
        path.write_bytes(
            good[:position] + bytes([good[position] ^ 1 << position % 8]) + good[position + 1 :]
        )
        with pytest.raises(CourseError, match="checkpoint is damaged"):
            checkpoint.load(path.parent)


def test_a_bit_that_changes_no_value_is_noticed_too(tmp_path):
    path = (
        checkpoint.save(tmp_path, 1, {"w": torch.zeros(1)}, {"seconds": 1e-05, "name": "é"})
        / "state.json"
    )
    for old, new in ((b"1e-05", b"1E-05"), (rb"\u00e9", rb"\u00E9"), (b"\n}", b" }")):
        good = path.read_bytes()
        assert old in good
        path.write_bytes(good.replace(old, new))
        with pytest.raises(CourseError, match=r"SHA-256 of state\.json"):
            checkpoint.load(path.parent)
        path.write_bytes(good)


def test_a_damaged_history_is_told_and_costs_no_weights(tmp_path):
    train(tmp_path, 6)
    path = tmp_path / "history.jsonl"
    text = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join([text[0], text[1].replace(b'"step"', b'"s\xf4ep"'), b"[3]\n", *text[3:]])
    )
    with pytest.warns(UserWarning, match="lacks 2 of 6 steps"):
        result = train(tmp_path, 7, resume=True)
    assert [row["step"] for row in result.history] == [1, 4, 5, 6, 7]


# ---- 5: a malicious pickle


class Evil:
    def __init__(self, sentinel: Path):
        self.sentinel = str(sentinel)

    def __reduce__(self):
        return os.mkdir, (self.sentinel,)


def test_a_pickle_is_refused_even_with_the_right_hashes(tmp_path, course):
    sentinel, run = tmp_path / "executed", tmp_path / "run"
    evil = pickle.dumps({"G.weight": Evil(sentinel)})
    torch.save({"G.weight": Evil(sentinel)}, tmp_path / "evil.pt")
    config = runs.make_config("pix2pix", "smoke", 16, ["d_layers=1"])
    runs.train(
        "pix2pix",
        str(write_pairs(tmp_path / "data")),
        run,
        config,
        steps=1,
        progress=False,
        previews=0,
    )
    shutil.rmtree(run / "checkpoints" / "00000000")
    newest = run / "checkpoints" / "00000001"
    good = json.loads((newest / "state.json").read_bytes())
    for payload in (evil, (tmp_path / "evil.pt").read_bytes()):
        document = good | {"tensors_sha256": sha256(payload)}
        document.pop("sha256")
        document["sha256"] = sha256(json.dumps(document, indent=1).encode())
        (newest / "tensors.safetensors").write_bytes(payload)
        (newest / "state.json").write_bytes(json.dumps(document, indent=1).encode())
        with pytest.raises(
            CourseError, match=r"damaged: .*[Hh]eader"
        ):  # safetensors' own words: the hashes were right
            checkpoint.load(newest)
        (newest / "state.json").write_bytes(payload)
        for given in (tmp_path / "evil.pt", run, newest):
            where = ["--input", tmp_path / "data/train", "--output", tmp_path / "o"]
            status, _, said = course("translate", "--run", given, *where)
            assert status == 2 and three_lines(said)
    assert not sentinel.exists() and not (tmp_path / "o").exists()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- 6, 7: another architecture, other settings


def test_another_architecture_is_told_by_five_names_and_shapes(tmp_path):
    train(tmp_path, 1)
    before = contents(tmp_path / "checkpoints")
    other = make(generator="encoder-decoder")
    with pytest.raises(CourseError, match="another architecture") as error:
        train(tmp_path, 2, other, resume=True, accept_changes=True)
    shapes = [
        {name: tuple(t.shape) for name, t in checkpoint.snapshot(m).items()}
        for m in (make(), other)
    ]
    ours = shapes[1]
    wrong = [
        f"{name} {theirs} for {ours[name]}"
        for name, theirs in shapes[0].items()
        if theirs != ours[name]
    ]
    assert (
        len(wrong) == 6 and f"architecture: {', '.join(wrong[:5])} and 1 more" in error.value.what
    )
    assert error.value.where == str(tmp_path) and contents(tmp_path / "checkpoints") == before


def test_weights_that_have_no_place_here_are_a_mismatch(tmp_path):
    tensors = checkpoint.snapshot(make()) | {"D.extra": torch.zeros(2)}
    with pytest.raises(CourseError, match=r"architecture: D\.extra \(2,\) for none\n"):
        checkpoint.restore(make(), tensors, tmp_path)


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"lr": 0.001}, {}, "lr: 0.0002 -> 0.001"),
        ({"batch_size": 2, "dropout": 0.1}, {}, "batch_size: 4 -> 2; dropout: 0.5 -> 0.1"),
        ({}, {"seed": 1, "augment": False}, "augment: True -> False; seed: 0 -> 1"),
    ],
)
def test_fit_shows_changed_settings_and_wants_them_accepted(tmp_path, changes, options, said):
    train(tmp_path, 2)
    before = contents(tmp_path)
    with pytest.raises(CourseError, match=f"settings differ from the run's: {said}\n"):
        train(tmp_path, 3, make(**changes), resume=True, **options)
    assert contents(tmp_path) == before
    assert (
        train(tmp_path, 3, make(**changes), resume=True, accept_changes=True, **options).steps == 3
    )


def test_an_edited_run_json_is_noticed(tmp_path, pairs):
    config = runs.make_config("pix2pix", "smoke", 16, ["d_layers=1"])

    def go(config, steps, **options):
        return runs.train(
            "pix2pix",
            str(pairs),
            tmp_path,
            config,
            steps=steps,
            progress=False,
            previews=0,
            **options,
        )

    go(config, 2)
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"lr": 0.0012', '"lr": 0.5'))
    with pytest.raises(CourseError, match=r"lr: 0.5 -> 0.0012"):
        go(config, 2, resume=True)
    with pytest.raises(
        CourseError, match=r"lr: 0.0012 -> 0.5"
    ):  # run.json agrees, the checkpoint does not
        go(replace(config, lr=0.5), 2, resume=True)
    for text in (
        "[]",
        "{}",
        '{"method": "pix2pix", "config": 3}',
        '{"method": "pix2pix", "config": {"lrr": 1}}',
    ):
        path.write_text(text)
        with pytest.raises(CourseError, match=r"run"):
            runs.open_run(tmp_path)


# ---- 8: killed and resumed


@posix
@pytest.mark.slow
def test_killed_and_resumed_equals_never_killed(tmp_path, pairs):
    """Without loader processes, and of the other methods, in ``make soak``: resume itself is in their contract."""
    killed_at = kill_and_resume(tmp_path, pairs, 120, 1, 9, "--workers", "2")
    assert len(killed_at) == 1 and killed_at[0] > 0


def test_a_killed_first_step_is_no_run_yet(tmp_path):
    """The checkpoint of step 0 shows whether the folder can hold the run; it must not stand in the way of another."""
    method = make()
    method.step = lambda batch: {"g_l1": float("inf")}
    with pytest.raises(CourseError, match="the loss g_l1 is inf"):
        train(tmp_path, 3, method)
    assert checkpoint.steps(tmp_path / "checkpoints") == [0]
    assert train(tmp_path, 3, make(lr=1e-3)).steps == 3
    with pytest.raises(CourseError, match="already holds a run"):
        train(tmp_path, 3)


# ---- 9, 10, 11: what is wrong with the numbers, the memory, the GPU


def gives_nan(method, terms):
    return terms | {"g_gan": float("nan")}


def spoils_a_weight(method, terms):
    """The losses of a step are computed before its update, so they cannot see that it went wrong."""
    next(method.G.parameters()).data[0] = float("nan")
    return terms


def fills_the_memory(method, terms):
    torch.empty(2**60)


def fills_the_gpu(method, terms):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def cannot_compile(method, terms):
    failed = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})
    raise failed("No working C++ compiler found\nand a page of advice")


@pytest.mark.parametrize(
    ("how", "what", "fix"),
    [
        (gives_nan, "the loss g_gan is nan", "lower lr"),
        (spoils_a_weight, r"^G\..* is not finite any more", "lower lr"),
        (fills_the_memory, "out of memory", "smaller batch_size or image size"),
        (fills_the_gpu, "out of memory", "smaller batch_size or image size"),
        (cannot_compile, "does not work here: No working C", "train without --compile"),
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


def test_other_errors_of_torch_stay_what_they_are(tmp_path):
    method = make()
    method.step = lambda batch: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        train(tmp_path, 1, method)


@pytest.mark.slow
def test_without_a_gpu_there_is_one_notice(tmp_path, pairs, course, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, err = course(*course_train(pairs, tmp_path / "auto", 1)[3:])
    notices = [line for line in err.splitlines() if line.startswith("note:")]
    assert status == 0 and len(notices) == 1 and "no GPU found: training on CPU" in notices[0]
    status, _, err = course(*course_train(pairs, tmp_path / "cpu", 1, "--device", "cpu")[3:])
    assert status == 0 and "note:" not in err  # asked for, so nothing to tell


# ---- 28, 29, 30: the folder


def sandbox(*options: str) -> list[str]:
    """bwrap with the whole system as it is, but for ``options``; skips where it does not work."""
    command = ["bwrap", "--dev-bind", "/", "/"]
    works = (
        shutil.which("bwrap")
        and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    )
    if not works:
        pytest.skip(
            "bubblewrap does not work here: a read-only folder cannot be tested, root may write anywhere"
        )
    return [*command, *options]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", pytest.param("checkpoints", marks=pytest.mark.soak)])
def test_a_read_only_folder_is_refused_before_training(tmp_path, pairs, part):
    out = tmp_path / "out"
    (out / "checkpoints").mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    only = ["--ro-bind", str(out / part), str(out / part)]
    command = [*sandbox(*only), *course_train(pairs, out, 50)]
    done = subprocess.run(command, env=ONE_THREAD, capture_output=True, text=True)
    what, where, _ = three_lines(done.stderr)
    assert done.returncode == 2 and "Read-only file system" in what and str(out) in where
    assert not list((out / "checkpoints").iterdir()) and (out / "mine.txt").read_text() == "mine"
    assert lines(out / "history.jsonl") == 0  # not one step was made


@posix
@pytest.mark.slow
def test_a_second_run_is_refused_and_ctrl_c_ends_the_first(tmp_path, pairs, course):
    """Ctrl-C reaches the whole process group, loader processes included; what was learned is kept."""
    out = tmp_path / "out"
    hear = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)"  # background processes may ignore it
    first = subprocess.Popen(
        prepared(hear, course_train(pairs, out, 10**6, "--workers", "2")), env=ONE_THREAD, start_new_session=True,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_until(lambda: lines(out / "history.jsonl") > 3)
        status, _, said = course(*course_train(pairs, out, 5)[3:])
        what, where, _ = three_lines(said)
        assert status == 2 and where == f"where: {out}"
        assert f"process {first.pid} is writing" in what or "already holds a run" in what
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
    step = checkpoint.load_latest(out / "checkpoints")[0]
    assert step == len(rows(out / "history.jsonl")) > 3
    wait_until(lambda: not any(child.is_running() for child in children), 10)
    more = ["--resume", "--steps", str(step + 2), "--accept-changes"]
    status, said, _ = course(*course_train(pairs, out, 10**6, *more)[3:])
    assert status == 0 and f"finished at step {step + 2}" in said


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    now = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    result = train(tmp_path, 4)
    assert [row["seconds"] for row in result.history] == sorted(
        row["seconds"] for row in result.history
    )
    for age, path in enumerate(sorted((tmp_path / "checkpoints").rglob("*"))):
        os.utime(path, (1e9 - 1000 * age, 1e9 - 1000 * age))  # the newest step has the oldest files
    assert checkpoint.load_latest(tmp_path / "checkpoints")[0] == 4
    assert train(tmp_path, 6, resume=True).steps == 6 and checkpoint.steps(
        tmp_path / "checkpoints"
    ) == [5, 6]


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


def leaves():
    os._exit(0)


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("how", [dies, leaves])
def test_a_dead_loader_process_names_its_sample(tmp_path, how):
    start = time.monotonic()
    with pytest.raises(CourseError) as error:
        train(tmp_path, 30, data=Bad(how), workers=2)
    assert error.value.what.startswith("a loader process died reading sample 7 (picture 7.png): ")
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


def test_samples_that_do_not_fit_together_are_named():
    odd = Bad(lambda: {"x": torch.zeros(3, 8, 8), "y": torch.zeros(3, 8, 8), "name": "odd"})
    with pytest.raises(CourseError, match="the data set raised RuntimeError") as error:
        fit(make(), odd, steps=30, progress=False, augment=False)
    assert error.value.where.startswith("the batch of samples [") and "7" in error.value.where


def test_workers_are_counted_and_batches_jump_in(tmp_path):
    with pytest.raises(CourseError, match="cannot read with -1 processes"):
        train(tmp_path / "out", 1, workers=-1)
    assert not (tmp_path / "out").exists()
    whole, later, two = (
        batches(Toy(), make()),
        batches(Toy(), make(), done=6),
        batches(Toy(), make(), workers=2),
    )
    expected = [next(whole) for _ in range(8)]  # two epochs
    for batch, found in [
        *zip(expected[6:], later, strict=False),
        *zip(expected, two, strict=False),
    ]:
        assert found["name"] == batch["name"] and torch.equal(found["x"], batch["x"])
    seen = [
        dict(zip(names, x, strict=True))
        for names, x in ((batch["name"], batch["x"]) for batch in expected)
    ]
    first, second = (
        {name: x for batch in half for name, x in batch.items()} for half in (seen[:4], seen[4:])
    )
    both = first.keys() & second.keys()
    assert sum(not torch.equal(first[name], second[name]) for name in both) > 10  # augmented afresh
