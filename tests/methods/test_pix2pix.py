"""pix2pix and R3GAN: the equations of R3GAN's step, features, noise where it is asked."""

import pytest
import torch
from torch.nn.functional import logsigmoid

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.networks.efficientnet import load_photo_features
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch

make = CASES["pix2pix"].make


def test_the_step_of_r3gan_equals_its_equations():
    """L_D, with R1 at y and R2 at the fake, and L_G."""
    make, data = CASES["r3gan"].make, batch()
    method, reference = make(lambda_r1=3.0), make(lambda_r1=3.0)
    G, D, x, y = reference.G, reference.D, data["x"], data["y"]
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    terms = method.step(data)
    fake_y = G(x)
    leaf, fake_leaf = y.clone().requires_grad_(), fake_y.detach().clone().requires_grad_()
    real, fake = D(torch.cat([x, leaf], 1)), D(torch.cat([x, fake_leaf], 1))
    r1 = torch.autograd.grad(real.sum(), leaf, create_graph=True)[0].square().sum() / len(x)
    r2 = torch.autograd.grad(fake.sum(), fake_leaf, create_graph=True)[0].square().sum() / len(x)
    expected = {"d_pair": -logsigmoid(real - fake).mean(), "d_r1": r1, "d_r2": r2}
    (expected["d_pair"] + 3 * r1 + 5 * r2).backward()
    opt_D.step()
    real, fake = D(torch.cat([x, y], 1)), D(torch.cat([x, fake_y], 1))
    expected |= {"g_gan": -logsigmoid(fake - real).mean(), "g_l1": (y - fake_y).abs().mean()}
    assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)
    with pytest.raises(CourseError, match="norm cannot be 'batch'"):
        make(norm="batch")


@pytest.mark.parametrize("name", ["pix2pix", "r3gan"])
def test_features_have_their_weight_and_reach_g(name):
    """The gradients of a step are those of its terms, each times its lambda."""
    weights = {"lambda_gan": 0.5, "lambda_l1": 7.0, "lambda_features": 3.0}
    method = CASES[name].make(**weights, norm="instance", lr=1e-12)
    x, y = batch().values()
    terms = method.step({"x": x, "y": y})
    found = [p.grad.clone() for p in method.G.parameters()]
    see, fake_y = load_photo_features(), method.G(x)
    expected = losses.perceptual(see(fake_y), see(y)).item()
    assert terms["g_features"].item() == pytest.approx(expected, rel=1e-4)
    again = method.generator_terms(x, y, fake_y)
    total = sum(weight * again[name.replace("lambda", "g")] for name, weight in weights.items())
    largest = max(gradient.abs().max() for gradient in found)
    for a, b in zip(found, torch.autograd.grad(total, [*method.G.parameters()]), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5 * largest)


def test_unconditional_d_does_not_look_at_x():
    x, y = batch().values()
    for conditional in (False, True):
        method = make(conditional=conditional)
        assert torch.equal(method.judge(x, y), method.judge(-x, y)) != conditional


def test_translate_has_noise_only_where_asked():
    paper = {"test_dropout": True, "test_batch_statistics": True}
    method, x = make(dropout=0.5, **paper), batch()["x"]
    outputs = [method.translate(x, dropout=on)["fake_y"] for on in (False, False, True, True)]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[2], outputs[3])
    alone, batched = (
        method.translate(x, dropout=False, batch_statistics=on)["fake_y"] for on in (False, True)
    )
    assert not torch.equal(alone, batched)
    paper = method.translate(x)["fake_y"]  # the paper's default keeps both on
    assert not torch.equal(paper, method.translate(x)["fake_y"])
