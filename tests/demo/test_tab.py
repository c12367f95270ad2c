"""The page that trains: its step is torch's, its warps and flat colours are the library's, and a
visitor gets from a photograph to files without a network connection.
"""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import runs
from course_lib.data import base, images, one_photo, open_dataset
from course_lib.demo import page as demo
from course_lib.errors import CourseError
from course_lib.methods.dcgan import DCGAN
from course_lib.methods.pix2pix import PRESETS, Config, Pix2Pix
from course_lib.runs import step, translate_files
from tests.support.pictures import encoded, photograph
from tests.support.served import served, window

NO_NPM = pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the runtime for browsers")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), NO_NPM]
SIZE = 64
# In node, with the page's own files: the same from the same weights, pairs and draws
RUN = """
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
globalThis.ImageData = class {
  constructor(data, width, height) {
    if (height === undefined) [data, width, height] = [4 * data * width, data, width];
    Object.assign(this, { data: new Uint8ClampedArray(data), width, height });
  }
};
const { WARPS, drawn, flattened, paletteOf, warped, windowOf } = await import("./page/trainer.js");
const ort = await import("./page/ort.js");
const wasmBinary = gunzipSync(readFileSync("page/ort.wasm.gz"));
Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary });
const task = JSON.parse(readFileSync("task.json", "utf8")), { size } = task, one = 3 * size * size;
const read = (name, Type) => new Type(new Uint8Array(readFileSync(`${name}.bin`)).buffer);
const floats = (name) => read(name, Float32Array), bytes = (name) => read(name, Uint8ClampedArray);
function near(what, found, wanted, most) {
  const worst = wanted.reduce((far, value, i) => Math.max(far, Math.abs(value - found[i])), 0);
  assert(worst <= most, `${what} differ by ${worst}`);
}

// losses of 20 steps; gradients of the first, of which Adam's first mean is half; G's picture
const load = (name) => ort.InferenceSession.create(readFileSync(`page/training/${name}.onnx`));
const tensor = (data, ...shape) => new ort.Tensor("float32", data, shape);
const image = (name, i) => tensor(floats(name).slice(i * one, (i + 1) * one), 1, 3, size, size);
const training = await load("step"), start = floats("state");
let state = tensor(start, start.length), at = 0;
for (let i = 0; i < 20; i++) {
  const feeds = { state, x: image("pairs", 2 * i), y: image("pairs", 2 * i + 1) };
  const { next, terms } = await training.run(feeds);
  near("losses", terms.data, task.terms[i], 1e-3);
  state = next;
  for (const name of i ? [] : ["G", "D"]) {
    const wanted = floats(name), count = wanted.length, mean = next.data.slice(at + count);
    const most = 1e-5 * wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    near("gradients", mean.map((value) => 2 * value), wanted, most);
    at += 3 * count + 2;
  }
}
const { y } = await (await load("look")).run({ state, x: image("pairs", 0) });
near("pictures", y.data, floats("picture"), 1e-2);

// the same flat colours, and of its own ones as near ones; the same warps
const square = new ImageData(bytes("square"), size, size);
const flat = flattened(square, task.palette, windowOf(size)).data;
near("flat colours", flat, bytes("flat"), 0);
const away = (colours) => flat.reduce((sum, _, i) => i % 4 ? sum : sum + Math.min(...colours.map(
  (colour) => Math.hypot(...colour.map((value, c) => value - square.data[i + c])))), 0);
const own = paletteOf(square, 8);
assert(own.length === 8 && away(own) < 1.1 * away(task.palette), "the colours are not near");
task.draws.forEach((draws, i) => {
  const [x, y] = warped(floats("x"), floats("y"), size, drawn(WARPS.train, ...draws));
  const wanted = image("items", 2 * i).data, same = x.filter((value, k) => value === wanted[k]);
  assert(same.length > 0.999 * one, "a pixel may lie between two, to the last digit, but not more");
  near("warps", y, image("items", 2 * i + 1).data, 1e-3);
});
"""
# In the page: trained, painted by keys, hidden, seen again, switched to L1 alone, and stopped
LEARN = """async () => {
  const find = (id) => document.getElementById(id), look = () => find("train-result").toDataURL();
  const wait = (ms) => new Promise((later) => setTimeout(later, ms)), { tab } = courseDemo;
  const until = async (steps) => { while (tab.steps < steps) await wait(50); };
  const hide = (value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  find("start").click();
  await until(10);
  const before = look();
  for (const key of ["3", "]", "]", " ", ...Array(9).fill("ArrowRight"), " "])
    find("train-paper").dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: key > "A" }));
  await until(tab.steps + 5);
  const painted = look() !== before;
  hide(true);
  await wait(1500);
  const steps = tab.steps;
  await wait(3000);
  const rested = tab.steps === steps;
  hide(false);
  document.querySelector("[value=alone]").click();
  await until(steps + 5);
  find("pause-training").click();
  await wait(1500);
  return [painted, rested];
}"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a page that trains at 64 px, and does nothing else."""
    folder = tmp_path_factory.mktemp("tab") / "page"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tab", PRESETS["tab"] | {"image_size": SIZE})
        demo.build(folder, [])
    return folder


class Halved(Pix2Pix):
    """A step of one's own."""

    def generator_terms(self, *images):
        return {name: term / 2 for name, term in super().generator_terms(*images).items()}


