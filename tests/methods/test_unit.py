"""UNIT: blocks that are really shared, its equations, and the variant that shares nothing."""

import pytest
import torch

from course_lib.networks.resnet import ResidualBlock
from course_lib.networks.unit import LatentDecoders, LatentEncoders
from tests.methods.contract import assert_same_weights, in_float64, step
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch
from tests.support.tensors import parameter_count

make = CASES["unit"].make


# ---- sharing


@pytest.mark.parametrize("shared", [1, 4])
def test_shared_blocks_are_counted_once(shared):
    """And the way through a network is as deep, whatever is shared."""
    with torch.device("meta"):
        block = parameter_count(ResidualBlock(64))
        for cls in (LatentEncoders, LatentDecoders):
            net, apart = cls(16, 4, shared), cls(16, 4, 0)
            assert parameter_count(net) == parameter_count(apart) - shared * block
            assert [type(layer) for layer in [*net.own["x"], *net.shared]].count(ResidualBlock) == 4


# ---- the step


@pytest.mark.parametrize("shared", [0, 1])
def test_step_equals_the_equations(shared):
    """Two steps against the paper's objective written out, with plain Adam in float64."""
    method, ref = in_float64(make(shared_blocks=shared, lambda_kl=0.3), make(shared_blocks=shared))
    method.run = lambda net, *inputs: net(*inputs)
    E, G, (D_x, D_y) = ref.E, ref.G, ref.D.values()
    opt_G = torch.optim.Adam([*E.parameters(), *G.parameters()], 1e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(ref.D.parameters(), 1e-4, (0.5, 0.999))
    data = batch(dtype=torch.float64)
    x, y = data["x"], data["y"]

    def kl(mu):
        return (mu**2).mean()

    def bce(logits, real):
        return torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.full_like(logits, float(real))
        )

    for seed in range(2):
        terms = step(method, data, seed)
        torch.manual_seed(seed)
        mu_x = E(x, "x")
        z = mu_x + torch.randn_like(mu_x)
        fake_y, rec_x = G(z, "y"), G(z, "x")
        mu_xy = E(fake_y, "y")
        cyc_x = G(mu_xy + torch.randn_like(mu_xy), "x")
        mu_y = E(y, "y")
        z = mu_y + torch.randn_like(mu_y)
        fake_x, rec_y = G(z, "x"), G(z, "y")
        mu_yx = E(fake_x, "x")
        cyc_y = G(mu_yx + torch.randn_like(mu_yx), "y")
        d = {"d_real_x": bce(D_x(x), 1), "d_fake_x": bce(D_x(fake_x.detach()), 0)}
        d |= {"d_real_y": bce(D_y(y), 1), "d_fake_y": bce(D_y(fake_y.detach()), 0)}
        opt_D.zero_grad()
        (10 * sum(d.values())).backward()
        opt_D.step()
        vae = {"g_image_x": (rec_x - x).abs().mean(), "g_image_y": (rec_y - y).abs().mean()}
        cc = {"g_cycle_x": (cyc_x - x).abs().mean(), "g_cycle_y": (cyc_y - y).abs().mean()}
        kls = {"g_kl_x": kl(mu_x), "g_kl_y": kl(mu_y)}
        more = {"g_cycle_kl_x": kl(mu_xy), "g_cycle_kl_y": kl(mu_yx)}
        gan = {"g_gan_x": bce(D_x(fake_x), 1), "g_gan_y": bce(D_y(fake_y), 1)}
        L_vae = 0.3 * sum(kls.values()) + 100 * sum(vae.values())
        L_cc = 0.1 * sum(more.values()) + 100 * sum(
            cc.values()
        )  # KL(z_a) stands in L_vae alone, as in public code
        opt_G.zero_grad()
        (L_vae + L_cc + 10 * sum(gan.values())).backward()
        opt_G.step()
        expected = d | vae | cc | kls | more | gan
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-9)
    for name, net in method.networks.items():
        assert_same_weights(net, ref.networks[name], 1e-8)


# ---- translating, training


def test_translate_goes_both_ways_through_one_latent_space_without_noise():
    method, data = make(), batch()
    for way, here, there in (("xy", "x", "y"), ("yx", "y", "x")):
        out = method.translate(data[way[0]], direction=way)
        with torch.no_grad():
            z, back = method.E(data[way[0]], here), method.E(out["fake_y"], there)
            assert torch.equal(out["fake_y"], method.G(z, there))
            assert torch.equal(out["rec_x"], method.G(back, here))
    assert not method.has_codes
