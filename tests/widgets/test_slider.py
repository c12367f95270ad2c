"""Sliders over stored pictures, in a browser without a kernel and offline."""

import io

import pytest
from PIL import Image, ImageColor

from course_lib import CourseError
from course_lib.widgets.show import slider
from tests.support.served import window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
COLOURS = ("red", "lime", "blue", "black", "white", "magenta")  # of two rows and three columns


def test_keys_and_a_hand_choose_the_picture(browser):
    pictures = [Image.new("RGB", (120, 60), colour) for colour in COLOURS]
    axes = {"up & down": ["<a>", "b"], "across": range(3)}
    with window(browser, ("data:",), offline=True, viewport={"width": 600, "height": 400}) as page:
        page.set_content(slider(pictures, axes, 'one "colour"', start=(1, 0), map_width=90))
        page.set_default_timeout(30_000)
        large = page.locator(".picture")

        def seen() -> str:  # each of red, green and blue is 0 or 255, nearly
            pixel = Image.open(io.BytesIO(large.screenshot())).convert("RGB").getpixel((30, 30))
            pure = tuple(255 * (value > 127) for value in pixel)
            return next(name for name in COLOURS if ImageColor.getrgb(name) == pure)

        across = page.get_by_label("across")
        assert seen() == "black" and across.get_attribute("aria-valuetext") == "0"
        across.press("ArrowRight")
        assert seen() == "white"
        page.get_by_label("up & down").press("Home")
        assert seen() == "lime"
        assert page.get_by_alt_text('one "colour"; up & down <a>, across 1').count() == 1
        box = page.locator(".pad").bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        assert seen() == "red"
        page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
        assert seen() == "magenta"
        page.mouse.up()
        page.mouse.move(box["x"] + 5, box["y"] + 5)  # not held any more
        assert seen() == "magenta" and across.input_value() == "2"


def test_a_sheet_that_is_too_large_is_said():
    with pytest.raises(CourseError, match="WEBP"):
        slider([Image.new("RGB", (9000, 1))] * 2, {"row": [0], "across": [0, 1]}, "wide")
