"""Perceptual distance and diversity: known answers."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.v2.functional import gaussian_blur

from course_lib.data import open_dataset
from course_lib.data.emoji import EmojiEdges, entries
from course_lib.metrics import diversity
from course_lib.metrics.perceptual import embed
from tests.support.tensors import REFUSED, noise, normal, uniform


@pytest.fixture(scope="module")
def emoji():
    y = open_dataset("emoji:edges", "train", 32).y
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))[:159]]


def distance(a, b):
    return (embed(a) - embed(b)).square().sum(1)


DAMAGES = {  # of strength s, 0.2 to 1
    "blur": lambda y, s: gaussian_blur(y, 7, 1.6 * s),
    "noise": lambda y, s: (y + s * noise(len(y), 32)).clamp(-1, 1),
    "shift": lambda y, s: F.pad(y, (round(8 * s), 0), value=1.0)[..., :32],
    "mixed": lambda y, s: torch.lerp(y, y.roll(1, 0), s / 2),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_stronger_a_damage_the_farther_away_is_a_drawing(damage):
    """Though the features' network never saw one. By Kendall's tau, 1 if all are in order."""
    y = EmojiEdges("val", 32).y[::4]
    far = [distance(y, DAMAGES[damage](y, k / 5)) for k in range(1, 6)]
    signs = [(b - a).sign() for a, b in itertools.combinations(far, 2)]
    assert torch.stack(signs).mean() > 0.95


def test_the_same_emoji_by_another_artist_is_nearer_than_a_different_one_of_its_kind():
    noto, fluent = (EmojiEdges("val", 32, style) for style in ("noto", "fluent"))
    kinds = [entries()[row]["kind"] for row in noto.rows]
    alike = torch.tensor([[a == b for a in kinds] for b in kinds]).fill_diagonal_(False)
    right = []
    for a, b in ((embed(noto.y), embed(fluent.y)), (noto.y.flatten(1), fluent.y.flatten(1))):
        apart = torch.cdist(a, b)
        right.append((apart.diagonal()[:, None] < apart)[alike].float().mean())
    assert right[0] > 0.85 and right[0] > right[1]  # by chance 0.5; pixels know less


# ---- diversity


def test_diversity_by_hand(emoji):
    still = emoji[:5, None].expand(-1, 4, -1, -1, -1)
    assert not diversity.diversity(still).any() and not diversity.diversity(still, "l1").any()
    steps = torch.tensor([0.0, 0.5, 0.25])[None, :, None, None, None].expand(2, 3, 3, 16, 16)
    # the first and the last do not count
    assert diversity.diversity(steps, "l1").tolist() == pytest.approx([(0.5 + 0.25) / 2] * 2)
    two = torch.stack([emoji[:3], emoji[3:6]], 1)
    assert torch.allclose(diversity.diversity(two), distance(emoji[:3], emoji[3:6]), rtol=1e-4)
    assert math.isnan(diversity.variety(emoji[:1]))
    assert diversity.variety(emoji[:2]) == pytest.approx(
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
    with pytest.raises(REFUSED):
        diversity.coverage(truths[:3], truths)


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
