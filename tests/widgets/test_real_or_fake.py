"""Real or fake: fair trials, and a round that nobody cheats by accident."""

import math
import random
from collections import Counter
from io import BytesIO

import pytest
import torch
from PIL import Image

from course_lib import CourseError
from course_lib.data.images import to_image
from course_lib.widgets.real_or_fake import SHOWN, Game, sentence, trials


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


# ---- the game


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 20, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def press(box, **action) -> None:
    """As the page does."""
    box.pressed = {"number": box.number, "at": random.random(), **action}


def test_a_game_shows_its_trials_and_its_result(images):
    box = Game(*images, seed=3)
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
    fooled = sum(trial.real_side == "right" for trial in chosen[10:])
    assert (box.phase, box.message) == ("done", sentence(fooled, 40))
    assert box.left == box.right == b""


def test_a_game_shows_errors_and_raises_them(images, monkeypatch):
    box = Game(*images)
    with monkeypatch.context() as patched:
        patched.setattr(Game, "_show", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            press(box, do="next")
    assert "division by zero" in box.error and box.phase == "ready"
    press(box, do="next")  # it works again
    assert box.error == "" and box.phase == "trial"
