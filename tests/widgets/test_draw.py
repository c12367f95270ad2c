"""The canvas: what the kernel makes of a drawing; demo/test_browser.py has it in a browser."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from course_lib.data import open_dataset
from course_lib.data.emoji import EmojiEdges, outlines
from course_lib.data.images import to_image, to_tensor
from course_lib.widgets import draw as drawing
from tests.support.pictures import encoded
from tests.support.small import untrained

FIRST = drawing.PRESETS["emoji:edges"][0]


@pytest.fixture(scope="module")
def model():
    return untrained("pix2pix")  # 32 px


@pytest.fixture(scope="module")
def circle() -> np.ndarray:
    image = Image.new("L", (128, 128), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 100, 100), outline="black", width=5)
    return np.array(image)


def picture_of(url: str) -> Image.Image:
    assert url.startswith("data:image/png;base64,")
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def collected(canvas) -> list[dict]:
    """What the canvas sends from now on."""
    sent = []
    canvas.send = lambda content, buffers=None: sent.append(json.loads(json.dumps(content)))
    return sent


def ask(canvas, drawn: np.ndarray, **more) -> None:
    content = {"kind": "drawing", "seq": "v-1", "model": 0, "side": len(drawn), "again": False}
    canvas.answer(content | more, [memoryview(drawn.tobytes())])


# ---- the plain functions


@pytest.mark.parametrize("size", [32, 64])
def test_a_preset_gives_its_x_back(size):
    """Also as draw.js reduces it; and blank paper is white. Those with soft edges nearly."""
    data = EmojiEdges("test", size)
    for i in (0, 88):
        drawn = np.array(drawing.smooth(data.x[i]))
        reduced = drawn.reshape(128, 4, 128, 4).mean((1, 3)).round().astype(np.uint8)
        for sent in (drawn, reduced):
            assert torch.equal(drawing.drawing_to_x(sent, size)[0], data.x[i])
    soft = open_dataset("openmoji:lines", "test", 128)[0]["x"]
    back = drawing.drawing_to_x(np.array(drawing.smooth(soft)), 128, "openmoji:lines")
    assert (back - soft).abs().mean() < 0.03 and len(back.unique()) > 2
    blank = drawing.drawing_to_x(np.full((30, 50), 255, np.uint8), size)
    assert torch.equal(blank, torch.ones(1, 3, size, size))


def test_strokes_become_lines_like_those_of_the_data():
    """13 of 320 px, the brush of the page, are 2 to 3 px at 64 px, black and white only."""
    image = Image.new("L", (320, 320), "white")
    ImageDraw.Draw(image).line((40, 0, 40, 320), fill="black", width=13)
    x = drawing.drawing_to_x(np.array(image), 64)
    assert set(x.unique().tolist()) == {-1.0, 1.0}
    assert set((x[0, 0] < 0).sum(1).tolist()) <= {2, 3} and (x[0, 0, :, 8] < 0).all()


@pytest.mark.parametrize(("width", "side", "paper"), [(16, 512, "white"), (24, 600, "#f4f2ee")])
def test_an_uploaded_line_drawing_stays_one(width, side, paper):
    image = Image.new("RGB", (side, side), paper)
    pen, eighth = ImageDraw.Draw(image), side // 8
    pen.ellipse((eighth, eighth, 7 * eighth, 7 * eighth), outline="#202020", width=width)
    x = drawing.picture_to_x(encoded(image, "png"), 64)[0, 0]
    changes = (x[32, 1:] != x[32, :-1]).sum()
    # two strokes; their outlines would be four
    assert set(x.unique().tolist()) == {-1.0, 1.0} and changes == 4
    pen.ellipse((2 * eighth, 2 * eighth, 6 * eighth, 6 * eighth), fill="#202020")
    filled = drawing.picture_to_x(encoded(image, "png"), 32)
    assert torch.equal(filled, outlines(to_tensor(image, 32)[None], 0.7))


# ---- the widget, without a page


def test_another_answer_has_another_code_and_stays(model, circle):
    coded, emoji = untrained("bicyclegan", None, "z_dim=3"), EmojiEdges("test", 32)
    canvas = drawing.draw({"plain": model, "coded": coded})
    about = [{"name": name, "codes": name == "coded", "pen": 13} for name in ("plain", "coded")]
    assert canvas.models == about and "elsewhere" in canvas._repr_mimebundle_()[0]["text/plain"]
    assert [one["name"].replace(" ", "_") for one in canvas.outlines] == [
        *drawing.PRESETS["emoji:edges"]
    ]
    preset = np.array(picture_of(canvas.outlines[0]["image"]))
    assert torch.equal(drawing.drawing_to_x(preset, 32)[0], emoji.x[emoji.names.index(FIRST)])
    first = drawing.translate_drawing(model, preset)  # shown before the kernel can answer
    assert picture_of(canvas.first).tobytes() == first.tobytes()
    sent = collected(canvas)
    for again in (False, False, True, False):
        ask(canvas, circle, model=1, again=again)
    images = [one["image"] for one in sent]
    assert images[0] == images[1] != images[2] == images[3]
    for image, seed in ((images[0], 0), (images[2], 1)):
        expected = drawing.translate_drawing(coded, circle, coded.noise(1, seed)[0])
        assert picture_of(image).tobytes() == expected.tobytes()
    ask(canvas, circle, again=True, seq="v-7")  # of a model without codes it changes nothing
    assert sent[-1]["seq"] == "v-7"
    expected = to_image(model.translate(drawing.drawing_to_x(circle, 32))["fake_y"][0])
    assert picture_of(sent[-1]["image"]).tobytes() == expected.tobytes()
