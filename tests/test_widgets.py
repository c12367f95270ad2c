"""Widgets are thin shells: what they show is what the plain function gives, and their errors are seen."""

import datetime
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from course_lib import CourseError, runs
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.widgets.upload import SHOWN, colour_picture, upload


@pytest.fixture(scope="module")
def model():
    return Pix2Pix(runs.make_config("pix2pix", "smoke", 32))


@pytest.fixture(scope="module")
def picture() -> bytes:
    image = Image.new("RGB", (100, 80), "white")
    ImageDraw.Draw(image).ellipse((20, 10, 80, 70), fill="navy")
    file = BytesIO()
    image.save(file, "png")
    return file.getvalue()


def put(box, data: bytes) -> None:
    button = box.children[0].children[0]
    now = datetime.datetime.now(datetime.UTC)
    button.value = ({"name": "a", "type": "image/png", "size": len(data), "content": data, "last_modified": now},)


def test_colour_picture_outlines_first_unless_told(model, picture):
    outline, coloured = colour_picture(model, picture)
    assert outline.size == coloured.size == (32, 32)
    assert set(outline.convert("L").tobytes()) == {0, 255}
    as_it_is, _ = colour_picture(model, picture, is_outline=True)
    assert (0, 0, 128) in {colour for _, colour in as_it_is.getcolors(2**16)}
    with pytest.raises(CourseError):
        colour_picture(model, b"<html>")


def test_upload_shows_what_the_function_gives(model, picture):
    box = upload(model)
    put(box, picture)
    shown = [Image.open(BytesIO(panel.value)) for panel in box.children[2].children]
    expected = colour_picture(model, picture)
    for image, truth in zip(shown, expected, strict=True):
        assert image.tobytes() == truth.resize((SHOWN, SHOWN), Image.Resampling.NEAREST).tobytes()
    assert "left the outline" in box.children[1].value


def test_upload_says_what_is_wrong_and_hides_no_bug(model, picture):
    box = upload(model)
    put(box, b"not an image")
    assert "<b>" in box.children[1].value and "image" in box.children[1].value

    class Broken:
        config, device = model.config, model.device

        def translate(self, x):
            raise RuntimeError("broken <model>")

    box = upload(Broken())
    with pytest.raises(RuntimeError):
        put(box, picture)
    assert "broken &lt;model&gt;" in box.children[1].value
