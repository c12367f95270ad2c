"""Perceptual distance, diversity and realism: known answers."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib import CourseError
from course_lib.data import open_dataset
from course_lib.metrics import diversity, perceptual
from course_lib.metrics.perceptual import distance, embed
from tests.support.tensors import REFUSED, noise, normal, uniform


@pytest.fixture(scope="module")
def emoji():
    return open_dataset("emoji:edges", "test", 32).y


# ---- the distance


def test_the_distance_is_0_for_equal_images_symmetric_and_says_who_measured(emoji):
    a, b = emoji[:20], emoji[20:40]
    found, back, same = distance(a, b), distance(b, a), distance(a, a.clone())
    assert found.by == same.by == "features" and found.values.shape == (20,)
    assert torch.equal(same.values, torch.zeros(20))
    assert found.values.min() > 0.01 and torch.allclose(found.values, back.values, rtol=1e-4)
    assert torch.allclose((embed(a) - embed(b)).square().sum(1), found.values, rtol=1e-3)
    assert (
        found.values.max() <= 2
    )  # features are not negative, so unit vectors are at most a right angle apart
    assert all(distance(noise(2, s), -noise(2, s)).values.min() > 0 for s in (16, 48))
    with pytest.raises(REFUSED):
        distance(a, b[:3])


def test_a_stronger_change_is_farther_on_drawings_the_network_never_saw(emoji):
    emoji = emoji[::2]
    hills = F.interpolate(normal(len(emoji), 3, 4, 4), size=32, mode="bilinear")
    dust, soft = normal(*emoji.shape, seed=1), F.avg_pool2d(emoji, 5, 1, 2, count_include_pad=False)
    changes = {
        "noise": lambda s: emoji + 0.3 * s * dust,
        "blur": lambda s: torch.lerp(emoji, soft, s),
        "stains": lambda s: emoji + 0.8 * s * hills,
        "greyer": lambda s: torch.lerp(emoji, emoji.mean(1, keepdim=True).expand_as(emoji), s),
        "darker": lambda s: (emoji + 1) * (1 - 0.7 * s) - 1,
        "moved": lambda s: emoji.roll(round(4 * s), 3),
    }
    for name, change in changes.items():
        weak, strong = (distance(emoji, change(s)).values for s in (0.5, 1.0))
        assert (weak < strong).float().mean() > 0.9, name
        assert weak.min() > 0, name


def test_lpips_is_used_only_where_its_weights_are(torch_cache, emoji):
    assert perceptual.available() == ("features",)
    with pytest.raises(CourseError, match="no perceptual distance 'lpips'"):
        distance(emoji[:2], emoji[2:4], "lpips")
    (torch_cache / perceptual.ALEXNET).write_bytes(b"")
    assert perceptual.available() == ("lpips", "features")
    assert distance(emoji[:2], emoji[2:4], "features").by == "features"


@pytest.mark.slow
def test_lpips_is_torchmetrics_with_the_cached_weights(torch_cache, monkeypatch, emoji):
    from torchmetrics.functional.image import learned_perceptual_image_patch_similarity as lpips
    from torchvision.models import alexnet

    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("a download")
    )
    with torch.device("meta"):
        names = alexnet().state_dict()
    classifier = {
        name: torch.zeros(1).expand(t.shape) for name, t in names.items() if "features" not in name
    }
    weights = classifier | {
        name: 0.1 * normal(*names[name].shape) for name in names if name not in classifier
    }
    torch.save(weights, torch_cache / perceptual.ALEXNET)
    perceptual._alexnet.cache_clear()
    found = distance(emoji[:6], emoji[6:12])
    assert found.by == "lpips" and found.values.min() > 0
    assert torch.allclose(found.values, lpips(emoji[:6], emoji[6:12], "alex", "none"), atol=1e-5)
    assert distance(emoji[:2], emoji[:2]).values.tolist() == [0, 0]
    with pytest.raises(CourseError, match="32 px"):
        distance(noise(2, 16), noise(2, 16))
    perceptual._alexnet.cache_clear()


# ---- diversity


def test_diversity_by_hand(emoji):
    still = emoji[:5, None].expand(-1, 4, -1, -1, -1)
    assert diversity.diversity(still) == diversity.diversity(still, "l1") == 0.0
    steps = torch.tensor([0.0, 0.5, 0.25])[None, :, None, None, None].expand(2, 3, 3, 16, 16)
    assert diversity.diversity(steps, "l1") == pytest.approx(
        (0.5 + 0.25) / 2
    )  # the first and the last do not count
    two = torch.stack([emoji[:3], emoji[3:6]], 1)
    assert diversity.diversity(two) == pytest.approx(
        distance(emoji[:3], emoji[3:6]).values.mean().item(), rel=1e-4
    )
    assert math.isnan(diversity.real_pairs(emoji[:1]))
    assert diversity.real_pairs(emoji[:2]) == pytest.approx(
        distance(emoji[:1], emoji[1:2]).values.item(), rel=1e-4
    )
    every = torch.cdist(embed(emoji[:5]), embed(emoji[:5])).square()
    assert diversity.real_pairs(emoji[:5]) == pytest.approx(
        every[:5, :5].sum().item() / 20, rel=1e-3
    )
    assert diversity.real_pairs(emoji[:2], "l1") == pytest.approx(
        (emoji[0] - emoji[1]).abs().mean().item(), rel=1e-4
    )
    with pytest.raises(REFUSED):
        diversity.diversity(two[:, :1])


def test_the_true_answers_are_found_and_counted(emoji):
    truths = emoji[:40].unflatten(0, (5, 8))
    assert diversity.coverage(truths.flip(1), truths) == 1.0
    for k in (1, 3):
        assert diversity.coverage(truths[:, torch.arange(20) % k], truths) == pytest.approx(k / 8)
    assert diversity.coverage(uniform(5, 20, 3, 32, 32), truths) == 0.0
    assert diversity.each_nearest(truths, truths[:, 5]).max() < 1e-5
    alone = distance(truths[:, 0], truths[:, 1]).values
    assert torch.allclose(diversity.each_nearest(truths[:, :1], truths[:, 1]), alone, rtol=1e-3)
    with pytest.raises(REFUSED):
        diversity.coverage(truths[:3], truths)


def test_common_share_of_planted_variance():
    one, own, level = normal(1, 30, 3), normal(50, 30, 3, seed=1), 10 * normal(50, 1, 3, seed=2)
    assert diversity.common_share(level + one) == pytest.approx(1)
    assert diversity.common_share(level + own) == pytest.approx(1 / 50, abs=0.01)
    assert diversity.common_share(level + one + own / 2) == pytest.approx(0.8, abs=0.04)
    assert math.isnan(diversity.common_share(level.expand(50, 30, 3)))


@pytest.mark.slow
def test_a_real_image_is_taken_for_real_half_of_the_time_and_noise_is_not(emoji):
    state, fair = torch.random.get_rng_state(), []
    for seed in range(10):
        one, other = emoji[
            torch.randperm(158, generator=torch.Generator().manual_seed(seed))
        ].chunk(2)
        fair.append(diversity.realism_error(one, other, seed))
    assert 0.44 < sum(fair) / 10 < 0.56 and min(fair) > 0.35
    assert torch.equal(state, torch.random.get_rng_state())
    fake = emoji[:80] + 0.3 * noise(80, 32)
    assert diversity.realism_error(fake, emoji[79:]) < 0.05  # a blind guess would be wrong for half
    errors = [
        diversity.realism_error(emoji[:79] + s * noise(79, 32), emoji[80:])
        for s in (0.0, 0.02, 0.2)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert diversity.realism_error(fake, emoji[79:]) == diversity.realism_error(fake, emoji[79:])
    assert math.isnan(diversity.realism_error(emoji[:4], emoji[4:8]))


def test_every_image_is_judged_once_by_a_classifier_that_never_saw_it(monkeypatch):
    judged, numbers = [], torch.arange(11.0)
    monkeypatch.setattr(diversity, "describe", lambda images: images[:, :1, 0, 0])

    def watched(x, y, unseen):
        assert set(x.flatten().tolist()).isdisjoint(unseen.flatten().abs().tolist())
        assert set(x.flatten().abs().tolist()) | set(unseen.flatten().abs().tolist()) == set(
            numbers.tolist()
        )
        judged.extend(unseen.flatten().tolist())
        return unseen  # a positive number is taken for real

    monkeypatch.setattr(diversity, "ridge", watched)
    real = numbers[:, None, None, None].expand(-1, 3, 16, 16)
    assert diversity.realism_error(-real, real) == 1 / 22  # the zero that is a fake
    assert sorted(judged) == sorted([*(-numbers).tolist(), *numbers.tolist()])


def test_frechet_distance_of_known_distributions(emoji):
    a = normal(500, 6)
    assert diversity.frechet_normal(a, a) == pytest.approx(0, abs=1e-9)
    assert diversity.frechet_normal(a, a + 2) == pytest.approx(6 * 4)
    trace = torch.cov(a.double().T).trace().item()
    assert diversity.frechet_normal(a, 3 * a) == pytest.approx(
        trace * 4 + 4 * a.double().mean(0).square().sum().item()
    )
    turned = a @ torch.linalg.qr(normal(6, 6, seed=1)).Q  # the covariances do not commute
    assert diversity.frechet_normal(a * torch.arange(1, 7), turned) == pytest.approx(
        diversity.frechet_normal(turned, a * torch.arange(1, 7))
    )
    halves = (
        diversity.frechet(emoji[::2], emoji[1::2][:80]),
        diversity.frechet(emoji[::2] * 0.7, emoji[1::2]),
    )
    assert 0 < halves[0] < halves[1] / 3


def test_ridge_finds_a_line_and_does_not_believe_chance():
    x, slope = normal(80, 5), normal(5, 2, seed=1)
    y = 3 + x @ slope
    assert torch.allclose(diversity.ridge(x[:40], y[:40], x[40:]).float(), y[40:], atol=0.02)
    wide = torch.cat([x, normal(80, 300, seed=2)], dim=1)  # more columns than rows
    said = diversity.ridge(wide[:40], normal(40, 1, seed=3), wide[40:])
    assert said.std() < 0.3
