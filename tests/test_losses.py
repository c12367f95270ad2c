"""Losses against values worked out by hand."""

import math

import pytest
import torch

from course_lib import losses

LN2 = math.log(2)


def scalar(value: float) -> torch.Tensor:
    return torch.full((2, 1, 3, 5), value, dtype=torch.float64)


def test_log_loss_by_hand():
    logits = torch.tensor([0.3, -1.7], dtype=torch.float64)
    p = [1 / (1 + math.exp(-0.3)), 1 / (1 + math.exp(1.7))]
    assert losses.log_real(logits).item() == pytest.approx(
        -(math.log(p[0]) + math.log(p[1])) / 2, rel=1e-12
    )
    assert losses.log_fake(logits).item() == pytest.approx(
        -(math.log(1 - p[0]) + math.log(1 - p[1])) / 2, rel=1e-12
    )
    assert losses.log_generator(logits).item() == pytest.approx(
        -(math.log(p[0]) + math.log(p[1])) / 2, rel=1e-12
    )


def test_least_squares_by_hand():
    logits = torch.tensor([0.25, -2.0], dtype=torch.float64)
    assert losses.least_squares_real(logits).item() == (0.75**2 + 3.0**2) / 2
    assert losses.least_squares_fake(logits).item() == (0.25**2 + 2.0**2) / 2
    assert losses.least_squares_generator(logits).item() == (0.75**2 + 3.0**2) / 2


def test_l1_is_a_mean_in_0_to_2():
    assert losses.l1(scalar(1), scalar(-1)).item() == 2
    assert losses.l1(
        torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 2.5])
    ).item() == pytest.approx(2.5 / 3)


@pytest.mark.parametrize(
    ("kind", "chance", "d", "g"), [("log", 0.0, 2 * LN2, LN2), ("least_squares", 0.5, 0.5, 0.25)]
)
def test_chance_table(kind, chance, d, g):
    real, fake, generator = (
        getattr(losses, f"{kind}_{name}") for name in ("real", "fake", "generator")
    )
    at_chance = scalar(chance)
    assert (real(at_chance) + fake(at_chance)).item() == pytest.approx(d, rel=1e-12)
    assert generator(at_chance).item() == pytest.approx(g, rel=1e-12)


def test_extreme_logits_stay_finite():
    for name in ("log_real", "log_fake", "log_generator"):
        for value in (-1e4, 1e4):
            logit = torch.tensor(value, requires_grad=True)
            loss = getattr(losses, name)(logit)
            loss.backward()
            assert torch.isfinite(loss) and torch.isfinite(logit.grad)


def test_the_perceptual_distance_by_hand():
    """Two maps: one of two places, one with twice as many channels that point the other way."""
    f = torch.tensor([[3.0, 2.0], [4.0, 0.0]]).view(1, 2, 1, 2)  # (3, 4) and (2, 0)
    r = torch.tensor([[0.0, 7.0], [5.0, 0.0]]).view(1, 2, 1, 2)  # (0, 5) and (7, 0)
    opposite = torch.ones(1, 4, 1, 1)
    expected = ((0.6**2 + 0.2**2 + 0) / 2 + 4) / 2  # length 1: (0.6, 0.8) against (0, 1); same
    found = losses.perceptual([f, opposite], [r, -3 * opposite])
    assert found.item() == pytest.approx(expected, rel=1e-6)
    assert losses.perceptual([f], [9 * f]).item() == pytest.approx(0, abs=1e-12)
    twice = losses.perceptual([torch.cat([f, f])], [torch.cat([r, r])])
    assert twice.item() == pytest.approx(losses.perceptual([f], [r]).item())


def test_gram_matrices_and_their_distance_by_hand():
    rows = torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 1.0]])  # two channels at three places
    g = losses.gram(rows.view(1, 2, 1, 3))
    assert torch.allclose(g, torch.tensor([[[5.0, 3.0], [3.0, 10.0]]]) / 3)
    assert torch.equal(g, losses.gram(rows.flip(1).view(1, 2, 3, 1)))  # places do not matter
    a, b = torch.eye(2)[None], torch.tensor([[[2.0, 1.0], [1.0, 1.0]]])
    assert losses.style([b, a], [a, a]).item() == pytest.approx((3 / 2 + 0) / 2)
    assert losses.style([10 * b], [10 * a]).item() == pytest.approx(3 / 2)  # whatever its scale
    both = [torch.cat([b, a])], [torch.cat([a, b])]
    assert losses.style(*both).item() == pytest.approx((3 / 2 + 3 / 7) / 2)


def test_a_name_gives_what_d_and_g_minimise():
    """Of (real, fake) logits: the terms of D, and the scalar of G."""
    real, fake = scalar(2.0), scalar(-1.0)
    for name, kind in (("log", "log"), ("least-squares", "least_squares")):
        of_discriminator, of_generator = losses.GAN_LOSSES[name]
        expected = [getattr(losses, f"{kind}_{end}") for end in ("real", "fake", "generator")]
        terms = of_discriminator(real, fake)
        assert terms == {"d_real": expected[0](real), "d_fake": expected[1](fake)}
        assert of_generator(None, fake) == expected[2](fake)
