"""The widgets as an app: ``course demo`` serves it with Voilà to this machine, behind a token."""

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as w
import torch
from torch.utils.data import Subset, default_collate
from traitlets.config import Config

from course_lib import runs
from course_lib.data import TwoDomains, opened_for, photos, spread
from course_lib.demo import CAPTIONS
from course_lib.errors import ensure, need
from course_lib.runs import shipped, traits
from course_lib.widgets import (
    cycle,
    draw,
    latents,
    lens,
    paint,
    photograph,
    real_or_fake,
    styles,
)
from course_lib.widgets.show import shown_errors

SHOWN = 5  # inputs to choose from
ROUND = 60  # images of a round of the game
CODES = 64  # images whose codes are read, one after the other: a tab waits for them
ADDRESS = "127.0.0.1"
# Voilà's page would fetch icons from elsewhere, and wait for them where there is no network.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: data: blob:; frame-ancestors 'self'"
)
LOOKS = [
    (Path(__file__).parent / name).read_text("utf-8") for name in ("static/colours.css", "app.css")
]
TITLE = f"""<style>{"".join(LOOKS)}</style><h1>GAN image-to-image translation</h1>
<p>Networks of the course, on new images. What they paint is a guess: label it as generated where
you show it.</p>"""
DOMAINS = {  # x and y in words, by the data
    "emoji:twemoji-fluent": ("flat", "3-D"),
    "facades:day-night": ("day", "night"),
}
EMOJI = ("fox_face", "mushroom", "tangerine", "car", "hiking_boot")
CHOSEN = "red_panda"  # the test photograph that is shown first
WAITING = '<p class="waiting" role="status">One moment: this page is made when it is opened.</p>'
HINTS = {  # what to try first in a tab of this kind; in the order of the tabs
    "Paint": "Give it a third eye, or a longer ear: choose a colour, and paint. Then fill the "
    "background.",
    "Photograph": "Drop a photograph here, or take one with the camera. A short film, from there "
    "or in a file (GIF, WebP, or MP4 with the extra film), comes back as films to save. Which "
    "colours are a guess? Then try a face, or a street at night: the course's networks learned "
    "from no portrait, and from next to no night.",
    "Draw": "Press Clear, draw a circle with two eyes, and watch. Or start from an outline.",
    "Many answers": "Press random z a few times: one input, many answers. Then pull one slider of "
    "z from end to end.",
    "Borrowed looks": "Keep the content and choose one style after another: what stays, and what "
    "changes?",
    "There and back": "Choose a picture and compare the last with the first: what got lost? It has "
    "never seen a pair.",
    "Real or fake?": "Press start. Two images for one second: which is real? The arrow keys "
    "answer, too.",
    "What D sees": "Move over the image, and find the patch that D trusts least: one cell of its "
    "map.",
}


class Translator(NamedTuple):
    """An opened run: the method, its settings (run.json), and where it is."""

    method: Any
    settings: dict
    folder: Path


def app(folders: Sequence[str] | None = None) -> w.VBox:
    """A tab for each thing to play with, of runs in ``folders``, by default the shipped weights.

    A tab is filled when it is first opened; what goes wrong appears in it, and is raised. Raises
    CourseError for a run that cannot be opened or does not translate.
    """
    named = {}
    # letters come from noise: there is nothing to translate
    for folder in folders or [shipped.PREFIX + n for n in shipped.NAMES if n != "letters"]:
        name = shipped.name_of(folder)
        title = shipped.about(name)["title"] if name else Path(folder).resolve().name
        title = str(folder) if title in named else title
        method, settings = runs.open_translator(Path(folder), "auto")
        named[title] = Translator(method, settings, Path(folder))
    pages = _pages(named)
    tabs = w.Tab([w.VBox([w.HTML(WAITING)]) for _ in pages])
    # One by one: ipywidgets 7, which Colab has, knows no tabs.titles.
    for i, title in enumerate(pages):
        tabs.set_title(i, title)

    def fill(_: Any = None) -> None:
        i = tabs.selected_index
        if i is None or len(tabs.children[i].children) > 1:
            return  # none is open, or it is filled
        tab, (kind, make) = tabs.children[i], list(pages.items())[i]
        with shown_errors(tab.children[0], "this page failed"):
            tab.children = [w.HTML(f"<p><b>Try first.</b> {HINTS[kind]}</p>"), make()]

    tabs.observe(fill, "selected_index")
    tabs.selected_index = 0
    fill()
    return w.VBox([w.HTML(TITLE), tabs])


def _pages(named: dict[str, Translator]) -> dict[str, Callable[[], w.Widget]]:
    """Title of each tab, one of HINTS, and what makes its widget."""
    fitting = {name: _kinds(run) for name, run in named.items()}
    pages = {}
    for kind in HINTS:
        shown = {name: run for name, run in named.items() if kind in fitting[name]}
        if shown:
            pages[kind] = partial(_choice, shown, partial(_made, kind))
        # these two take all of them, and keep the drawing, or the photograph
        if shown and kind == "Draw":
            # drawings by people before detected outlines
            data = max(run.settings["data"] for run in shown.values())
            alike = {n: run.method for n, run in shown.items() if run.settings["data"] == data}
            pages[kind] = partial(draw.draw, alike, data)
        if shown and kind == "Photograph":
            pages[kind] = partial(_ways, shown)
    return pages


