"""Quality against the clock: planted curves get the verdict they deserve, and a tiny measurement has all its parts."""

import json
import math
import random

import pytest

from course_lib import CourseError
from course_lib.experiments import bench, bench_quality
from course_lib.experiments.bench_quality import (
    BOOK,
    CONTROL,
    ratio_of_times,
    reached,
    smooth,
    verdict,
)


def curve(
    step: str, seed: int, pace: float = 1.0, noise: float = 0.0, looks: int = 25
) -> list[dict]:
    """A training whose error falls from 0.6 towards 0.2, ``pace`` times as fast as that of pace 1, and trembles."""
    chance = random.Random(f"{step} {seed}")
    rows = []
    for look in range(looks):
        error = 0.2 + 0.4 * math.exp(-pace * look / 10) + chance.gauss(0, noise)
        errors = {"val_l1": error, "last_l1": error}
        rows.append({"seed": seed, "step": step, "seconds": 2.5 * look, "steps": look} | errors)
    return rows


def trainings(pace: float, noise: float = 0.0, seeds: int = 3, first: int = 0) -> list[dict]:
    kinds = {BOOK: 1.0, CONTROL: 1.0, "course float32": pace}
    found = []
    for seed in range(first, first + seeds):
        for kind, own in kinds.items():
            found += curve(kind, seed, own, noise)
    return found


def test_a_step_that_is_twice_as_fast_is_found_to_be():
    found = verdict(trainings(pace=2.0))
    assert found["verdict"] == "faster" and found["ratio"] == pytest.approx(2, rel=0.15)
    assert found["control"]["seeds"] == pytest.approx([1, 1, 1]), "it has no noise here"
    noisy = verdict(trainings(pace=2.0, noise=0.003))
    assert noisy["verdict"] == "faster" and noisy["low"] < noisy["ratio"] < noisy["high"]
    assert len(noisy["seeds"]) == len(noisy["control"]["seeds"]) == 3
    assert verdict(trainings(pace=0.5))["verdict"] == "slower"
    early = verdict(trainings(pace=2.0), goal=trainings(pace=2.0)[8]["val_l1"])
    assert early["ratio"] == pytest.approx(2, rel=0.15) and early["ratio"] != found["ratio"]
    with pytest.raises(CourseError, match="not every curve"):
        verdict(trainings(pace=2.0), goal=0.1)


def test_two_equal_sides_are_not_decided():
    """The interval holds 1 about as often as 95 % says, where the first crossing of a raw curve saw a saving."""
    found = [verdict(trainings(1.0, noise=0.01, first=3 * k)) for k in range(40)]
    assert sum(one["low"] < 1 < one["high"] for one in found) >= 34
    assert sum(one["verdict"] == "not decided" for one in found) >= 34
    middle = math.exp(sum(math.log(one["ratio"]) for one in found) / 40)
    assert middle == pytest.approx(1, abs=0.1), "neither side is favoured"


def test_changing_sides_gives_the_inverse():
    rows = [*curve(BOOK, 0, noise=0.01), *curve("course float32", 0, 1.5, noise=0.01)]
    swapped = [row | {"step": "course float32" if row["step"] == BOOK else BOOK} for row in rows]
    assert ratio_of_times(rows, "course float32") * ratio_of_times(
        swapped, "course float32"
    ) == pytest.approx(1)


def test_smoothing_and_crossing_by_hand(monkeypatch):
    monkeypatch.setattr(bench_quality, "WINDOW", 3)
    rows = [
        {"seconds": float(i), "val_l1": error} for i, error in enumerate([1.0, 0.4, 0.7, 0.1, 0.4])
    ]
    assert smooth(rows) == [
        (1, pytest.approx(0.7)),
        (2, pytest.approx(0.4)),
        (3, pytest.approx(0.4)),
    ]
    assert reached([(1, 0.7), (2, 0.5), (3, 0.4)], 0.6) == pytest.approx(1.5)
    assert reached([(1, 0.7), (2, 0.5)], 0.7) == 1 and reached([(1, 0.7)], 0.6) == math.inf


def test_one_seed_decides_nothing():
    found = verdict(trainings(pace=2.0, seeds=1))
    assert found["verdict"] == "not decided" and found["low"] is found["control"]["high"] is None
    assert json.loads(json.dumps(found)) == found
    row = {"both sides": "with the average"} | found
    shown = bench.table(bench_quality.summary({"title": "t", "verdicts": [row]}))
    assert "not decided" in shown and "control_ratio" in shown


@pytest.mark.slow
def test_a_tiny_measurement_has_all_its_parts():
    facts = bench_quality.quality("pix2pix", seconds=1.5, points=3, profile="smoke", seeds=2)
    rows = facts["rows"]
    kinds = list(dict.fromkeys(row["step"] for row in rows))
    assert kinds[:2] == [BOOK, CONTROL] and kinds[2].startswith("course") and len(rows) == 2 * 3 * 4
    for seed in (0, 1):
        book, control, ours = (
            [r for r in rows if (r["seed"], r["step"]) == (seed, kind)] for kind in kinds
        )
        assert book[0]["val_l1"] == pytest.approx(ours[0]["val_l1"], abs=1e-5), "the same weights"
        assert abs(book[0]["val_l1"] - control[0]["val_l1"]) > 1e-5, "others"
        for one in (book, control, ours):
            assert one[0]["steps"] == 0 < one[-1]["steps"] and one[-1]["seconds"] >= 1.5
            assert one[-1]["val_l1"] != one[-1]["last_l1"], "both sides have an average"
    assert [found["both sides"] for found in facts["verdicts"]] == list(bench_quality.JUDGED)
    assert len(bench.table(bench_quality.summary(facts)).splitlines()) == 4
    with pytest.raises(CourseError, match="no textbook step"):
        bench_quality.quality("dcgan")
