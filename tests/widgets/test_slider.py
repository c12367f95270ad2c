"""A slider over stored pictures, in a browser without a kernel and offline."""

import pytest
from PIL import Image

from course_lib.widgets.show import slider
from tests.support.served import window


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_keys_and_a_hand_choose_the_picture(browser):
    pictures = [Image.new("RGB", (120, 60), name) for name in ["white", "red", "blue"] * 2]
    axes = {"up & down": ["<a>", "b"], "across": range(3)}
    for wrong in (pictures[1:], [*pictures, pictures[0]], [*pictures[1:], Image.new("L", (9, 9))]):
        with pytest.raises(ValueError, match="2 x 3 pictures, all of one size"):
            slider(wrong, axes, "")
    with window(browser, ("data:",), offline=True) as page:
        page.set_content(slider(pictures, axes, 'one "colour"', start=(1, 0), map_width=90))
        page.get_by_label("across").press("ArrowRight")
        page.get_by_label("up & down").press("Home")
        assert page.get_by_alt_text('one "colour"; up & down <a>, across 1').count() == 1
        page.locator(".pad").drag_to(
            page.locator(".pad"),
            source_position={"x": 5, "y": 5},
            target_position={"x": 85, "y": 25},
        )
        assert page.get_by_label("across").get_attribute("aria-valuetext") == "2"
        assert page.locator(".picture img").evaluate(
            "one => [one.naturalWidth, one.offsetTop / one.offsetHeight, one.style.left]"
        ) == [360, -0.5, "-200%"]
