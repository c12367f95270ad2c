"""The playground: games of points that train in the page, in a notebook and on the site alike."""

import json
from pathlib import Path

import anywidget
import traitlets

from course_lib.errors import check_choice

GAMES = Path(__file__).with_name("playground.json")  # what their pages say, and their presets


class Playground(anywidget.AnyWidget):
    """One game in the page; the kernel has nothing to do with it."""

    _esm = Path(__file__).with_name("playground.js")
    _css = Path(__file__).with_name("playground.css")
    game, told = traitlets.Unicode().tag(sync=True), traitlets.Dict().tag(sync=True)

    def __repr__(self) -> str:  # all that a page without widgets shows
        return (
            "A game to play in a live notebook or on the site; elsewhere the pictures stand for it."
        )


def playground(game: str) -> Playground:
    """The game ``points``, ``cycles`` or ``codes``. Raises ValueError for another one."""
    games = json.loads(GAMES.read_text(encoding="utf-8"))
    check_choice("game", game, games)
    return Playground(game=game, told=games[game])


def embedded(game: str) -> str:
    """HTML of a game for a page without a kernel: style, module and words in one piece."""
    told = json.dumps(playground(game).told)
    style, module = (GAMES.with_suffix(kind).read_text("utf-8") for kind in (".css", ".js"))
    start = f'mount(document.querySelector(".playground"), "{game}", {told});'
    return (
        f'<div class="playground"></div><style>{style}</style><script type="module">{module}{start}'
        "</script>"
    )
