"""CycleGAN: a step is its equations, and a pool keeps what was shown."""

import pytest
import torch

from course_lib import CourseError
from course_lib.methods.cyclegan import PRESETS, Config
from course_lib.methods.image_pool import ImagePool
from course_lib.networks import ResNetGenerator
from tests.methods.contract import assert_same_weights, in_float64, weights
from tests.methods.test_contract import CASES
from tests.support.tensors import pairs as batch

make = CASES["cyclegan"].make


# ---- networks


@pytest.mark.parametrize("upsampling", ["transposed", "resize-conv"])
def test_the_generator_keeps_the_size(upsampling):
    net = ResNetGenerator(4, 2, upsampling)
    for shape in ((1, 3, 16, 16), (3, 3, 20, 36)):
        assert net(torch.zeros(shape)).shape == shape


# ---- the step


def test_step_equals_the_equations():
    """Three steps against equations 1 to 3 and that of section 5.2, with plain Adam."""
    method, reference = in_float64(make(lambda_identity=5.0, pool_size=0), make())
    G, F, D_X, D_Y = reference.G_xy, reference.G_yx, reference.D_x, reference.D_y
    opt_G = torch.optim.Adam([*G.parameters(), *F.parameters()], 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam([*D_X.parameters(), *D_Y.parameters()], 2e-4, (0.5, 0.999))
    data = batch(dtype=torch.float64)
    x, y = data["x"], data["y"]
    method.run = lambda net, images: net(images)  # run() ends in float32
    for _ in range(3):
        terms = method.step(data)
        fake_y, fake_x = G(x), F(y)
        expected = {
            "g_gan_y": ((D_Y(fake_y) - 1) ** 2).mean(),
            "g_gan_x": ((D_X(fake_x) - 1) ** 2).mean(),
            "g_forward": (F(fake_y) - x).abs().mean(),
            "g_backward": (G(fake_x) - y).abs().mean(),
            "g_identity_y": (G(y) - y).abs().mean(),
            "g_identity_x": (F(x) - x).abs().mean(),
        }
        opt_G.zero_grad()
        sum(w * e for w, e in zip((1, 1, 10, 10, 5, 5), expected.values(), strict=True)).backward()
        opt_G.step()
        expected |= {
            "d_real_y": ((D_Y(y) - 1) ** 2).mean(),
            "d_fake_y": (D_Y(fake_y.detach()) ** 2).mean(),
            "d_real_x": ((D_X(x) - 1) ** 2).mean(),
            "d_fake_x": (D_X(fake_x.detach()) ** 2).mean(),
        }
        opt_D.zero_grad()
        (sum(list(expected.values())[6:]) / 2).backward()
        opt_D.step()
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-9)
    for ours, theirs in ((method.G_xy, G), (method.G_yx, F), (method.D_x, D_X), (method.D_y, D_Y)):
        assert_same_weights(ours, theirs)


# ---- ablations


def test_the_relative_identity_weight_is_the_absolute_one():
    steps = []
    for changes in ({"lambda_identity": 5.0}, {"identity_share": 0.5}):
        method = make(**changes)
        method.step(batch())
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


def test_the_pool_returns_half_old_half_new():
    torch.manual_seed(0)
    pool, old, n = ImagePool(50, 1), 0, 4000
    for i in range(50 + n):
        image = torch.full((1, 3, 1, 1), float(i))
        came = pool.query(image)
        assert pool.count <= 50 and came.shape == image.shape
        if i < 50:
            assert torch.equal(came, image)  # while it fills, what goes in comes out
        else:
            old += int(came[0, 0, 0, 0] != i)
    assert abs(old / n - 0.5) < 4 * (0.25 / n) ** 0.5  # four standard deviations
    ages = 50 + n - 1 - pool.images[:, 0, 0, 0]
    assert (
        50 < ages.mean() < 200
    )  # a place is taken over with probability 1/2 * 1/50: mean age about 100


def test_a_pool_replaces_every_place_and_loses_nothing():
    """Each image that is returned as old was stored, and no longer is."""
    torch.manual_seed(1)
    pool, given, places = ImagePool(5, 1), set(), set()
    for i in range(300):
        before = pool.images[:, 0, 0, 0].tolist()
        came = int(pool.query(torch.full((1, 3, 1, 1), float(i)))[0, 0, 0, 0])
        after = pool.images[:, 0, 0, 0].tolist()
        changed = [k for k in range(5) if before[k] != after[k]]
        if came != i:
            assert changed == [before.index(came)] and after[changed[0]] == i and came not in given
            given.add(came)
            places.add(changed[0])
        elif i >= 5:
            assert not changed
    assert places == set(range(5))


def test_pool_size_0_passes_everything_detached():
    images = torch.rand(3, 3, 4, 4, requires_grad=True)
    for size in (0, 2):
        out = ImagePool(size, 4).query(images * 1)
        assert not out.requires_grad and out.shape == images.shape
    assert torch.equal(ImagePool(0, 4).query(images), images)


# ---- the noisy one


def test_noise_makes_each_translation_another_one():
    method, x = CASES["noisy-cyclegan"].make(), batch()["x"]
    assert not torch.equal(method.translate(x)["fake_y"], method.translate(x)["fake_y"])
