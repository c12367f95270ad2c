"""Exported generators agree with PyTorch, and the static page works in a browser with nothing but a
file server.
"""

import contextlib
import json
import os
import re
import shutil
import time
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.data import open_dataset
from course_lib.data.images import read_image
from course_lib.demo import page as demo
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.runs import export
from tests.demo.test_browser import dropped, stroke
from tests.runs.test_films import shown
from tests.support.pictures import encoded, photograph, turned
from tests.support.served import served, window
from tests.support.small import untrained

DATA = {
    "pix2pix": "emoji:edges",
    "bicyclegan": "emoji:edges",
    "cyclegan": "emoji:twemoji-fluent",
    "colour": "photos:colour",
    "cut": "photos:van-gogh",
}
SIZES = {  # as people train it
    "colour": ("pix2pix", "cpu", 128, ["base_channels=24", "batch_size=1"]),
    "cut": ("cut", "smoke", 32, ["blur=True", "upsampling=bilinear"]),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function: the folder of a run of two steps of a method, or of colour, in 128 px."""
    top = tmp_path_factory.mktemp("runs")

    @cache
    def run(method: str) -> Path:
        name, *size = SIZES.get(method, (method, "smoke", 32))
        out, config = top / method, runs.make_config(name, *size)
        runs.train(name, DATA[method], out, config, steps=2, previews=0, progress=False)
        return out

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "direction"),
    [
        ("pix2pix", "xy"),
        ("bicyclegan", "xy"),
        pytest.param("cyclegan", "xy", marks=pytest.mark.extra),
        pytest.param("cyclegan", "yx", marks=pytest.mark.extra),
        ("cut", "xy"),
    ],
)
def test_the_file_computes_what_translate_does(trained, tmp_path, method, direction):
    model, _ = runs.open_run(trained(method), "cpu")
    path, data = tmp_path / "model.onnx", open_dataset(DATA[method], "test", 32, direction)
    facts = export.to_onnx(model, path, direction, about={"licence": "MIT"})
    codes = 8 if method == "bicyclegan" else None
    x = torch.stack([data[i]["x"] for i in range(8)])
    for given in (x, x[:1], -x):  # any batch, and it depends on it
        assert export.check(model, path, given, direction) < export.LIMIT
    step = int(facts["multiple"])
    assert step == {"cyclegan": 4, "cut": 4}.get(method, 32)
    for height, width in (
        ((32, 32 + step), (64 + step, 32)) if step else ()
    ):  # free height and width
        other = x.repeat(1, 1, 4, 4)[:2, :, :height, :width]
        assert export.check(model, path, other, direction) < export.LIMIT
    stored = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert stored == facts and stored["size"] == "32" and stored["direction"] == direction
    assert stored["z_dim"] == str(codes or 0) and stored["licence"] == "MIT"
    assert not any(
        name in path.read_bytes() for name in (b"site-packages", b"course_lib/")
    )  # paths of this machine
    if method == "cyclegan":
        assert (
            export.check(model, path, x, direction=direction[::-1]) > export.LIMIT
        )  # the two ways are not one


@pytest.mark.slow
def test_what_a_file_cannot_do_is_refused(trained, tmp_path, monkeypatch):
    small = {"image_size": 16, "base_channels": 4, "d_base_channels": 4, "d_layers": 1}
    for settings in ({"dropout": 0.0}, {"norm": "instance"}):
        with pytest.raises(CourseError, match="the outputs depend on chance or on the batch"):
            export.to_onnx(Pix2Pix(Config(**small, **settings)), tmp_path / "model.onnx")
    with pytest.raises(CourseError, match="cannot be exported"):
        export.to_onnx(untrained("dcgan"), tmp_path / "model.onnx")
    check = export.check  # and other sizes than that of the training may differ
    monkeypatch.setattr(
        export, "check", lambda *a, **b: 1.0 if a[2].shape[2] != a[2].shape[3] else check(*a, **b)
    )
    with pytest.raises(CourseError, match="outputs differ from PyTorch's by 1"):
        export.export_run(trained("pix2pix"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_export_command(trained, tmp_path, course):
    path = tmp_path / "new folder" / "model.onnx"
    status, out, err = course("export", trained("pix2pix"), "--onnx", path)
    lines = out.splitlines()
    assert (
        status == 0
        and err == ""
        and "weights float32" in lines[0]
        and lines[2].endswith("multiples of 32")
    )
    found = re.fullmatch(r"largest difference to PyTorch on 100 held-out inputs: (\S+)", lines[1])
    assert float(found.group(1)) < export.LIMIT
    stored = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert stored["data"] == "emoji:edges" and "MIT" in stored["card"]


# ---- the page


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for npm is a shell script")
@pytest.mark.parametrize(
    "script", [None, "echo no connection >&2; exit 1", "echo no archive > a.tgz"]
)
def test_without_npm_nothing_is_built(trained, tmp_path, monkeypatch, script):
    programs = tmp_path / "bin"
    programs.mkdir()
    if script:
        (programs / "npm").write_text(f"#!/bin/sh\n{script}\n")
        (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(
        CourseError,
        match=r"npm is missing" if script is None else r"could not fetch onnxruntime-web",
    ):
        demo.build(tmp_path / "page", [trained("pix2pix")])
    assert not (tmp_path / "page").exists()


def test_presets_and_colours_come_from_held_out_inputs(tmp_path):
    (tmp_path / "presets").mkdir()
    chosen = [name.replace("_", " ") for name in demo.CHOSEN]
    for data, names in (("openmoji:lines", chosen[:12]), ("emoji:edges", chosen[12:])):
        edges = demo._inputs(tmp_path, data, demo._some(open_dataset(data, "test", 32)))
        assert [p["name"] for p in edges["presets"]] == names and not edges["painted"]
        assert edges["colours"] == ["#ffffff", "#000000"] and edges["paper"] == "#ffffff"
    labels = demo._inputs(tmp_path, "labels", demo._some(open_dataset("facades", "test", 32)))
    assert len(labels["presets"]) == demo.PRESETS and 2 < len(labels["colours"]) <= demo.COLOURS
    assert {"facade", "window", "door"} <= set(labels["meanings"]) and edges["meanings"] == edges[
        "colours"
    ]
    photos = demo._inputs(tmp_path, "photos", demo._some(open_dataset("facades", "test", 32, "yx")))
    assert photos["colours"] == [] and not photos["painted"]


# ---- in a browser


RUNS = ("bicyclegan", "pix2pix", "cut", "colour")  # two draw, two take photographs


@pytest.fixture(scope="module")
def site(trained, tmp_path_factory):
    """Address of a folder of a plain file server, with a page of RUNS."""
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings the runtime for browsers, is not installed")
    top = tmp_path_factory.mktemp("server")
    folders, where = [trained(name) for name in RUNS], top / "some" / "where"
    folders[1] = shutil.copytree(folders[1], top / "pix 2 pix")
    (where / "models").mkdir(parents=True)  # an older page
    (where / "models" / "older.onnx").write_bytes(b"")
    (where / "models.json").write_text(demo.RUNTIME.replace("@", " "))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "INPUTS", 4)  # to compare: this takes long enough
        patch.setattr(demo, "_add_training", lambda page, _: {})  # demo/test_tab.py has its page
        contents = demo.build(where, folders)
    names = [model["name"] for model in contents["models"]]
    assert names == ["bicyclegan", "pix-2-pix", "cut", "colour"]
    assert str(top) not in json.dumps(contents)
    assert {path.name for path in (where / "models").iterdir()} == {f"{n}.onnx" for n in names}
    assert [model["z_dim"] for model in contents["models"]] == [8, 0, 0, 0]
    assert [model["share"] for model in contents["models"]] == [1, 1, 0.45, 1]
    assert json.loads((where / "models.json").read_text()) == contents
    with served(top) as address:
        yield f"{address}some/where/"


@pytest.fixture
def open_page(site, browser):
    """Opens a view of the page in a window of its own; at the end, nothing may have gone wrong."""
    with contextlib.ExitStack() as windows:

        def open_(view: str = "draw", **options):
            page = windows.enter_context(window(browser, (site, "blob:"), **options))
            page.goto(f"{site}#{view}")
            if view == "draw":
                page.wait_for_selector("#save:not([disabled])", timeout=60_000)
            else:
                painted(page)
            return page

        yield open_


def after(page, act) -> float:
    """Do ``act`` and wait until its translation is shown, and no other comes. Returns its latency
    in ms.
    """
    count = page.evaluate("courseDemo.count")
    act()
    for _ in range(200):
        time.sleep(0.05)
        now = page.evaluate("courseDemo.count")
        if now > count and now == (time.sleep(0.15) or page.evaluate("courseDemo.count")):
            return page.evaluate("courseDemo.last")
    raise AssertionError("no translation came")


def choose(page, number: int) -> None:
    page.locator("#models button").nth(number).click()


def picture(page, name="result") -> str:
    return page.evaluate(f"document.getElementById('{name}').toDataURL()")


def draw(page, *points) -> None:
    """A stroke of the mouse through points given as shares of the paper."""
    stroke(page, page.locator("#paper"), *points)


def test_draw_translate_and_move_z(open_page, tmp_path):
    page = open_page(viewport={"width": 1280, "height": 900})
    shown = picture(page)
    after(page, lambda: page.click("#clear"))
    assert (
        page.evaluate("courseDemo.input().every((value) => value === 1)") and picture(page) != shown
    )
    shown = picture(page)
    after(page, lambda: draw(page, (0.2, 0.2), (0.8, 0.3), (0.3, 0.7)))
    assert (
        page.evaluate("[...new Set(courseDemo.input())].sort()") == [-1, 1]
        and picture(page) != shown
    ), "strokes look like the outlines: black on white, no grey"
    shown = picture(page)
    after(page, lambda: page.locator("#sliders input").nth(2).press("Home"))
    assert page.locator("#sliders output").nth(2).inner_text() == "-3.00" and picture(page) != shown
    after(page, lambda: page.click("#random"))
    assert len(set(page.locator("#sliders output").all_inner_texts())) > 4
    after(page, lambda: page.click("#zero"))
    assert picture(page) == shown
    drawing = picture(page, "paper")
    after(page, lambda: page.click("#undo"))
    assert picture(page, "paper") != drawing
    after(page, lambda: page.click("#presets button:nth-child(3)"))
    photograph(350, 160).save(tmp_path / "photo.png")
    after(page, lambda: page.set_input_files("#file", tmp_path / "photo.png"))
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename == "translation.png"
    assert read_image(saved.value.path()).size == (350, 160)  # a picture keeps its own
    assert page.locator("[role=alert]:visible").count() == 0 and "picture in" in page.inner_text(
        "#latency"
    )


# ---- photographs


def painted(page) -> list[str]:
    """Wait until every network has painted the photograph; what stands below the pictures."""
    figures = page.locator("#stills figure")
    for _ in range(600):
        captions = figures.locator("span").all_inner_texts()
        if len(captions) == 3 and all(re.fullmatch(r"[\d.]+ s", text) for text in captions[1:]):
            return captions
        time.sleep(0.1)
    raise AssertionError(captions)


@pytest.mark.extra
def test_a_photograph_is_painted_by_each_network_as_translate_does(open_page, trained, tmp_path):
    page = open_page("photograph", viewport={"width": 1280, "height": 900})
    names = page.locator("#stills strong").all_inner_texts()
    assert names == ["The photograph", "cut", "colour"] and page.locator("#draw").is_hidden()
    first, count = picture(page, "original"), page.evaluate("courseDemo.count")
    photograph(350, 160).save(tmp_path / "photo.png")
    page.set_input_files("#photo", tmp_path / "photo.png")
    page.wait_for_function("count => courseDemo.count === count + 2", arg=count)
    for name in ("cut", "colour"):
        (file,) = runs.translate_files(trained(name), tmp_path / "photo.png", tmp_path / name)
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Save as PNG: {name}").click()
        assert saved.value.suggested_filename == f"{name}.png"
        found, wanted = read_image(saved.value.path()), read_image(file)
        assert found.size == wanted.size == (350, 160)
        apart = [np.asarray(one.convert("YCbCr"), int) for one in (found, wanted)]
        differs = np.abs(apart[0] - apart[1])  # browsers resize a little otherwise
        assert differs.mean() < 2 and (name == "cut" or differs[..., 0].mean() < 1)
    shown = picture(page, "original")
    dropped(page, b"no image", "footer")
    page.get_by_role("alert").filter(has_text="no image that the browser can read").wait_for()
    assert picture(page, "original") == shown != first  # and nothing is lost
    assert page.get_by_role("button", name="Save as PNG: cut").is_enabled()


@pytest.mark.extra
def test_a_photograph_of_20_megapixels_that_lies_on_its_side_is_dropped_anywhere(open_page):
    page = open_page("photograph")
    large = Image.new("RGB", (5200, 3900), "blue")
    large.paste("red", (0, 0, 2600, 3900))
    page.evaluate("courseDemo.count = 0")
    # to be turned to the right: what was on the left is above
    dropped(page, encoded(large, "jpeg", exif=turned(6)), "footer")
    page.wait_for_function("() => courseDemo.count === 2")
    assert page.get_by_role("alert").count() == 0
    assert page.evaluate("[original.width, original.height]") == [1536, 2048]
    at = "(y) => [...original.getContext('2d').getImageData(700, y, 1, 1).data]"
    assert page.evaluate(at, 500)[0] > 200 and page.evaluate(at, 1500)[2] > 200
    columns = "one => getComputedStyle(one).gridTemplateColumns.split(' ').length"
    assert page.locator("#stills").evaluate(columns) == 3  # upright pictures stand side by side


@pytest.mark.extra
def test_the_camera_is_painted_live_and_a_refused_one_is_said(open_page):
    page = open_page("photograph", viewport={"width": 390, "height": 844}, permissions=["camera"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first = picture(page, "original")
    page.get_by_role("button", name="Live camera").click()
    page.locator("#camera-pace").filter(has_text=re.compile(r"draft in \d+ ms, \d+ px")).wait_for()
    shown = picture(page, "painting")
    page.locator("#painters").get_by_role("button", name="colour").click()
    for _ in range(100):
        if picture(page, "painting") != shown:
            break
        time.sleep(0.05)
    assert picture(page, "painting") != shown
    page.get_by_role("button", name="Take the picture").click()
    painted(page)
    assert page.locator("#live").is_hidden() and picture(page, "original") != first
    assert page.evaluate("document.getElementById('camera').srcObject") is None  # its light is out
    page.context.clear_permissions()
    page.context.grant_permissions([])
    shown = picture(page, "original")
    page.get_by_role("button", name="Live camera").click()
    page.get_by_role("alert").filter(has_text="The camera was refused").wait_for()
    assert picture(page, "original") == shown and page.locator("#stills").is_visible()


@pytest.mark.extra
def test_a_film_is_painted_frame_by_frame_and_saved_in_its_size_and_speed(
    open_page, trained, tmp_path
):
    page = open_page("photograph", permissions=["camera"])

    def saved() -> tuple:
        page.locator("#stills figure[aria-busy=true]").first.wait_for(state="detached")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save as WebP: cut").click()
        waiting.value.save_as(tmp_path / "found.webp")
        return shown(tmp_path / "found.webp")

    first, *others = (photograph(350, 160, i) for i in range(3))
    told = {"append_images": others, "save_all": True, "duration": [40, 120, 80]}
    first.save(tmp_path / "walk.webp", lossless=True, **told)
    page.set_input_files("#photo", tmp_path / "walk.webp")
    pictures, speed = saved()
    (file,) = runs.translate_files(trained("cut"), tmp_path / "walk.webp", tmp_path / "cut")
    assert speed == told["duration"] == shown(file)[1] and pictures.shape == (3, 160, 350, 3)
    assert np.abs(pictures - shown(file)[0]).mean() < 4
    page.get_by_role("button", name="Pause the film").click()
    page.get_by_role("button", name="Live camera").click()
    page.locator("#camera-pace").filter(has_text="draft in").wait_for()
    page.get_by_role("button", name="Record a film").click()
    page.wait_for_function("() => /Stop: [4-9]/.test(record.textContent) && (record.click(), 1)")
    page.locator("#live").wait_for(state="hidden")
    pictures, _ = saved()
    assert 4 <= len(pictures) < 32 and pictures.shape[1:] == (360, 480, 3)


@pytest.mark.extra
def test_a_page_around_it_shows_one_painter_and_loads_it_when_asked(open_page, site):
    page, fetched = open_page("draw"), []
    page.on("request", lambda request: fetched.append(request.url.split("/")[-1]))
    around = '<iframe src="index.html?network=cut" width="800"></iframe>'
    page.route("**/around.html", lambda route: route.fulfill(body=around, content_type="text/html"))
    page.goto(f"{site}around.html")
    inside = page.frame_locator("iframe")
    inside.get_by_text("are loaded").wait_for()
    fetched.clear()
    inside.locator("#samples button").nth(1).click()
    inside.get_by_text(re.compile(r"^[\d.]+ s$")).wait_for()
    assert [name for name in fetched if name.endswith(".onnx")] == ["cut.onnx"]
    assert inside.locator("#stills figure").count() == 2 and inside.locator("header").is_hidden()


@pytest.mark.extra
def test_networks_are_chosen_by_picture_and_fetched_one_at_a_time(open_page):
    page, fetched = open_page(viewport={"width": 1280, "height": 900}), []
    page.on(
        "request",
        lambda request: (
            request.url.endswith(".onnx") and fetched.append(request.url.split("/")[-1])
        ),
    )
    buttons = page.get_by_role("group", name="Network").get_by_role("button")
    assert buttons.all_inner_texts() == ["bicyclegan", "pix 2 pix"] and fetched == []

    def pressed() -> list[str]:
        return buttons.evaluate_all("all => all.map((one) => one.ariaPressed)")

    assert pressed() == ["true", "false"]
    after(page, lambda: buttons.nth(1).press("Enter"))
    assert fetched == ["pix-2-pix.onnx"] and pressed() == ["false", "true"]
    assert page.evaluate("[paper.width, result.width, courseDemo.input().length]") == [32, 32, 3072]
    assert after(page, lambda: draw(page, (0.2, 0.2), (0.8, 0.3))) < 1000  # ms, else it is broken
    after(page, lambda: [choose(page, 1), choose(page, 0)])  # who changes their mind
    assert pressed() == ["true", "false"] and "bicyclegan" in page.text_content("#about")
    after(page, lambda: choose(page, 1))
    assert fetched == ["pix-2-pix.onnx"]


@pytest.mark.extra
def test_a_phone_shows_it_all_and_takes_fingers(open_page):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = open_page(**phone, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#result").bounding_box()
    assert box["y"] + box["height"] <= 844, "drawing and translation are visible together"
    after(page, lambda: page.tap("#clear"))
    shown = picture(page)
    after(page, lambda: page.locator("#paper").tap())
    assert picture(page) != shown
    after(page, lambda: page.tap("#presets button:nth-child(2)"))


@pytest.mark.extra
def test_what_cannot_be_loaded_is_said_in_place(site, browser):
    page = browser.new_page()
    page.route("**/ort.wasm.gz", lambda route: route.fulfill(status=404))
    page.goto(f"{site}#draw")
    page.wait_for_selector("#alert:visible")
    assert "ort.wasm.gz could not be loaded (404)" in page.inner_text("#alert")
    page.close()
