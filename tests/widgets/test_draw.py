"""The canvas: what the kernel makes of a drawing; in a browser, that the page follows the hand."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from course_lib import CourseError, runs
from course_lib.data.emoji import EmojiEdges, outlines
from course_lib.data.images import to_image, to_tensor
from course_lib.methods.base import Method
from course_lib.methods.bicyclegan import BicycleGAN
from course_lib.methods.dcgan import DCGAN
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.widgets import draw as drawing
from tests.demo.test_browser import stroke

FIRST = drawing.PRESETS[0]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Pix2Pix(runs.make_config("pix2pix", "smoke"))  # 32 px


@pytest.fixture(scope="module")
def coded():
    torch.manual_seed(0)
    return BicycleGAN(runs.make_config("bicyclegan", "smoke", settings=["z_dim=3"]))


@pytest.fixture(scope="module")
def circle() -> np.ndarray:
    image = Image.new("L", (128, 128), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 100, 100), outline="black", width=5)
    return np.array(image)


@pytest.fixture(scope="module")
def emoji():
    return EmojiEdges("test", 32)


class Broken(Method):
    """A model that fails while ``broken``."""

    broken = False

    def __init__(self, model):
        super().__init__(model.config, model.device)
        self.model = model

    def translate(self, x):
        if self.broken:
            raise RuntimeError("broken <model>")
        return self.model.translate(x)


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


def upload(canvas, data: bytes) -> None:
    canvas.answer({"kind": "file", "seq": "v-2", "model": 0}, [memoryview(data)])


# ---- the plain functions


@pytest.mark.parametrize("size", [32, 64, 128])
def test_a_preset_gives_its_x_back(size):
    """Also as draw.js reduces it; and blank paper is white."""
    data = EmojiEdges("test", size)
    for i in (0, 88):
        drawn = np.array(drawing.smooth(data.x[i]))
        reduced = drawn.reshape(128, 4, 128, 4).mean((1, 3)).round().astype(np.uint8)
        for sent in (drawn, reduced):
            assert torch.equal(drawing.drawing_to_x(sent, size)[0], data.x[i])
    blank = drawing.drawing_to_x(np.full((30, 50), 255, np.uint8), size)
    assert torch.equal(blank, torch.ones(1, 3, size, size))


def test_strokes_become_lines_like_those_of_the_data():
    """13 of 320 px, the brush of the page, are 2 to 3 px at 64 px, black and white only."""
    image = Image.new("L", (320, 320), "white")
    ImageDraw.Draw(image).line((40, 0, 40, 320), fill="black", width=13)
    x = drawing.drawing_to_x(np.array(image), 64)
    assert set(x.unique().tolist()) == {-1.0, 1.0}
    assert set((x[0, 0] < 0).sum(1).tolist()) <= {2, 3} and (x[0, 0, :, 8] < 0).all()


def test_the_pen_draws_lines_as_wide_as_the_data_have_them():
    network, bright = runs.open_run("shipped:edges-emoji", "cpu")[0], []
    pen = drawing.draw(network).models[0]["pen"]
    for width in (pen, 2 * pen):
        image = Image.new("L", (320, 320), 255)
        ImageDraw.Draw(image).ellipse((40, 40, 280, 280), outline=0, width=width)
        answer = np.asarray(drawing.translate_drawing(network, np.asarray(image)))
        bright.append(answer[40:88, 40:88].mean())
    assert bright[0] > 120 > bright[1]


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), np.zeros((0, 8), np.uint8)]
)
def test_other_arrays_are_refused(model, wrong):
    with pytest.raises(ValueError, match="uint8"):
        drawing.translate_drawing(model, wrong)


@pytest.mark.parametrize(("width", "side", "paper"), [(16, 512, "white"), (24, 600, "#f4f2ee")])
def test_an_uploaded_line_drawing_stays_one(width, side, paper):
    image = Image.new("RGB", (side, side), paper)
    pen, eighth = ImageDraw.Draw(image), side // 8
    pen.ellipse((eighth, eighth, 7 * eighth, 7 * eighth), outline="#202020", width=width)
    image.save(file := BytesIO(), "png")
    x = drawing.picture_to_x(file.getvalue(), 64)[0, 0]
    changes = (x[32, 1:] != x[32, :-1]).sum()
    # two strokes; their outlines would be four
    assert set(x.unique().tolist()) == {-1.0, 1.0} and changes == 4
    pen.ellipse((2 * eighth, 2 * eighth, 6 * eighth, 6 * eighth), fill="#202020")
    image.save(file := BytesIO(), "png")
    filled = drawing.picture_to_x(file.getvalue(), 64)
    assert torch.equal(filled, outlines(to_tensor(image, 64)[None], 0.35))


# ---- the widget, without a page


def test_another_answer_has_another_code_and_stays(model, coded, circle, emoji):
    canvas = drawing.draw({"plain": model, "coded": coded})
    about = [{"name": name, "codes": name == "coded", "pen": 13} for name in ("plain", "coded")]
    assert canvas.models == about and "elsewhere" in canvas._repr_mimebundle_()[0]["text/plain"]
    assert [one["name"].replace(" ", "_") for one in canvas.outlines] == [*drawing.PRESETS]
    preset = np.array(picture_of(canvas.outlines[0]["image"]))
    assert torch.equal(drawing.drawing_to_x(preset, 32)[0], emoji.x[emoji.names.index(FIRST)])
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
    x = drawing.drawing_to_x(circle, 32)
    expected = to_image(model.translate(x)["fake_y"][0])
    assert picture_of(sent[-1]["image"]).tobytes() == expected.tobytes()


def test_an_uploaded_picture_becomes_an_outline(model):
    canvas = drawing.draw(model)
    sent = collected(canvas)
    picture = to_image(EmojiEdges("test", 64).y[88])
    picture.save(file := BytesIO(), "png")
    upload(canvas, file.getvalue())
    x = drawing.drawing_to_x(np.array(picture_of(sent[0]["image"])), 32)[0]
    assert torch.equal(x, outlines(to_tensor(picture, 32)[None], 0.7)[0])


def test_errors_are_told_to_the_page_and_raised(model, circle):
    method = Broken(model)
    method.broken = True
    canvas = drawing.draw(method)
    sent = collected(canvas)
    for wrong, error, text in (
        (lambda: ask(canvas, circle), RuntimeError, "broken <model>"),
        (lambda: upload(canvas, b"<html>"), CourseError, "cannot read this image"),
        (lambda: ask(canvas, circle, side=100), ValueError, "reshape"),
    ):
        with pytest.raises(error):
            wrong()
        assert sent[-1]["kind"] == "error" and text in sent[-1]["text"]
    method.broken = False
    ask(canvas, circle)  # it works again
    assert sent[-1]["kind"] == "picture"
    with pytest.raises(CourseError, match="from noise"):
        drawing.draw(DCGAN(runs.make_config("dcgan", "smoke")))


def test_the_static_twin_shows_the_same(model, coded, emoji, monkeypatch):
    grids, real = [], drawing.image_grid
    monkeypatch.setattr(drawing, "image_grid", lambda *grid: grids.append(grid) or real(*grid))
    models = {"pix2pix": model, "BicycleGAN": coded}
    drawing.static(models)
    ((rows, names, _),) = grids
    assert list(rows) == ["drawing", *models] and names[6] == "hiking boot"
    assert torch.equal(rows["drawing"][1], emoji.x[emoji.names.index(drawing.PRESETS[1])])
    canvas = drawing.draw(models)
    sent = collected(canvas)
    for i, name in enumerate(models):
        ask(canvas, np.array(picture_of(canvas.outlines[1]["image"])), model=i)
        assert torch.equal(to_tensor(picture_of(sent[-1]["image"]), 32), rows[name][1])


# ---- a real browser: draw.js with a stub of the widget's model, and the widget's own answers

PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="draw.css">
<body><div id="here"></div>
<script type="module">
  import widget from "./draw.js";
  const listeners = [], state = await (await fetch("state.json")).json();
  const letter = (byte) => String.fromCharCode(byte);
  const letters = (buffer) => Array.from(new Uint8Array(buffer), letter);
  const model = {
    get: (name) => state[name],
    on: (name, call) => listeners.push(call),
    off: (name, call) => listeners.splice(listeners.indexOf(call), 1),
    send: (content, callbacks, buffers) => {
      window.asked += 1;
      window.open += 1;
      fromPage(content, buffers.map((buffer) => btoa(letters(buffer).join(""))));
    },
  };
  window.asked = window.open = 0;
  window.tell = (message) => {
    window.open -= 1;
    listeners.forEach((call) => call(message, []));
  };
  window.leave = widget.render({ model, el: document.getElementById("here") });
  window.listening = () => listeners.length;
</script>"""


