"""Letters that are drawn, and the alphabet in their style, in a real browser."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from course_lib.data import open_dataset
from course_lib.data.images import to_bytes
from course_lib.data.letters import BASE, CAP
from course_lib.widgets import handwriting as writing
from tests.demo.test_browser import changes
from tests.support.served import window
from tests.support.small import untrained
from tests.widgets.test_draw import collected, picture_of
from tests.widgets.test_paint import PAGE


def drawn(*strokes) -> np.ndarray:
    image = Image.new("L", (128, 128), "white")
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill="black", width=6)
    return np.array(image)


@pytest.mark.parametrize("stroke", [(60, 10, 60, 110), (10, 60, 110, 64), (3, 3, 40, 80)])
def test_a_drawn_letter_stands_on_the_line_as_high_as_a_capital(stroke):
    """Or as wide as fits, wherever on the sheet it was."""
    letter = writing.letter_to_y(drawn(stroke), 64)
    rows, columns = (letter[0] < 0).any(1).nonzero()[:, 0], (letter[0] < 0).any(0).nonzero()[:, 0]
    assert rows[-1] in (BASE - 1, BASE - 2)
    assert len(rows) in (CAP, CAP - 1) or len(columns) > 50
    assert abs(columns[0] + columns[-1] - 63) <= 2
    assert writing.letter_to_y(drawn(), 64) is None


def test_a_font_drawn_at_twice_its_size_is_itself_again():
    letters = open_dataset("letters:many", "test", 64)
    for i in (0, 4, 12):  # A, E, M
        grey = to_bytes(letters[i]["y"])[0].numpy()
        again = writing.letter_to_y(np.array(Image.fromarray(grey).resize((128, 128))), 64)
        # shifted by half a pixel at most, and 2 px higher or lower
        assert (again - letters[i]["y"]).abs().mean() < 0.12


def test_an_alphabet_has_the_mean_style_and_shows_what_was_drawn():
    method = untrained("munit", 32)
    given = {3: torch.rand(3, 32, 32), 9: torch.rand(3, 32, 32)}
    made = writing.alphabet(method, given)
    style = method.encode(torch.stack([*given.values()])).mean(0, keepdim=True)
    plain = open_dataset("letters:many", "val", 32)
    for i in (0, 25):
        alone = method.translate(plain[i]["x"][None], style)["fake_y"][0]
        assert torch.allclose(made[i], alone, atol=1e-4)
    assert made.shape == (26, 3, 32, 32)


def test_each_letter_has_a_sheet_and_the_alphabet_follows_the_strokes(browser):
    canvas = writing.handwriting(untrained("munit", 32))
    sent = collected(canvas)

    def kernel(content, numbers):
        canvas.answer(content, [bytes(numbers)])
        return sent[-1]

    state = canvas.get_state(["models", "outlines", "first"])
    blank = picture_of(state["first"])
    assert np.array(blank).min() == 255
    with window(browser, ("blob:", "data:")) as page:
        page.expose_function("kernel", kernel)
        page.evaluate(PAGE, [canvas._esm, state])
        paper, answer = page.locator("canvas"), page.locator("img.paper")
        strokes = ["Shift+ArrowDown"] * 6 + ["Shift+ArrowRight"] * 4
        changes(answer, lambda: [paper.press(key) for key in strokes])
        page.get_by_role("button", name="Next letter").click()
        changes(answer, lambda: [paper.press(key) for key in strokes[:4]])
        page.get_by_role("combobox").select_option("Q")
        changes(answer, lambda: [paper.press(key) for key in strokes])
        assert [*canvas.drawn] == [0, 1, 16], "A, B and Q"
        assert page.get_by_role("button", name="Upload").count() == 0
        changes(answer, page.get_by_role("button", name="Clear").click)
        seen = picture_of(answer.get_attribute("src"))
    assert [*canvas.drawn] == [0, 1], "an empty sheet takes its letter back"
    assert seen.size[0] == seen.size[1]
    shown = writing.draw_alphabet(canvas.method, canvas.drawn)
    assert seen.convert("RGB").tobytes() == shown.tobytes()
