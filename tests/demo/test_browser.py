"""The app and a notebook in a real browser, on real servers: no error goes unseen."""

import base64
import functools
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from PIL import Image

from course_lib import CourseError
from course_lib.demo import app
from tests import ROOT
from tests.support import small
from tests.support.pictures import encoded, photograph

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class Server:
    """A process with an address; ``log`` is all that it, and its kernels, have said."""

    def __init__(self, command: list, folder: Path, ready: str, environment: dict | None = None):
        own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | (environment or {})
        self.ready, self.heard, self.log, self.address = ready, threading.Event(), "", ""
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            cwd=folder, env=os.environ | own,
            # what runs behind a shell may not heed it
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        threading.Thread(target=self.listen, daemon=True).start()
        assert self.heard.wait(180) and self.address, self.log

    def listen(self) -> None:
        for line in self.process.stdout:
            self.log += line
            if not self.address and (match := re.search(self.ready, line)):
                self.address = match[0]
                self.heard.set()
        self.heard.set()  # it has ended

    def stop(self) -> int:
        """Ctrl-C, and again for JupyterLab, which asks whether that was meant; not sooner: the
        second one would end the interpreter while it tidies up."""
        for _ in range(4):
            self.process.send_signal(signal.SIGINT)
            try:
                return self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        raise AssertionError("Ctrl-C does not end it")