def test_the_page_trains_as_torch_does(built, tmp_path):
    data = open_dataset(demo.PHOTOGRAPH, "train", SIZE)
    # At the page's rate of 1e-3, and on flat areas, torch soon differs from itself in 64 bits by
    # 0.01 to 0.2: so the paper's rate, and some noise
    torch.manual_seed(1)
    method = Halved(Config(**PRESETS["tab"] | {"image_size": SIZE, "lr": 2e-4}))
    items = torch.stack([torch.stack([data[i]["x"], data[i]["y"]]) for i in range(20)])
    pairs, square = items + 0.1 * torch.randn(items.shape), images.to_image(data.y)
    training = shutil.copytree(built, tmp_path / "page") / "training"
    step.to_onnx(method, training / "step.onnx", training / "look.onnx")
    flat = images.flattened(square, data.palette, images.window_of(SIZE))
    files = {
        "state": step.initial(method),
        "pairs": pairs,
        "items": items,
        "x": data.x,
        "y": data.y,
    }
    files |= {"square": np.array(square.convert("RGBA")), "flat": np.array(flat.convert("RGBA"))}
    terms = []
    for x, y in pairs:
        terms.append([float(term) for term in method.step({"x": x[None], "y": y[None]}).values()])
        for name in step.NETWORKS:  # of the first step
            grads = [p.grad.flatten() for p in method.networks[name].parameters()]
            files.setdefault(name, torch.cat(grads))
    files["picture"] = method.translate(pairs[0, :1])["fake_y"]
    for name, numbers in files.items():
        np.asarray(numbers).tofile(tmp_path / f"{name}.bin")
    draws = [
        (torch.randn(32, generator=own).tolist(), torch.rand(2, generator=own).tolist())
        for own in (base.item_generator(0, 0, i, one_photo.SEEDS["train"]) for i in range(3))
    ]
    task = {"size": SIZE, "palette": data.palette, "draws": draws, "terms": terms}
    (tmp_path / "task.json").write_text(json.dumps(task))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(RUN)
    done = subprocess.run(["node", "run.js"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def opened(built, browser):
    """The page in a window that has lost its connection when all was loaded."""
    with served(built) as address, window(browser, (address, "blob:", "data:")) as page:
        page.goto(address)
        page.locator("#start:text-is('Train'):enabled").wait_for()
        page.context.set_offline(True)
        yield page


def test_a_photograph_is_learned_painted_and_saved_offline(opened, tmp_path):
    assert opened.evaluate(LEARN) == [True, True]
    for name in ("picture", "both", "drawing", "network", "film"):
        with opened.expect_download() as waiting:
            opened.click(f"#save-{name}")
        waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    assert Image.open(tmp_path / "picture.png").text == {"Source": "made by a GAN"}
    assert b"made by a GAN" in Image.open(tmp_path / "training.webp").info["xmp"]
    drawing, out = tmp_path / "drawing.png", tmp_path / "out"
    files = translate_files(tmp_path / "network.safetensors", drawing, out)
    pictures = [images.read_image(path) for path in (*files, tmp_path / "picture.png")]
    shown = [np.array(one.resize((SIZE, SIZE), Image.Resampling.BOX), int) for one in pictures]
    assert np.abs(shown[0] - shown[1]).mean() < 4


def test_what_the_page_cannot_take_is_said_and_nothing_is_lost(opened):
    look, frames = "c => c.toDataURL()", [photograph(96, 80, seed) for seed in (0, 1)]
    photo = opened.locator("#train-photo")
    before = photo.evaluate(look)
    for name, content, said in (
        ("a.heic", b"ftypheic", "cannot read HEIC"),
        ("a.jpeg", b"<html>", "no photograph"),
        ("a.png", encoded(Image.new("RGB", (90, 90), "red"), "png"), "one colour"),
        ("b.png", encoded(photograph(90, 40), "png"), "only 90 x 40 px"),
        ("a.gif", encoded(frames[0], "gif", save_all=True, append_images=frames), "first picture"),
        ("b.jpeg", encoded(photograph(8000, 6300), "jpeg"), "50 megapixels"),
    ):
        file = {"name": name, "mimeType": f"image/{name[2:]}", "buffer": content}
        opened.set_input_files("#train-file", file)
        opened.get_by_role("alert").filter(has_text=said).wait_for()
        assert (photo.evaluate(look) == before) == (name not in ("a.gif", "b.jpeg"))
    opened.click("#train-camera")
    opened.get_by_role("alert").filter(has_text="camera was refused").wait_for()
    opened.context.set_offline(False)
    opened.add_init_script("WebAssembly.validate = () => false")
    opened.reload()
    opened.get_by_role("alert").filter(has_text="has no SIMD").wait_for()
    opened.locator("#train-credit:not(:empty)").wait_for()  # the photograph is here
    assert opened.text_content("#start") == "Cannot train here"


@pytest.mark.extra
def test_after_a_minute_it_knows_the_photograph(opened):
    opened.evaluate(
        "window.slow = [0]; new PerformanceObserver((list) => slow.push(...list.getEntries()"
        ".map((each) => each.duration))).observe({ entryTypes: ['longtask'] });"
    )
    opened.click("#start")
    opened.wait_for_timeout(60_000)
    assert opened.evaluate("courseDemo.tab.score()") < 0.14
    assert opened.evaluate("Math.max(...slow)") < 50


def test_steps_that_a_page_cannot_take_are_refused(tmp_path):
    dcgan = DCGAN(runs.make_config("dcgan", "smoke", 32))  # its settings have no L1 to go on alone
    with pytest.raises(CourseError, match="cannot be exported"):
        demo._add_training(tmp_path, dcgan)
    with pytest.raises(CourseError, match="seen photographs"):
        step.to_onnx(
            Pix2Pix(Config(**PRESETS["tab"] | {"image_size": 32, "lambda_features": 1.0})),
            tmp_path / "step.onnx",
        )
