"""The flow: its loss and Euler's steps written out, where a straight flow leads."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.bridge import Bridge, Config
from course_lib.networks.time_unet import TimedUNet, embed_time
from tests.methods.contract import assert_same_weights, in_float64

SMALL = {"image_size": 16, "base_channels": 8, "batch_size": 2, "average": 0.0}


def make(**changes) -> Bridge:
    torch.manual_seed(0)
    return Bridge(configs.build(Config, **SMALL | changes))


def batch(count: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {key: torch.rand(count, 3, 16, 16) * 2 - 1 for key in ("x", "y")}


@pytest.mark.parametrize("start", ["noise", "x"])
def test_step_equals_the_equations(start):
    """Two steps against the docstring's loss written out, with plain Adam."""
    method, reference = in_float64(make(start=start), make(start=start))
    method.run = lambda net, *inputs: net(*inputs)  # run() ends in float32
    opt = torch.optim.Adam(reference.v.parameters(), 1e-3, (0.9, 0.999))
    data = {key: images.double() for key, images in batch().items()}
    x, y = data["x"], data["y"]
    for step in range(2):
        torch.manual_seed(step)
        terms = method.step(data)
        torch.manual_seed(step)
        z_0 = torch.randn_like(x) if start == "noise" else x
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
    assert torch.allclose(method.translate(x, z, steps=2)["fake_y"], there.clamp(-1, 1), atol=1e-6)
    assert not torch.equal(
        method.translate(x, z)["fake_y"], method.translate(x, z, steps=1)["fake_y"]
    )
    with pytest.raises(CourseError, match="in 0 steps"):
        method.translate(x, steps=0)


@pytest.mark.parametrize("steps", [1, 3, 8])
def test_a_straight_flow_arrives_in_any_number_of_steps(steps, monkeypatch):
    """Where v is the true direction everywhere, every walk ends at y."""
    method, data, z = make(), batch(), torch.randn(2, 3, 16, 16)
    monkeypatch.setattr(method.averaged["v"], "forward", lambda given, t: data["y"] - z)
    fake_y = method.translate(data["x"], z, steps)["fake_y"]
    assert torch.allclose(fake_y, data["y"], atol=1e-5)


def test_from_x_there_is_one_answer():
    method, x = make(start="x"), batch()["x"]
    assert not method.has_codes and torch.equal(*(method.translate(x)["fake_y"] for _ in range(2)))


def test_one_target_is_learned(one_thread):
    """Noise to one image: after some steps the walk ends near it."""
    method, data = make(decay_from=0.5, lr=3e-3), batch(1)
    many = {key: images.expand(8, -1, -1, -1) for key, images in data.items()}
    for _ in range(150):
        method.step(many)
    error = (method.translate(data["x"], steps=8)["fake_y"] - data["y"]).abs().mean()
    assert error < 0.5 * data["y"].abs().mean()


def test_times_are_told_apart():
    embedded = embed_time(torch.linspace(0, 1, 11), 16)
    assert (
        embedded.shape == (11, 16) and torch.cdist(embedded, embedded).fill_diagonal_(9).min() > 0.5
    )
    net = TimedUNet(4, 2, (8, 16)).eval()
    x = torch.randn(3, 4, 12, 8)
    assert net(x, torch.rand(3)).shape == (3, 2, 12, 8)


def test_configurations_that_cannot_be():
    for wrong in ({"image_size": 20}, {"base_channels": 12}, {"euler_steps": 0}):
        with pytest.raises(CourseError):
            configs.build(Config, **SMALL | wrong)