class Watch:
    """A page, and all that went wrong behind it: scripts, kernel callbacks, addresses elsewhere."""

    def __init__(self, browser, server: Server, **options):
        self.server, self.raised, self.elsewhere = server, [], []
        self.context = browser.new_context(viewport={"width": 1200, "height": 950}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.page.on("pageerror", lambda error: self.raised.append(str(error)))
        self.page.on("websocket", lambda socket: socket.on("framereceived", self.frame))
        self.page.on("requestfinished", self.request)

    def frame(self, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        if '"traceback"' in text:  # of a cell, or of what a message of the page has called
            self.raised += re.findall(r'"evalue": ?"([^"]*)"', text) or [text]

    def request(self, request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.elsewhere.append(request.url)

    def check(self) -> None:
        """Raises AssertionError if a callback, cell or script failed, or anything was elsewhere."""
        self.page.evaluate("1")  # what the browser has told is heard before its answer
        assert not self.raised, "; ".join(self.raised)
        assert "Traceback" not in self.server.log, self.server.log
        assert not self.elsewhere, self.elsewhere


def changes(locator, act, name: str = "src") -> None:
    """Do ``act`` and wait until the attribute is another one."""
    from playwright.sync_api import expect

    before = locator.get_attribute(name)
    act()
    expect(locator).not_to_have_attribute(name, before, timeout=20_000)


def stroke(page, canvas, *points) -> None:
    """With the mouse, through points in 0..1 of the canvas."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


# ---- the app


@pytest.fixture(scope="module")
def voila(tmp_path_factory):
    pytest.importorskip("voila", reason="voila, of the extra web, is not installed")
    folder = tmp_path_factory.mktemp("app")
    small.trained(folder / "own", size=32, steps=8, previews=3)
    names = (
        "shipped:photos-colour",
        "shipped:photo-van-gogh",
        "shipped:photo-ukiyo-e",
        "shipped:lines-emoji",
        "shipped:letters-many",
        "shipped:day-night",
    )
    course = [sys.executable, "-m", "course_lib.cli", "demo", *names, "own"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        command = [*course, "--no-browser", "--port", str(free.getsockname()[1])]
    server = Server(command, folder, r"http://127\.0\.0\.1:\d+/\?token=\S+")
    yield server
    kernels = psutil.Process(server.process.pid).children(recursive=True)
    assert server.stop() in (0, 130), server.log
    assert not psutil.wait_procs(kernels, timeout=10)[1], "kernels outlive the app"


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong"])
def test_without_the_token_the_app_is_refused(voila, query):
    bare = voila.address.partition("?")[0]
    answer = urllib.request.urlopen(bare + query, timeout=20)
    assert "/login" in answer.url and "widget" not in answer.read().decode().lower()
    no_kernel = "api/kernels/00000000-0000-0000-0000-000000000000"
    for method, path in (
        ("GET", no_kernel),
        ("GET", "voila/files/log"),
        ("POST", "voila/api/shutdown/1"),
    ):
        request = urllib.request.Request(bare + path + query, method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code in (403, 404, 405)
    port = int(bare.rstrip("/").rpartition(":")[2])
    listening = [
        one.laddr.ip
        for one in psutil.Process(voila.process.pid).net_connections()
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port
    ]
    assert listening == ["127.0.0.1"]  # and none of the machine's other addresses


def test_the_app_is_played_with(voila, browser):
    watch = Watch(browser, voila)
    page = watch.page
    page.goto(voila.address)
    page.get_by_role("link", name="as a Van Gogh").wait_for()  # the first tab
    page.get_by_role("tab", name="Draw").click()
    canvas, answer = page.locator("canvas").first, page.locator("img.paper:visible")
    page.wait_for_function("document.querySelector('img.paper')?.src.startsWith('data:')")
    press = lambda name: page.get_by_role("button", name=name, exact=True).click()  # noqa: E731
    changes(answer, lambda: press("Clear"))
    blank = answer.get_attribute("src")
    changes(answer, lambda: stroke(page, canvas, (0.3, 0.3), (0.7, 0.3), (0.7, 0.7)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("scrollTo(0, 0)")
    box = answer.bounding_box()
    assert box["y"] + box["height"] <= 844, "on a phone, the answer is in sight of the pen"
    page.set_viewport_size({"width": 1200, "height": 950})
    press("Eraser")
    changes(answer, lambda: stroke(page, canvas, (0.7, 0.7), (0.7, 0.3), (0.3, 0.3)))
    press("Undo")
    press("Undo")
    page.wait_for_function("src => document.querySelector('img.paper').src === src", arg=blank)
    press("Pen")
    canvas.press("ArrowDown")
    changes(answer, lambda: canvas.press("Shift+ArrowRight"))
    with page.expect_download() as waiting:
        press("Save as PNG")
    assert Image.open(waiting.value.path()).size == (1040, 512)
    upload = page.locator(".course-draw input[type=file]")
    red = Image.new("RGB", (96, 64), "white")
    red.paste("red", (20, 20, 70, 50))
    picture_file = {"name": "red.png", "mimeType": "image/png", "buffer": encoded(red, "png")}
    changes(answer, lambda: upload.set_input_files(picture_file))

    def tab(name: str, picture: str):
        page.get_by_role("tab", name=name).click()
        shown = page.locator(f"{picture}:visible")
        shown.wait_for()
        return shown

    picture = tab("Many answers", "img[alt^='the chosen input']")
    changes(picture, lambda: page.get_by_role("button", name="random z").click())
    changes(picture, lambda: page.locator(".noUi-handle:visible").first.press("ArrowRight"))
    chosen = page.locator(".course-pick:visible").get_by_role("radio")
    changes(picture, lambda: chosen.nth(2).click())
    changes(picture, lambda: page.keyboard.press("ArrowRight"))
    assert chosen.nth(3).is_checked()
    picture = tab("There and back", "img[alt*='translated back']")
    changes(picture, lambda: page.get_by_role("button", name="night to day, and back").click())
    tab("Real or fake?", "button:text('start')").click()
    page.wait_for_function("document.querySelector('.study .seen')")
    page.locator("button:text('right is real'):enabled").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="next").wait_for()
    assert "one was real" in page.locator(".study p[role=status]").inner_text()
    picture = tab("What D sees", "img[alt*='arrow keys move the patch']")
    box = picture.bounding_box()
    changes(
        picture,
        lambda: page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.4 * box["height"]),
        "alt",
    )
    changes(picture, lambda: picture.press("ArrowRight"), "alt")
    watch.check()
    page.get_by_role("tab", name="Draw").click()
    upload.set_input_files(picture_file | {"buffer": b"<html>"})
    page.get_by_role("alert").filter(has_text="cannot read this image").wait_for()
    changes(answer, lambda: press("Clear"))  # it works again; what was raised came before
    with pytest.raises(AssertionError, match="cannot read this image"):
        watch.check()  # what a callback raises is on the page and fails a test
    watch.context.close()


PHOTO = "the photograph", "colours guessed from grey", "as a Van Gogh", "as a Japanese print"


def dropped(page, content: bytes, where: str) -> None:
    """A file is dropped there, as by a mouse."""
    data = page.evaluate_handle(
        """text => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(text), one => one.charCodeAt());
            data.items.add(new File([bytes], "mine.jpg", {type: "image/jpeg"}));
            return data;
        }""",
        base64.b64encode(content).decode(),
    )
    for kind in ("dragover", "drop"):
        page.dispatch_event(where, kind, {"dataTransfer": data})


def sized(shown: list, *size: int) -> None:
    """All of them are of this size, after a while."""
    from playwright.sync_api import expect

    for picture in shown:
        for name, length in zip(("naturalWidth", "naturalHeight"), size, strict=True):
            expect(picture).to_have_js_property(name, length, timeout=30_000)


@pytest.mark.extra
def test_a_photograph_three_ways(voila, browser):
    watch = Watch(browser, voila)
    page = watch.page
    page.goto(voila.address)
    shown = [page.get_by_alt_text(caption, exact=True) for caption in PHOTO]
    shown[-1].wait_for()
    upload = page.locator(".course-pick input[type=file]").first
    photo = {
        "name": "mine.jpg",
        "mimeType": "image/jpeg",
        "buffer": encoded(photograph(300, 200), "jpeg"),
    }
    upload.set_input_files(photo)
    sized(shown, 300, 200)
    for caption in PHOTO[1:]:
        with page.expect_download() as waiting:
            page.get_by_role("link", name=f"Save as PNG: {caption}").click()
        assert waiting.value.suggested_filename == caption.replace(" ", "-") + ".png"
        saved = Image.open(waiting.value.path())
        assert (saved.format, saved.size) == ("PNG", (300, 200))
    frames = [photograph(120, 80 + i).crop((0, i, 120, 80 + i)) for i in range(3)]
    frames[0].save(
        file := io.BytesIO(), "gif", append_images=frames[1:], save_all=True, duration=80
    )
    upload.set_input_files({"name": "a.gif", "mimeType": "image/gif", "buffer": file.getvalue()})
    sized(shown, 120, 80)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=f"Save as WebP: {PHOTO[2]}").click()
    saved = Image.open(waiting.value.path())
    assert (saved.format, saved.size, saved.n_frames) == ("WEBP", (120, 80), 3)
    for where in (".course-pick", "img[alt='as a Van Gogh']"):  # all of the widget takes it
        dropped(page, encoded(photograph(90, 130 + len(where)), "jpeg"), where)
        sized(shown, 90, 130 + len(where))
    assert page.locator(".course-over").count() == 0
    upload.set_input_files(  # 20 megapixels, 14 MB
        photo | {"buffer": encoded(Image.effect_noise((5472, 3648), 60).convert("RGB"), "jpeg")}
    )
    sized(shown, 2048, 1365)
    upload.set_input_files(  # more than 8 MB
        photo | {"name": "a.gif", "buffer": encoded(Image.effect_noise((3600, 3600), 99), "gif")}
    )
    page.get_by_text("If this is a film, you see its first picture only.").wait_for()
    sized(shown, 2048, 2048)
    watch.check()
    before = shown[2].get_attribute("src")
    dropped(page, b"<html>", ".course-pick")
    page.get_by_text("this file cannot be used").wait_for()
    assert shown[2].get_attribute("src") == before
    page.get_by_role("radio").nth(1).check()  # it works again
    page.wait_for_function(
        "src => document.querySelector(\"img[alt='as a Van Gogh']\").src != src", arg=before
    )
    assert page.get_by_text("this file cannot be used").count() == 0
    watch.context.close()


@pytest.mark.extra
def test_the_camera_takes_a_photograph(voila, browser):
    watch = Watch(browser, voila, permissions=["camera"])
    page = watch.page
    page.goto(voila.address)
    painted = page.get_by_alt_text(PHOTO[2], exact=True)
    painted.wait_for()
    camera = page.get_by_role("button", name="Take one with the camera")
    track = "document.querySelector('video').srcObject.getVideoTracks()[0]"
    camera.click()
    take = page.get_by_role("button", name="Take the picture")
    page.locator("button:text('Take the picture'):enabled").wait_for()
    assert page.evaluate(f"{track}.readyState") == "live"
    page.get_by_role("button", name="Close the camera").click()
    assert page.locator("video").count() == 0 and take.count() == 0
    camera.click()
    page.locator("button:text('Take the picture'):enabled").wait_for()
    page.evaluate(f"window.track = {track}")
    changes(painted, take.click)
    assert page.evaluate("window.track.readyState") == "ended"  # its light is out
    sized([page.get_by_alt_text(caption, exact=True) for caption in PHOTO], 1280, 960)
    camera.click()
    page.locator("button:text('Record a film'):enabled").click()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".course-camera button")].some(
            (one) => /Stop: [4-9]/.test(one.textContent) && (one.click(), true))"""
    )
    with page.expect_download() as waiting:
        page.get_by_role("link", name=f"Save as WebP: {PHOTO[2]}").click()
    saved = Image.open(waiting.value.path())
    assert saved.size == (480, 360) and 4 <= saved.n_frames < 32
    camera.click()
    page.locator("button:text('Take the picture'):enabled").wait_for()
    page.evaluate(f"{track}.dispatchEvent(new Event('ended'))")  # as if it were unplugged
    page.get_by_role("alert").filter(has_text="The camera has stopped").wait_for()
    assert page.locator("video").count() == 0
    watch.check()
    watch.context.close()


