"""CycleGAN: the identity term, both ways."""

import pytest
import torch

from course_lib import CourseError
from tests.methods.contract import weights
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch

make = CASES["cyclegan"].make


# ---- ablations


def test_the_relative_identity_weight_is_the_absolute_one():
    steps = []
    for changes in ({"lambda_identity": 5.0}, {"identity_share": 0.5}):
        method, y = make(**changes), batch()["y"]
        expected = (method.G_xy(y) - y).abs().mean().item()
        assert method.step(batch())["g_identity_y"].item() == pytest.approx(expected, rel=1e-4)
        steps.append(weights(method.G_xy))
    assert all(torch.equal(a, b) for a, b in zip(*steps, strict=True))
    with pytest.raises(CourseError, match="two names"):
        make(lambda_identity=5.0, identity_share=0.5)


# ---- translating


def test_translate_goes_both_ways_and_back():
    method, data = make(), batch()
    there, back = method.translate(data["x"]), method.translate(data["y"], direction="yx")
    with torch.no_grad():
        assert torch.equal(there["fake_y"], method.G_xy(data["x"]))
        assert torch.equal(there["rec_x"], method.G_yx(there["fake_y"]))
        assert torch.equal(back["fake_y"], method.G_yx(data["y"]))
        assert torch.equal(back["rec_x"], method.G_xy(back["fake_y"]))
