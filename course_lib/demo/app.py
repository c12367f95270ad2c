"""The widgets as an app: ``course demo`` serves it with Voilà to a browser of this machine, behind a token."""

import importlib
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import nbformat
import torch
from torch import Tensor
from torch.utils.data import Subset
from traitlets.config import Config

from course_lib import runs
from course_lib.data import TwoDomains, open_dataset
from course_lib.errors import CourseError
from course_lib.runs import shipped

SHOWN, ROUND, CODES = 5, 60, 160  # inputs to choose from; images of a round of the game; images whose codes are read
ADDRESS = "127.0.0.1"
POLICY = (  # Voilà's page would fetch icons from elsewhere, and wait for them where there is no network
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' "
    "'unsafe-inline'; connect-src 'self' ws: data: blob:; frame-ancestors 'self'"
)
TITLE = """<style>.jupyter-widget-tab { --jp-widgets-horizontal-tab-width: 200px }</style>
<h2 style="margin: 0">GAN image-to-image translation</h2>
<p style="margin: 2px 0 8px">Networks of the course, on images they have not seen in training. What they paint is a
guess: label it as generated where you show it.</p>"""
EMOJI = ("fox_face", "mushroom", "tangerine", "car", "hiking_boot")


def app(folders: Sequence[str] | None = None) -> w.VBox:
    """A tab for each thing that can be played with, of runs in ``folders``, by default the shipped weights.

    A tab is filled when it is first opened; what goes wrong appears in it, and is raised. Raises CourseError for a run
    that cannot be opened or does not translate.
    """
    named = {}
    for folder in folders or [shipped.PREFIX + name for name in shipped.RECIPES]:
        method, settings = runs.open_translator(Path(folder), "auto")
        named[shipped.name_of(folder) or Path(folder).resolve().name] = (method, settings, Path(folder))
    pages = _pages(named)
    tabs = w.Tab([w.VBox([w.HTML("<i>one moment ...</i>")]) for _ in pages], titles=list(pages))
    filled = set()

    def fill(change: Any = None) -> None:
        i = tabs.selected_index
        if i is None or i in filled:
            return
        try:
            tabs.children[i].children = list(pages.values())[i]()
            filled.add(i)
        except Exception as error:
            tabs.children[i].children = [w.HTML(f"<b>this page failed</b>: {escape(str(error))}")]
            raise

    tabs.observe(fill, "selected_index")
    tabs.selected_index = 0
    fill()
    return w.VBox([w.HTML(TITLE), tabs])


def _pages(named: dict[str, tuple[Any, dict, Path]]) -> dict[str, Callable[[], list[w.Widget]]]:
    """Title of each tab, and what fills it."""
    pages, drawn = {}, {}
    for name, (method, settings, _) in named.items():
        if settings["data"] == "emoji:edges" and settings["direction"] == "xy":
            drawn[name] = method
    if drawn:
        pages["draw"] = partial(_draw, drawn)
    for name, (method, settings, folder) in named.items():
        if method.reads_codes:
            pages[f"codes of {name}"] = partial(_codes, method, settings)
        if len(method.directions) > 1 and method.has_codes:
            pages[f"content by style, {name}"] = partial(_styles, method, settings)
        elif len(method.directions) > 1:
            pages[f"{name}, both ways"] = partial(_both_ways, method, settings)
        if not shipped.name_of(folder):
            pages[f"training of {name}"] = partial(_training, folder)
    pages["real or fake?"] = partial(_game, named)
    pages["what D sees"] = partial(_lens, named)
    return pages


def _draw(drawn: dict[str, Any]) -> list[w.Widget]:
    from course_lib.widgets.draw import draw

    return [_say("Draw with pen, finger or keys: the picture follows. Or start from an outline."), draw(drawn)]


def _codes(method: Any, settings: dict) -> list[w.Widget]:
    from course_lib.widgets.latents import explorer

    held_out, val = (_held_out(method, settings, split) for split in ("test", "val"))
    x, _, names = _some(held_out)
    codes = [method.encode(val[i]["y"][None].to(method.device)).cpu() for i in range(min(CODES, len(val)))]
    return [_say("One input, many answers: move the code z."), explorer(method, x, torch.cat(codes), names)]


def _both_ways(method: Any, settings: dict) -> list[w.Widget]:
    from course_lib.widgets.back import both_ways

    x, y, names = _some(_held_out(method, settings, "test"))
    said = "Learned without a single pair: an image, its translation, and the way back."
    return [_say(said), both_ways(method, x, y, names)]