class Desk:
    """The page, and the kernel's side of it; ``hold`` keeps the answers back."""

    def __init__(self, page, canvas):
        self.page, self.canvas, self.read, self.hold = page, canvas, 0, False
        self.messages, self.faults = [], []
        canvas.send = lambda content, buffers=None: page.evaluate(
            "(message) => tell(message)", content
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.expose_function("fromPage", self.receive)
        state = {"models": canvas.models, "outlines": canvas.outlines}
        files = {"": (PAGE, "text/html"), "state.json": (json.dumps(state), "application/json")}
        files["draw.js"] = str(canvas._esm), "text/javascript"
        files["draw.css"] = str(canvas._css), "text/css"

        def serve(route):
            body, kind = files.get(route.request.url.rpartition("/")[2], ("", "text/plain"))
            route.fulfill(body=body, content_type=kind)

        page.route("**/*", serve)
        page.goto("http://course.test/")

    def receive(self, content, buffers):
        self.messages.append((content, [base64.b64decode(buffer) for buffer in buffers]))
        if not self.hold:
            self.answer(-1)

    def answer(self, i: int):
        try:
            self.canvas.answer(*self.messages[i])
        except Exception as error:
            self.faults.append(str(error))

    def check(self):
        """Raises AssertionError if a script of the page or a callback of the widget failed."""
        assert self.faults == []

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def stroke(self, *points):
        """With the mouse, through points in 0..1 of the canvas."""
        stroke(self.page, self.page.locator("canvas"), *points)

    def drawn(self, new: int = 1) -> np.ndarray:
        """The last drawing, (128, 128), when ``new`` messages have come and all have an answer."""
        self.page.wait_for_function(f"asked >= {self.read + new} && open === 0")
        self.read = len(self.messages)
        drawings = [data[0] for content, data in self.messages if content["kind"] == "drawing"]
        return np.frombuffer(drawings[-1], np.uint8).reshape(128, 128)

    def shown(self) -> str:
        return self.page.locator("img.paper").get_attribute("src") or ""


@pytest.fixture
def sit(browser):
    """A function from a canvas to its page, as it is after the first answer."""
    desks = []

    def open_page(canvas, **options) -> Desk:
        desk = Desk(browser.new_page(**options), canvas)
        desks.append(desk)
        desk.drawn()
        return desk

    yield open_page
    for desk in desks:
        desk.page.close()


def black(drawn: np.ndarray, x: float, y: float) -> bool:
    return drawn[round(y * 127), round(x * 127)] < 128


def test_the_picture_follows_the_strokes(sit, model):
    desk = sit(drawing.draw(model))
    desk.button("Clear").click()
    assert (desk.drawn() == 255).all()
    desk.stroke((0.2, 0.3), (0.8, 0.3))
    drawn = desk.drawn()
    assert [black(drawn, 0.5, y) for y in (0.2, 0.3, 0.4)] == [False, True, False]
    assert (drawn[:, 64] < 128).sum() in (5, 6)  # 13 of 320 px
    assert picture_of(desk.shown()).tobytes() == drawing.translate_drawing(model, drawn).tobytes()
    desk.button("Eraser").click()
    desk.stroke((0.5, 0.1), (0.5, 0.9))
    rubbed = desk.drawn()
    assert [black(rubbed, x, 0.3) for x in (0.3, 0.5, 0.7)] == [True, False, True]
    desk.button("Undo").click()
    assert (desk.drawn() == drawn).all()
    for _ in range(5):
        desk.button("Undo").click()  # more often than there is something to undo
    assert (desk.drawn() == 255).all()
    desk.check()
    desk.page.evaluate("leave()")
    assert desk.page.evaluate("listening()") == 0


def test_a_callback_that_raises_is_seen_on_the_page_and_by_the_test(sit, model):
    method = Broken(model)
    desk = sit(drawing.draw(method))
    alarm, good, method.broken = desk.page.get_by_role("alert"), desk.shown(), True
    desk.stroke((0.2, 0.5), (0.8, 0.5))
    alarm.filter(has_text="broken <model>").wait_for()
    assert desk.shown() == good
    with pytest.raises(AssertionError, match="broken <model>"):
        desk.check()
    method.broken = False
    desk.button("Clear").click()  # it works again
    alarm.filter(has_text="broken").wait_for(state="detached")


@pytest.mark.extra
def test_one_drawing_is_on_its_way_and_the_newest_wins(sit, model):
    desk = sit(drawing.draw(model))
    desk.messages.clear()
    desk.hold = True
    desk.stroke((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    desk.button("Clear").click()
    desk.stroke((0.1, 0.5), (0.9, 0.5))
    assert len(desk.messages) == 1
    early = desk.shown()
    desk.page.evaluate("tell({kind: 'picture', seq: 'of another view', image: 'x'}); open += 1")
    assert desk.shown() == early
    desk.hold = False
    desk.answer(0)
    drawn = desk.drawn(2)
    assert len(desk.messages) == 2 and black(drawn, 0.5, 0.5) and not black(drawn, 0.5, 0.2)
    desk.check()


@pytest.mark.extra
def test_everything_works_from_the_keyboard(sit, model, coded, emoji):
    desk = sit(drawing.draw({"plain": model, "coded": coded}))
    page, names = desk.page, []
    focused = """() => {
        const one = document.activeElement;
        const name = one.ariaLabel || one.labels?.[0]?.innerText || one.innerText;
        const visible = getComputedStyle(one).outlineStyle === "solid";
        return [name.trim().split("\\n")[0], visible && one.dataset.lmSuppressShortcuts];
    }"""
    while "start from: fox face" not in names and len(names) < 20:
        page.keyboard.press("Tab")
        name, marked = page.evaluate(focused)
        assert marked == "true", name  # JupyterLab looks for this on the focused element itself
        names.append(name)
    expected = {
        "Pen",
        "Eraser",
        "size",
        "Undo",
        "Clear",
        "Upload a picture",
        "Save as PNG",
        "model",
    }
    assert expected <= set(names)
    page.keyboard.press("Enter")
    x = emoji.x[emoji.names.index("fox_face")]
    assert torch.equal(drawing.drawing_to_x(desk.drawn(), 32)[0], x)
    page.get_by_role("combobox").select_option("coded")
    desk.drawn()
    first = desk.shown()
    desk.button("Another answer").press("Enter")
    desk.drawn()
    assert desk.shown() != first and desk.messages[-1][0]["model"] == 1
    desk.button("Clear").press("Space")
    page.locator("canvas").press("ArrowDown")
    page.keyboard.down("Shift")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.up("Shift")
    assert black(desk.drawn(2), 0.52, 0.53)
    desk.button("Undo").press("Control+z")  # the stroke goes, and the clearing stays
    assert (desk.drawn() == 255).all()
    desk.check()


@pytest.mark.extra
def test_uploads_and_both_pictures_in_a_file(sit, model, tmp_path):
    desk = sit(drawing.draw(model), device_scale_factor=2)
    picture, chooser = to_image(EmojiEdges("test", 64).y[88]), desk.page.locator("input[type=file]")
    picture.save(tmp_path / "car.png")
    chooser.set_input_files(tmp_path / "car.png")
    drawn = desk.drawn(2)
    expected = outlines(to_tensor(picture, 32)[None], 0.7)
    assert torch.equal(drawing.drawing_to_x(drawn, 32), expected)
    with desk.page.expect_download() as waiting:
        desk.button("Save as PNG").click()
    waiting.value.save_as(tmp_path / "saved.png")
    saved = np.array(Image.open(tmp_path / "saved.png").convert("RGB"))
    assert (saved[:, :512, 0].reshape(128, 4, 128, 4).mean((1, 3)).round() == drawn).all()
    fake = np.array(drawing.translate_drawing(model, drawn))
    assert (saved[:, 528:][8::16, 8::16] == fake).all()
    noise = np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")  # 5 MB: made smaller in the browser
    chooser.set_input_files(tmp_path / "large.png")
    desk.drawn(2)
    sent = [data[0] for content, data in desk.messages if content["kind"] == "file"]
    assert Image.open(BytesIO(sent[-1])).size == (1024, 1024)
    (tmp_path / "bad.png").write_bytes(b"<html>")
    chooser.set_input_files(tmp_path / "bad.png")
    desk.page.get_by_role("alert").filter(has_text="cannot read this image").wait_for()
