"""CoGAN, BiGAN and the rows that are CycleGAN with another loss: each step is its equations."""

import pytest
import torch

from course_lib import CourseError
from course_lib.methods import configs, cyclegan
from course_lib.methods.baselines import bigan, cogan, cyclegan_rows
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


# ---- BiGAN


def test_bigan_step_equals_the_equations():
    method, reference = (make(bigan.BiGAN, **TINY, batch_size=2) for _ in range(2))
    G_xy, G_yx, D = reference.G_xy, reference.G_yx, reference.D
    opt_G, opt_D = adams([G_xy, G_yx], [D])
    x, y = batch().values()
    for _ in range(3):
        terms = method.step({"x": x, "y": y})  # the pool is not full: it gives back what comes in
        fake_y, fake_x = G_xy(x), G_yx(y)
        expected = {
            "d_real_y": (D(torch.cat([fake_x.detach(), y], 1)) - 1).square().mean(),
            "d_fake_y": D(torch.cat([x, fake_y.detach()], 1)).square().mean(),
        }
        opt_D.zero_grad()
        (sum(expected.values()) / 2).backward()
        opt_D.step()
        expected |= {
            "g_gan_y": (D(torch.cat([x, fake_y], 1)) - 1).square().mean(),
            "g_gan_x": D(torch.cat([fake_x, y], 1)).square().mean(),
        }
        opt_G.zero_grad()
        (expected["g_gan_y"] + expected["g_gan_x"]).backward()
        opt_G.step()
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)


def test_bigan_at_profile_cpu_is_as_large_as_cyclegan():
    ours = bigan.Config(**bigan.PRESETS["cpu"])
    theirs = cyclegan.Config(**cyclegan.PRESETS["cpu"])
    assert configs.as_dict(ours).items() <= configs.as_dict(theirs).items()


# ---- rows that are CycleGAN


@pytest.mark.parametrize("cls", [cyclegan_rows.SimGAN, cyclegan_rows.FeatureGAN])
def test_what_stays_close_reaches_both_generators_and_no_features(cls):
    method, data = make(cls, **TINY), batch()
    features = method.features if cls is cyclegan_rows.FeatureGAN else lambda images: images
    terms = method.step(data)
    other = make(cls, **TINY)
    with torch.no_grad():
        fake_y, fake_x = other.G_xy(data["x"]), other.G_yx(data["y"])
        expected = (features(fake_y) - features(data["x"])).abs().mean()
        expected += (features(fake_x) - features(data["y"])).abs().mean()
    assert terms["g_self"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert not {"g_forward", "g_backward"} & terms.keys()
    if cls is cyclegan_rows.FeatureGAN:
        assert not any(p.requires_grad for p in method.features.__self__.parameters())


def test_noise_makes_each_translation_another_one():
    method, x = make(cyclegan_rows.NoisyCycleGAN, **TINY), batch()["x"]
    assert not torch.equal(method.translate(x)["fake_y"], method.translate(x)["fake_y"])
