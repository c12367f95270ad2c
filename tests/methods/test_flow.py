"""The flow: its loss and Euler's steps written out, where a straight flow leads."""

import pytest
import torch

from tests.methods.contract import assert_same_weights, in_float64
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch

make = CASES["flow"].make


def test_step_equals_the_equations():
    """Two steps against the docstring's loss written out, with plain Adam."""
    method, reference = in_float64(make(), make())
    method.run = lambda net, *inputs: net(*inputs)  # run() ends in float32
    opt = torch.optim.Adam(reference.v.parameters(), 1e-3, (0.9, 0.999))
    data = batch(dtype=torch.float64)
    x, y = data["x"], data["y"]
    for step in range(2):
        torch.manual_seed(step)
        terms = method.step(data)
        torch.manual_seed(step)
        z_0 = torch.randn_like(y)
        t = torch.rand_like(x[:, 0, 0, 0])
        z_t = torch.stack([(1 - t[i]) * z_0[i] + t[i] * y[i] for i in range(2)])
        loss = ((reference.v(torch.cat([z_t, x], dim=1), t) - (y - z_0)) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        assert terms["g_velocity"].item() == pytest.approx(loss.item(), rel=1e-9)
    assert_same_weights(method.v, reference.v)


def test_translate_walks_in_equal_steps_from_the_noise():
    method, x, z = make(), batch()["x"], torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        half = z + method.v(torch.cat([z, x], dim=1), torch.zeros(2)) / 2
        there = half + method.v(torch.cat([half, x], dim=1), torch.full((2,), 0.5)) / 2
    assert torch.allclose(method.translate(x, z)["fake_y"], there.clamp(-1, 1), atol=1e-6)


def test_with_drop_x_of_1_no_input_is_seen():
    data = batch()
    terms = [make(drop_x=1.0).step(data | {"x": x})["g_velocity"] for x in (data["x"], -data["x"])]
    assert terms[0] == terms[1]
