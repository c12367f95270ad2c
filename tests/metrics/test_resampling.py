"""Intervals over test images, and distances of sets: whether they hold what they claim, and as
often.
"""

import math

import pytest
import torch
from torch.utils.data import Subset

from course_lib.data import facades, open_dataset, spread
from course_lib.data.images import to_image
from course_lib.metrics import perceptual, pixels, resampling, scores
from course_lib.metrics.intervals import bootstrap, interval
from tests.metrics.test_scores import Stub
from tests.support.pictures import saved
from tests.support.tensors import REFUSED, noise, normal


def split(rows, seed):
    """Two random halves."""
    generator = torch.Generator().manual_seed(seed)
    return rows[torch.randperm(len(rows) // 2 * 2, generator=generator)].chunk(2)


# ---- the bootstrap


def of_mean(values, groups=None):
    sums = bootstrap(values[:, None], lambda sums: sums / len(values), groups=groups)
    return sums.flatten().tolist()


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    found = [of_mean(normal(100, seed=seed)) for seed in range(200)]
    assert 0.9 < sum(low < 0 < high for low, high in found) / 200 < 0.98
    assert sum(high - low for low, high in found) / 200 == pytest.approx(2 * 1.96 / 10, rel=0.05)
    assert of_mean(normal(100)) == of_mean(normal(100)), "it has a seed"


def test_where_there_is_no_interval():
    mean, *rest = interval([0.3])
    assert mean == 0.3 and all(map(math.isnan, rest)), "of one value there is the mean alone"
    without = of_mean(torch.ones(1)) + of_mean(torch.tensor([1.0, math.inf]))
    assert all(map(math.isnan, without))
    both = bootstrap(torch.tensor([[1.0, math.nan], [3.0, 1.0]]), lambda sums: sums / 2)
    assert both[:, 0].tolist() == [1, 3], "one score does not spoil the other"
    assert both[:, 1].isnan().all()


def test_copies_and_relatives_do_not_narrow_an_interval():
    """Each image k times, as one group: the interval of the originals; the copies taken for new
    ones would narrow it by sqrt(k)."""
    k, values, features = 9, normal(60), (normal(40, 4), normal(40, 4, seed=1))
    width = lambda ends: ends[-1] - ends[-2]  # noqa: E731
    of = lambda values, groups: resampling.means({"l1": values}, groups=groups)  # noqa: E731
    copies, groups = values.repeat(k), torch.arange(60).repeat(k)
    plain, grouped, naive = (
        [*of(v, g).values()] for v, g in ((values, None), (copies, groups), (copies, None))
    )
    assert grouped == pytest.approx(plain, abs=1e-6)
    assert width(naive) == pytest.approx(width(plain) / k**0.5, rel=0.1)
    copies, groups = (part.repeat(k, 1) for part in features), torch.arange(40).repeat(k)
    assert perceptual.kid(*copies, groups) == pytest.approx(perceptual.kid(*features), rel=1e-6)
    assert all(math.isnan(end) for end in of_mean(normal(5), torch.zeros(5, dtype=torch.long)))
    with pytest.raises(REFUSED):
        perceptual.kid(*features, torch.arange(40) % 2)


# ---- of scores


SCORED = (
    "facades facades:touching facades:day-night:paired facades:plaster-brick emoji:twemoji-fluent"
)


@pytest.mark.parametrize("data", SCORED.split())
def test_scores_have_intervals_and_are_the_same_scores(data, monkeypatch):
    monkeypatch.setitem(facades.HOUSES, "test", 20)
    method = Stub(lambda x: 0.9 * x, lambda x: 0.8 * x.roll(1, -1))
    plain, found = scores.score(method, data), scores.score(method, data, intervals=True)
    assert {name: found[name] for name in plain} == plain
    assert ("borders_visible" in plain) == (data == "facades:touching")
    without = {"histogram_intersection", "fcn_iou_true", "n"}
    bounded = {name for name in plain if name.removeprefix("yx_") not in without}
    bounded |= {"kid_features", "yx_kid_features"}
    assert {name for name in found if f"{name}_low" in found} == bounded
    assert found.keys() - plain.keys() - {
        f"{name}_{end}" for name in bounded for end in ("low", "high")
    } == {"groups", *(f"{p}{name}_features" for p in ("", "yx_") for name in ("frechet", "kid"))}
    assert found["groups"] == (117 if data.startswith("emoji") else 20)
    outside = [
        n for n in bounded if not found[f"{n}_low"] <= found[n] + 1e-6 <= found[f"{n}_high"] + 2e-6
    ]
    assert outside == []
    for it in scores.translated(method, data):  # what is drawn again adds up to what is reported
        for (name, *_), parts in scores.measure(it)[1].items():
            if parts.ndim == 2:
                value = (parts[:, 0].sum() / parts[:, 1].sum()).item()
                assert value == pytest.approx(plain[it.prefix + name], rel=1e-5)


# ---- distances of sets


@pytest.mark.parametrize("data", ["emoji:edges", "facades"])
def test_the_kernel_distance_of_two_halves_of_a_set_is_0_within_its_interval(data):
    images = open_dataset(data, "test", 32)
    features = perceptual.describe(torch.stack([images[i]["y"] for i in range(116)]))
    found = [perceptual.kid(*split(features[:, -128:-64], seed)) for seed in range(100)]
    assert sum(low <= 0 <= high for _, low, high in found) >= 90
    values = torch.tensor([value for value, _, _ in found])
    assert values.mean().abs() < 3 * values.std() / 10, "unbiased"


def test_the_kernel_distance_by_hand_and_of_pairs():
    a, b = normal(7, 4), normal(7, 4, seed=1)
    k = lambda x, y: (x @ y / 4 + 1) ** 3  # noqa: E731
    every = [(i, j) for i in range(7) for j in range(7) if i != j]
    value = (
        sum(k(a[i], a[j]) + k(b[i], b[j]) - k(a[i], b[j]) - k(a[j], b[i]) for i, j in every) / 42
    )
    assert perceptual.kid(a, b)[0] == pytest.approx(value.item(), rel=1e-4)
    beside_itself = perceptual.kid(a, a)  # no distance, and not below 0
    assert beside_itself == pytest.approx((0, 0, 0), abs=1e-12)
    for bad in ((a, b[:6]), (a[:2], b[:2])):
        with pytest.raises(REFUSED):
            perceptual.kid(*bad)
    few = torch.zeros(2, 3, 16, 16)
    assert all(map(math.isnan, perceptual.distances(few, few).values()))


# ---- by which eyes


def test_photographs_and_folders_are_judged_by_eyes_that_have_seen_photographs(tmp_path):
    for split in ("train", "test"):
        saved(tmp_path / split, map(to_image, torch.cat([noise(4, 16, 0)] * 2, dim=3)))
    whose = {name: open_dataset(name, "test", 16).eyes for name in ("facades", "emoji:edges")}
    assert set(whose.values()) == {"features"}
    for name in ("photos:colour", "photos:van-gogh", str(tmp_path)):
        found = scores.score(Stub(lambda x: 0.9 * x, size=16), name, "test", intervals=True)
        sets = {name for name in found if name.startswith(("kid", "frechet"))}
        assert sets == {"frechet_lite0", *(f"kid_lite0{end}" for end in ("", "_low", "_high"))}
    assert open_dataset("emoji:edges", "test", 16, "yx").eyes == "features"  # a view passes it on


def test_of_large_sets_some_images_look_for_their_nearest(monkeypatch):
    train, test = (open_dataset("emoji:edges", split, 32) for split in ("train", "test"))
    monkeypatch.setattr(resampling, "COMPARED", 5 * len(train))
    found = resampling.baselines(test, train)
    each = pixels.each_baseline(train, Subset(test, spread(range(len(test)), 5)))
    assert found["baseline_nn_l1"] == pytest.approx(each["baseline_nn_l1"].mean().item())
