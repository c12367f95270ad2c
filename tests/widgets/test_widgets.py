"""Widgets are thin shells: what they show is what the plain function gives; they hide no bug."""

import base64
import re
from io import BytesIO
from pathlib import Path
from unittest.mock import Mock

import ipywidgets as w
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.data.images import read_image, to_bytes, to_image
from course_lib.methods.cut import CUT
from course_lib.plotting.figures import GAP
from course_lib.widgets import cycle, latents, lens, photograph, show, styles
from tests.support import pictures
from tests.support.small import untrained


def seen(html: str) -> Image.Image:
    """The picture in the value of a widget."""
    return Image.open(BytesIO(base64.b64decode(re.search('alt="[^"]+".*?base64,([^"]+)', html)[1])))


def descendants(box):
    """A box and all that is in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from descendants(child)


# ---- all of them


def made(name: str, *settings: str):
    """An untrained method of 32 px, and three images of x and of y."""
    return untrained(name, 32, *settings), *(torch.rand(2, 3, 3, 32, 32) * 2 - 1)


def explorer():
    method, x, _ = made("bicyclegan")
    return latents.explorer(method, x, method.noise(20, seed=0))


def painter(colouring: bool = False) -> tuple:
    """A method and the settings of its run, as ``runs.open_run`` gives them."""
    method, look = made("cut")[0], {"beside": False, "grey": [], "same_luminance": False}
    look |= {"grey": ["x"], "same_luminance": True} if colouring else {"share": 0.5}
    return method, {"method": "cut", "direction": "xy", "look": look}


def ways(*sizes):
    """Photographs through two networks, one of which has learned to colour."""
    photos = {f"photograph {i}": pictures.photograph(*size, i) for i, size in enumerate(sizes)}
    box = photograph.ways({"in colour": painter(True), "as a painting": painter()}, photos)
    assert not box.true.picture  # an executed page need not carry pictures that nobody sees
    box.true.seen = True
    return box


DRAWS = {  # or draw_NAME
    "latents": "draw_codes",
    "lens": "draw_patches",
    "photograph": "to_png",
}
WIDGETS = {  # module, what makes it, and the control that is moved
    "latents": (latents, explorer, w.FloatSlider, "value", [1.0, 2.0]),
    "back": (cycle, lambda: cycle.both_ways(*made("cyclegan")), show.Pictures, "value", [1, 2]),
    "photograph": (photograph, lambda: ways(*[(40, 32)] * 3), show.Pictures, "value", [1, 2]),
    "styles": (styles, lambda: styles.mixer(*made("munit")), show.Pictures, "value", [1, 2]),
    "lens": (lens, lambda: lens.lens(*made("pix2pix")), lens.Lens, "cell", [[0, 1], [1, 0]]),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_hides_no_bug(name, monkeypatch):
    module, make, kind, trait, (first, second) = WIDGETS[name]
    parts = [*descendants(make())]
    control = next(part for part in parts if isinstance(part, kind))
    lines = [part for part in parts if isinstance(part, w.HTML) and "<img" not in part.value]

    def picture() -> list:
        shown = [part.value for part in parts if "<img" in str(getattr(part, "value", ""))]
        own = (photograph.Picture, "picture"), (lens.Lens, "png")
        return shown or [
            getattr(part, trait) for kind, trait in own for part in parts if isinstance(part, kind)
        ]

    broken = Mock(side_effect=RuntimeError("broken <model>"))
    before = picture()
    assert before and plt.get_fignums() == []
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(module, DRAWS.get(name, f"draw_{name}"), broken)
        setattr(control, trait, first)
    assert any("broken &lt;model&gt;" in line.value for line in lines) and picture() == before
    setattr(control, trait, second)  # it works again
    assert not any("broken" in line.value for line in lines) and picture() != before


# ---- there and back


def test_there_and_back_is_both_generators():
    method, x, y = made("cyclegan")
    for direction in ("xy", "yx"):
        shown = cycle.there_and_back(method, x[0], direction)
        there = method.translate(x[:1], direction=direction)["fake_y"]
        assert torch.equal(shown[0], x[0]) and torch.equal(shown[1], there[0])
        assert torch.equal(
            shown[2], method.translate(there, direction=direction[::-1])["fake_y"][0]
        )
    chosen, direction, panel = cycle.both_ways(method, x, y).children
    direction.value = "yx"
    assert [url for _, url in chosen.options] == [show.data_url(to_image(image)) for image in y]
    assert seen(panel.picture.value).tobytes() == cycle.draw_back(method, y[0], "yx").tobytes()


# ---- the latent explorer


def test_principal_directions_are_those_of_the_spread():
    wide, narrow = torch.tensor([0.6, -0.8, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    t = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    axes, shares = latents.principal_directions(5 + 3 * t[:, :1] * wide + t[:, 1:] * narrow)
    assert torch.allclose(axes[0], -wide, atol=0.03) and torch.allclose(axes[1], narrow, atol=0.03)
    assert torch.allclose(axes @ axes.T, torch.eye(3), atol=1e-5)
    assert shares.sum() == pytest.approx(1) and shares[0].item() == pytest.approx(0.9, abs=0.02)
    assert len(latents.principal_directions(t, 5)[0]) == 2  # no more than there are numbers in z


def test_the_picture_shows_one_z_for_all_inputs():
    coded, outlines, _ = made("bicyclegan", "z_dim=3")
    z = coded.noise(1, seed=3)[0]
    pixels = torch.from_numpy(np.array(latents.draw_codes(coded, outlines, 1, z))).permute(2, 0, 1)
    zoom, large, small = latents.LARGE // 2 // 32, latents.LARGE, latents.LARGE // 2
    fake = [to_bytes(coded.translate(x[None], z[None])["fake_y"][0]).int() for x in outlines]
    first, answer = pixels[:, :large, :large], pixels[:, :large, large + GAP : 2 * large + GAP]
    assert torch.equal(first[:, :: 2 * zoom, :: 2 * zoom], to_bytes(outlines[1]))
    assert (answer[:, :: 2 * zoom, :: 2 * zoom].int() - fake[1]).abs().max() <= 1
    for place, i in ((-2 * small - GAP, 0), (-small, 2)):  # the others, in their order
        column = pixels[:, :, place : place + small or None]
        assert torch.equal(column[:, :small:zoom, ::zoom], to_bytes(outlines[i]))
        assert (column[:, small + GAP :: zoom, ::zoom].int() - fake[i]).abs().max() <= 1


def test_sliders_and_directions_move_z_and_show_it(monkeypatch):
    coded, outlines, _ = made("bicyclegan", "z_dim=3")
    codes = torch.randn(50, 3, generator=torch.Generator().manual_seed(2)) * torch.tensor(
        [1.0, 3.0, 2.0]
    )
    axes, _ = latents.principal_directions(codes)
    calls, real = [], latents.draw_codes
    monkeypatch.setattr(latents, "draw_codes", lambda *call: calls.append(call) or real(*call))
    inputs, panel, controls = latents.explorer(coded, outlines, codes).children
    left, right = controls.children
    (reset, draw), (_, *along) = right.children[0].children, right.children[1:]
    sliders = [*left.children, *along]
    along[1].value = 1.2 + 1e-9  # as a browser sends it
    assert along[1].value == 1.2 + 1e-9  # a handle that is being dragged is not pushed back
    assert torch.allclose(calls[-1][3], 1.2 * axes[1], atol=1e-6)
    sliders[0].value = -0.7
    before = torch.cat([torch.tensor([-0.7]), 1.2 * axes[1][1:]])
    assert torch.allclose(calls[-1][3], before, atol=1e-6)
    along[0].value = 0.5
    z = calls[-1][3]
    assert torch.allclose(z - before, (0.5 - axes[0] @ before) * axes[0], atol=1e-6)
    for slider, exact in zip(sliders, torch.cat([z, axes @ z]).tolist(), strict=True):
        assert abs(slider.value - exact) < 0.026 and round(slider.value / 0.05, 9).is_integer()
    assert f"{z.norm():.2f}" in panel.message.value
    inputs.value = 2
    assert calls[-1][2] == 2 and torch.equal(calls[-1][3], z)
    assert seen(panel.picture.value).tobytes() == real(coded, outlines, 2, z).tobytes()
    draw.click()
    drawn = calls[-1][3]
    draw.click()
    assert not torch.equal(drawn, calls[-1][3]) and drawn.abs().max() <= latents.REACH
    reset.click()
    assert not calls[-1][3].any() and len(calls) == 8  # one movement is one picture


# ---- content by style


def test_choices_and_files_change_contents_and_styles():
    method, x, y = made("munit")
    *choosers, panel = styles.mixer(method, x, y, ["a_car", "b", "c"], ["p", "q", "r"]).children
    content, style = (chooser.pictures for chooser in choosers)

    def expect(a, b):
        assert seen(panel.picture.value).tobytes() == styles.draw_styles(method, a, b).tobytes()

    expect(x[0], y[0])
    content.value, style.value = 1, 2
    expect(x[1], y[2])
    choosers[1].take(pictures.encoded(to_image(x[2]), "png"))
    expect(x[1], to_bytes(x[2]) / 127.5 - 1)
    assert style.value is None
    style.value = 2  # the same as before can be chosen again
    expect(x[1], y[2])
    with pytest.raises(CourseError, match="cannot read this image"):
        choosers[0].take(b"<html>")
    assert "this file cannot be used" in choosers[0].message.value
    expect(x[1], y[2])


def test_the_picture_is_content_example_and_output():
    method, x, y = made("munit")
    shown = styles.draw_styles(method, x[0], y[0])
    fake_y = method.translate(x[:1], method.encode(y[:1]))["fake_y"][0]
    step = styles.LARGE + GAP
    assert shown.size == (3 * step - GAP, styles.LARGE)
    for i, image in enumerate((x[0], y[0], fake_y)):  # the upper left corner of each
        assert shown.getpixel((i * step, 0)) == tuple(to_bytes(image)[:, 0, 0].tolist())


# ---- a photograph


def opened(picture: photograph.Picture) -> Image.Image:
    return Image.open(BytesIO(picture.picture)).convert("RGB")


@pytest.fixture
def painted():
    return ways((64, 48))


@pytest.mark.parametrize(("name", "mode"), [("photos-colour", "L"), ("photo-van-gogh", "RGB")])
def test_a_photograph_comes_out_as_of_translate_in_its_own_size(name, mode, tmp_path):
    run = Path(f"shipped:{name}")
    pictures.photograph(150, 100).convert(mode).save(tmp_path / "mine.png")
    (file_,) = runs.translate_files(run, tmp_path / "mine.png", tmp_path / "out", device="cpu")
    box = photograph.ways(
        {"as It Is": runs.open_translator(run, "cpu")}, {"another": pictures.photograph(64, 64)}
    )
    box.chosen.take((tmp_path / "mine.png").read_bytes())
    assert opened(box.ways[0]).tobytes() == read_image(file_).tobytes()
    assert (box.ways[0].file, box.true.file) == ("as-It-Is.png", "")
    assert opened(box.true).size == (150, 100)
    assert box.ways[0].picture.startswith(b"\x89PNG") and box.chosen.pictures.value is None


@pytest.mark.parametrize(
    ("count", "size", "most", "kept"),
    [(3, (40, 30), 2**28, 3), (40, (600, 20), 2**28, 32), (5, (40, 30), 4000, 3)],
)
def test_a_film_comes_out_as_films_of_its_size_and_speed(
    painted, monkeypatch, count, size, most, kept
):
    read, real = [], show.films.frames

    def frames(path):
        for frame in real(path):
            assert all(max(image.size) <= show.FILM for image, _ in read)  # no large one is held
            read.append(frame)
            yield frame

    monkeypatch.setattr(show.films, "frames", frames)
    monkeypatch.setattr(show, "PIXELS", most)
    first, *others = (pictures.noise(*size, i) for i in range(count))
    told = {"append_images": others, "duration": [50 + 10 * i for i in range(count)]}
    first.save(file := BytesIO(), "webp", save_all=True, **told)
    painted.chosen.take(file.getvalue(), name="walk.WEBP")
    for one in (painted.true, *painted.ways):
        film = Image.open(BytesIO(one.picture))
        assert film.n_frames == kept and film.size == ((40, 30) if kept == 3 else (480, 16))
    film.seek(2)
    film.load()
    assert film.info["duration"] == 70 and one.file == "as-a-painting.webp"
    assert ("32 frames" in painted.chosen.message.value) == (count > kept)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((5472, 3648), (2048, 1365)),  # 20 megapixels
        ((60, 400), (60, 400)),
        ((4000, 40), (2048, 20)),  # a panorama
        ((1, 1), (1, 1)),
    ],
)
def test_photographs_of_all_sizes_in_bounded_time(painted, size, kept):
    painted.chosen.take(pictures.encoded(Image.new("RGB", size, "teal"), "jpeg"))
    assert [opened(one).size for one in (painted.true, *painted.ways)] == [kept] * 3
    assert painted.chosen.value.size == kept  # the large one is not held


def test_what_is_no_photograph_leaves_the_old_pictures(painted, monkeypatch):
    before = [one.picture for one in (painted.true, *painted.ways)]
    with pytest.raises(CourseError, match="cannot read this image"):
        painted.chosen.take(b"<html>")
    assert "this file cannot be used" in painted.chosen.message.value
    small = pictures.encoded(pictures.photograph(40, 30), "png")
    with monkeypatch.context() as patch, pytest.raises(CourseError, match="40 x 30 px"):
        patch.setattr(CUT, "translate", Mock(side_effect=MemoryError))
        painted.chosen.take(small)
    assert "out of memory" in painted.message.value and "reduce it" in painted.message.value
    assert [one.picture for one in (painted.true, *painted.ways)] == before
    assert not any(one.busy for one in painted.ways)
    painted.chosen.pictures.value = 0  # it works again
    assert painted.message.value == "" == painted.chosen.message.value


def test_on_paper_each_photograph_is_a_row():
    photos = {"a_b": pictures.photograph(64, 48), "tall": pictures.photograph(30, 90)}
    figure = photograph.static({"in colour": painter(True), "painted": painter()}, photos)
    words = [text.get_text() for text in figure.texts]
    assert words == ["a b", "tall", "the photograph", "in colour", "painted"]
