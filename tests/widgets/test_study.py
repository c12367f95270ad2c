"""Real or fake: fair trials, a round that nobody cheats by accident, honest intervals, results that are not lost."""

import json
import math
import multiprocessing
import random
from collections import Counter
from io import BytesIO
from pathlib import Path

import filelock
import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image

from course_lib import CourseError
from course_lib.data.images import to_bytes, to_image
from course_lib.metrics.intervals import wilson
from course_lib.widgets import study
from course_lib.widgets.real_or_fake import SHOWN, game, picture
from course_lib.widgets.study import Round, append, pool, sentence, simulate, table, trials
from tests import ROOT

SHIPPED = ROOT / "notebooks" / "study_simulated.jsonl"
CHANCES = {
    "model A": 0.05,
    "model B": 0.25,
    "model C": 0.5,
}  # of being fooled, of the players that are shipped
FIFTY = range(50)


def play(fooled, model="m", seed=0, player="p", practice=2, scored=8) -> dict:
    """The result of a player who takes the fake for the real one where ``fooled(i)`` says so."""
    one = Round(model, trials(FIFTY, FIFTY, seed, practice, scored), seed, player)
    for i in range(practice + scored):
        real = one.show().real_side
        one.answer({"left": "right", "right": "left"}[real] if fooled(i - practice) else real)
    return one.result


# ---- trials


@pytest.mark.parametrize("n", [16, 23, 50, 159])
def test_trials_repeat_no_pair_and_keep_practice_apart(n):
    found = trials(range(n), range(n + 3), seed=n)
    assert [t.scored for t in found] == [False] * 10 + [True] * 40
    assert len({(t.real, t.fake) for t in found}) == 50 and all(t.real != t.fake for t in found)
    practice, scored = (
        {i for t in found if t.scored == s for i in (t.real, t.fake)} for s in (False, True)
    )
    assert not practice & scored and max(practice | scored) < n
    for side in ("real", "fake"):
        often = Counter(getattr(t, side) for t in found if t.scored)
        assert max(often.values()) == math.ceil(40 / (n - math.ceil(n / 5)))
    assert found == trials(range(n), range(n), seed=n) != trials(range(n), range(n), seed=n + 1)


def test_with_many_images_no_input_is_seen_both_ways():
    found = trials(range(100), range(100), seed=0)
    assert not {t.real for t in found} & {t.fake for t in found}


def test_same_input_pairs_an_image_with_its_translation():
    found = trials(FIFTY, FIFTY, seed=1, same_input=True)
    assert all(t.real == t.fake for t in found) and len({t.real for t in found}) == 50
    with pytest.raises(CourseError, match="need 50 images of each"):
        trials(range(49), FIFTY, seed=1, same_input=True)


def test_too_few_images_are_refused_with_a_number():
    with pytest.raises(CourseError, match="need 16 images of each kind, got 15 and 99"):
        trials(range(15), range(99), seed=0)
    with pytest.raises(CourseError, match="need 16"):
        trials([], [], seed=0)
    with pytest.raises(CourseError, match="10 \\+ 0"):
        trials(FIFTY, FIFTY, seed=0, scored=0)
    assert len(trials(range(16), range(16), seed=0)) == 50
    assert len(trials(range(3), range(3), seed=0, practice=0, scored=6)) == 6


def test_the_side_is_a_coin():
    sides = Counter(t.real_side for seed in range(60) for t in trials(FIFTY, FIFTY, seed))
    assert abs(sides["left"] - 1500) < 100  # 3.6 standard deviations


# ---- a round


def test_feedback_in_practice_only():
    one = Round("m", trials(FIFTY, FIFTY, 0, 3, 4))
    for i in range(7):
        real = one.show().real_side
        said = one.answer("left")
        verdict = "correct" if real == "left" else "wrong"
        assert said == (f"{verdict}: the {real} one was real" if i < 3 else "")
    assert one.finished


def test_a_round_takes_one_answer_for_each_trial_shown():
    one = Round("m", trials(FIFTY, FIFTY, 0, 1, 2))
    with pytest.raises(ValueError, match="after show"):
        one.answer("left")  # before the start
    assert one.show() == one.show() == one.trials[0]  # a page that was loaded again
    with pytest.raises(ValueError, match="middle"):
        one.answer("middle")
    one.answer("left", 1002)
    with pytest.raises(ValueError, match="after show"):
        one.answer("left")  # pressed twice
    with pytest.raises(ValueError, match="2 trials are left"):
        _ = one.result
    for _ in range(2):
        one.show()
        one.answer("right", 1016)
    with pytest.raises(ValueError, match="over"):
        one.show()
    with pytest.raises(ValueError, match="after show"):
        one.answer("left")
    assert one.result is one.result and one.result["longest_ms"] == 1016 and one.result["n"] == 2
    assert json.loads(json.dumps(one.result)) == one.result and not one.result["simulated"]


