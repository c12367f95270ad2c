"""The canvas: what the kernel makes of a drawing, and, in a real browser, that the page follows the hand."""

import base64
import json
import time
from io import BytesIO

import matplotlib.pyplot as plt
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

PRESETS = ("carrot", "star")


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


class Broken(Method):
    """A model that fails while ``broken``."""

    broken = True

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


def message(drawn: np.ndarray, **more) -> tuple[dict, list]:
    content = {
        "kind": "drawing",
        "seq": "v-1",
        "model": 0,
        "side": len(drawn),
        "again": False,
    } | more
    return content, [memoryview(drawn.tobytes())]


# ---- the plain function


def test_a_blank_drawing_is_a_white_x():
    for shape, size in (((128, 128), 64), ((320, 320), 64), ((30, 50), 64), ((128, 128), 256)):
        assert torch.equal(
            drawing.drawing_to_x(np.full(shape, 255, np.uint8), size), torch.ones(1, 3, size, size)
        )
    assert torch.equal(
        drawing.drawing_to_x(np.zeros((9, 9), np.uint8), 64), -torch.ones(1, 3, 64, 64)
    )


def test_strokes_become_lines_like_those_of_the_data():
    """13 of 320 px, the brush of the page, are 2 to 3 px at 64 px, black and white only."""
    image = Image.new("L", (320, 320), "white")
    ImageDraw.Draw(image).line((40, 0, 40, 320), fill="black", width=13)
    x = drawing.drawing_to_x(np.array(image), 64)
    assert set(x.unique().tolist()) == {-1.0, 1.0}
    assert set((x[0, 0] < 0).sum(1).tolist()) <= {2, 3} and (x[0, 0, :, 8] < 0).all()


@pytest.mark.parametrize("size", [32, 64, 128])
def test_a_preset_gives_its_x_back(size):
    data = EmojiEdges("test", size)
    for i in (0, 52, 88):
        drawn = np.array(drawing.smooth(data.x[i]))
        assert drawn.shape == (512, 512) and set(np.unique(drawn)) == {0, 255}
        sent = (
            drawn.reshape(128, 4, 128, 4).mean((1, 3)).round().astype(np.uint8)
        )  # as draw.js reduces it
        assert torch.equal(drawing.drawing_to_x(drawn, size)[0], data.x[i])
        assert torch.equal(drawing.drawing_to_x(sent, size)[0], data.x[i])


def test_translate_drawing_is_the_model_on_that_x(model, coded, circle):
    x = drawing.drawing_to_x(circle, 32)
    assert (
        drawing.translate_drawing(model, circle).tobytes()
        == to_image(model.translate(x)["fake_y"][0]).tobytes()
    )
    one, other = coded.noise(2, seed=1)
    truth = to_image(coded.translate(x, one[None])["fake_y"][0])
    assert drawing.translate_drawing(coded, circle, one).tobytes() == truth.tobytes()
    assert drawing.translate_drawing(coded, circle, other).tobytes() != truth.tobytes()


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), np.zeros((0, 8), np.uint8)]
)
def test_other_arrays_are_refused(model, wrong):
    with pytest.raises(ValueError, match="uint8"):
        drawing.translate_drawing(model, wrong)


# ---- the widget, without a page


def test_a_message_is_answered_with_what_the_function_gives(model, circle):
    canvas = drawing.draw(model, PRESETS)
    sent = collected(canvas)
    canvas.answer(*message(circle, seq="v-7"))
    assert [{**one, "image": 0} for one in sent] == [{"kind": "picture", "seq": "v-7", "image": 0}]
    assert (
        picture_of(sent[0]["image"]).tobytes() == drawing.translate_drawing(model, circle).tobytes()
    )
    canvas._handle_msg(
        {
            "content": {"data": {"method": "custom", "content": message(circle)[0]}},
            "buffers": [circle],
        }
    )
    assert sent[1]["kind"] == "picture"  # as it arrives from a page
    assert canvas.models == [{"name": "translation", "codes": False, "pen": 13}]
    assert [one["name"] for one in canvas.outlines] == list(PRESETS)
    data = EmojiEdges("test", 32)
    x = drawing.drawing_to_x(np.array(picture_of(canvas.outlines[1]["image"])), 32)[0]
    assert torch.equal(x, data.x[data.names.index("star")])


