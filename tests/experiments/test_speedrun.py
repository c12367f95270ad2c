"""tools/speedrun.py: what it counts, whom it believes, and that nobody wins without translating."""

import importlib
import json

import pytest
import torch

from course_lib.data.images import grey, to_bytes
from course_lib.errors import CourseError

# It sees no image that it is asked for before it has ended, and works in a process of its own.
ENTRY = """'''Nothing changed.'''
import subprocess, sys
def train(x, y, seed):
    seen = []
    def translate(x):
        seen.append(len(x))
        return x.flip(-1)
    yield translate
    assert not seen and x.shape == (3, 3, 32, 32)
    work = "import time\\nwhile time.process_time() < 1.5: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    yield translate
"""


@pytest.fixture
def speedrun(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend("tools")
    module = importlib.import_module("speedrun")
    net = lambda images: [0 * images]  # whose distance is always 0  # noqa: E731
    monkeypatch.setattr(module.judge, "lite1", lambda: net)
    return module


@pytest.mark.parametrize("track", ["pairs", "photographs", "unpaired"])
def test_no_answer_without_translating_reaches_a_target(speedrun, monkeypatch, track):
    monkeypatch.setattr(speedrun, "MOST", 24)
    x, y = speedrun.images(track, "test")
    mean = y.float().mean(0, keepdim=True)
    answers = {
        "the input": x,
        "grey": to_bytes(grey(x / 127.5 - 1)),
        "white": torch.full_like(y, 255),
        "the mean image": mean.byte().expand_as(y),
        "the mean colour": mean.mean((2, 3), keepdim=True).byte().expand_as(y),
        "another truth": y.roll(1, 0),
    }
    for what, answer in answers.items():  # and even if no eyes saw a difference
        found = speedrun.scores(track, answer, y)
        assert found["distance"] == 0 and not found["reached"], f"{what}: {found}"
    assert speedrun.scores(track, y, y)["reached"]


def test_an_attempt_counts_all_that_it_starts_and_leaves_a_receipt(
    speedrun, monkeypatch, tmp_path, capfd
):
    pairs = [torch.randint(256, (3, 3, 32, 32)).byte() for _ in "xy"]
    for name, value in {"SIZE": 32, "SEEDS": 2, "images": lambda *_: pairs}.items():
        monkeypatch.setattr(speedrun, name, value)
    (tmp_path / "pairs").mkdir()
    file = tmp_path / "pairs" / "one.py"
    file.write_text(ENTRY)
    rows = speedrun.run(file, file.parent)["rows"]
    assert all(1.5 < row["seconds"] == pytest.approx(row["steps"] * row["step"]) for row in rows)
    fake, _ = speedrun.attempt(file, 0, pairs, pairs[0])
    assert fake.equal(pairs[0].flip(-1))
    assert file.with_suffix(".webp").exists() and not rows[0]["reached"]
    monkeypatch.setattr(speedrun, "attempt", None)
    assert speedrun.run(file, file.parent)["rows"] == rows, "what is done is not done again"
    assert "missed a target in 2 of 2" in speedrun.verdict(speedrun.history(file.parent)["one"])

    monkeypatch.undo()
    file.write_text("def train(x, y, seed):\n    raise SystemExit('no idea')\n    yield")
    with pytest.raises(CourseError, match="without an answer"):
        speedrun.attempt(file, 0, pairs, pairs[0])
    assert "no idea" in capfd.readouterr().err
    with pytest.raises(CourseError, match="changed after its attempt"):
        speedrun.history(file.parent)


def test_a_record_reaches_all_targets_and_is_faster_beyond_chance(speedrun, tmp_path):
    def left(name: str, steps: list[float], reached: bool = True) -> None:
        (tmp_path / f"{name}.py").write_text("")
        nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        rows = [{"steps": step, "seconds": 60.0, "reached": reached} for step in steps]
        (tmp_path / f"{name}.json").write_text(json.dumps({"file": nothing, "rows": rows}))

    left("0", [90, 100, 110, 105, 95])
    left("1", [10, 20, 30, 40, 50], reached=False)
    left("2", [80, 90, 101, 85, 95])
    left("3", [80, 81, 82, 83, 84])
    left("4", [79, 78, 77, 76])
    found = speedrun.history(tmp_path)
    assert [name for name, one in found.items() if one["record"]] == ["0", "3"]
    assert found["3"]["p"] == 1 / 252 and "p = 0.06" in speedrun.verdict(found["2"])
    assert speedrun.faster([1, 2], [3]) == 1 / 3 and speedrun.faster([1], [1]) == 1
