"""pix2pix: features in the loss, a D that sees x or not, noise where it is asked."""

import pytest
import torch

from course_lib import losses
from course_lib.networks.efficientnet import load_photo_features
from tests.methods.contract import state
from tests.methods.test_contract import CASES
from tests.support.killing import equal
from tests.support.tensors import pairs as batch

make = CASES["pix2pix"].make


def test_features_have_their_weight_and_reach_g():
    """The gradients of a step are those of its terms, each times its lambda."""
    weights = {"lambda_gan": 0.5, "lambda_l1": 7.0, "lambda_features": 3.0}
    method = make(**weights, norm="instance", lr=1e-12)
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
    before = state(method)
    outputs = [method.translate(x, dropout=on)["fake_y"] for on in (False, False, True, True)]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[2], outputs[3])
    alone, batched = (
        method.translate(x, dropout=False, batch_statistics=on)["fake_y"] for on in (False, True)
    )
    assert not torch.equal(alone, batched)
    paper = method.translate(x)["fake_y"]  # the paper's default keeps both on
    assert not torch.equal(paper, method.translate(x)["fake_y"])
    assert equal(state(method), before)  # no statistics of batches that were only looked at
