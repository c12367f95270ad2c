"""Real or fake? A round of the papers' perceptual study as a game (``course_lib/widgets/study.py``), and on paper."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import to_image
from course_lib.plotting.figures import WIDTH, _figure, _pixel_axes, stitch
from course_lib.widgets.study import (
    EXPOSURE,
    PLAYER,
    SIDES,
    Round,
    append,
    pool,
    sentence,
    table,
    trials,
)

__all__ = ["Game", "Round", "append", "game", "picture", "pool", "table", "trials"]

if TYPE_CHECKING:
    import matplotlib.figure

SHOWN = (
    256  # side of a shown image in screen pixels, at most, if it can be enlarged by a whole number
)


class Game(anywidget.AnyWidget):
    """The front end of a :class:`Round`: see :func:`game`. ``said`` is what the player did, as the page tells it.

    The page times the exposure: it knows when both images are decoded and on the screen. A clock in the kernel would
    start while they are under way, and a busy kernel would show them for longer.
    """

    _esm = Path(__file__).with_name("real_or_fake.js")
    left, right = traitlets.Bytes().tag(sync=True), traitlets.Bytes().tag(sync=True)  # PNG files
    side, exposure = (
        traitlets.Int().tag(sync=True),
        traitlets.Int(EXPOSURE).tag(sync=True),
    )  # px, ms
    total = traitlets.Int().tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)  # of the trial, from 1; 0 before the first
    phase = traitlets.Unicode("ready").tag(
        sync=True
    )  # then trial, feedback (after a practice answer), done
    message, error = traitlets.Unicode().tag(sync=True), traitlets.Unicode().tag(sync=True)
    said = traitlets.Dict().tag(
        sync=True
    )  # {"do": "next" | "answer", "number": , "side": , "milliseconds": , "at": }

    def __init__(self, played: Round, real: Tensor, fake: Tensor, out: Path | str | None):
        size = real.shape[-1]
        super().__init__(side=size * max(1, SHOWN // size), total=len(played.trials))
        self.round, self.real, self.fake, self.out = played, real, fake, out
        practice = sum(not trial.scored for trial in played.trials)
        self.message = (
            f"Two images, for {EXPOSURE / 1000:g} s. One is real, one was made by a model: say which one is real. "
            f"{practice} trials are for practice, {len(played.trials) - practice} count."
        )

    @traitlets.observe("said")
    def _heard(self, change: Any) -> None:
        """The player pressed a button: the one place where errors of a game come up. Shown, and raised again."""
        said = change["new"]
        expected = {"ready": "next", "trial": "answer", "feedback": "next"}.get(self.phase)
        if (said.get("number"), said.get("do")) != (self.number, expected):
            return  # pressed twice
        try:
            feedback = (
                self.round.answer(said["side"], said["milliseconds"])
                if said["do"] == "answer"
                else ""
            )
            with self.hold_sync():  # one message: the page must not see half of it
                self.error = ""
                if feedback:
                    self.message, self.phase = feedback, "feedback"
                elif self.round.finished:
                    self._finish()
                else:
                    self._show()
        except Exception as error:
            self.error = f"the game failed: {error}"
            raise

    def _show(self) -> None:
        trial, total = self.round.show(), len(self.round.trials)
        images = [self.real[trial.real], self.fake[trial.fake]]
        for name, image in zip(
            SIDES, images if trial.real_side == "left" else images[::-1], strict=True
        ):
            to_image(image.cpu()).save(file := BytesIO(), "png")
            setattr(self, name, file.getvalue())
        self.number, self.phase = self.number + 1, "trial"
        self.message = f"trial {self.number} of {total}" + (
            " (counts)" if trial.scored else " (practice)"
        )

    def _finish(self) -> None:
        result = self.round.result
        self.left = self.right = b""  # a stored notebook needs none of them
        self.message, self.phase = sentence(result), "done"
        if self.out is not None:
            append(self.out, result)
            self.message += f" Stored in {Path(self.out).name}."


def game(
    real: Float[Tensor, "n 3 s s"],
    fake: Float[Tensor, "m 3 s s"],
    model_name: str,
    out: Path | str | None = None,
    seed: int = 0,
    player: str = PLAYER,
    **options: Any,
) -> Game:
    """A round with the images of one model, for one player; its result becomes a JSON line of ``out``.

    ``real[i]`` and ``fake[i]`` belong to one input; ``options`` are those of :func:`trials`. Buttons and the arrow
    keys answer. Raises CourseError for too few images, and for an ``out`` that cannot be written: not after the last
    trial. Later errors appear in the game and are raised again.
    """
    played = Round(model_name, trials(real, fake, seed, **options), seed, player)
    if out is not None:
        append(out)  # nothing yet
    return Game(played, real, fake, out)


def picture(
    real: Float[Tensor, "n 3 s s"],
    fake: Float[Tensor, "m 3 s s"],
    seed: int = 0,
    count: int = 6,
    **options: Any,
) -> "matplotlib.figure.Figure":
    """The game on paper: ``count`` numbered pairs of :func:`trials`, and upside down below them which are real."""
    shown = trials(real, fake, seed, 0, count, **options)
    rows = [
        torch.stack([real[a] if side == place else fake[b] for a, b, side, _ in shown])
        for place in SIDES
    ]
    left, top, below = 56, 26, 30
    tiles = stitch(rows, max(1, min(SHOWN, (WIDTH - left) // count) // real.shape[-1]))
    height, width = tiles.shape[:2]
    with _figure(left + width, top + height + below) as fig:
        axes = _pixel_axes(fig, left, top, width, height)
        axes.imshow(tiles, interpolation="nearest", aspect="auto", extent=(0, count, 2, 0))
        axes.set_yticks([0.5, 1.5], SIDES)
        axes.tick_params(length=0)
        for i, trial in enumerate(shown):
            axes.text(i + 0.5, -6 / height, i + 1, ha="center", va="bottom")
            told = {"rotation": 180, "ha": "center", "va": "center", "color": "0.35", "size": 9}
            axes.text(i + 0.5, 2 + 2 * 16 / height, f"{trial.real_side} is real", **told)
    return fig
