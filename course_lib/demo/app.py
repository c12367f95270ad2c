"""The widgets as an app: ``course demo`` serves it with Voilà to a browser of this machine, behind a token."""

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
import torch
from torch.utils.data import Subset, default_collate
from traitlets.config import Config

from course_lib import runs
from course_lib.data import TwoDomains, open_dataset
from course_lib.errors import CourseError, need
from course_lib.runs import shipped
from course_lib.widgets import back, draw, latents, lens, real_or_fake, scene, scrubber, styles

SHOWN, ROUND, CODES = (
    5,
    60,
    160,
)  # inputs to choose from; images of a round of the game; images whose codes are read
ADDRESS = "127.0.0.1"
POLICY = (  # Voilà's page would fetch icons from elsewhere, and wait for them where there is no network
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' "
    "'unsafe-inline'; connect-src 'self' ws: data: blob:; frame-ancestors 'self'"
)
LOOKS = "".join(
    (Path(__file__).parent / name).read_text("utf-8") for name in ("static/colours.css", "app.css")
)
TITLE = f"""<style>{LOOKS}</style><h1>GAN image-to-image translation</h1>
<p>Networks of the course, on new images. What they paint is a guess: label it as generated where you show it.</p>"""
SUBJECTS = {  # of the shipped weights, by data: what they are about; x and y in words
    "emoji:edges": ("emoji", "outline", "emoji"),
    "emoji:twemoji-fluent": ("flat and 3-D emoji", "flat", "3-D"),
    "facades": ("houses", "map", "house"),
    "facades:touching": ("houses", "map", "house"),
    "facades:day-night": ("day and night", "day", "night"),
}
EMOJI = ("fox_face", "mushroom", "tangerine", "car", "hiking_boot")


def app(folders: Sequence[str] | None = None) -> w.VBox:
    """A tab for each thing that can be played with, of runs in ``folders``, by default the shipped weights.

    A tab is filled when it is first opened; what goes wrong appears in it, and is raised. Raises CourseError for a run
    that cannot be opened or does not translate.
    """
    named = {}
    for folder in folders or [shipped.PREFIX + name for name in shipped.RECIPES]:
        method, settings = runs.open_translator(Path(folder), "auto")
        name = shipped.name_of(folder)
        named[shipped.RECIPES[name].title if name else Path(folder).resolve().name] = (
            method,
            settings,
            Path(folder),
        )
    pages = _pages(named)
    tabs = w.Tab([w.VBox([w.HTML("<i>one moment ...</i>")]) for _ in pages])
    for i, title in enumerate(pages):  # as ipywidgets 7 has it, too
        tabs.set_title(i, title)
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
    pages = {}

    def add(title: str, name: str, *fill: Any) -> None:
        pages[f"{title} ({name})" if title in pages else title] = partial(*fill)

    drawn = {
        name: m
        for name, (m, s, _) in named.items()
        if (s["data"], s["direction"]) == ("emoji:edges", "xy")
    }
    if drawn:
        add("Draw", "", _draw, drawn)
    for name, (method, settings, folder) in named.items():
        subject, *domains = SUBJECTS.get(settings["data"], (name, "x", "y"))
        subject = subject if shipped.name_of(folder) else name
        if method.reads_codes:
            add(f"Many answers: {subject}", name, _codes, method, settings)
        if len(method.directions) > 1 and method.has_codes:
            add(f"Borrowed looks: {subject}", name, _styles, method, settings)
        elif len(method.directions) > 1:
            words = tuple(domains if settings["direction"] == "xy" else domains[::-1])
            add(f"There and back: {subject}", name, _both_ways, method, settings, words)
        if method.maps:
            add(f"Rebuild: {subject}", name, _scene, method, settings)
        if not shipped.name_of(folder):
            add(f"Training: {name}", "", _training, folder)
    add("Real or fake?", "", _game, named)
    judged = {name: one for name, one in named.items() if one[0].discriminators()}
    if judged:
        add("What D sees", "", _lens, judged)
    return pages


def _draw(drawn: dict[str, Any]) -> list[w.Widget]:
    return [
        _say("Press Clear, draw a circle with two eyes, and watch. Or start from an outline."),
        draw.draw(drawn),
    ]


def _codes(method: Any, settings: dict) -> list[w.Widget]:
    some, val = _some(method, settings), _held_out(method, settings, "val")
    codes = [
        method.encode(val[i]["y"][None].to(method.device)).cpu()
        for i in range(min(CODES, len(val)))
    ]
    said = "Press random z a few times: one input, many answers. Then pull one slider of z from end to end."
    return [_say(said), latents.explorer(method, some["x"], torch.cat(codes), some["names"])]