def _kinds(run: Translator) -> list[str]:
    """The tabs that can show a model."""
    method, settings = run.method, run.settings
    both_ways = len(method.directions) > 1
    fits = {
        "Photograph": traits.takes_photographs(method, settings),
        "Paint": bool(paint.palette_of(settings)),
        "Draw": settings["data"] in draw.PRESETS and settings["direction"] == "xy",
        "Many answers": method.reads_codes,
        "Borrowed looks": both_ways and method.has_codes,
        "There and back": both_ways and not method.has_codes,
        "Real or fake?": True,
        "What D sees": bool(method.discriminators()),
    }
    return [kind for kind, fit in fits.items() if fit]


def _ways(shown: dict[str, Translator]) -> w.Widget:
    """One photograph, of test or one's own, through all of them."""
    names = sorted(
        (photos.entries()[i]["name"] for i in photos.numbers("test")),
        key=lambda name: name != CHOSEN,
    )
    networks = {
        CAPTIONS.get(shipped.name_of(run.folder) or "", title): (run.method, run.settings)
        for title, run in shown.items()
    }
    return photograph.ways(networks, {name: photos.photograph(name) for name in names})


def _made(kind: str, run: Translator) -> w.Widget:
    """The widget of a tab."""
    method = run.method
    if kind == "Real or fake?":
        data, seed = _held_out(run, "test"), secrets.randbelow(10**6)
        pairs = runs.translate_batches(method, Subset(data, data.presentable[:ROUND]))
        return real_or_fake.Game(pairs["y"], pairs["fake_y"], seed=seed)
    if kind == "Paint":
        return paint.paint(method, run.settings)
    some = _some(run)
    x, y, names = some["x"], some["y"], some["names"]
    if kind == "Many answers":
        val = _held_out(run, "val")
        images = (val[i]["y"][None] for i in range(min(CODES, len(val))))
        codes = [method.encode(image).cpu() for image in images]
        return latents.explorer(method, x, torch.cat(codes), names)
    if kind == "There and back":
        words = DOMAINS.get(run.settings["data"], ("x", "y"))
        words = words if run.settings["direction"] == "xy" else words[::-1]
        return cycle.both_ways(method, x, y, names, words)
    if kind == "Borrowed looks":
        return styles.mixer(method, x, y, names, names)
    return lens.lens(method, x, y, names)


def _choice(named: dict[str, Translator], make: Callable[[Translator], w.Widget]) -> w.Widget:
    """What ``make`` makes of a model; a choice of one, if there are several."""
    if len(named) == 1:
        return make(*named.values())
    chosen = w.Dropdown(options=list(named), description="model")
    place, message = w.VBox(), w.HTML()

    def show(_: Any = None) -> None:
        place.children, message.value = [], WAITING
        with shown_errors(message, "this model cannot be shown here"):
            place.children = [make(named[chosen.value])]
            message.value = ""

    chosen.observe(show, "value")
    show()
    return w.VBox([chosen, message, place])


def _held_out(run: Translator, split: str) -> TwoDomains:
    return opened_for(run.method, run.settings["data"], split, run.settings["direction"])


def _some(run: Translator) -> dict[str, Any]:
    """Some held-out items as a batch, the more telling emoji, and their ``names`` if any."""
    data = _held_out(run, "test")
    known = data.names or []
    rows = [known.index(name) for name in EMOJI if name in known]
    if len(rows) < 2:
        rows = spread(data.presentable, SHOWN)
    return default_collate([data[i] for i in rows]) | {
        "names": [known[i] for i in rows] if known else None
    }


def serve(folders: Sequence[str], port: int = 8866, browser: bool = True) -> None:
    """Serve the :func:`app` on 127.0.0.1 until Ctrl-C; each visitor with the token has a kernel.

    Raises CourseError if Voilà is missing, for runs that cannot be opened, and for a port that is
    taken.
    """
    voila, nbformat = need("web", "voila.app", "nbformat")
    from tornado.ioloop import IOLoop  # comes with Voilà

    places = [
        folder if shipped.name_of(folder) else str(Path(folder).resolve()) for folder in folders
    ]
    for place in places:
        runs.open_translator(Path(place), "cpu")  # says what is wrong, here and now
    with socket.socket() as probe:
        ensure(
            probe.connect_ex((ADDRESS, port)) != 0,
            f"something answers on port {port} already",
            "course demo",
            f"--port {port + 1}",
        )
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as folder:
        cell = nbformat.v4.new_code_cell(f"from course_lib.demo.app import app\napp({places!r})")
        path = Path(folder) / "GAN translation.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        config = Config({"VoilaConfiguration": {"show_tracebacks": True}})
        if os.name == "posix":  # else any user of this machine could listen to the kernels
            config.KernelManager.transport = "ipc"
        server = voila.Voila.instance(
            config=config,
            ip=ADDRESS,
            port=port,
            port_retries=0,
            token=token,
            root_dir=folder,
            tornado_settings={"headers": {"Content-Security-Policy": POLICY}},
            open_browser=browser,
            log_level="ERROR",
        )
        server.initialize([str(path)])
        # It warns of its own settings, for each visitor.
        logging.getLogger("tornado.general").setLevel("ERROR")

        told = (
            f"the app: http://{ADDRESS}:{port}/?token={token}\n"
            "only this machine can reach it, and only with the token; Ctrl-C ends it"
        )
        # once it listens: an address that is told sooner would be refused
        IOLoop.current().add_callback(print, told, flush=True)
        server.start()
