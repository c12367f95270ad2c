"""The app and a notebook in a real browser, on real servers: the picture follows the hand, and no error goes unseen."""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

from course_lib import CourseError
from course_lib.demo import app
from tests import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process with an address; ``log`` is all that it, and its kernels, have said."""

    def __init__(self, command: list, folder: Path, ready: str, environment: dict | None = None):
        self.file = folder / "log"
        with self.file.open("wb") as out:
            environment = (
                os.environ
                | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
                | (environment or {})
            )
            heed = functools.partial(
                signal.signal, signal.SIGINT, signal.SIG_DFL
            )  # what runs behind a shell may not
            options = {"cwd": folder, "env": environment, "preexec_fn": heed}
            self.process = subprocess.Popen(command, stdout=out, stderr=out, **options)
        self.address = self.wait_for(ready)

    @property
    def log(self) -> str:
        return self.file.read_text(errors="replace")

    def wait_for(self, pattern: str) -> str:
        for _ in range(600):
            if found := re.search(pattern, self.log):
                return found[0]
            assert self.process.poll() is None, self.log
            time.sleep(0.1)
        raise AssertionError(f"no {pattern} in {self.log}")

    def stop(self) -> int:
        """Ctrl-C, and again for JupyterLab, which asks whether that was meant; not sooner: the second one would end the
        interpreter while it tidies up."""
        for _ in range(4):
            self.process.send_signal(signal.SIGINT)
            try:
                return self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        raise AssertionError("Ctrl-C does not end it")


class Watch:
    """A page, and all that went wrong behind it: scripts, callbacks of the kernel, addresses elsewhere."""

    def __init__(self, browser, server: Server, **options):
        self.server, self.raised, self.elsewhere = server, [], []
        self.context = browser.new_context(viewport={"width": 1200, "height": 950}, **options)
        self.page = self.context.new_page()
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
        """Raises AssertionError if a callback, a cell or a script failed, or the page came from elsewhere."""
        self.page.wait_for_timeout(300)  # what is on the way arrives
        assert not self.raised, "; ".join(self.raised)
        assert "Traceback" not in self.server.log, self.server.log
        assert not self.elsewhere, self.elsewhere


def changes(locator, act, name: str = "src", seconds: float = 20) -> str:
    """Do ``act`` and wait until the attribute is another one, which is returned."""
    before, end = locator.get_attribute(name), time.monotonic() + seconds
    act()
    while (now := locator.get_attribute(name)) == before or not now:
        assert time.monotonic() < end, f"{name} has not changed"
        locator.page.wait_for_timeout(50)
    return now


def box_of(locator) -> dict:
    """x, y, width and height, also of a picture that is just replaced by its next one."""
    end = time.monotonic() + 20
    while not (box := locator.bounding_box()):  # None between the two
        assert time.monotonic() < end, "it is not on the page"
        locator.page.wait_for_timeout(50)
    return box


def stroke(page, canvas, *points) -> None:
    canvas.scroll_into_view_if_needed()
    box = box_of(canvas)
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
    course = [sys.executable, "-m", "course_lib.cli"]
    train = [
        *course,
        "train",
        "pix2pix",
        "--data",
        "emoji:edges",
        "--profile",
        "smoke",
        "--steps",
        "8",
        "--out",
        "own",
    ]
    subprocess.run(
        train,
        cwd=folder,
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    runs = [f"shipped:{name}" for name in ("edges-emoji", "facades-many", "flat-3d")] + ["own"]
    command = [*course, "demo", *runs, "--no-browser", "--port", str(free_port())]
    server = Server(command, folder, r"http://127\.0\.0\.1:\d+/\?token=\S+")
    yield server
    kernels = children(server.process.pid)
    assert server.stop() in (0, 130), server.log
    for _ in range(50):
        if not any(Path(f"/proc/{kernel}").exists() for kernel in kernels):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("kernels outlive the app")


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong"])
def test_without_the_token_the_app_is_refused(voila, query):
    bare = voila.address.partition("?")[0]
    answer = urllib.request.urlopen(bare + query, timeout=20)
    assert "/login" in answer.url and "widget" not in answer.read().decode().lower()
    for path in (
        "api/kernels/00000000-0000-0000-0000-000000000000",
        "voila/files/log",
        "voila/api/shutdown/1",
    ):
        request = urllib.request.Request(
            bare + path + query, method="POST" if "shutdown" in path else "GET"
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code in (403, 404, 405)
    host, port = bare.removeprefix("http://").rstrip("/").split(":")
    assert host == "127.0.0.1"
    with (
        socket.socket() as probe,
        pytest.raises(OSError),
    ):  # nothing listens on the machine's other addresses
        probe.settimeout(3)
        probe.connect(
            (
                socket.gethostbyname(socket.gethostname()).replace("127.0.0.1", "127.0.0.2"),
                int(port),
            )
        )


def test_the_app_is_played_with(voila, browser, keep):
    watch = Watch(browser, voila)
    page = watch.page
    page.goto(voila.address, timeout=120_000)
    canvas = page.locator("canvas").first
    canvas.wait_for(timeout=60_000)
    answer = page.locator("img.paper:visible")
    page.wait_for_function(
        "document.querySelector('img.paper')?.src.startsWith('data:')", timeout=120_000
    )
    page.get_by_role("button", name="Clear").click()
    for points in (((0.3, 0.3), (0.7, 0.3)), ((0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3))):
        changes(answer, lambda points=points: stroke(page, canvas, *points))
    keep(page, "app_draw")

    def tab(name: str) -> None:
        page.get_by_role("tab", name=name).click()

    tab("Many answers: houses")
    picture = page.locator("img[alt^='the chosen input']:visible")
    picture.wait_for(timeout=60_000)
    changes(picture, lambda: page.get_by_role("button", name="random z").click())
    handle = page.locator(".noUi-handle:visible").first
    handle.focus()
    changes(picture, lambda: page.keyboard.press("ArrowRight"))
    chosen = page.locator(".course-pick:visible").get_by_role("radio")
    changes(picture, lambda: chosen.nth(2).click())
    changes(picture, lambda: page.keyboard.press("ArrowRight"))
    assert chosen.nth(3).is_checked()
    assert box_of(picture)["width"] > 900, "it fills the width"
    keep(page, "app_codes")

    tab("There and back: flat and 3-D emoji")
    picture = page.locator("img[alt*='translated back']:visible")
    picture.wait_for(timeout=60_000)
    changes(picture, lambda: page.get_by_role("button", name="3-D to flat, and back").click())
    keep(page, "app_both_ways")

    tab("Training: own")
    picture = page.locator("img[alt^='translations of held-out']:visible")
    picture.wait_for(timeout=60_000)
    handle = page.locator(".noUi-handle:visible").first
    handle.focus()
    changes(picture, lambda: page.keyboard.press("ArrowRight"))
    assert "at step 0" not in picture.get_attribute("alt")
    keep(page, "app_training")

    tab("Real or fake?")
    page.get_by_role("button", name="start").click(timeout=60_000)
    right = page.get_by_role("button", name="right is real")
    page.wait_for_function("document.querySelector('.study .seen')")
    keep(page, "app_game")
    page.wait_for_function("!document.querySelector('.study .seen')")
    assert right.is_enabled()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="next").wait_for(timeout=20_000)
    said = page.locator(".study p[role=status]").inner_text()
    assert re.search(r"right|wrong|real|fake", said), said

    tab("What D sees")
    picture = page.locator("img[alt*='arrow keys move the patch']:visible")
    picture.wait_for(timeout=60_000)
    box = box_of(picture)
    changes(
        picture,
        lambda: page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.4 * box["height"]),
        "alt",
    )
    changes(picture, lambda: picture.press("ArrowRight"), "alt")
    keep(page, "app_lens")
    watch.check()
    watch.context.close()


def test_what_the_app_cannot_do_is_said(tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="no shipped weights"):
        app.serve(["shipped:nothing"])
    with pytest.raises(CourseError, match="no readable run"):
        app.serve([str(tmp_path)])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CourseError, match="answers on port"):
            app.serve(["shipped:edges-emoji"], port=taken.getsockname()[1])
    monkeypatch.setitem(sys.modules, "voila.app", None)
    with pytest.raises(CourseError, match="package that is missing"):
        app.serve([])


# ---- JupyterLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(ROOT / "notebooks" / "02_pix2pix.ipynb", 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('profile = "auto"', 'profile = "smoke"')
    first, *_, last = [i for i, cell in enumerate(notebook.cells) if "draw.draw(" in cell.source]
    del notebook.cells[first + 1 : last]  # the trainings between them: nbval runs these
    notebook.cells[first + 1].source = "model = shipped\n" + notebook.cells[first + 1].source
    nbformat.write(notebook, folder / "02_pix2pix.ipynb")
    broken = """from course_lib import runs