@pytest.mark.slow
def test_known_rates():
    assert play(lambda i: False)["rate"] == 0
    assert play(lambda i: i < 0)["fooled"] == 0  # practice does not count
    assert play(lambda i: i in (0, 5))["rate"] == 0.25
    assert "you can tell" in sentence(play(lambda i: False, scored=40))
    assert "more real than the real ones" in sentence(play(lambda i: True, scored=40))
    assert "do not show" in sentence(play(lambda i: i % 2, scored=40))


def test_wilson_knows_its_textbook_values():
    assert wilson(20, 40) == pytest.approx((0.3520, 0.6480), abs=1e-4)
    assert wilson(0, 40) == pytest.approx((0, 0.0876), abs=1e-4)
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert wilson(40, 40) == pytest.approx((0.9124, 1), abs=1e-4)


@pytest.mark.slow
def test_the_interval_of_a_coin_holds_one_half_95_times_in_100():
    exact = sum(
        math.comb(40, k) / 2**40 for k in range(41) if wilson(k, 40)[0] <= 0.5 <= wilson(k, 40)[1]
    )
    assert exact == pytest.approx(0.9615, abs=1e-4)  # with 40 answers it cannot be 0.95
    held = 0
    for seed in range(200):
        dice = random.Random(seed)
        result = play(lambda _, dice=dice: dice.random() < 0.5, seed=seed, scored=40)
        held += result["low"] <= 0.5 <= result["high"]
    assert abs(held / 200 - exact) < 0.04
    # who always says left is a coin, too
    left = [
        sum(t.real_side == "right" for t in trials(FIFTY, FIFTY, seed) if t.scored)
        for seed in range(200)
    ]
    assert abs(sum(left) / 8000 - 0.5) < 0.02


# ---- results


def _append_many(path: Path, who: int) -> None:
    for i in range(15):
        append(path, {"who": who, "i": i, "long": "x" * 5000})


