"""One BicycleGAN step: which term reaches which network, and what z does."""

from functools import partial

import pytest
import torch

from course_lib import CourseError
from course_lib.networks.bicycle import (
    ResNetEncoder,
)
from tests.methods.contract import (
    has_gradient,
    moved,
    step,
    weights,
)
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs

make, batch = CASES["bicyclegan"].make, partial(pairs, size=32)


# ---- networks


def test_an_encoder_wants_a_power_of_two_from_16():
    for size in (8, 48):
        with pytest.raises(CourseError, match=f"at least 16, got {size}"):
            ResNetEncoder(image_size=size)


def test_xavier_is_the_authors():
    """std = gain * sqrt(2 / (fan in + fan out)), in all networks."""
    method = make(init="xavier")
    for net in (method.G, method.E, *method.D.values()):
        weight = next(p for p in net.parameters() if p.ndim == 4)
        fans = weight[0].numel() + weight[:, 0].numel()
        assert weight.std().item() == pytest.approx(0.02 * (2 / fans) ** 0.5, rel=0.25)


# ---- the step


NONE = {"lambda_gan": 0.0, "lambda_l1": 0.0, "lambda_kl": 0.0, "lambda_latent": 0.0}


@pytest.mark.parametrize(
    ("term", "changes", "whom"),
    [
        ("g_gan_encoded", {"lambda_gan": 1.0, "variant": "cVAE-GAN"}, {"G", "E"}),
        ("g_l1_encoded", {"lambda_l1": 1.0}, {"G", "E"}),
        ("g_kl_encoded", {"lambda_kl": 1.0}, {"E"}),
        ("g_gan_random", {"lambda_gan": 1.0, "variant": "cLR-GAN"}, {"G"}),
        ("g_l1_random", {"lambda_l1": 1.0, "variant": "pix2pix+noise"}, {"G"}),
        (
            "g_latent_random",
            {"lambda_latent": 1.0, "variant": "cLR-GAN"},
            {"G", "E"},
        ),  # E has nothing else
    ],
)
def test_a_term_moves_whom_it_should(term, changes, whom):
    method = make(**NONE | changes)
    before = {name: weights(net) for name, net in method.networks.items() if name in ("G", "E")}
    assert {name for name in step(method, batch()) if name.startswith("g_")} == {term}
    assert {name for name in before if has_gradient(method.networks[name])} == whom
    assert moved(method, before) == whom


def test_where_e_has_other_terms_it_does_not_learn_from_the_latent_one():
    gradients = []
    for weight in (0.0, 1.0):
        method = make(**NONE | {"lambda_kl": 1.0, "lambda_latent": weight})
        step(method, batch())
        gradients.append([p.grad for p in method.E.parameters()])
    assert all(map(torch.equal, *gradients)) and any(g.any() for g in gradients[0])


def test_only_a_conditional_d_looks_at_x():
    for conditional in (False, True):
        method, data = make(conditional=conditional), batch()
        a, b = (method.judge("random", x, data["y"]) for x in (data["x"], -data["x"]))
        assert torch.equal(a[0], b[0]) == torch.equal(a[1], b[1]) == (not conditional)


# ---- translating


def test_only_a_variant_with_an_encoder_encodes():
    method, y = make(variant="cAE-GAN"), batch()["y"]
    mu, logvar = method.encode_distribution(y)
    assert torch.equal(method.encode(y), mu) and torch.equal(method.reparameterise(mu, logvar), mu)
    assert not make(variant="pix2pix+noise").reads_codes
    with pytest.raises(CourseError, match=r"pix2pix\+noise has no encoder"):
        make(variant="pix2pix+noise").encode(y)
