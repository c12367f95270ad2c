"""Real or fake: fair trials, a round that nobody cheats by accident, results that are not lost."""

import json
import math
import random
from collections import Counter
from io import BytesIO

import pytest
import torch
from PIL import Image

from course_lib import CourseError
from course_lib.data.images import to_image
from course_lib.metrics.intervals import wilson
from course_lib.widgets.real_or_fake import SHOWN, Game, game, sentence, store, table, trials


@pytest.mark.parametrize("n", [16, 23, 50, 159])
def test_trials_repeat_no_pair_and_keep_practice_apart(n):
    chosen = trials(n, seed=n)
    assert [trial.counts for trial in chosen] == [False] * 10 + [True] * 40
    pairs = {(trial.real, trial.fake) for trial in chosen}
    assert len(pairs) == 50 and all(real != fake for real, fake in pairs)
    practice, scored = (
        {i for trial in chosen if trial.counts == counts for i in (trial.real, trial.fake)}
        for counts in (False, True)
    )
    assert not practice & scored and max(practice | scored) < n
    often = Counter(trial.real for trial in chosen if trial.counts)
    assert max(often.values()) == math.ceil(40 / (n - math.ceil(n / 5)))
    assert chosen == trials(n, seed=n) != trials(n, seed=n + 1)


def test_the_side_is_a_coin_and_too_few_images_are_refused():
    sides = Counter(trial.real_side for seed in range(60) for trial in trials(50, seed))
    assert abs(sides["left"] - 1500) < 100  # 3.6 standard deviations
    with pytest.raises(CourseError, match="needs 16 images of each kind, got 15"):
        trials(15, seed=0)


def test_a_result_is_said_against_one_half():
    assert "you can tell" in sentence(0, 40) and "more real to you" in sentence(40, 40)
    assert "do not show" in sentence(20, 40) and "35 to 65 %" in sentence(20, 40)


def test_a_table_takes_people_not_trials(tmp_path):
    ann, bob = tmp_path / "new" / "ann.jsonl", tmp_path / "bob.jsonl"
    result = {"model": "m", "fooled": 1, "n": 8}
    store(ann, result, result | {"fooled": 3})  # 4 of 16
    store(ann, {"model": "other", "fooled": 0, "n": 40})
    store(bob, result | {"fooled": 4})  # 4 of 8
    (m, other) = table([ann, bob, ann]).splitlines()[2:4]
    high = 37.5 + 12.706 * 100 * math.sqrt(0.125**2 * 2) / math.sqrt(2)
    assert m == f"| m | 2 | 24 | 37.5 % | 0.0 to {min(100, high):.1f} % |"
    assert other == f"| other | 1 | 40 | 0.0 % | 0.0 to {100 * wilson(0, 40)[1]:.1f} % |"


@pytest.mark.parametrize(
    "line", ["{", "[]", "[" * 100_000, "\xff", "{}", '{"model": 1, "fooled": 9, "n": 8}', None, ""]
)
def test_what_is_no_result_is_refused(tmp_path, line, refusal):
    if line is not None:
        (tmp_path / "mine.jsonl").write_bytes(line.encode("latin-1"))
    assert "results" in refusal("study", tmp_path / "mine.jsonl")[0]


# ---- the game


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 20, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def press(box, **action) -> None:
    """As the page does."""
    box.pressed = {"number": box.number, "at": random.random(), **action}


def test_a_game_shows_its_trials_and_stores_its_result(images, tmp_path):
    box = game(*images, "mine", tmp_path / "me.jsonl", seed=3)
    assert box.side == SHOWN and box.total == 50 and "10 trials are for practice" in box.message
    press(box, do="answer", side="left")  # before the start: nothing happens
    chosen = trials(20, seed=3)
    for i, trial in enumerate(chosen):
        if i <= 10:  # after the start and after practice; then each answer brings the next pair
            press(box, do="next")
        assert (box.phase, box.number) == ("trial", i + 1) and f"{i + 1} of 50" in box.message
        pair = [images[0][trial.real], images[1][trial.fake]]
        shown = [Image.open(BytesIO(data)).tobytes() for data in (box.left, box.right)]
        expected = [to_image(image).tobytes() for image in pair]
        assert shown == (expected if trial.real_side == "left" else expected[::-1])
        press(box, do="next")  # not now
        press(box, do="answer", side="left")
        box.pressed = dict(box.pressed, number=i + 1, at=0)  # pressed twice
        verdict = "correct" if trial.real_side == "left" else "wrong"
        assert (box.message == f"{verdict}: the {trial.real_side} one was real") == (i < 10)
    assert box.phase == "done" and "of 40 trials" in box.message and "me.jsonl" in box.message
    assert box.left == box.right == b""
    (line,) = (tmp_path / "me.jsonl").read_text().splitlines()
    fooled = sum(trial.real_side == "right" for trial in chosen[10:])
    expected = {"model": "mine", "fooled": fooled, "n": 40, "seed": 3}
    assert json.loads(line) == expected


def test_a_game_shows_errors_and_raises_them(images, tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="cannot write results"):
        game(*images, "m", out=tmp_path)  # before the first trial
    box = game(*images, "m")
    with monkeypatch.context() as patched:
        patched.setattr(Game, "_show", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            press(box, do="next")
    assert "division by zero" in box.error and box.phase == "ready"
    press(box, do="next")  # it works again
    assert box.error == "" and box.phase == "trial"