def test_many_writers_lose_no_line(tmp_path):
    path, fork = tmp_path / "new folder" / "results.jsonl", multiprocessing.get_context("fork")
    writers = [fork.Process(target=_append_many, args=(path, who)) for who in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [writer.exitcode for writer in writers] == [0] * 6
    assert sorted((row["who"], row["i"]) for row in rows) == [
        (who, i) for who in range(6) for i in range(15)
    ]


def test_half_a_line_harms_only_itself(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"half": ')
    append(path, play(lambda i: False))
    rows, broken = pool([path])
    assert len(rows) == 1 and len(broken) == 1 and "line 1" in broken[0]


def test_a_file_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="cannot add results"):
        append(tmp_path / "file" / "r.jsonl", {})
    with pytest.raises(CourseError, match="cannot add results"):
        game(
            torch.zeros(20, 3, 8, 8), torch.zeros(20, 3, 8, 8), "m", out=tmp_path
        )  # before the first trial

    def held(*_, **__):
        raise filelock.Timeout("lock")

    monkeypatch.setattr(filelock, "FileLock", held)
    with pytest.raises(CourseError, match="others hold its lock"):
        append(tmp_path / "r.jsonl", {})


def test_pooling_takes_people_not_trials(tmp_path):
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    ann, bob = (
        play(lambda i: i == 0, player="ann"),
        play(lambda i: i < 4, player="bob"),
    )  # 1 and 4 of 8
    again = play(lambda i: i < 3, player="ann", seed=2)  # ann then has 4 of 16
    append(a, ann, bob, play(lambda i: False, "other"))
    append(b, bob, again)
    (row, alone), broken = pool([a, b])
    assert broken == [] and row["model"] == "m" and (row["people"], row["trials"]) == (2, 24)
    assert row["rate"] == pytest.approx((0.25 + 0.5) / 2) and row["by"] == "t, over people"
    half = 12.706 * math.sqrt(0.125**2 * 2) / math.sqrt(2)
    assert (row["low"], row["high"]) == (max(0, 0.375 - half), min(1, 0.375 + half))
    assert alone["by"] == "Wilson" and (alone["low"], alone["high"]) == wilson(0, 8)


def test_people_who_agree_have_no_interval_of_length_0(tmp_path):
    append(tmp_path / "r", *(play(lambda i: False, player=name) for name in "abc"))
    (row,), _ = pool([tmp_path / "r"])
    assert row["people"] == 3 and row["low"] == 0 and row["high"] == wilson(0, 24)[1] > 0.1


def test_broken_lines_are_named_and_left_out(tmp_path):
    good = play(lambda i: False)
    wrong = [
        "{", "[]", "7", "null", '"text"', "[" * 100_000, "\xff", "{}",
        json.dumps(good | {"protocol": 0}), json.dumps(good | {"n": 0}), json.dumps(good | {"fooled": 9}),
        json.dumps(good | {"n": True}), json.dumps(good | {"player": None}), json.dumps(good | {"simulated": "no"}),
        json.dumps(good | {"fooled": 3}),  # the same round with another result
    ]  # fmt: skip
    path = tmp_path / "r.jsonl"
    path.write_bytes("\n".join([json.dumps(good), "", json.dumps(good), *wrong]).encode("latin-1"))
    (row,), broken = pool([path])
    assert row["people"] == 1 and row["trials"] == 8 and row["rate"] == 0
    assert [line.split(": ")[0] for line in broken] == [
        f"{path} line {i}" for i in range(4, 4 + len(wrong))
    ]
    with pytest.raises(CourseError, match="cannot read"):
        pool([tmp_path / "nothing"])


def test_simulated_players_stay_apart_and_the_table_says_so(tmp_path):
    append(tmp_path / "r", *simulate({"a|b": 0.5}, 3), play(lambda i: False, "a|b"))
    rows, _ = pool([tmp_path / "r"])
    assert [(row["simulated"], row["people"]) for row in rows] == [(False, 1), (True, 3)]
    text = table(rows)
    assert "a\\|b" in text and "Simulated players are programs" in text
    assert "simulated" not in table(rows[:1]).lower()
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_shipped_results_are_simulated_and_can_be_made_again():
    stored = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    assert stored == simulate(CHANCES, players=12) and all(row["simulated"] for row in stored)
    rows, broken = pool([SHIPPED])
    assert not broken and [row["people"] for row in rows] == [12, 12, 12]
    for row, chance in zip(rows, CHANCES.values(), strict=True):
        assert row["low"] < chance < row["high"]


# ---- the game


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 20, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def press(box, **said) -> None:
    """As the page does."""
    box.said = {"number": box.number, "at": random.random(), **said}


def test_a_game_shows_its_trials_and_stores_its_result(images, tmp_path):
    out = tmp_path / "r.jsonl"
    box = game(*images, "mine", out, seed=3, player="me", practice=2, scored=3)
    assert box.phase == "ready" and "2 trials are for practice, 3 count" in box.message
    assert box.side == SHOWN and box.total == 5 and box.left == b""
    press(box, do="answer", side="left", milliseconds=0)  # before the start: nothing happens
    for i, trial in enumerate(trials(*images, 3, 2, 3)):
        if i < 3:
            press(box, do="next")
        assert (box.phase, box.number) == ("trial", i + 1) and f"{i + 1} of 5" in box.message
        pair = (images[0][trial.real], images[1][trial.fake])
        for data, image in zip(
            (box.left, box.right), pair if trial.real_side == "left" else pair[::-1], strict=True
        ):
            assert Image.open(BytesIO(data)).tobytes() == to_image(image).tobytes()
        press(box, do="next")  # not now
        press(box, do="answer", side="left", milliseconds=1000 + i)
        box.said = dict(box.said, number=i + 1, at=0)  # pressed twice
        assert (box.phase == "feedback") == (i < 2) == ("was real" in box.message)
    assert (
        box.phase == "done"
        and box.error == ""
        and "of 3 trials" in box.message
        and "r.jsonl" in box.message
    )
    (stored,) = map(json.loads, out.read_text().splitlines())
    assert stored == box.round.result and stored["model"] == "mine" and stored["player"] == "me"
    assert stored["fooled"] == sum(t.real_side == "right" for t in trials(*images, 3, 2, 3)[2:])
    assert stored["longest_ms"] == 1004 and box.left == box.right == b""


def test_a_game_shows_errors_and_hides_no_bug(images, tmp_path, monkeypatch):
    out = tmp_path / "r.jsonl"
    box = game(*images, "m", out, practice=0, scored=1)
    with monkeypatch.context() as patched:
        patched.setattr(Round, "show", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            press(box, do="next")
    assert "division by zero" in box.error and box.phase == "ready"
    press(box, do="next")  # it works again
    assert box.error == "" and box.phase == "trial"
    out.unlink()
    out.mkdir()
    with pytest.raises(CourseError):
        press(box, do="answer", side="left", milliseconds=1000)
    assert (
        "cannot add results" in box.error and "of 1 trials" in box.message
    )  # the player still sees it
    append(tmp_path / "elsewhere", box.round.result)


def test_too_few_images_for_a_game(images):
    with pytest.raises(CourseError, match="need 16"):
        game(images[0][:9], images[1], "m")


def test_the_game_on_paper(images):
    fig = picture(*images, seed=5, count=4)
    (axes,) = fig.axes
    shown = trials(*images, 5, 0, 4)
    texts = [text.get_text() for text in axes.texts]
    assert texts == [
        t for i, one in enumerate(shown) for t in (str(i + 1), f"{one.real_side} is real")
    ]
    assert {text.get_rotation() for text in axes.texts if "real" in text.get_text()} == {180}
    tiles = torch.from_numpy(axes.images[0].get_array().copy()).permute(2, 0, 1)
    zoom = SHOWN // 8
    first = (images[0][shown[0].real], images[1][shown[0].fake])
    top = first[0] if shown[0].real_side == "left" else first[1]
    assert torch.equal(tiles[:, : 8 * zoom : zoom, : 8 * zoom : zoom], to_bytes(top))
    assert plt.get_fignums() == [] and study.PROTOCOL == 1
