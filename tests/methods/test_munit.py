"""MUNIT: AdaIN, its equations, styles drawn and read."""

from functools import partial

import pytest
import torch

from course_lib.metrics import scores
from tests.methods.contract import assert_same_weights, in_float64, step
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs

make, batch = CASES["munit"].make, partial(pairs, size=32)


# ---- networks


# ---- the step


def test_step_equals_the_equations():
    """Two steps against the paper's terms written out, with plain Adam in float64."""
    method, ref = in_float64(make(lambda_cycle=10.0), make(lambda_cycle=10.0))
    method.run, method.judge = (
        lambda net, *inputs: net(*inputs),
        lambda domain, image: method.D[domain](image),
    )
    method.noise = lambda n: torch.randn(n, 3, dtype=torch.float64)
    (C_x, C_y), (S_x, S_y), (G_x, G_y), (D_x, D_y) = (
        net.values() for net in (ref.E_content, ref.E_style, ref.G, ref.D)
    )
    learners = [p for net in (C_x, C_y, S_x, S_y, G_x, G_y) for p in net.parameters()]
    opt_G = torch.optim.Adam(learners, 1e-4, (0.5, 0.999), weight_decay=1e-4)
    opt_D = torch.optim.Adam(ref.D.parameters(), 1e-4, (0.5, 0.999), weight_decay=1e-4)
    data = batch(3, dtype=torch.float64)
    x, y = data["x"], data["y"]

    def l1(p, q):
        return (p - q).abs().mean()

    for seed in range(2):
        terms = step(method, data, seed)
        torch.manual_seed(seed)
        z_x, z_y = (torch.randn(3, 3, dtype=torch.float64) for _ in "xy")
        c_x, s_x, c_y, s_y = C_x(x), S_x(x), C_y(y), S_y(y)
        fake_y, fake_x = G_y(c_x, z_y), G_x(c_y, z_x)
        expected = {}
        for name, D, real, fake in (("x", D_x, x, fake_x), ("y", D_y, y, fake_y)):
            expected[f"d_real_{name}"] = sum(((m - 1) ** 2).mean() for m in D(real))
            expected[f"d_fake_{name}"] = sum((m**2).mean() for m in D(fake.detach()))
        opt_D.zero_grad()
        sum(expected.values()).backward()
        opt_D.step()
        g = {
            "g_gan_x": sum(((m - 1) ** 2).mean() for m in D_x(fake_x)),
            "g_gan_y": sum(((m - 1) ** 2).mean() for m in D_y(fake_y)),
            "g_image_x": l1(G_x(c_x, s_x), x),
            "g_image_y": l1(G_y(c_y, s_y), y),
            "g_content_x": l1(C_y(fake_y), c_x),
            "g_content_y": l1(C_x(fake_x), c_y),
            "g_style_x": l1(S_x(fake_x), z_x),
            "g_style_y": l1(S_y(fake_y), z_y),
            "g_cycle_x": l1(G_x(C_y(fake_y), s_x), x),
            "g_cycle_y": l1(G_y(C_x(fake_x), s_y), y),
        }
        opt_G.zero_grad()
        sum(
            w * e for w, e in zip((1, 1, 10, 10, 1, 1, 1, 1, 10, 10), g.values(), strict=True)
        ).backward()
        opt_G.step()
        assert terms == pytest.approx({k: v.item() for k, v in (expected | g).items()}, rel=1e-9)
    for name, net in method.networks.items():
        assert_same_weights(net, ref.networks[name])


# ---- styles


def test_translate_takes_a_style_both_ways():
    method, data = make(), batch(3)
    z = method.noise(3, seed=4)
    for way, content, decoder in (("xy", "x", "y"), ("yx", "y", "x")):
        fake = method.translate(data[content], z, way)["fake_y"]
        with torch.no_grad():
            assert torch.equal(fake, method.G[decoder](method.E_content[content](data[content]), z))


def test_the_style_of_an_example_is_that_of_the_output_domain():
    method, y = make(average=0.5), batch()["y"]
    step(method, batch())
    with torch.no_grad():
        for p in method.averaged["E_style"]["y"].parameters():
            p.zero_()
    assert not method.encode(y).any() and method.encode(y, "yx").any()  # and the average is asked


def test_the_shape_of_an_image_has_no_colour():
    image = torch.rand(3, 3, 8, 8)
    blue = image.mean(1, keepdim=True) * torch.tensor([0.2, 0.3, 2.5])[:, None, None] - 0.4
    assert torch.allclose(scores.shape(blue), scores.shape(image), atol=1e-3)
    assert (scores.shape(image.flip(-1)) - scores.shape(image)).abs().mean() > 0.1
    assert not scores.others_nearer(scores.shape(blue), scores.shape(image)).any()
