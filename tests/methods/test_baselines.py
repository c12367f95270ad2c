"""CoGAN, whose step is its equations, and CycleGAN with noise."""

import pytest
import torch

from course_lib import CourseError
from course_lib.methods.baselines import cogan, noisy_cyclegan
from course_lib.networks import DCGANDiscriminator, DCGANGenerator, parameter_count
from course_lib.networks.blocks import inference
from tests.methods.contract import assert_same_weights
from tests.support.tensors import pairs as batch

TINY = {"image_size": 16, "base_channels": 4, "n_blocks": 1, "d_base_channels": 4, "d_layers": 1}
COUPLED = {"image_size": 32, "z_dim": 5, "base_channels": 4, "d_base_channels": 4}


def make(cls, **settings):
    torch.manual_seed(0)
    return cls(cls.Config(**settings))


def adams(*groups):
    return [
        torch.optim.Adam([p for net in nets for p in net.parameters()], 2e-4, (0.5, 0.999))
        for nets in groups
    ]


# ---- CoGAN


def test_coupled_networks_share_layers():
    """Each pair has the parameters of one DCGAN network, and one end of it once more."""
    method = make(cogan.CoGAN, **COUPLED)
    for net, single in (
        (method.G, DCGANGenerator(32, 5, 4)),
        (method.D, DCGANDiscriminator(32, 4)),
    ):
        assert parameter_count(net) == parameter_count(single) + parameter_count(net["y"])
        assert parameter_count(net["shared"]) > 0 < parameter_count(net["x"])
    with pytest.raises(CourseError, match="at least 32 px"):
        cogan.Config(image_size=16)


def test_cogan_step_equals_the_equations():
    method, reference = (make(cogan.CoGAN, **COUPLED) for _ in range(2))
    G, D = reference.G, reference.D
    opt_G, opt_D = adams([G], [D])
    data = batch(4, 32)
    for i in range(3):
        torch.manual_seed(i)
        terms = method.step(data)
        torch.manual_seed(i)
        h = G["shared"](torch.rand(4, 5)[:, :, None, None] * 2 - 1)
        fakes = {domain: G[domain](h) for domain in "xy"}
        expected = {}
        for domain in "xy":
            real = torch.sigmoid(D["shared"](D[domain](data[domain])))
            fake = torch.sigmoid(D["shared"](D[domain](fakes[domain].detach())))
            expected[f"d_real_{domain}"] = -real.log().mean()
            expected[f"d_fake_{domain}"] = -(1 - fake).log().mean()
        opt_D.zero_grad()
        sum(expected.values()).backward()
        opt_D.step()
        fooled = {
            f"g_gan_{domain}": -torch.sigmoid(D["shared"](D[domain](fake))).log().mean()
            for domain, fake in fakes.items()
        }
        opt_G.zero_grad()
        sum(fooled.values()).backward()
        opt_G.step()
        expected |= fooled
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)
    assert_same_weights(method.G, G, 2e-5)


def test_search_finds_the_noise_behind_an_image():
    """Of a generator whose images differ: its norms know their inputs, its last layers count."""
    method = make(cogan.CoGAN, **COUPLED, search_steps=100)
    with torch.no_grad():
        for domain in "xy":
            method.G[domain][-2].weight.mul_(10)
        for _ in range(40):
            method.images(method.G, method.noise(16))
        with inference(method.G) as G:
            x, y = method.images(G, method.noise(3))
            (others,) = method.images(G, method.noise(64), "x")
    chance = (others[:, None] - x).abs().mean((2, 3, 4)).min(0).values  # the best of 64 draws
    out = method.translate(x)
    assert ((out["rec_x"] - x).abs().mean((1, 2, 3)) < 0.2 * chance).all()
    apart = (y - y.roll(1, 0)).abs().mean()
    assert (out["fake_y"] - y).abs().mean() < 0.2 * apart  # the partner comes out right, too
    assert method.search(torch.ones(1, 3, 32, 32), "x").abs().max() <= 1


# ---- noise for CycleGAN


def test_noise_makes_each_translation_another_one():
    method, x = make(noisy_cyclegan.NoisyCycleGAN, **TINY), batch()["x"]
    assert not torch.equal(method.translate(x)["fake_y"], method.translate(x)["fake_y"])
