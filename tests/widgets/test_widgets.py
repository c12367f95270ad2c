"""Widgets are thin shells: what they show is what the plain function gives, and their errors are seen."""

import base64
import re
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import runs
from course_lib.data.images import to_bytes
from course_lib.methods.bicyclegan import BicycleGAN
from course_lib.plotting.figures import GAP
from course_lib.widgets import latents
from course_lib.widgets.pick import Pictures


def seen(html: str) -> Image.Image:
    """The picture in the value of a widget."""
    return Image.open(BytesIO(base64.b64decode(re.search('alt="[^"]+".*base64,([^"]+)', html)[1])))


# ---- a choice among pictures


def test_pictures_are_offered_by_name_and_replaced():
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    choice = Pictures(images, ["a_car", "b"], "content")
    (name, url), _ = choice.options
    stored = np.array(Image.open(BytesIO(base64.b64decode(url.partition("base64,")[2]))))
    assert name == "a car" and np.array_equal(stored, to_bytes(images[0]).permute(1, 2, 0))
    choice.value = None  # an upload stands for them
    choice.offer(-images)
    assert (
        choice.value is None and choice.options[0][0] == "number 1" and choice.options[0][1] != url
    )


# ---- the latent explorer


@pytest.fixture(scope="module")
def coded():
    torch.manual_seed(0)
    return BicycleGAN(runs.make_config("bicyclegan", "smoke", settings=["z_dim=3"]))


@pytest.fixture(scope="module")
def outlines():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def parts(box) -> tuple[list, list, list]:
    """The sliders of z, those of the directions, and the buttons z = 0 and random z."""
    left, right = box.children[3].children
    return list(left.children), list(right.children[2:]), list(right.children[0].children)


def z_of(box) -> torch.Tensor:
    return torch.tensor([slider.value for slider in parts(box)[0]])


def shown(box) -> bytes:
    return seen(box.children[2].value).tobytes()


