"""CycleGAN: the identity term, both ways, what a pool lets pass, noise."""

import pytest
import torch

from course_lib import CourseError
from course_lib.methods.cyclegan import PRESETS, Config
from course_lib.methods.image_pool import ImagePool
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


def test_the_authors_preset_is_the_paper_with_half_of_the_identity():
    assert Config(**PRESETS["authors"]) == Config(identity_share=0.5)


# ---- translating


def test_translate_goes_both_ways_and_back():
    method, data = make(), batch()
    there, back = method.translate(data["x"]), method.translate(data["y"], direction="yx")
    with torch.no_grad():
        assert torch.equal(there["fake_y"], method.G_xy(data["x"]))
        assert torch.equal(there["rec_x"], method.G_yx(there["fake_y"]))
        assert torch.equal(back["fake_y"], method.G_yx(data["y"]))
        assert torch.equal(back["rec_x"], method.G_xy(back["fake_y"]))


# ---- the pool


def test_pool_size_0_passes_everything_detached():
    images = torch.rand(3, 3, 4, 4, requires_grad=True)
    for size in (0, 2):
        out = ImagePool(size, 4).query(images * 1)
        assert not out.requires_grad and out.shape == images.shape
    assert torch.equal(ImagePool(0, 4).query(images), images)