from course_lib.methods.base import Method
from course_lib.widgets.draw import draw

class Broken(Method):
    def __init__(self, model):
        super().__init__(model.config, model.device)
    def translate(self, x):
        raise RuntimeError("broken on purpose")

draw(Broken(runs.open_run("shipped:edges-emoji")[0]), ())"""
    notebook.cells = [nbformat.v4.new_code_cell(code) for code in ("pass", broken)]
    nbformat.write(notebook, folder / "broken.ipynb")
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are on the page
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }
    for place, values in settings.items():
        file = folder / "settings" / "@jupyterlab" / f"{place}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_WORKSPACES_DIR": "work",
    }
    own |= {"JUPYTERLAB_SETTINGS_DIR": "settings"}
    options = ["--no-browser", "--ServerApp.port=0", "--allow-root"]
    server = Server(
        [sys.executable, "-m", "jupyterlab", *options], folder, r"http://127\.0\.0\.1:\d+/lab\?token=\w+",
        {name: str(folder / place) for name, place in own.items()},
    )  # fmt: skip
    yield server
    server.stop()


def run_all(watch: Watch, name: str) -> None:
    """Open a notebook and execute it from the menu; its first code cell is a quick one.

    The server is asked for the kernel, and the page joins it. On a busy machine JupyterLab itself may ask which kernel
    is wanted while the first one runs already; the answer starts another one, and the work of the first is lost.
    """
    page = watch.page
    address, token = watch.server.address.split("/lab?token=")
    wanted = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    answer = page.request.post(
        f"{address}/api/sessions", data=wanted, headers={"Authorization": f"token {token}"}
    )
    assert answer.ok, answer.text()
    page.goto(f"{address}/lab/workspaces/{Path(name).stem}/tree/{name}?token={token}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
    page.locator(".jp-KernelName").filter(has_text="Python 3").wait_for(timeout=60_000)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)
    page.keyboard.press("Control+b")  # more room for the notebook
    first = page.locator(".jp-CodeCell .jp-InputPrompt").first
    for _ in range(
        4
    ):  # a kernel that has just started now and then loses what it is asked first, busy or not
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        for _ in range(300):
            if re.search(r"\d", first.inner_text()):  # it has an answer, so the kernel hears
                return
            page.wait_for_timeout(100)
        assert not (dialog := page.locator(".jp-Dialog")).count(), dialog.inner_text()
    raise AssertionError(f"the kernel runs nothing: {page.locator('body').inner_text()}")


def test_notebook_02_follows_the_pen_in_jupyterlab(lab, browser, keep):
    watch = Watch(browser, lab)
    page = watch.page
    run_all(watch, "02_pix2pix.ipynb")
    canvases = page.locator(".jp-OutputArea canvas")
    answers = page.locator(".jp-OutputArea img.paper")
    canvases.nth(1).wait_for(
        state="attached", timeout=400_000
    )  # of the last section; a busy kernel answers no pen
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=120_000)
    canvases.first.scroll_into_view_if_needed()
    shown = "document.querySelectorAll('.jp-OutputArea img.paper')[{}].src.startsWith('data:')"
    page.wait_for_function(shown.format(0), timeout=120_000)
    changes(answers.first, lambda: stroke(page, canvases.first, (0.3, 0.2), (0.5, 0.8), (0.7, 0.2)))
    keep(page, "notebook_02")
    assert canvases.count() == 2
    last = answers.nth(1)
    last.scroll_into_view_if_needed()
    page.wait_for_function(shown.format(1), timeout=120_000)
    changes(last, lambda: stroke(page, canvases.nth(1), (0.2, 0.2), (0.8, 0.8)))
    keep(page, "notebook_02_own")
    watch.check()
    watch.context.close()


def test_a_callback_that_raises_is_seen_on_the_page_and_by_these_tests(lab, browser):
    watch = Watch(browser, lab)
    page = watch.page
    run_all(watch, "broken.ipynb")
    canvas = page.locator(".jp-OutputArea canvas").first
    try:
        canvas.wait_for(state="attached", timeout=120_000)
    except Exception as error:
        raise AssertionError(page.locator(".jp-Notebook").inner_text() + lab.log[-3000:]) from error
    stroke(page, canvas, (0.3, 0.3), (0.7, 0.7))
    page.get_by_role("alert").filter(has_text="broken on purpose").wait_for(timeout=20_000)
    end = time.monotonic() + 20
    while not watch.raised and "Traceback" not in lab.log and time.monotonic() < end:  # comes later
        page.wait_for_timeout(100)
    with pytest.raises(AssertionError, match="broken on purpose"):
        watch.check()
    watch.context.close()
