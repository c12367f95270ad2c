"""Real or fake? The papers' perceptual study as a game.

The protocol of pix2pix and CycleGAN: a real and a fake image for 1 s, then all the time you like to
say which one is real; 10 practice trials with feedback, then 40 scored ones without; one model a
round. The score is the share of the scored trials in which the fake was taken for the real one: at
50 % nobody can tell.
"""

import math
import random
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import to_image, to_png
from course_lib.errors import ensure
from course_lib.metrics.intervals import wilson

PRACTICE, SCORED = 10, 40  # trials of a round
LEAST = 16  # images of each kind: fewer have not enough different pairs
EXPOSURE = 1000  # milliseconds
SHOWN = 256  # side of a shown image in px, at most, if it can be enlarged by a whole number


# ---- trials and results


class Trial(NamedTuple):
    """A real and a fake image by their indices, where the real one stands, whether it counts."""

    real: int
    fake: int
    real_side: str
    counts: bool


def trials(n: int, seed: int) -> list[Trial]:
    """The pairs of a round with ``n`` inputs, in order: 10 for practice, 40 that count.

    The two images of a pair belong to different inputs, as in the papers' test of maps. No pair
    comes twice, every image about equally often, and none of the practice trials, whose answers are
    told, comes back in the others. The real side is a coin flip. Raises CourseError for fewer than
    16 inputs.
    """
    ensure(
        n >= LEAST,
        f"a round needs {LEAST} images of each kind, got {n}",
        "real or fake",
        "give more images",
    )
    dice, chosen = random.Random(seed), []
    order = dice.sample(range(n), n)
    apart = math.ceil(n * PRACTICE / (PRACTICE + SCORED))
    for group, count in ((order[:apart], PRACTICE), (order[apart:], SCORED)):
        size = len(group)
        # Half-way round first: with many images, none of the inputs is then seen both ways.
        turns = sorted(range(1, size), key=lambda turn, half=size // 2: abs(turn - half))
        pairs = [(group[i], group[(i + turn) % size]) for turn in turns for i in range(size)]
        chosen += [
            Trial(real, fake, dice.choice(("left", "right")), count == SCORED)
            for real, fake in dice.sample(pairs[:count], count)
        ]
    return chosen


def sentence(fooled: int, n: int) -> str:
    """A result in words, against 50 %."""
    low, high = wilson(fooled, n)
    verdict = "It holds 50 %: these trials do not show that you can tell them apart."
    if high < 0.5:
        verdict = "All of it is below 50 %: you can tell them apart."
    if low > 0.5:
        verdict = "All of it is above 50 %: the fakes look more real to you."
    return (
        f"You took the fake for the real one in {fooled} of {n} trials: {fooled / n:.0%}, "
        f"95 % interval {100 * low:.0f} to {100 * high:.0f} %. {verdict}"
    )


# ---- the game


class Game(anywidget.AnyWidget):
    """A round with the images of one model.

    ``real[i]`` and ``fake[i]`` belong to one input. Buttons and the arrow keys answer. Raises
    CourseError for too few images. Later errors appear in the game and are raised again.

    ``pressed`` is what the player did, as the page tells it. The page times the exposure: it knows
    when both images are decoded and on the screen. A clock in the kernel would start while they are
    under way, and a busy kernel would show them for longer.
    """

    _esm = Path(__file__).with_name("real_or_fake.js")
    left, right = traitlets.Bytes().tag(sync=True), traitlets.Bytes().tag(sync=True)  # PNG files
    side = traitlets.Int().tag(sync=True)  # px
    exposure = traitlets.Int(EXPOSURE).tag(sync=True)
    total = traitlets.Int(PRACTICE + SCORED).tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)  # of the trial, from 1; 0 before the first
    phase = traitlets.Unicode("ready").tag(sync=True)  # then trial, feedback (in practice), done
    message, error = traitlets.Unicode().tag(sync=True), traitlets.Unicode().tag(sync=True)
    # {"do": "next" or "answer", "number", "side", "at"}
    pressed = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        real: Float[Tensor, "n 3 s s"],
        fake: Float[Tensor, "m 3 s s"],
        seed: int = 0,
    ):
        size = real.shape[-1]
        super().__init__(side=size * max(1, SHOWN // size))
        self.real, self.fake = real, fake
        self.trials = trials(min(len(real), len(fake)), seed)
        self.fooled = 0  # of the trials that count
        self.message = (
            f"Two images, for {EXPOSURE / 1000:g} s. One is real, one was made by a model: say "
            f"which one is real. {PRACTICE} trials are for practice, {SCORED} count."
        )

    @traitlets.observe("pressed")
    def _on_press(self, change: Any) -> None:
        """The one place where errors of a game come up: shown, and raised again."""
        press = change["new"]
        expected = {"ready": "next", "trial": "answer", "feedback": "next"}.get(self.phase)
        if (press.get("number"), press.get("do")) != (self.number, expected):
            return  # pressed twice
        try:
            with self.hold_sync():  # one message: the page must not see half of it
                self.error = ""
                if expected == "answer":
                    self._answer(press["side"])
                else:
                    self._show()
        except Exception as error:
            self.error = f"the game failed: {error}"
            raise

    def _show(self) -> None:
        trial = self.trials[self.number]
        real, fake = (
            to_png(to_image(image.cpu()))
            for image in (self.real[trial.real], self.fake[trial.fake])
        )
        self.left, self.right = (real, fake) if trial.real_side == "left" else (fake, real)
        self.number, self.phase = self.number + 1, "trial"
        kind = "counts" if trial.counts else "practice"
        self.message = f"trial {self.number} of {self.total} ({kind})"

    def _answer(self, side: str) -> None:
        trial = self.trials[self.number - 1]
        if not trial.counts:
            verdict = "correct" if side == trial.real_side else "wrong"
            self.phase = "feedback"
            self.message = f"{verdict}: the {trial.real_side} one was real"
            return
        self.fooled += side != trial.real_side
        if self.number < self.total:
            return self._show()
        self.left = self.right = b""  # a stored notebook needs none of them
        self.message, self.phase = sentence(self.fooled, SCORED), "done"
