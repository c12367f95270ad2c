"""The patch lens: its frame is what one logit depends on, and what the widget shows is what the functions give."""

from io import BytesIO
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.methods.base import Method
from course_lib.networks import PatchGAN, receptive_field
from course_lib.networks.bicycle import MultiScalePatchGAN
from course_lib.plotting.patches import discriminators, field, patch, sees_both
from course_lib.widgets import lens as module
from course_lib.widgets.lens import lens, picture


class With(Method):
    """A method of these discriminators."""

    def __init__(self, *found):
        super().__init__(SimpleNamespace(gan_loss="log"))
        self.found = {f"D {k}": ("y", D, k) for k, D in enumerate(found)}

    def discriminators(self):
        return self.found


@pytest.fixture(scope="module")
def pairs():
    return torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    return {
        name: runs.method_class(name)(runs.make_config(name, "smoke"))
        for name in ("pix2pix", "cyclegan")
    }


@pytest.fixture(scope="module")
def bicycle():
    torch.manual_seed(0)
    config = runs.make_config(
        "bicyclegan", "smoke", settings=["conditional=False", "norm=instance"]
    )
    return runs.method_class("bicyclegan")(config)


def influence(D, scale: int, size: int, row: int, col: int) -> tuple[int, int, int, int]:
    """The box around the pixels that one logit depends on, by its gradient."""
    image = torch.rand(1, 3, size, size, dtype=torch.double, requires_grad=True)
    maps = D.double().eval()(image)
    (maps[scale] if isinstance(maps, list) else maps)[0, 0, row, col].backward()
    rows, cols = (image.grad[0].abs().sum(0) > 0).nonzero().T
    return cols.min().item(), rows.min().item(), cols.max().item() + 1, rows.max().item() + 1


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_the_patch_is_what_the_logit_depends_on(n_layers, norm):
    torch.manual_seed(n_layers)
    D, x = PatchGAN(3, 4, n_layers, norm), torch.zeros(3, 48, 48)
    assert field(D)[0] == receptive_field(D)
    last = patch(With(D), x, x, 0, 0)[2].shape[-1] - 1
    for row, col in ((0, 0), (last, 0), (last // 2, last // 2 + 1), (last - 1, last)):
        assert patch(With(D.float()), x, x, row, col)[0] == influence(D, 0, 48, row, col)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_the_patch_of_a_coarser_scale(scale):
    torch.manual_seed(0)
    D, x = MultiScalePatchGAN(3, 4, 1, "none", n_scales=3), torch.zeros(3, 64, 64)
    judge = f"D {scale}"
    last = patch(With(D, D, D), x, x, 0, 0, judge)[2].shape[-1] - 1
    for row, col in ((0, last), (last // 2, last // 2), (last, 1)):
        assert patch(With(*[D.float()] * 3), x, x, row, col, judge)[0] == influence(
            D, scale, 64, row, col
        )


def test_papers_patches():
    assert field(PatchGAN(3)) == (70, 8, 23)
    D = MultiScalePatchGAN(3, base_channels=4)
    assert field(D, 0) == (70, 8, 23) and field(D, 1) == (141, 16, 47)


def test_every_judge_sees_its_own_domain(models, bicycle, pairs):
    (x, y), other = pairs[:, 0], pairs[0, 2]
    assert [list(discriminators(m)) for m in models.values()] == [["D"], ["D_y", "D_x"]]
    cycles = [f"D_{cycle}, scale {k}" for cycle in ("encoded", "random") for k in (0, 1)]
    assert list(discriminators(bicycle)) == cycles
    cyclegan = models["cyclegan"]
    for judge, keeps, moves in (("D_y", (other, y), (x, other)), ("D_x", (x, other), (other, y))):
        box, logit, logits = patch(cyclegan, x, y, 2, 3, judge)
        assert logits[0, 2, 3].item() == logit and box == (1, 0, 32, 31)
        assert torch.equal(patch(cyclegan, *keeps, 2, 3, judge)[2], logits)
        assert not torch.equal(patch(cyclegan, *moves, 2, 3, judge)[2], logits)
    assert torch.equal(
        patch(cyclegan, x, y, 0, 0)[2], cyclegan.D_y(y[None])[0].detach()
    )  # instance norm: no modes
    pix2pix = models["pix2pix"]
    assert sees_both(pix2pix.D) and not torch.equal(
        *(patch(pix2pix, one, y, 0, 0)[2] for one in (x, other))
    )
    assert pix2pix.D.training  # as before
    for k, judge in enumerate(cycles[2:]):
        assert torch.equal(
            patch(bicycle, x, y, 0, 0, judge)[2], bicycle.D["random"](y[None])[k][0].detach()
        )


def test_what_there_is_no_lens_for(models, pairs):
    x, y = pairs[:, 0]
    with pytest.raises(ValueError, match="choose from D_y, D_x"):
        patch(models["cyclegan"], x, y, 0, 0, "D")
    for row, col in ((-1, 0), (0, 6)):
        with pytest.raises(ValueError, match="map of 6 x 6"):
            patch(models["pix2pix"], x, y, row, col)
    for name in ("dcgan", "cogan"):
        with pytest.raises(CourseError, match="as a whole"):
            discriminators(runs.method_class(name)(runs.make_config(name, "smoke")))
    with pytest.raises(CourseError, match="labels and instances"):
        discriminators(runs.method_class("pix2pixhd")(runs.make_config("pix2pixhd", "smoke")))


def test_the_picture_frames_the_patch_and_its_cell(models, pairs):
    x, y = pairs[:, 1]
    for judge, model in (("D", models["pix2pix"]), ("D_x", models["cyclegan"])):
        box, logit, _ = patch(model, x, y, 1, 4, judge)
        whole, chart, near, _ = picture(model, x, y, 1, 4, judge).axes
        left, top, right, bottom = (v + 0.5 for v in whole.patches[-1].get_bbox().extents)
        assert (left, top, right, bottom) == box
        start = (32 - 6 * 4) / 2 - 0.5
        assert tuple(chart.patches[-1].get_bbox().extents) == tuple(
            start + 4 * i for i in (4, 1, 5, 2)
        )
        shape = near.images[0].get_array().shape
        high = box[3] - box[1]
        assert shape[:2] == (
            (2 * high + 2 if judge == "D" else high),
            box[2] - box[0],
        )  # x above y if D sees both
        assert f"{logit:.2f}" in near.get_title().replace("+", "")
        assert whole.get_position().x0 < near.get_position().x0 < chart.get_position().x0
    assert plt.get_fignums() == []


# ---- the widget


def parts(box):
    pair, judge, sliders, message, view = box.children
    return pair, judge, *sliders.children, message, view


def shown(view) -> bytes:
    return Image.open(BytesIO(view.png)).tobytes()


def drawn(*arguments) -> bytes:
    picture(*arguments).savefig(file := BytesIO(), format="png")
    return Image.open(file).tobytes()


@pytest.mark.slow
def test_pointer_and_sliders_show_what_the_function_gives(models, pairs, monkeypatch):
    model, x, y = models["cyclegan"], *pairs
    box = lens(model, x, y, ["a_b", "c", "d"])
    pair, judge, row, col, _, view = parts(box)
    assert view.cell == [3, 3] and (row.max, col.max) == (5, 5) and pair.options[0][0] == "a b"
    assert shown(view) == drawn(model, x[0], y[0], 3, 3, "D_y")
    rows, cols, start, stride = view.grid
    assert (
        (rows, cols) == (6, 6)
        and start == pytest.approx(4 / 32)
        and stride == pytest.approx(4 / 32)
    )
    calls, real = [], module.picture
    monkeypatch.setattr(module, "picture", lambda *given: calls.append(given) or real(*given))
    view.cell = [0, 5]
    assert (row.value, col.value) == (0, 5) and len(calls) == 1  # one movement, one picture
    col.value = 2
    assert view.cell == [0, 2] and len(calls) == 2 and "row 0, column 2" in view.alt
    pair.value = 2
    judge.value = ("D_x", False)
    assert shown(view) == drawn(model, x[2], y[2], 0, 2, "D_x")
    judge.value = ("D_x", True)
    fake_x = model.translate(y[2:], "yx")["fake_y"][0]
    assert torch.allclose(calls[-1][1], fake_x) and torch.equal(calls[-1][2], y[2])
    judge.value = ("D_y", True)
    assert torch.equal(calls[-1][1], x[2]) and torch.allclose(
        calls[-1][2], model.translate(x[2:])["fake_y"][0]
    )


def test_a_smaller_map_moves_the_cell_inside(bicycle, pairs):
    box = lens(bicycle, *pairs)
    _, judge, row, col, _, view = parts(box)
    view.cell = [5, 5]
    judge.value = ("D_random, scale 1", False)
    assert view.cell == [row.value, col.value] == [1, 1] and view.grid[:2] == [2, 2]


def test_the_lens_hides_no_bug(models, pairs, monkeypatch):
    box = lens(models["pix2pix"], *pairs)
    _, _, row, _, message, view = parts(box)
    before, real = shown(view), module.picture

    def broken(*_):
        raise RuntimeError("broken <model>")

    monkeypatch.setattr(module, "picture", broken)
    with pytest.raises(RuntimeError):
        row.value = 0
    assert "broken &lt;model&gt;" in message.value and shown(view) == before
    monkeypatch.setattr(module, "picture", real)
    row.value = 1  # it works again
    assert message.value == "" and shown(view) != before
