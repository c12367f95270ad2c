"""Intervals over test images, and distances of sets: whether they hold what they claim, and as often."""

import math

import pytest
import torch

from course_lib import CourseError
from course_lib.data import facades, open_dataset
from course_lib.metrics import distances, resampling, scores
from course_lib.metrics.intervals import bootstrap
from course_lib.metrics.perceptual import describe
from tests.metrics.test_scores import Stub
from tests.support.tensors import REFUSED, noise, normal


def split(rows, seed):
    """Two random halves."""
    return rows[
        torch.randperm(len(rows) // 2 * 2, generator=torch.Generator().manual_seed(seed))
    ].chunk(2)


# ---- the bootstrap


def of_mean(values):
    return bootstrap(values[:, None], lambda sums: sums / len(values)).flatten().tolist()


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    found = [of_mean(normal(100, seed=seed)) for seed in range(200)]
    assert 0.9 < sum(low < 0 < high for low, high in found) / 200 < 0.98
    assert sum(high - low for low, high in found) / 200 == pytest.approx(2 * 1.96 / 10, rel=0.05)
    assert of_mean(normal(100)) == of_mean(normal(100)), "it has a seed"


def test_where_there_is_no_interval():
    assert all(
        math.isnan(end) for end in of_mean(torch.ones(1)) + of_mean(torch.tensor([1.0, math.inf]))
    )
    both = bootstrap(torch.tensor([[1.0, math.nan], [3.0, 1.0]]), lambda sums: sums / 2)
    assert both[:, 0].tolist() == [1, 3] and both[:, 1].isnan().all(), (
        "one score does not spoil the other"
    )


# ---- of scores


SCORED = (
    "facades facades:touching facades:day-night:paired facades:plaster-brick emoji:twemoji-fluent"
)


@pytest.mark.parametrize("data", SCORED.split())
def test_scores_have_intervals_and_are_the_same_scores(data, monkeypatch):
    monkeypatch.setitem(facades.HOUSES, "test", 20)
    method = Stub(lambda x: 0.9 * x, lambda x: 0.8 * x.roll(1, -1))
    plain, found = scores.score(method, data), resampling.score(method, data)
    assert {name: found[name] for name in plain} == plain
    assert ("borders_visible" in plain) == (data == "facades:touching")
    sets = {"histogram_intersection", "lab_L", "lab_a", "lab_b"}
    bounded = {name for name in plain if name.removeprefix("yx_") not in sets | {"n"}}
    bounded |= {"kid_features", "yx_kid_features"}
    assert {name for name in found if f"{name}_low" in found} == bounded
    assert found.keys() - plain.keys() - {
        f"{name}_{end}" for name in bounded for end in ("low", "high")
    } == ({f"{prefix}{name}_features" for prefix in ("", "yx_") for name in ("frechet", "kid")})
    outside = [
        n for n in bounded if not found[f"{n}_low"] <= found[n] + 1e-6 <= found[f"{n}_high"] + 2e-6
    ]
    assert outside == []
    for it in scores.translated(method, data):  # what is drawn again adds up to what is reported
        for name, parts in resampling._quotients(it).items():
            assert (parts[:, 0].sum() / parts[:, 1].sum()).item() == pytest.approx(
                plain[it.prefix + name], rel=1e-5
            )


def test_means_of_baselines():
    each = {"a": torch.tensor([1.0, 2.0, 3.0, 4.0])}
    assert resampling.means(each, intervals=False) == {"a": 2.5}
    found = resampling.means(each)
    assert found["a"] == 2.5 and 1 <= found["a_low"] < 2.5 < found["a_high"] <= 4


# ---- distances of sets


@pytest.fixture(scope="module")
def features():
    sets = {name: open_dataset(name, "test", 32) for name in ("emoji:edges", "facades")}
    return {
        name: describe(torch.stack([data[i]["y"] for i in range(158)]))
        for name, data in sets.items()
    }


@pytest.mark.parametrize("data", ["emoji:edges", "facades"])
def test_the_kernel_distance_of_two_halves_of_a_set_is_0_within_its_interval(features, data):
    found = [distances.kid(*split(features[data][:, -128:-64], seed)) for seed in range(100)]
    assert sum(low <= 0 <= high for _, low, high in found) >= 90
    values = torch.tensor([value for value, _, _ in found])
    assert values.mean().abs() < 3 * values.std() / 10, "unbiased"


def test_the_kernel_distance_of_sets_that_differ():
    def truth(shift, n):  # of normal rows with features of falling variance
        rows, scale = normal(2, n, 16, seed=n), torch.linspace(1, 0.05, 16)
        return distances.kid(1 + scale * rows[0], 1 + scale * rows[1] + shift)

    exact = sum(truth(0.3, n)[0] for n in range(2000, 2008)) / 8
    found = [truth(0.3, n) for n in range(60, 160)]
    assert sum(low <= exact <= high for _, low, high in found) >= 88
    assert min(low for _, low, _ in found) > 0


def test_the_kernel_distance_by_hand_and_of_pairs():
    a, b = normal(7, 4), normal(7, 4, seed=1)
    k = lambda x, y: (x @ y / 4 + 1) ** 3  # noqa: E731
    every = [(i, j) for i in range(7) for j in range(7) if i != j]
    value = (
        sum(k(a[i], a[j]) + k(b[i], b[j]) - k(a[i], b[j]) - k(a[j], b[i]) for i, j in every) / 42
    )
    assert distances.kid(a, b)[0] == pytest.approx(value.item(), rel=1e-4)
    assert distances.kid(a, a) == pytest.approx((0, 0, 0), abs=1e-12), (
        "each beside itself: no distance, not below 0"
    )
    for bad in ((a, b[:6]), (a[:2], b[:2])):
        with pytest.raises(REFUSED):
            distances.kid(*bad)
    assert all(
        math.isnan(value)
        for value in distances.distances(*2 * [torch.zeros(2, 3, 16, 16)]).values()
    )


def test_inception_is_used_only_where_its_weights_are(torch_cache):
    assert distances.available() == ("features",)
    with pytest.raises(CourseError, match="Inception-v3 are not here"):
        distances.distances(*torch.rand(2, 4, 3, 16, 16), by="inception")
    (torch_cache / distances.INCEPTION).write_bytes(b"")
    assert distances.available() == ("inception", "features")


@pytest.mark.slow
def test_inception_is_torchvisions_with_the_cached_weights(torch_cache, monkeypatch):
    from torchvision.models import inception_v3

    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("a download")
    )
    net = inception_v3(init_weights=False).eval()
    torch.save(net.state_dict(), torch_cache / distances.INCEPTION)
    distances._inception.cache_clear()
    images = noise(4, 64)
    found = distances.distances(images, images.flip(1) * 0.5, "inception")
    assert found.keys() == {"fid", "kid", "kid_low", "kid_high"} and found["fid"] > 0
    assert distances.distances(images, images, "inception")["fid"] == pytest.approx(
        0, abs=1e-6 * found["fid"] + 1e-9
    )
    seen = distances.inception(images)
    assert seen.shape == (4, 2048) and torch.allclose(
        seen[:1], distances.inception(images[:1]), atol=1e-5
    )
    distances._inception.cache_clear()
