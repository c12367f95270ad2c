"""The autoencoder: a step is its equations, and the GAN loss pulls as hard as what is kept."""

import copy

import pytest
import torch

from course_lib import losses, runs
from course_lib.networks.autoencoder import Autoencoder
from course_lib.networks.efficientnet import load_photo_features
from tests.methods.contract import assert_same_weights, in_float64
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch


def test_a_step_equals_its_equations(monkeypatch):
    """Two steps against the docstring's losses written out, with plain Adam."""
    eyes = copy.deepcopy(load_photo_features()).double()
    monkeypatch.setattr("course_lib.methods.autoencoder.load_photo_features", lambda device: eyes)
    method, ours = in_float64(*(CASES["autoencoder"].make() for _ in range(2)))
    method.run = lambda net, *inputs: net(*inputs)  # run() ends in float32
    opt_G, opt_D = (
        torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999)) for net in (ours.G, ours.D)
    )
    y = batch(dtype=torch.float64)["y"]
    for step in range(2):
        torch.manual_seed(step)
        terms = method.step({"y": y})
        torch.manual_seed(step)
        codes = ours.G.encode(y)
        fake = ours.G.decode(codes + 0.05 * torch.randn_like(codes))
        real, false = torch.sigmoid(ours.D(y)), torch.sigmoid(ours.D(fake.detach()))
        opt_D.zero_grad()
        (-0.5 * (real.log().mean() + (1 - false).log().mean())).backward()
        opt_D.step()
        kept = (fake - y).abs().mean() + losses.perceptual(eyes(fake), eyes(y))
        gan = -torch.sigmoid(ours.D(fake)).log().mean()
        a, b = (torch.autograd.grad(t, ours.G.last, retain_graph=True)[0] for t in (kept, gan))
        opt_G.zero_grad()
        (kept + 0.2 * a.norm() / (b.norm() + 1e-4) * gan).backward()
        opt_G.step()
        assert terms["g_gan"].item() == pytest.approx(gan.item(), rel=1e-9)
    assert_same_weights(method.G, ours.G)
    assert_same_weights(method.D, ours.D)


def test_whatever_the_data_it_takes_and_is_scored_by_the_images_y(tmp_path):
    config, out = runs.make_config("autoencoder", "smoke"), tmp_path / "run"
    runs.train("autoencoder", "photos:colour", out, config, steps=1, previews=0, progress=False)
    found, of_x = (
        runs.evaluate(out, "emoji:noto-fluent", split="val"),
        runs.open_run(out, "cpu")[1]["look"],
    )
    # y is its own partner; x, which is grey, would tell translate() to take the colours away
    assert 0 < found["l1"] < 9 * found["baseline_mean_l1"] and "x" not in of_x["grey"]


def test_its_code_is_a_24th_of_an_image_of_any_size():
    net = Autoencoder(8)
    for size in (32, 40):
        y = torch.rand(2, 3, size, size) * 2 - 1
        codes = net.encode(y)
        assert codes.shape == (2, 8, size // 8, size // 8) and codes.abs().max() <= 1
        assert torch.equal(net.decode(codes).clamp(-1, 1), net(y))
        assert net(y).shape == y.shape
