"""The page that trains: its step is torch's, its warps and flat colours are the library's, and a
visitor gets from a photograph to files without a network connection.
"""

import gzip
import json
import shutil
import subprocess
import time

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import runs
from course_lib.data import one_photo, open_dataset
from course_lib.data.base import item_generator
from course_lib.data.images import flattened, palette_of, read_image, to_image, window_of
from course_lib.demo import page as demo
from course_lib.methods.pix2pix import PRESETS, Config, Pix2Pix
from course_lib.runs import step
from tests.demo.test_browser import stroke
from tests.support.pictures import encoded, photograph
from tests.support.served import served, window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SIZE = 64
# In node, with the page's own files: 20 steps, warps and flat colours of the task that is given
RUN = """
import { readFileSync, writeFileSync } from "node:fs";
globalThis.ImageData = class {
  constructor(data, width, height) {
    if (height === undefined) [width, height] = [data, width];
    data = data.length ? data : new Uint8ClampedArray(4 * width * height);
    Object.assign(this, { data, width, height });
  }
};
const { flattened, windowOf, paletteOf, warped } = await import("./page/trainer.js");
const ort = await import("./page/ort.js");
const task = JSON.parse(readFileSync("task.json", "utf8")), { size } = task;
const numbers = (name, Type = Float32Array) => new Type(new Uint8Array(readFileSync(name)).buffer);
Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: readFileSync("ort.wasm") });
const open = (name) => ort.InferenceSession.create(readFileSync(`page/training/${name}.onnx`));
const both = await open("step"), pairs = numbers("pairs.bin"), one = 3 * size * size, told = [];
const shape = (data) => data.length === one ? [1, 3, size, size] : [data.length];
const tensor = (data) => new ort.Tensor("float32", data, shape(data));
let state = tensor(numbers("state.bin"));
for (let i = 0; i < 20; i++) {
  const [x, y] = [0, 1].map((k) => tensor(pairs.slice((2 * i + k) * one, (2 * i + k + 1) * one)));
  const { next, terms } = await both.run({ state, x, y });
  told.push([...terms.data]);
  state = next;
  if (!i) writeFileSync("first.bin", state.data);
}
const { y } = await (await open("look")).run({ state, x: tensor(pairs.slice(0, one)) });
writeFileSync("picture.bin", y.data);
const square = new ImageData(numbers("square.bin", Uint8ClampedArray), size, size);
writeFileSync("flat.bin", flattened(square, task.palette, windowOf(size)).data);
const [x, photo] = [numbers("x.bin"), numbers("y.bin")];
task.draws.forEach((draws, i) => warped(x, photo, size, draws).forEach(
  (part, k) => writeFileSync(`warp${i}${k}.bin`, part)));
console.log(JSON.stringify({ told, palette: paletteOf(square, 8) }));
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(folder, models.json) of a page that trains at 64 px, and does nothing else."""
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings the runtime for browsers, is not installed")
    folder = tmp_path_factory.mktemp("tab") / "page"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tab", PRESETS["tab"] | {"image_size": SIZE})
        return folder, demo.build(folder, [])


def test_the_page_trains_as_torch_does(built, tmp_path):
    folder, contents = built
    torch.manual_seed(0)
    method = Pix2Pix(Config(**contents["tab"]["config"]))
    data = open_dataset(demo.PHOTOGRAPH, "train", SIZE)
    items = [data[i] for i in range(20)]
    square = to_image(data.y)
    files = {
        "state": step.initial(method),
        "pairs": torch.stack([item[side] for item in items for side in "xy"]),
        "square": torch.from_numpy(np.array(square.convert("RGBA"))),
        "x": data.x,
        "y": data.y,
    }
    for name, tensor in files.items():
        tensor.numpy().tofile(tmp_path / f"{name}.bin")
    draws, (shift, turn, zoom) = [], one_photo.WARPS["train"]
    for i in range(3):
        generator = item_generator(0, 0, i, one_photo.SEEDS["train"])
        shifts = 2 * shift * torch.randn(32, generator=generator)
        angle, scale = 2 * torch.rand(2, generator=generator) - 1
        draw = {"angle": turn * angle.item(), "scale": 1 + zoom * scale.item()}
        draws.append(draw | {"shifts": shifts.tolist()})
    task = {"size": SIZE, "palette": data.palette, "draws": draws}
    (tmp_path / "task.json").write_text(json.dumps(task))
    (tmp_path / "run.mjs").write_text(RUN)
    (tmp_path / "ort.wasm").write_bytes(gzip.decompress((folder / "ort.wasm.gz").read_bytes()))
    shutil.copytree(folder, tmp_path / "page")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    read = lambda name, kind="float32": np.fromfile(tmp_path / f"{name}.bin", kind)  # noqa: E731

    # 1. gradients, of which Adam's first mean is half; losses; the picture
    terms = []
    for i, item in enumerate(items):
        told = method.step({side: item[side][None] for side in "xy"})
        terms.append([float(term) for term in told.values()])
        if i == 0:
            at, first = 0, read("first")
            for name in step.NETWORKS:
                grads = [p.grad.flatten() for p in method.networks[name].parameters()]
                wanted = torch.cat(grads).numpy()
                found = first[at + len(wanted) : at + 2 * len(wanted)] / (1 - method.config.beta1)
                assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()
                at += 3 * len(wanted) + 2
    assert np.abs(np.array(terms) - answer["told"]).max() < 1e-3
    wanted = method.translate(items[0]["x"][None])["fake_y"].numpy()
    assert np.abs(read("picture") - wanted.ravel()).max() < 1e-2

    # 2. the same flat colours, to the byte, in a palette as near; the same warps
    flat = read("flat", "uint8").reshape(SIZE, SIZE, 4)[..., :3]
    assert (flat == np.array(flattened(square, data.palette, window_of(SIZE)))).all()
    pixels = np.array(square, float).reshape(-1, 1, 3)
    ours, library = (
        np.linalg.norm(pixels - np.array(colours), axis=2).min(1).mean()
        for colours in (answer["palette"], palette_of(square, one_photo.COLOURS, 1))
    )
    assert len(answer["palette"]) == one_photo.COLOURS and ours < 1.1 * library
    for i in range(3):
        x, y = (read(f"warp{i}{k}") for k in range(2))
        # a pixel may lie between two, to the last digit
        assert (x == items[i]["x"].numpy().ravel()).mean() > 0.999
        assert np.abs(y - items[i]["y"].numpy().ravel()).max() < 1e-3


