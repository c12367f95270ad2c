"""tools/speedrun.py: what it counts, whom it believes, that nobody wins without a network, and that
a hostile entry loses and harms nobody.
"""

import json

import pytest
import torch

from assignments.grader.sandbox import bubblewrap_trouble
from course_lib.data.images import grey, to_bytes
from course_lib.errors import CourseError
from tools import speedrun

# It sees no image that it is asked for before it has ended, and works in processes of its own, one
# of which it abandons.
ENTRY = """'''Nothing changed.'''
import os, subprocess, sys, time
def train(x, y, seed):
    seen = []
    def translate(x):
        seen.append(len(x))
        return x.flip(-1)
    yield translate
    assert not seen and x.shape == (3, 3, 32, 32)
    work = "import time\\nwhile time.process_time() < 1.5: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    if os.fork() == 0:
        os.fork() or (exec(work), open('done', 'w'))
        os._exit(0)
    while not os.path.exists('done'): time.sleep(0.1)
    yield translate
"""
# What each does in place of learning, and what is said of it: it loses, and harms nobody. The
# sandbox itself is the grader's, whose tests go through all that it keeps away.
BODY, HOSTILE = (
    "import os, sys, time\ndef train(x, y, seed):\n    {}\n    yield len",
    {
        f"open('{__file__}')": "No such file",
        "sys.modules.pop('course_lib', 0); import course_lib": "No module",
        "import socket; socket.create_connection(('1.1.1.1', 80))": "unreachable",
        "time.sleep(999)": "its end: time",
        "yield lambda x: x[:1]; return": "without an answer",
        "os.kill(os.getppid(), 9), os.kill(-1, 9)": "No such process",
        f"'{'w' * 20_000}'": "too large",
    },
)


pytestmark = [pytest.mark.extra, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def no_distance(monkeypatch):
    monkeypatch.setattr(speedrun.judge, "lite1", lambda: lambda images: [0 * images])


@pytest.mark.parametrize(
    ("track", "score"),
    [("pairs", "structure"), ("photographs", "colours"), ("unpaired", "lights")],
)
def test_no_answer_without_a_network_reaches_a_target(monkeypatch, track, score):
    monkeypatch.setattr(speedrun, "MOST", {"test": 24})
    x, y = speedrun.images(track, "test")
    light, mean = x.float().mean(1).round().long(), y.float().mean(0, keepdim=True)
    sums = [torch.bincount(light.flatten(), c.flatten(), 256) for c in y.double().unbind(1)]
    table = torch.stack(sums) / torch.bincount(light.flatten(), minlength=256).clamp(min=1)
    spread = y.float().std((0, 2, 3), keepdim=True) / x.float().std((0, 2, 3), keepdim=True)
    shift = (
        y.float().mean((0, 2, 3), keepdim=True) - x.float().mean((0, 2, 3), keepdim=True) * spread
    )
    answers = {  # with the colours of the very images that are asked for
        "the truth": y,
        "the input": x,
        "grey": to_bytes(grey(x / 127.5 - 1)),
        "white": torch.full_like(y, 255),
        "the mean image": mean.byte().expand_as(y),
        "the mean colour": mean.mean((2, 3), keepdim=True).byte().expand_as(y),
        "another truth": y.roll(1, 0),
        "each lightness in its mean colour": table[:, light].movedim(0, 1).byte(),
        "each channel scaled and shifted": (x * spread + shift).clamp(0, 255).byte(),
        "one colour, light as the input": (x / 255 * mean.mean((2, 3), keepdim=True)).byte(),
    }
    found = {what: speedrun.scores(track, x, answer, y) for what, answer in answers.items()}
    # even if no eyes saw a difference; and what makes up its colours or lights has too few of them
    made = found.keys() - {"the truth", "another truth", "the mean image"}
    goal = speedrun.TRACKS[track][1][score]
    assert [what for what, one in found.items() if one["reached"]] == ["the truth"], found
    assert max(found[what][score] for what in made) < goal, found


@pytest.mark.skipif(bool(bubblewrap_trouble()), reason="bubblewrap does not work here")
def test_an_attempt_counts_all_that_it_starts_and_hostile_ones_lose(monkeypatch, tmp_path):
    pairs = [torch.randint(256, (3, 3, 32, 32)).byte() for _ in "xy"]
    for name, value in {"SIZE": 32, "SEEDS": 1, "images": lambda *_: pairs}.items():
        monkeypatch.setattr(speedrun, name, value)
    file = tmp_path / "pairs" / "one.py"
    file.parent.mkdir(), file.write_text(ENTRY)
    rows = speedrun.run(file)["rows"]
    assert rows[0]["seconds"] > 3 and file.with_suffix(".webp").exists()
    for deed, said in HOSTILE.items():
        file.write_text(BODY.format(deed)) and monkeypatch.setattr(
            speedrun, "LIMIT", 20 if "sleep" in deed else 600
        )
        with pytest.raises(CourseError, match=said):
            speedrun.attempt(file, 0, pairs, pairs[0])
    for action, path, said in (
        ("run", file, "changed after its attempt"),
        ("verifi", file, "unknown action"),
        ("run", file.parent, "unknown track"),
    ):
        with pytest.raises(CourseError, match=said):
            speedrun.main(action, path)
    file.write_text(ENTRY)
    assert speedrun.run(file)["rows"] == rows, "what is done is not done again"


def test_a_record_reaches_all_targets_and_is_faster_beyond_chance(tmp_path):
    for name, steps in {
        "0": [90, 100, 110, 105, 95],
        "1": [10, 20, 30, 40, 50],  # which missed a target
        "2": [80, 90, 101, 85, 95],
        "3": [80, 81, 82, 83, 84],
        "4": [79, 78, 77, 76],
    }.items():
        note = {
            "rows": [{"steps": step, "seconds": 60.0, "reached": name != "1"} for step in steps],
            "file": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(note)), (tmp_path / f"{name}.py").touch()
    found = speedrun.history(tmp_path)
    assert [speedrun.verdict(one).rpartition(" | ")[2] for one in found.values()] == [
        "**record**",
        "missed a target in 5 of 5",
        "no faster (p = 0.063)",
        "**record**",
        "no faster (p = 0.0079), unfinished: 4 of 5 seeds",
    ]
    assert speedrun.faster([1, 2], [3]) == 1 / 3 and speedrun.faster([1], [1]) == 1
