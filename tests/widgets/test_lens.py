"""The patch lens: its frame is what one logit depends on; the widget shows what functions give."""

import copy
from io import BytesIO

import pytest
import torch
from PIL import Image

from course_lib.networks import PatchGAN, receptive_field
from course_lib.plotting.patches import discriminators, draw_patches, field, patch
from course_lib.widgets import lens
from tests.support.small import untrained as made


@pytest.fixture(scope="module")
def pairs():
    return torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def influence(D, scale: int, size: int, row: int, col: int) -> tuple[int, int, int, int]:
    """The box around the pixels that one logit depends on, by its gradient."""
    image = torch.rand(1, 3, size, size, dtype=torch.double, requires_grad=True)
    maps = D.double().eval()(image)
    (maps[scale] if isinstance(maps, list) else maps)[0, 0, row, col].backward()
    rows, cols = (image.grad[0].abs().sum(0) > 0).nonzero().T
    D.float()
    return cols.min().item(), rows.min().item(), cols.max().item() + 1, rows.max().item() + 1


@pytest.mark.parametrize(("n_layers", "blur"), [(0, False), (1, False), (3, False), (2, True)])
def test_the_patch_is_what_the_logit_depends_on(n_layers, blur):
    D, x = PatchGAN(3, 4, n_layers, "batch", blur), torch.zeros(3, 48, 48)
    assert field(D)[0] == receptive_field(D) and field(PatchGAN(3)) == (70, 8, 23)
    method = made("pix2pix")
    method.discriminators = lambda: {"D": ("y", D, 0)}
    last = patch(method, x, x, 0, 0)[2].shape[-1] - 1
    for row, col in ((0, 0), (last // 2, last // 2 + 1), (last - 1, last)):
        assert patch(method, x, x, row, col)[0] == influence(D, 0, 48, row, col)


@pytest.mark.parametrize("name", ["unit", "munit"])
def test_the_patch_of_two_domains_is_what_the_logit_depends_on(name):
    method, x = made(name), torch.zeros(3, 64, 64)
    for judge, (_, D, scale) in discriminators(method).items():
        rows, cols = patch(method, x, x, 0, 0, judge)[2].shape[1:]
        at = rows // 2, cols // 2
        assert patch(method, x, x, *at, judge)[0] == influence(D, scale, 64, *at)


def test_every_judge_sees_its_own_domain(pairs):
    (x, y), other = pairs[:, 0], pairs[0, 2]
    cyclegan, pix2pix = made("cyclegan"), made("pix2pix")
    for judge, keeps, moves in (("D_y", (other, y), (x, other)), ("D_x", (x, other), (other, y))):
        _, logit, logits = patch(cyclegan, x, y, 2, 3, judge)
        assert logits[0, 2, 3].item() == logit
        assert torch.equal(patch(cyclegan, *keeps, 2, 3, judge)[2], logits)
        assert not torch.equal(patch(cyclegan, *moves, 2, 3, judge)[2], logits)
    both = [patch(pix2pix, image, y, 0, 0)[2] for image in (x, other)]
    assert not torch.equal(*both) and pix2pix.D.training  # as before
    bicycle = made("bicyclegan", None, "conditional=False", "norm=instance")
    for k in (0, 1):
        logits = patch(bicycle, x, y, 0, 0, f"D_random, scale {k}")[2]
        assert torch.equal(logits, bicycle.D["random"](y[None])[k][0].detach())


def test_the_first_of_a_batch_is_judged_as_in_training(pairs):
    model, (x, y) = made("pix2pix", None, "norm=batch"), pairs
    kept = copy.deepcopy(model.D.state_dict())
    _, logit, logits = patch(model, x, y, 2, 3)
    whole = draw_patches(model, x, y, 2, 3).axes[0].images[0].get_array()
    assert (whole == draw_patches(model, x[0], y[0], 2, 3).axes[0].images[0].get_array()).all()
    assert all(torch.equal(kept[name], value) for name, value in model.D.state_dict().items())
    assert logits[0, 2, 3].item() == logit and not torch.equal(
        logits, patch(model, x[0], y[0], 2, 3)[2]
    )
    assert torch.allclose(logits, model.D.train()(torch.cat([x, y], 1))[0], atol=1e-6)


@pytest.mark.parametrize(("name", "judge"), [("pix2pix", "D"), ("cyclegan", "D_x")])
def test_the_picture_frames_the_patch_and_its_cell(name, judge, pairs):
    model, (x, y) = made(name), pairs[:, 1]
    box, logit, _ = patch(model, x, y, 1, 4, judge)
    whole, near, chart, _ = draw_patches(model, x, y, 1, 4, judge).axes
    assert tuple(v + 0.5 for v in whole.patches[-1].get_bbox().extents) == box
    start = (32 - 6 * 4) / 2 - 0.5
    assert tuple(chart.patches[-1].get_bbox().extents) == tuple(start + 4 * i for i in (4, 1, 5, 2))
    left, top, right, bottom = box
    height = 2 * (bottom - top) + 2 if judge == "D" else bottom - top  # x above y if D sees both
    assert near.images[0].get_array().shape[:2] == (height, right - left)
    assert f"{logit:.2f}" in near.get_title().replace("+", "")


# ---- the widget


@pytest.mark.slow
def test_the_lens_shows_what_the_function_gives(pairs, monkeypatch):
    model, (x, y) = made("cyclegan"), pairs
    pair, judge, _, view = lens.lens(model, x, y).children
    assert view.cell == [3, 3] and [len(place) for place in view.places] == [4, 4]
    draw_patches(model, x[0], y[0], 3, 3, "D_y").savefig(file := BytesIO(), format="png")
    assert Image.open(BytesIO(view.png)).tobytes() == Image.open(file).tobytes()
    assert view.grid == [6, 6, pytest.approx(4 / 32), pytest.approx(4 / 32)]
    calls, real = [], lens.draw_patches
    monkeypatch.setattr(lens, "draw_patches", lambda *call: calls.append(call) or real(*call))
    view.cell = [0, 2]
    assert calls[-1][3:] == (0, 2, "D_y") and "row 0, column 2" in view.alt
    pair.value = 2
    judge.value = ("D_x", "made")
    assert torch.allclose(
        calls[-1][1][0], model.translate(y[2:], direction="yx")["fake_y"][0], atol=1e-5
    )
    assert torch.equal(calls[-1][2], y.roll(1, 0)) and calls[-1][3:] == (0, 2, "D_x")
    judge.value = ("D_y", "made")
    assert torch.allclose(calls[-1][2][0], model.translate(x[2:])["fake_y"][0], atol=1e-5)
    assert len(calls) == 4  # one movement, one picture


def test_a_smaller_map_moves_the_cell_inside(pairs):
    _, judge, _, view = lens.lens(made("bicyclegan"), *pairs).children
    view.cell = [5, 5]
    judge.value = (judge.options[2][1][0], "real")  # of the next scale
    assert view.cell == [1, 1] and view.grid[:2] == [2, 2]
