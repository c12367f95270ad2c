"""Content by style: the widget shows what the plain function paints, takes files, and hides no error."""

from datetime import datetime
from io import BytesIO

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import CourseError, runs
from course_lib.data.images import to_bytes, to_image
from course_lib.demo import app
from course_lib.methods.munit import MUNIT
from course_lib.plotting.figures import GAP
from course_lib.widgets import styles
from tests.widgets.test_widgets import seen


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MUNIT(runs.make_config("munit", "smoke"))  # 32 px


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def file(image: torch.Tensor) -> dict:
    """As the widget FileUpload gives it."""
    to_image(image).save(png := BytesIO(), "png")
    about = {
        "name": "mine.png",
        "type": "image/png",
        "size": len(png.getvalue()),
        "last_modified": datetime.now(),
    }
    return about | {"content": memoryview(png.getvalue())}


def load(upload, one: dict) -> None:
    """Choose a file, as somebody does in the page; before ipywidgets 8 the value is a dictionary."""
    upload.set_trait("value", (one,) if isinstance(upload.value, tuple) else {one["name"]: one})


@pytest.mark.parametrize("way", ["xy", "yx"])
def test_every_content_meets_every_style(model, images, way):
    x, y = images
    painted = styles.restyle(model, x, y[:2], way)
    assert painted.shape == (3, 2, 3, 32, 32)
    for j in range(2):
        z = model.encode(y[j : j + 1], way)
        assert torch.allclose(painted[:, j], model.translate(x, z, way)["fake_y"], atol=1e-5)
    assert not torch.equal(painted[:, 0], painted[:, 1])


def test_the_picture_is_content_example_and_output(model, images):
    (content, *_), (example, *_) = images
    shown = styles.picture(model, content, example)
    zoom, parts = (
        styles.LARGE // 32,
        [content, example, styles.restyle(model, content[None], example[None])[0, 0]],
    )
    assert shown.size == (3 * 32 * zoom + 2 * GAP, 32 * zoom)
    for i, part in enumerate(parts):  # the upper left corner of each
        assert shown.getpixel((i * (32 * zoom + GAP), 0)) == tuple(to_bytes(part)[:, 0, 0].tolist())


def test_the_paper_twin_has_a_row_for_each_content_and_a_column_for_each_style(
    model, images, monkeypatch
):
    seen_rows, real = {}, styles.image_grid
    monkeypatch.setattr(
        styles, "image_grid", lambda rows, **more: seen_rows.update(rows) or real(rows, **more)
    )
    styles.static(model, images[0], images[1][:2], scale=0.2)
    head, *rows = seen_rows.values()
    assert plt.get_fignums() == [] and torch.equal(head[1:], images[1][:2]) and (head[0] == 1).all()
    painted = styles.restyle(model, images[0], images[1][:2])
    for i, row in enumerate(rows):
        assert torch.equal(row[0], images[0][i]) and torch.equal(row[1:], painted[i])
    assert len(rows) == 3


def test_choices_and_files_change_the_picture(model, images):
    x, y = images
    box = styles.mixer(model, x, y, ["a_car", "b", "c"], ["p", "q", "r"])
    (content, own_content), (style, own_style) = (part.children for part in box.children[:2])
    panel = box.children[3]
    assert content.options[0][0] == "a car" and "alt=" in panel.value

    def expect(a, b):
        assert seen(panel.value).tobytes() == styles.picture(model, a, b).tobytes()

    expect(x[0], y[0])
    content.value = 1
    expect(x[1], y[0])
    style.value = 2
    expect(x[1], y[2])
    load(own_style, file(x[2]))
    stored = to_bytes(x[2]) / 127.5 - 1
    expect(x[1], stored)
    assert style.value is None
    style.value = 2  # the same as before can be chosen again
    expect(x[1], y[2])
    load(own_content, file(y[1]))
    expect(to_bytes(y[1]) / 127.5 - 1, y[2])


def test_what_is_no_image_is_named_and_changes_nothing(model, images, monkeypatch):
    box = styles.mixer(model, *images)
    (content, upload), message, panel = box.children[0].children, box.children[2], box.children[3]
    before = panel.value
    with pytest.raises(CourseError, match="cannot read this image"):
        load(upload, file(images[0][0]) | {"content": memoryview(b"<html>")})
    assert "this file cannot be used" in message.value and panel.value == before
    monkeypatch.setattr(styles, "LIMIT", 10)
    with pytest.raises(ValueError, match=r"mine\.png has 0 MB"):
        load(upload, file(images[0][1]))
    monkeypatch.setattr(model, "translate", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        content.value = 1
    assert "the model failed" in message.value and panel.value == before


def test_the_app_has_a_page_for_it(model, monkeypatch, tmp_path):
    settings = {"method": "munit", "data": "emoji:twemoji-fluent", "direction": "xy"}
    pages = app._pages({"mine": (model, settings, tmp_path)})
    assert {"Borrowed looks: mine", "Many answers: mine"} <= set(
        pages
    ) and "There and back: mine" not in pages
    assert len(pages["Borrowed looks: mine"]()) == 2
    monkeypatch.setattr(app, "CODES", 4)
    assert (
        len(pages["Many answers: mine"]()) == 2
    )  # the latent explorer moves the eight numbers of a style