def _both_ways(method: Any, settings: dict, domains: tuple[str, str]) -> list[w.Widget]:
    some = _some(method, settings)
    said = "Choose a picture and compare the last with the first: what got lost? It has never seen a pair."
    return [_say(said), back.both_ways(method, some["x"], some["y"], some["names"], domains)]


def _styles(method: Any, settings: dict) -> list[w.Widget]:
    some = _some(method, settings)
    said = "Keep the content and choose one style after another: what stays, and what changes?"
    return [_say(said), styles.mixer(method, some["x"], some["y"], some["names"], some["names"])]


def _scene(method: Any, settings: dict) -> list[w.Widget]:
    some = _some(method, settings)
    scenes = list(zip(some["labels"], some["instances"], strict=True))
    return [
        _say("Choose a window, make it a door, and push it to the right."),
        scene.editor(method, scenes),
    ]


def _training(folder: Path) -> list[w.Widget]:
    return [
        _say("Press play: the same images at every preview of this training."),
        scrubber.scrubber(folder),
    ]


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
    def make(name: str) -> w.Widget:
        method, settings, _ = named[name]
        data = _held_out(method, settings, "test")
        pairs = runs.translate_batches(method, Subset(data, data.shown[:ROUND]))
        return real_or_fake.game(pairs["y"], pairs["fake_y"], name, seed=secrets.randbelow(10**6))

    return _choice(
        named,
        make,
        "Press start. Two images for one second: which is real? The arrow keys answer, too.",
    )


def _lens(named: dict) -> list[w.Widget]:
    def make(name: str) -> w.Widget:
        method, settings, _ = named[name]
        some = _some(method, settings)
        return lens.lens(method, some["x"], some["y"], some["names"])

    return _choice(
        named,
        make,
        "Move over the image, and find the patch that D trusts least: one cell of its map.",
    )


def _held_out(method: Any, settings: dict, split: str) -> TwoDomains:
    cfg = method.config
    return open_dataset(
        settings["data"], split, cfg.image_size, settings["direction"], load=cfg.load
    )


def _some(method: Any, settings: dict) -> dict[str, Any]:
    """Some held-out items as a batch, the more telling ones of the emoji, and their ``names`` if they have any."""
    data = _held_out(method, settings, "test")
    rows = [data.names.index(name) for name in EMOJI if name in data.names] if data.names else []
    if len(rows) < 2:
        rows = [
            data.shown[i * len(data.shown) // SHOWN] for i in range(min(SHOWN, len(data.shown)))
        ]
    names = [data.names[i] for i in rows] if data.names else None
    return default_collate([data[i] for i in rows]) | {"names": names}


def _say(text: str) -> w.HTML:
    return w.HTML(f"<p><b>Try first.</b> {escape(text)}</p>")


def serve(folders: Sequence[str], port: int = 8866, browser: bool = True) -> None:
    """Serve the :func:`app` on 127.0.0.1 until Ctrl-C. Each visitor with the token has a kernel of their own.

    Raises CourseError if Voilà is missing, for runs that cannot be opened, and for a port that is taken.
    """
    voila, nbformat = need("web", "voila.app", "nbformat")
    places = [
        folder if shipped.name_of(folder) else str(Path(folder).resolve()) for folder in folders
    ]
    for place in places:
        runs.open_translator(Path(place), "cpu")  # says what is wrong, here and now
    with socket.socket() as probe:
        if probe.connect_ex((ADDRESS, port)) == 0:
            raise CourseError(
                f"something answers on port {port} already", "course demo", f"--port {port + 1}"
            )
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as folder:
        cell = nbformat.v4.new_code_cell(f"from course_lib.demo.app import app\napp({places!r})")
        path = Path(folder) / "GAN translation.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        config = Config({"VoilaConfiguration": {"show_tracebacks": True}})
        if os.name == "posix":
            config.KernelManager.transport = (
                "ipc"  # else any user of this machine could listen to the kernels
            )
        options = {
            "ip": ADDRESS,
            "port": port,
            "port_retries": 0,
            "token": token,
            "root_dir": folder,
        }
        options["tornado_settings"] = {"headers": {"Content-Security-Policy": POLICY}}
        server = voila.Voila.instance(
            config=config, open_browser=browser, log_level="ERROR", **options
        )
        server.initialize([str(path)])
        logging.getLogger("tornado.general").setLevel(
            "ERROR"
        )  # it warns of its own settings, for each visitor
        print(f"the app: http://{ADDRESS}:{port}/?token={token}")
        print("only this machine can reach it, and only with the token; Ctrl-C ends it", flush=True)
        server.start()