@pytest.fixture
def opened(built, browser):
    with (
        served(built[0]) as address,
        window(browser, (address, "blob:", "data:"), accept_downloads=True) as page,
    ):
        page.goto(address)
        page.locator("#start:text-is('Train'):enabled").wait_for()
        page.context.set_offline(True)
        yield page


def told(page, what: str, more_than: float = -1) -> float:
    for _ in range(600):
        value = page.evaluate(f"courseDemo.tab.{what}")
        if value > more_than:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} stays {value}")


def test_a_photograph_is_learned_painted_and_saved_offline(opened, tmp_path):
    page, picture = opened, "#train-result"
    asked = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.click("#start")
    told(page, "steps", 10)
    look = lambda: page.locator(picture).evaluate("c => c.toDataURL()")  # noqa: E731
    before = look()
    page.locator("#train-colours button").nth(2).click()
    stroke(page, page.locator("#train-paper"), (0.2, 0.2), (0.8, 0.3), (0.3, 0.7))
    told(page, "steps", told(page, "steps"))
    assert look() != before

    # hidden, it rests; seen again, it goes on; L1 alone is a switch
    hide = "yes => { Object.defineProperty(document, 'hidden', { value: yes, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    page.wait_for_timeout(1000)
    steps = told(page, "steps")
    page.wait_for_timeout(3000)
    assert told(page, "steps") == steps
    page.evaluate(hide, False)
    page.check("[value=alone]")
    told(page, "steps", steps + 5)
    page.click("#pause-training")
    page.wait_for_timeout(1000)
    saved = {}
    for name in ("picture", "drawing", "network", "film"):
        with page.expect_download() as waiting:
            page.click(f"#save-{name}")
        saved[name] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved[name])
    assert Image.open(saved["picture"]).text == {"Source": "made by a GAN"}
    film = Image.open(saved["film"])
    assert b"made by a GAN" in film.info["xmp"] and film.format == "WEBP"
    (made,) = runs.translate_files(saved["network"], saved["drawing"], tmp_path / "out")
    shown = read_image(saved["picture"]).resize((SIZE, SIZE), Image.Resampling.BOX)
    differs = np.abs(np.array(read_image(made), int) - np.array(shown, int))
    assert differs.mean() < 4, "course translate makes the picture that the page shows"
    assert not [url for url in asked if not url.startswith("blob:")]


def test_what_the_page_cannot_take_is_said_and_nothing_is_lost(opened):
    page = opened
    shown = page.locator("#train-photo").evaluate("c => c.toDataURL()")
    colours = [photograph(96, 80, seed) for seed in range(2)]
    gif = encoded(colours[0], "gif", save_all=True, append_images=colours[1:])
    refused = {
        "a.heic": ("image/heic", b"\0\0\0\x18ftypheic", "cannot read HEIC"),
        "a.jpg": ("image/jpeg", b"<html>", "no photograph"),
        "b.png": ("image/png", encoded(Image.new("RGB", (90, 90), "red"), "png"), "one colour"),
        "c.png": ("image/png", encoded(photograph(90, 40), "png"), "only 90 x 40 px"),
        "d.gif": ("image/gif", gif, "first picture"),
        "e.jpg": ("image/jpeg", encoded(photograph(8000, 6300), "jpeg"), "50 megapixels"),
    }
    for name, (kind, content, said) in refused.items():
        file = {"name": name, "mimeType": kind, "buffer": content}
        page.set_input_files("#train-file", file)
        page.get_by_role("alert").filter(has_text=said).wait_for()
        if name == "c.png":
            assert page.locator("#train-photo").evaluate("c => c.toDataURL()") == shown
    page.click("#train-camera")
    page.get_by_role("alert").filter(has_text="camera was refused").wait_for()
    assert page.locator("#start").is_enabled()


def test_an_old_browser_is_told_that_it_cannot_train(built, browser):
    with served(built[0]) as address, window(browser, (address, "blob:")) as page:
        page.add_init_script("WebAssembly.validate = () => false")
        page.goto(address)
        page.get_by_role("alert").filter(has_text="has no SIMD").wait_for()
        assert page.locator("#start").is_disabled()


@pytest.mark.extra
def test_after_a_minute_it_knows_the_photograph(opened):
    opened.evaluate(
        "window.slow = []; new PerformanceObserver((list) => slow.push(...list.getEntries()"
        ".map((each) => each.duration))).observe({ entryTypes: ['longtask'] });"
    )
    opened.click("#start")
    told(opened, "seconds", 60)
    opened.click("#pause-training")
    assert opened.evaluate("courseDemo.tab.score()") < 0.14
    assert max(opened.evaluate("slow"), default=0) < 50