def test_principal_directions_are_those_of_the_spread():
    generator = torch.Generator().manual_seed(0)
    wide, narrow = torch.tensor([0.6, -0.8, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    t = torch.randn(500, 2, generator=generator)
    axes, shares = latents.principal_directions(5 + 3 * t[:, :1] * wide + t[:, 1:] * narrow)
    assert torch.allclose(axes[0], -wide, atol=0.03) and torch.allclose(axes[1], narrow, atol=0.03)
    assert torch.allclose(axes @ axes.T, torch.eye(3), atol=1e-5)
    assert shares.sum() == pytest.approx(1) and shares[0].item() == pytest.approx(0.9, abs=0.02)
    assert len(latents.principal_directions(t, 5)[0]) == 2  # no more than there are numbers in z
    with pytest.raises(ValueError, match="at least two"):
        latents.principal_directions(t[:1])


def test_the_picture_shows_one_z_for_all_inputs(coded, outlines):
    z = coded.noise(1, seed=3)[0]
    image = latents.picture(coded, outlines, 1, z)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    zoom, large, small = latents.LARGE // 2 // 32, latents.LARGE, latents.LARGE // 2
    fake = [to_bytes(coded.translate(x[None], z[None])["fake_y"][0]).int() for x in outlines]
    enlarged = pixels[:, : 2 * zoom * 32, large + GAP : 2 * large + GAP][
        :, :: 2 * zoom, :: 2 * zoom
    ].int()
    assert (enlarged - fake[1]).abs().max() <= 1
    assert torch.equal(
        pixels[:, :large, :large][:, :: 2 * zoom, :: 2 * zoom], to_bytes(outlines[1])
    )
    for place, i in ((-2 * small - GAP, 0), (-small, 2)):  # the others, in their order
        column = pixels[:, :, place : place + small or None]
        assert torch.equal(column[:, :small:zoom, ::zoom], to_bytes(outlines[i]))
        assert (column[:, small + GAP :: zoom, ::zoom].int() - fake[i]).abs().max() <= 1
    assert latents.picture(coded, outlines[:1], 0, z).size == (2 * large + GAP, large)


def test_sliders_show_what_the_function_gives(coded, outlines):
    box = latents.explorer(coded, outlines, names=["a_b", "c", "d"])
    sliders, along, (reset, draw) = parts(box)
    assert len(sliders) == 3 and not along and (sliders[0].min, sliders[0].max) == (-2.5, 2.5)
    assert shown(box) == latents.picture(coded, outlines, 0, torch.zeros(3)).tobytes()
    sliders[1].value = 1.5
    assert shown(box) == latents.picture(coded, outlines, 0, torch.tensor([0, 1.5, 0])).tobytes()
    assert "1.50" in box.children[1].value
    inputs = box.children[0]
    assert [name for name, _ in inputs.options] == ["a b", "c", "d"]
    inputs.value = 2
    assert shown(box) == latents.picture(coded, outlines, 2, torch.tensor([0, 1.5, 0])).tobytes()
    draw.click()
    first = z_of(box)
    draw.click()
    assert not torch.equal(first, z_of(box)) and z_of(box).abs().max() <= latents.REACH
    other = latents.explorer(coded, outlines)
    parts(other)[2][1].click()
    assert torch.equal(first, z_of(other))
    reset.click()
    assert torch.equal(z_of(box), torch.zeros(3))
    assert shown(box) == latents.picture(coded, outlines, 2, torch.zeros(3)).tobytes()


def test_directions_move_z_along_them_and_follow_it(coded, outlines, monkeypatch):
    codes = torch.randn(50, 3, generator=torch.Generator().manual_seed(2)) * torch.tensor(
        [1.0, 3.0, 2.0]
    )
    axes, _ = latents.principal_directions(codes)
    used, real = [], latents.picture
    monkeypatch.setattr(latents, "picture", lambda *given: used.append(given[-1]) or real(*given))
    box = latents.explorer(coded, outlines, codes)
    sliders, along, (reset, _) = parts(box)
    along[1].value = 1.2 + 1e-9  # as a browser sends it
    assert along[1].value == 1.2 + 1e-9  # a handle that is being dragged is not pushed back
    assert torch.allclose(used[-1], 1.2 * axes[1], atol=1e-6)
    assert [one.value for one in along] == pytest.approx([0, 1.2, 0], abs=1e-6)
    sliders[0].value = -0.7
    before = torch.cat([torch.tensor([-0.7]), 1.2 * axes[1][1:]])
    assert torch.allclose(used[-1], before, atol=1e-6)
    along[0].value = 0.5
    assert torch.allclose(
        used[-1] - before, (0.5 - axes[0] @ before) * axes[0], atol=1e-6
    )  # the rest stays
    for one, exact in zip(
        [*sliders, *along], torch.cat([used[-1], axes @ used[-1]]).tolist(), strict=True
    ):
        assert abs(one.value - exact) < 0.026 and round(one.value / 0.05, 9).is_integer()
    reset.click()
    assert not used[-1].any() and len(used) == 5
    for one in along:
        one.value = 2.5
    assert used[-1].abs().max() <= latents.REACH


def test_one_movement_is_one_picture(coded, outlines, monkeypatch):
    box = latents.explorer(coded, outlines, coded.noise(20, seed=0))
    drawn, real = [], latents.picture
    monkeypatch.setattr(latents, "picture", lambda *given: drawn.append(1) or real(*given))
    parts(box)[2][1].click()
    assert len(drawn) == 1  # though six sliders moved
    parts(box)[0][0].value = 0.3
    assert len(drawn) == 2


def test_the_explorer_hides_no_bug(coded, outlines):
    class Broken:
        config, device, noise, broken = coded.config, coded.device, coded.noise, False

        def translate(self, x, z):
            if self.broken:
                raise RuntimeError("broken <model>")
            return coded.translate(x, z)

    method = Broken()
    box = latents.explorer(method, outlines)
    before, sliders = shown(box), parts(box)[0]
    method.broken = True
    with pytest.raises(RuntimeError):
        sliders[0].value = 1.0
    assert "broken &lt;model&gt;" in box.children[1].value and shown(box) == before
    method.broken = False
    sliders[0].value = 2.0  # it works again
    assert "failed" not in box.children[1].value and shown(box) != before


def test_the_plane_is_the_sliders_on_paper(coded, outlines, monkeypatch):
    seen = {}
    real = latents.image_grid
    monkeypatch.setattr(
        latents, "image_grid", lambda rows, *given: seen.update(rows) or real(rows, *given)
    )
    first, second = torch.eye(3)[:2]
    latents.plane(coded, outlines[0], first, second, reach=2.0, steps=3, scale=0.2)
    assert plt.get_fignums() == [] and list(seen) == ["+2.0", "+0.0", "-2.0"]
    for row, b in zip(seen.values(), (2, 0, -2), strict=True):
        for image, a in zip(row, (-2, 0, 2), strict=True):
            truth = coded.translate(outlines[:1], (a * first + b * second)[None])["fake_y"][0]
            assert torch.allclose(image, truth, atol=1e-5)