def test_another_answer_has_another_code_and_stays(model, coded, circle):
    canvas = drawing.draw({"plain": model, "coded": coded}, ())
    assert canvas.models == [
        {"name": n, "codes": n == "coded", "pen": 13} for n in ("plain", "coded")
    ]
    sent = collected(canvas)
    for again in (False, False, True, False):
        canvas.answer(*message(circle, model=1, again=again))
    images = [one["image"] for one in sent]
    assert images[0] == images[1] != images[2] == images[3]
    first, second = (
        drawing.translate_drawing(coded, circle, coded.noise(1, seed)[0]) for seed in (0, 1)
    )
    assert (
        picture_of(images[0]).tobytes() == first.tobytes()
        and picture_of(images[2]).tobytes() == second.tobytes()
    )
    canvas.answer(*message(circle, again=True))  # of a model without codes it changes nothing
    assert (
        picture_of(sent[-1]["image"]).tobytes()
        == drawing.translate_drawing(model, circle).tobytes()
    )


def test_an_uploaded_picture_becomes_an_outline(model):
    canvas = drawing.draw(model, ())
    sent = collected(canvas)
    y = EmojiEdges("test", 64).y[88]
    file = BytesIO()
    to_image(y).save(file, "png")
    canvas.answer({"kind": "file", "seq": "v-1", "model": 0}, [memoryview(file.getvalue())])
    x = drawing.drawing_to_x(np.array(picture_of(sent[0]["image"])), 32)[0]
    assert torch.equal(x, outlines(to_tensor(to_image(y), 32)[None], 0.7)[0])


