"""When to stop: the best preview is kept beside the last, and scores over time are judged."""

import json
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch

from course_lib import CourseError, runs
from course_lib.training import checkpoint
from course_lib.training import run as training_run
from course_lib.training.fit import fit
from course_lib.training.progress import Progress
from tests.methods import contract
from tests.methods.test_contract import CASES
from tests.support.archives import tree
from tests.support.killing import Toy, make, write_pairs

OPTIONS = {"steps": 8, "previews": 4, "val": Toy(6), "progress": False}


def off_by(errors, keep="best"):
    """A method whose translations of held-out images are wrong by so much, preview by preview."""
    method, left = make(keep=keep), iter(errors)
    method.translate_batch = lambda batch: {"fake_y": batch["y"] + next(left)}
    return method


def test_the_best_preview_is_kept_as_a_checkpoint_of_its_own(tmp_path):
    fit(off_by([9, 0.3, 0.1, 0.2, 0.15]), Toy(), out=tmp_path, **OPTIONS)
    rows = training_run.read_rows(tmp_path / "scores.jsonl")
    assert [round(row["score"], 3) for row in rows.values()] == [0.3, 0.1, 0.2, 0.15]
    assert checkpoint.steps(tmp_path / "best" / "checkpoints") == [2, 4]
    assert checkpoint.steps(tmp_path / "checkpoints")[-1] == 8


@pytest.mark.parametrize(("keep", "newest"), [("best", 4), ("last", 4), ("best", 2)])
def test_the_best_up_to_the_last_checkpoint_outlives_a_kill(tmp_path, monkeypatch, keep, newest):
    """Also where the newest checkpoint is damaged, and the one before has to do."""
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 1e9)  # but for those beside a best one
    folders = [tmp_path / "checkpoints", tmp_path / "best" / "checkpoints"]
    killed = Mock(side_effect=[None] * 3 + [KeyboardInterrupt])  # after 0, 2 and 4 steps, at 6
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patched:
        patched.setattr(Progress, "show", killed)
        fit(off_by([9, 0.3, 0.2, 0.1]), Toy(), out=tmp_path, **OPTIONS)
    assert [checkpoint.steps(folder) for folder in folders] == [[2, 4], [2, 4]]
    if newest == 2:
        checkpoint.drop(folders[0] / "00000004")
    method = off_by([0.5] * 4, keep)  # never better again
    fit(method, Toy(), out=tmp_path, resume="changed", **OPTIONS)
    assert checkpoint.steps(folders[1])[-1] == newest


@pytest.mark.parametrize(("steps", "more"), [(40, [16, 24, 32, 40]), (20, [12, 16, 20])])
def test_a_training_made_longer_goes_on_previewing(tmp_path, steps, more):
    options = OPTIONS | {"previews": 5}
    fit(off_by([9, 0.5, 0.4, 0.3, 0.2, 0.1]), Toy(), out=tmp_path, **options | {"steps": 10})
    method = off_by([0.05] * 5)
    fit(method, Toy(), out=tmp_path, resume="changed", **options | {"steps": steps})
    shown = [*training_run.read_rows(tmp_path / "scores.jsonl")]
    assert shown == [2, 4, 6, 8, 10, *more]
    assert checkpoint.steps(tmp_path / "best" / "checkpoints")[-1] == more[0]


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "dcgan"])
def test_the_best_is_equal_to_the_bit_after_an_interruption(name, tmp_path, monkeypatch):
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 0)
    case, data = CASES[name], contract.Noise(16, paired=name != "cyclegan")
    case = replace(case, small=case.small | {"keep": "best"})
    options = OPTIONS | {"val": data, "seed": 3}
    fit(case.make(), data, out=tmp_path / "whole", **options)
    stopped = case.make()
    contract.interrupt_after(stopped, 5)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, data, out=tmp_path / "part", **options)
    scored = tmp_path / "part" / "scores.jsonl"  # as if it had died before its last checkpoint
    scored.write_text(scored.read_text() + json.dumps({"step": 6, "score": -1}) + "\n")
    fit(case.make(seed=9), data, out=tmp_path / "part", resume=True, **options)
    whole, part = (
        {path: data for path, data in tree(tmp_path / each).items() if "tensors" in path}
        for each in ("whole", "part")
    )
    assert whole == part and any(path.startswith("best") for path in whole)
    assert (tmp_path / "whole" / "scores.jsonl").read_bytes() == scored.read_bytes()
    kinds = {row["kind"] for row in training_run.read_rows(scored).values()}
    assert kinds == {"L1" if name == "pix2pix" else "KID"}


def test_the_command_uses_the_best_as_a_run_of_its_own(tmp_path, course, refusal):
    data, out = write_pairs(tmp_path / "data"), tmp_path / "out"
    words = f"--data {data} --out {out} --profile smoke --size 16 --steps 3 --set d_layers=1"
    status, _, err = course("train", "pix2pix", *words.split(), "--keep", "best")
    assert status == 0, err
    best = runs.open_run(out / "best", "cpu")[0]
    kept = checkpoint.load_latest(out / "best" / "checkpoints")[1]
    assert torch.equal(best.G.state_dict()["encoder.0.0.weight"], kept["G.encoder.0.0.weight"])
    evaluate = ["evaluate", "--data", data, "--run"]
    status, printed, _ = course(*evaluate, out, "--over-time")
    assert status == 0 and "verdict" in printed and (out / "over_time.png").exists()
    assert course(*evaluate, out / "best")[0] == 0
    assert "no scores of two previews" in refusal(*evaluate, out / "best", "--over-time")[0]


def rows_of(*scores, each=True):
    """Rows whose images differ by 0.1 around each score."""
    for step, score in enumerate(scores, start=1):
        row = {"step": step, "score": score, "groups": [0, 1, 2, 3], "kind": "L1"}
        spread = [score - 0.1, score + 0.1, score + 0.1 * (-1) ** step, score - 0.1 * (-1) ** step]
        yield row | ({"each": spread} if each else {"low": score - 0.1, "high": score + 0.1})


@pytest.mark.parametrize(
    ("scores", "each", "said"),
    [
        ((0.3, 0.2, 0.1), True, "a longer training may still help"),
        ((0.3, 0.2, 0.201), True, "cannot be told apart"),
        ((0.3, 0.2, 0.5), True, "worse since step 2: stop there"),
        ((0.3, 0.2, 0.25), False, "cannot be told apart"),
        ((0.3, 0.2, 0.35), False, "worse since step 2: stop there"),
    ],
)
def test_a_difference_within_its_interval_shows_nothing(scores, each, said, tmp_path):
    (tmp_path / "scores.jsonl").write_bytes(training_run.lines_of([*rows_of(*scores, each=each)]))
    facts = runs.over_time(tmp_path)
    assert said in facts["verdict"] and facts["last_step"] == 3
    assert facts["last_minus_best"] == pytest.approx(scores[2] - min(scores))


def test_a_best_that_cannot_be_is_refused(tmp_path):
    config = runs.make_config("pix2pixhd", "smoke", settings=["keep=best"])
    with pytest.raises(CourseError, match="learns its styles after the last step"):
        runs.train("pix2pixhd", "facades", tmp_path / "out", config, steps=1, progress=False)
    assert not (tmp_path / "out").exists()