def _styles(method: Any, settings: dict) -> list[w.Widget]:
    from course_lib.widgets.styles import mixer

    x, y, names = _some(_held_out(method, settings, "test"))
    return [_say("What is in the picture from one image, its looks from another."), mixer(method, x, y, names, names)]


def _training(folder: Path) -> list[w.Widget]:
    from course_lib.widgets.scrubber import scrubber

    return [_say("The previews of this training, step by step."), scrubber(folder)]


def _choice(named: dict, make: Callable[[str], w.Widget], said: str) -> list[w.Widget]:
    """A choice of one model, and what ``make`` makes of it."""
    chosen = w.Dropdown(options=list(named), description="model")
    place, message = w.VBox(), w.HTML()

    def show(_: Any = None) -> None:
        try:
            place.children, message.value = [make(chosen.value)], ""
        except Exception as error:
            message.value = f"<b>this model cannot be shown here</b>: {escape(str(error))}"
            raise

    chosen.observe(show, "value")
    show()
    return [_say(said), chosen, message, place]


def _game(named: dict) -> list[w.Widget]:
    from course_lib.widgets.real_or_fake import game

    def make(name: str) -> w.Widget:
        method, settings, _ = named[name]
        data = _held_out(method, settings, "test")
        pairs = runs.translate_batches(method, Subset(data, data.shown[:ROUND]))
        return game(pairs["y"], pairs["fake_y"], name, seed=secrets.randbelow(10**6))

    return _choice(named, make, "Can you tell? Two images for one second: one is real, one was made.")


def _lens(named: dict) -> list[w.Widget]:
    from course_lib.widgets.lens import lens

    def make(name: str) -> w.Widget:
        method, settings, _ = named[name]
        return lens(method, *_some(_held_out(method, settings, "test")))

    return _choice(named, make, "D judges patches. Move over the image: this is what one logit sees.")


def _held_out(method: Any, settings: dict, split: str) -> TwoDomains:
    cfg = method.config
    return open_dataset(settings["data"], split, cfg.image_size, settings["direction"], load=cfg.load)


def _some(data: TwoDomains) -> tuple[Tensor, Tensor, list[str]]:
    """x, y and names of some items, the more telling ones of the emoji."""
    names = list(data.names or map(str, range(len(data))))
    rows = [names.index(name) for name in EMOJI if name in names]
    shown = data.shown
    rows = rows if len(rows) > 1 else [shown[i * len(shown) // SHOWN] for i in range(min(SHOWN, len(shown)))]
    items = [data[i] for i in rows]
    return torch.stack([i["x"] for i in items]), torch.stack([i["y"] for i in items]), [names[i] for i in rows]


def _say(text: str) -> w.HTML:
    return w.HTML(f"<p style='margin: 6px 0'>{escape(text)}</p>")


def serve(folders: Sequence[str], port: int = 8866, browser: bool = True) -> None:
    """Serve the :func:`app` on 127.0.0.1 until Ctrl-C. Each visitor with the token has a kernel of their own.

    Raises CourseError if Voilà is missing, for runs that cannot be opened, and for a port that is taken.
    """
    try:
        voila = importlib.import_module("voila.app").Voila
    except ImportError as error:
        fix = "pip install voila, which is in the course's extra web"
        raise CourseError(f"the app needs a package that is missing: {error.name}", "course demo", fix) from None
    places = [folder if shipped.name_of(folder) else str(Path(folder).resolve()) for folder in folders]
    for place in places:
        runs.open_translator(Path(place), "cpu")  # says what is wrong, here and now
    with socket.socket() as probe:
        if probe.connect_ex((ADDRESS, port)) == 0:
            raise CourseError(f"something answers on port {port} already", "course demo", f"--port {port + 1}")
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as folder:
        cell = nbformat.v4.new_code_cell(f"from course_lib.demo.app import app\napp({places!r})")
        path = Path(folder) / "GAN translation.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        config = Config({"VoilaConfiguration": {"show_tracebacks": True}})
        if os.name == "posix":
            config.KernelManager.transport = "ipc"  # else any user of this machine could listen to the kernels
        options = {"ip": ADDRESS, "port": port, "port_retries": 0, "token": token, "root_dir": folder}
        options["tornado_settings"] = {"headers": {"Content-Security-Policy": POLICY}}
        server = voila.instance(config=config, open_browser=browser, log_level="ERROR", **options)
        server.initialize([str(path)])
        logging.getLogger("tornado.general").setLevel("ERROR")  # it warns of its own settings, for each visitor
        print(f"the app: http://{ADDRESS}:{port}/?token={token}")
        print("only this machine can reach it, and only with the token; Ctrl-C ends it", flush=True)
        server.start()