@pytest.mark.parametrize(
    ("width", "side", "paper"), [(16, 512, "white"), (5, 128, "white"), (24, 600, "#f4f2ee")]
)
def test_an_uploaded_line_drawing_stays_one(width, side, paper):
    image = Image.new("RGB", (side, side), paper)
    ImageDraw.Draw(image).ellipse(
        (side // 8, side // 8, side * 7 // 8, side * 7 // 8), outline="#202020", width=width
    )
    image.save(file := BytesIO(), "png")
    x = drawing.picture_to_x(file.getvalue(), 64)[0, 0]
    changes = (x[32, 1:] != x[32, :-1]).sum()
    assert (
        set(x.unique().tolist()) == {-1.0, 1.0} and changes == 4
    )  # two strokes; their outlines would be four
    ImageDraw.Draw(image).ellipse(
        (side // 4, side // 4, side * 3 // 4, side * 3 // 4), fill="#202020"
    )
    image.save(file := BytesIO(), "png")
    filled = drawing.picture_to_x(file.getvalue(), 64)
    assert torch.equal(filled, outlines(to_tensor(image, 64)[None], 0.35))


def test_every_uploaded_emoji_is_outlined():
    for y in EmojiEdges("test", 64).y[::12]:
        to_image(y).save(file := BytesIO(), "png")
        assert torch.equal(
            drawing.picture_to_x(file.getvalue(), 64),
            outlines(to_tensor(to_image(y), 64)[None], 0.35),
        )


def test_errors_are_told_to_the_page_and_raised(model, circle):
    method = Broken(model)
    canvas = drawing.draw(method, ())
    sent = collected(canvas)
    with pytest.raises(RuntimeError):
        canvas.answer(*message(circle, seq="v-3"))
    assert (
        sent[-1]["seq"] == "v-3"
        and sent[-1]["kind"] == "error"
        and "broken <model>" in sent[-1]["text"]
    )
    with pytest.raises(CourseError):
        canvas.answer({"kind": "file", "seq": "v-4", "model": 0}, [b"<html>"])
    assert (
        sent[-1]["kind"] == "error"
        and "image" in sent[-1]["text"]
        and "fetch or save" in sent[-1]["text"]
    )
    with pytest.raises(ValueError):
        canvas.answer(*message(circle, side=100))
    assert sent[-1]["kind"] == "error"
    method.broken = False
    canvas.answer(*message(circle))  # it works again
    assert sent[-1]["kind"] == "picture"


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(CourseError, match="no emoji of the test split"):
        drawing.draw(model, ["no such emoji"])
    with pytest.raises(CourseError, match="at least one"):
        drawing.draw({})
    with pytest.raises(CourseError, match="from noise"):
        drawing.static({"dcgan": DCGAN(runs.make_config("dcgan", "smoke"))})


def test_a_page_without_widgets_says_so(model):
    bundle = drawing.draw(model, ())._repr_mimebundle_()[0]
    assert (
        "elsewhere." in bundle["text/plain"]
        and "application/vnd.jupyter.widget-view+json" in bundle
    )


def test_the_static_twin_shows_the_same(model, coded, monkeypatch):
    seen = []
    real = drawing.image_grid
    monkeypatch.setattr(drawing, "image_grid", lambda *given: seen.append(given) or real(*given))
    drawing.static({"pix2pix": model, "BicycleGAN": coded}, PRESETS)
    rows, names, _ = seen[0]
    assert (
        plt.get_fignums() == []
        and list(rows) == ["drawing", "pix2pix", "BicycleGAN"]
        and names == list(PRESETS)
    )
    data = EmojiEdges("test", 32)
    assert torch.equal(
        rows["drawing"], torch.stack([data.x[data.names.index(name)] for name in PRESETS])
    )
    canvas = drawing.draw({"pix2pix": model, "BicycleGAN": coded}, PRESETS)
    sent = collected(canvas)
    for i, name in enumerate(("pix2pix", "BicycleGAN")):
        canvas.answer(*message(np.array(picture_of(canvas.outlines[1]["image"])), model=i))
        assert torch.equal(to_tensor(picture_of(sent[-1]["image"]), 32), rows[name][1])
    drawing.static(model, {"my_own": data.x[0]})
    assert list(seen[1][0]) == ["drawing", "translation"] and seen[1][1] == ["my own"]


@pytest.mark.slow
def test_the_kernel_answers_within_150_ms_at_64_px(circle):
    canvas = drawing.draw(Pix2Pix(runs.make_config("pix2pix", "cpu")), ())
    collected(canvas)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        canvas.answer(*message(circle))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.15, seconds


# ---- a real browser: draw.js with a stub of the widget's model, and the widget's own answers

PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="draw.css"><body><div id="here"></div>
<script type="module">
  import widget from "./draw.js";
  const listeners = [], state = await (await fetch("state.json")).json();
  const base64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
  const model = {
    get: (name) => state[name],
    on: (name, call) => listeners.push(call),
    off: (name, call) => listeners.splice(listeners.indexOf(call), 1),
    send: (content, callbacks, buffers) => { window.open_questions += 1; fromPage(content, buffers.map(base64)); },
  };
  window.open_questions = 0;
  window.tell = (message) => { window.open_questions -= 1; listeners.forEach((call) => call(message, [])); };
  window.leave = widget.render({ model, el: document.getElementById("here") });
  window.listening = () => listeners.length;
</script>"""


class Desk:
    """The page, and the kernel's side of it: ``got`` are its messages, ``hold`` keeps the answers back."""

    def __init__(self, page, canvas):
        self.page, self.canvas, self.read, self.hold = page, canvas, 0, False
        self.got, self.faults, self.raised = [], [], []
        canvas.send = lambda content, buffers=None: page.evaluate(
            "(message) => tell(message)", content
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "console", lambda line: self.faults.append(line.text) if line.type == "error" else None
        )
        page.expose_function("fromPage", self.receive)
        files = {
            "": PAGE,
            "state.json": json.dumps({"models": canvas.models, "outlines": canvas.outlines}),
        }
        files |= {"draw.js": str(canvas._esm), "draw.css": str(canvas._css), "favicon.ico": ""}
        kinds = {"": "text/html", "js": "text/javascript", "css": "text/css"}

        def serve(route):
            name = route.request.url.rpartition("/")[2]
            route.fulfill(body=files[name], content_type=kinds.get(name.rpartition(".")[2]))

        page.route("**/*", serve)
        page.goto("http://course.test/")

    def receive(self, content, buffers):
        self.got.append((content, [base64.b64decode(buffer) for buffer in buffers]))
        if not self.hold:
            self.answer(-1)

    def answer(self, i: int):
        try:
            self.canvas.answer(*self.got[i])
        except Exception as error:
            self.raised.append(error)

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def stroke(self, *points):
        """With the mouse, through points in 0..1 of the canvas."""
        stroke(self.page, self.page.locator("canvas"), *points)

    def drawn(self, new: int = 1) -> np.ndarray:
        """What the kernel has last, (128, 128), when ``new`` messages have come and the page is at rest."""
        end, count = time.monotonic() + 30, -1
        while (
            count != len(self.got)
            or count < self.read + new
            or self.page.evaluate("open_questions") > 0
        ):
            assert time.monotonic() < end, f"{count - self.read} messages, not {new}"
            count = len(self.got)
            self.page.wait_for_timeout(100)
        self.read = count
        drawings = [data[0] for content, data in self.got if content["kind"] == "drawing"]
        return np.frombuffer(drawings[-1], np.uint8).reshape(128, 128)

    def shown(self) -> str:
        return self.page.locator("img.paper").get_attribute("src") or ""


@pytest.fixture
def sit(browser):
    """A function from a canvas to its page; no script on it may fail."""
    desks = []

    def open_page(canvas, **options) -> Desk:
        desks.append(Desk(browser.new_page(**options), canvas))
        return desks[-1]

    yield open_page
    for desk in desks:
        assert desk.faults == []
        desk.page.close()


def black(drawn: np.ndarray, x: float, y: float) -> bool:
    return drawn[round(y * 127), round(x * 127)] < 128


def test_the_pen_draws_lines_as_wide_as_the_data_have_them():
    network, bright = runs.open_run("shipped:edges-emoji", "cpu")[0], []
    pen = drawing.draw(network, ()).models[0]["pen"]
    for width in (pen, 2 * pen):
        image = Image.new("L", (320, 320), 255)
        ImageDraw.Draw(image).ellipse((40, 40, 280, 280), outline=0, width=width)
        bright.append(
            np.asarray(drawing.translate_drawing(network, np.asarray(image)))[40:88, 40:88].mean()
        )
    assert bright[0] > 120 > bright[1]


def test_the_picture_follows_the_strokes(sit, model):
    desk = sit(drawing.draw(model, ()))
    assert (desk.drawn() == 255).all()
    before = desk.shown()
    desk.stroke((0.2, 0.3), (0.8, 0.3))
    drawn = desk.drawn()
    assert [black(drawn, 0.5, y) for y in (0.2, 0.3, 0.4)] == [False, True, False]
    assert (drawn[:, 64] < 128).sum() in (5, 6)  # 13 of 320 px
    assert picture_of(desk.shown()).tobytes() == drawing.translate_drawing(model, drawn).tobytes()
    assert desk.shown() != before
    assert (
        desk.page.locator("img.paper").evaluate(
            "image => image.decode().then(() => image.naturalWidth)"
        )
        == 32
    )
    desk.button("Eraser").click()
    assert desk.button("Eraser").get_attribute("aria-pressed") == "true"
    desk.stroke((0.5, 0.1), (0.5, 0.9))
    rubbed = desk.drawn()
    assert [black(rubbed, x, 0.3) for x in (0.3, 0.5, 0.7)] == [True, False, True]
    desk.button("Undo").click()
    assert (desk.drawn() == drawn).all()
    desk.button("Clear").click()
    assert (desk.drawn() == 255).all()
    desk.page.locator("canvas").press("Control+z")
    assert (desk.drawn() == drawn).all()
    desk.button("Pen").click()
    desk.page.get_by_label("size").fill("39")
    desk.stroke((0.5, 0.7), (0.5, 0.7))  # a dot
    dot = desk.drawn()
    assert (dot[:, 64] < 128).sum() in range(19, 24) and black(dot, 0.5, 0.3)
    for _ in range(5):
        desk.button("Undo").click()  # more often than there is something to undo
    assert (desk.drawn() == 255).all() and desk.raised == []
    desk.page.evaluate("leave()")
    assert desk.page.evaluate("listening()") == 0


def test_one_drawing_is_on_its_way_and_the_newest_wins(sit, model):
    desk = sit(drawing.draw(model, ()))
    desk.drawn()
    desk.got.clear()
    desk.read, desk.hold = 0, True
    desk.stroke((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    desk.button("Clear").click()
    desk.stroke((0.1, 0.5), (0.9, 0.5))
    desk.page.wait_for_timeout(200)
    assert len(desk.got) == 1
    early = desk.shown()
    desk.page.evaluate(
        "tell({kind: 'picture', seq: 'of another view', image: 'x'}); open_questions += 1"
    )
    assert desk.shown() == early and len(desk.got) == 1
    desk.hold = False
    desk.answer(0)
    drawn = desk.drawn(2)
    assert len(desk.got) == 2 and black(drawn, 0.5, 0.5) and not black(drawn, 0.5, 0.2)
    assert picture_of(desk.shown()).tobytes() == drawing.translate_drawing(model, drawn).tobytes()


FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const name = one.ariaLabel || one.labels?.[0]?.innerText || one.innerText;
    return [one.dataset.lmSuppressShortcuts, name.trim().split("\\n")[0].slice(0, 20), style.outlineStyle];
}"""


def test_everything_works_from_the_keyboard(sit, model, coded):
    desk = sit(drawing.draw({"plain": model, "coded": coded}, PRESETS))
    page, data = desk.page, EmojiEdges("test", 32)
    assert torch.equal(
        drawing.drawing_to_x(desk.drawn(), 32)[0], data.x[data.names.index("carrot")]
    )
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1][1] == "start from: star":
            break
    names = [name for _, name, _ in reached]
    for name in (
        "Pen",
        "Eraser",
        "size",
        "Undo",
        "Clear",
        "Upload a picture",
        "Save as PNG",
        "model",
    ):
        assert name in names, names
    assert all(name and outline == "solid" for _, name, outline in reached), reached
    assert {keys for keys, _, _ in reached} == {
        "true"
    }  # JupyterLab looks for this on the focused element itself
    page.keyboard.press("Enter")
    assert torch.equal(drawing.drawing_to_x(desk.drawn(), 32)[0], data.x[data.names.index("star")])
    assert not desk.button("Another answer").is_visible()
    page.get_by_role("combobox").select_option("coded")
    desk.drawn()
    first = desk.shown()
    desk.button("Another answer").press("Enter")
    desk.drawn()
    assert desk.shown() != first and desk.got[-1][0]["model"] == 1
    desk.button("Clear").press("Space")
    canvas = page.locator("canvas")
    canvas.press("ArrowDown")
    page.keyboard.down("Shift")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Shift")
    drawn = desk.drawn()
    assert black(drawn, 0.55, 0.53) and not black(drawn, 0.45, 0.53) and not black(drawn, 0.5, 0.5)
    assert page.locator(".cursor").is_visible()
    desk.button("Undo").press("Control+z")
    assert (desk.drawn() == 255).all()


def test_errors_and_uploads_on_the_page(sit, model, tmp_path):
    method = Broken(model)
    method.broken = False
    desk = sit(drawing.draw(method, ()))
    page, alarm = desk.page, desk.page.get_by_role("alert")
    desk.drawn()
    good = desk.shown()
    method.broken = True
    desk.stroke((0.2, 0.5), (0.8, 0.5))
    desk.drawn()
    assert "broken <model>" in alarm.inner_text() and desk.shown() == good
    assert isinstance(desk.raised[0], RuntimeError)
    method.broken = False
    desk.stroke((0.2, 0.6), (0.8, 0.6))
    desk.drawn()
    assert alarm.inner_text() == "" and desk.shown() != good
    (tmp_path / "bad.png").write_bytes(b"<html>")
    page.locator("input[type=file]").set_input_files(tmp_path / "bad.png")
    desk.drawn()
    assert "cannot read this image" in alarm.inner_text() and isinstance(
        desk.raised[-1], CourseError
    )
    y = EmojiEdges("test", 64).y[88]
    to_image(y).save(tmp_path / "car.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "car.png")
    x = drawing.drawing_to_x(desk.drawn(2), 32)
    assert (
        torch.equal(x, outlines(to_tensor(to_image(y), 32)[None], 0.7)) and alarm.inner_text() == ""
    )
    noise = np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")  # 5 MB: made smaller in the browser
    page.locator("input[type=file]").set_input_files(tmp_path / "large.png")
    desk.drawn(2)
    sent = next(data[0] for content, data in reversed(desk.got) if content["kind"] == "file")
    assert Image.open(BytesIO(sent)).size == (1024, 1024)


def test_the_page_saves_both_pictures_and_fits_a_fine_screen(sit, model, tmp_path):
    desk = sit(drawing.draw(model, PRESETS), device_scale_factor=2, has_touch=True)
    drawn = desk.drawn()
    with desk.page.expect_download() as waiting:
        desk.button("Save as PNG").click()
    waiting.value.save_as(tmp_path / "saved.png")
    saved = np.array(Image.open(tmp_path / "saved.png").convert("RGB"))
    assert saved.shape == (512, 1040, 3)
    assert (saved[:, :512, 0].reshape(128, 4, 128, 4).mean((1, 3)).round() == drawn).all()
    fake = np.array(drawing.translate_drawing(model, drawn))
    assert (saved[:, 528:][8::16, 8::16] == fake).all()
    left, right = (desk.page.locator(name).bounding_box() for name in ("canvas", "img.paper"))
    assert left["width"] == right["width"] == left["height"] == 320 and right["x"] > left["x"] + 320
    box = desk.page.locator("canvas").bounding_box()
    desk.button("Clear").tap()
    desk.page.touchscreen.tap(box["x"] + 160, box["y"] + 160)  # a finger leaves a dot
    assert black(desk.drawn(2), 0.5, 0.5)
