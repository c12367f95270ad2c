"""One BicycleGAN step: which term reaches which network, and what z does."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from course_lib import CourseError
from course_lib.networks.bicycle import (
    MultiScalePatchGAN,
    ResNetEncoder,
)
from course_lib.networks.blocks import receptive_field
from tests.methods.contract import (
    assert_same_weights,
    has_gradient,
    in_float64,
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


def test_scales_are_the_same_network_on_a_smaller_image():
    D = MultiScalePatchGAN(3, 4, 3)
    assert [receptive_field(net) for net in D.scales] == [70, 70]  # 70 and 140 px of the full image
    image = torch.randn(2, 3, 256, 256)
    full, half = D(image)
    assert torch.equal(full, D.scales[0](image))
    small = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)  # the border is not darker
    assert torch.equal(half, D.scales[1](small))


def test_xavier_is_the_authors():
    """std = gain * sqrt(2 / (fan in + fan out)), in all networks."""
    method = make(init="xavier")
    for net in (method.G, method.E, *method.D.values()):
        weight = next(p for p in net.parameters() if p.ndim == 4)
        fans = weight[0].numel() + weight[:, 0].numel()
        assert weight.std().item() == pytest.approx(0.02 * (2 / fans) ** 0.5, rel=0.25)


# ---- the step


def test_step_equals_the_equations():
    """Three steps against section 3 written out, with plain Adam in float64."""
    method, ref = in_float64(make(), make())
    method.run = lambda net, *inputs: net(*inputs)  # the method's own ends in float32
    method.noise = lambda n: torch.randn(n, 3, dtype=torch.float64)
    G, E, D, D2 = ref.G, ref.E, ref.D["encoded"], ref.D["random"]
    opt_G, opt_E, opt_D, opt_D2 = (
        torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (G, E, D, D2)
    )
    data = batch(3, dtype=torch.float64)
    x, y = data["x"], data["y"]
    for seed in range(3):
        terms = step(method, data, seed)
        torch.manual_seed(seed)
        mu, logvar = E(y)
        sigma = torch.sqrt(torch.exp(logvar))
        fake = G(x, mu + sigma * torch.randn(3, 3, dtype=torch.float64))
        z = torch.randn(3, 3, dtype=torch.float64)
        fake2 = G(x, z)
        expected = {
            "g_gan_encoded": sum(((m - 1) ** 2).mean() for m in D(fake)),
            "g_l1_encoded": (y - fake).abs().mean(),
            "g_kl_encoded": (0.5 * (mu**2 + sigma**2 - 1 - torch.log(sigma**2)).sum(1)).mean(),
            "g_gan_random": sum(((m - 1) ** 2).mean() for m in D2(fake2)),
            "g_latent_random": (z - E(fake2)[0]).abs().mean(),
        }
        gan, l1, divergence, gan2, latent = expected.values()
        for optimizer in (opt_G, opt_E):
            optimizer.zero_grad()
        shared = list(G.parameters())
        of_latent = torch.autograd.grad(0.5 * latent, shared, retain_graph=True)  # of G alone
        (gan + 10 * l1 + 0.01 * divergence + gan2).backward()
        for p, grad in zip(shared, of_latent, strict=True):
            p.grad += grad
        for optimizer in (opt_G, opt_E):
            optimizer.step()
        for D_, optimizer, made, cycle in (
            (D, opt_D, fake, "encoded"),
            (D2, opt_D2, fake2, "random"),
        ):
            d_real = sum(((m - 1) ** 2).mean() for m in D_(y))
            d_fake = sum((m**2).mean() for m in D_(made.detach()))
            optimizer.zero_grad()
            (d_real + d_fake).backward()
            optimizer.step()
            expected |= {f"d_real_{cycle}": d_real, f"d_fake_{cycle}": d_fake}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-9)
    for ours, theirs in (
        (method.G, G),
        (method.E, E),
        (method.D["encoded"], D),
        (method.D["random"], D2),
    ):
        assert_same_weights(ours, theirs)


NONE = {"lambda_gan": 0.0, "lambda_l1": 0.0, "lambda_kl": 0.0, "lambda_latent": 0.0}


@pytest.mark.parametrize(
    ("term", "changes", "whom"),
    [
        ("g_gan_encoded", {"lambda_gan": 1.0, "variant": "cVAE-GAN"}, {"G", "E"}),
        ("g_l1_encoded", {"lambda_l1": 1.0}, {"G", "E"}),
        ("g_kl_encoded", {"lambda_kl": 1.0}, {"E"}),
        ("g_gan_random", {"lambda_gan": 1.0, "variant": "cLR-GAN"}, {"G"}),
        ("g_l1_random", {"lambda_l1": 1.0, "variant": "pix2pix+noise"}, {"G"}),
        ("g_latent_random", {"lambda_latent": 1.0, "latent_moves": "G"}, {"G"}),
        ("g_latent_random", {"lambda_latent": 1.0, "latent_moves": "G+E"}, {"G", "E"}),
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