@pytest.mark.extra
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("0", "The camera was refused."),
        ("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})", "on https"),
    ],
    ids=["refused", "insecure"],
)
def test_without_a_camera_nothing_is_lost(voila, browser, script, said):
    watch = Watch(browser, voila)  # which says no to every question
    page = watch.page
    page.add_init_script(script)
    page.goto(voila.address)
    painted = page.get_by_alt_text(PHOTO[2], exact=True)
    painted.wait_for()
    before = painted.get_attribute("src")
    page.get_by_role("button", name="Take one with the camera").click()
    page.get_by_role("alert").filter(has_text=said).wait_for()
    assert painted.get_attribute("src") == before and page.locator("video").count() == 0
    changes(painted, lambda: page.get_by_role("radio").nth(1).check())
    assert not page.get_by_role("alert").filter(has_text=said).is_visible()
    watch.check()
    watch.context.close()


def test_what_the_app_cannot_do_is_said(monkeypatch):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CourseError, match="answers on port"),
    ):
        app.serve(["shipped:lines-emoji"], port=taken.getsockname()[1])
    monkeypatch.setitem(sys.modules, "voila.app", None)
    with pytest.raises(CourseError, match="package that is missing"):
        app.serve([])


# ---- JupyterLab


@pytest.mark.extra
def test_make_lab_opens_notebook_00_and_shows_nothing_that_a_learner_does_not_need(
    tmp_path, browser
):
    from playwright.sync_api import expect

    words = ["make", "-n", "--no-print-directory", "lab"]
    make = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    command = make.stdout[make.stdout.rindex("env -u") :].strip()
    options = "--no-browser --ServerApp.port=0 --allow-root"
    own = {
        "JUPYTER_CONFIG_DIR": str(tmp_path),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "work"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "MPLBACKEND": "Agg",
    }
    ready = r"http://127\.0\.0\.1:\d+/lab/tree/00_start_here\.ipynb\?token=\w+"
    server = Server(["bash", "-c", f"exec {command} {options}"], ROOT, ready, own)
    try:
        watch = Watch(browser, server)
        page = watch.page
        page.goto(server.address)
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        page.wait_for_timeout(3_000)  # news came last
        expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_have_text(
            "00_start_here.ipynb"
        )
        for unwanted in ("news", "Validate", "Create Assignment", "Nbgrader", "Voil"):
            expect(page.get_by_text(unwanted)).to_have_count(0)
            expect(page.get_by_title(unwanted)).to_have_count(0)
        assert not watch.elsewhere
        watch.context.close()
    finally:
        server.stop()
