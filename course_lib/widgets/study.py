"""Real or fake? The papers' perceptual study: its trials, a round, and what a class has answered.

The protocol of pix2pix and CycleGAN: a real and a fake image for 1 s, then all the time you like to say which one is
real; 10 practice trials with feedback, then 40 scored ones without; one model a round. The score is the share of the
scored trials in which the fake was taken for the real one: at 50 % nobody can tell. The game is in real_or_fake.py.
"""

import itertools
import json
import math
import os
import random
import time
import uuid
from collections.abc import Iterable, Sequence, Sized
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import filelock

from course_lib.errors import CourseError
from course_lib.metrics.intervals import interval, wilson

PROTOCOL = 1  # changes when results stop being comparable
EXPOSURE = 1000  # milliseconds
SIDES = ("left", "right")
PLAYER = uuid.uuid4().hex[:12]  # who plays in this process: nobody's name


class Trial(NamedTuple):
    """Indices of a real and a fake image, where the real one stands, and whether the answer counts."""

    real: int
    fake: int
    real_side: str
    scored: bool


def trials(
    real: Sized,
    fake: Sized,
    seed: int,
    practice: int = 10,
    scored: int = 40,
    same_input: bool = False,
) -> list[Trial]:
    """The pairs of a round, in order; of ``real`` and ``fake``, image i of one input each, only the counts matter.

    No pair comes twice, every image about equally often, and none of the practice trials, whose answers are told, comes
    back in the scored ones. The two images belong to different inputs, as in the papers' test of maps, or with
    ``same_input`` to the same one, as in their colouring. The real side is a coin flip. Raises CourseError for too few
    images.
    """
    n, chance = min(len(real), len(fake)), random.Random(seed)
    if practice < 0 or scored < 1:
        raise CourseError(
            f"a round of {practice} + {scored} trials",
            "trials()",
            "give at least one that is scored",
        )

    def parts(n: int) -> list[tuple[int, int]]:  # (images, trials): practice, then scored
        apart = math.ceil(n * practice / (practice + scored))
        return [(apart, practice), (n - apart, scored)]

    turns = (
        (lambda size: 1) if same_input else (lambda size: size - 1)
    )  # how many fakes there are for a real one
    least = next(
        k
        for k in itertools.count(n)
        if all(size * turns(size) >= count for size, count in parts(k))
    )
    if least > n:
        what = f"{practice} + {scored} trials need {least} images of each kind, got {len(real)} and {len(fake)}"
        raise CourseError(what, "trials()", "give more images, or ask for fewer trials")
    items, out = chance.sample(range(n), n), []  # in a new order
    for (size, count), is_scored in zip(parts(n), (False, True), strict=True):
        group, items = items[:size], items[size:]
        # Half-way round first: with many images, none of the inputs is then seen both ways.
        away = (
            [0]
            if same_input
            else sorted(range(1, size), key=lambda turn, size=size: abs(turn - size // 2))
        )
        pairs = ((group[i], group[(i + turn) % size]) for turn in away for i in range(size))
        chosen = [
            Trial(a, b, chance.choice(SIDES), is_scored) for a, b in itertools.islice(pairs, count)
        ]
        out += chance.sample(chosen, len(chosen))
    return out


class Round:
    """A player's round with one model, without a front end: show(), answer(), show(), ... until ``finished``."""

    def __init__(
        self,
        model: str,
        given: list[Trial],
        seed: int = 0,
        player: str = PLAYER,
        simulated: bool = False,
    ):
        self.model, self.trials, self.seed, self.player, self.simulated = (
            model,
            given,
            seed,
            player,
            simulated,
        )
        self.fooled: list[bool] = []  # for each answer, whether the fake was taken for the real one
        self.shown, self.began, self.ended, self.longest = False, 0.0, 0.0, 0

    @property
    def finished(self) -> bool:
        return len(self.fooled) == len(self.trials)

    def show(self) -> Trial:
        """The trial to show now. Raises ValueError after the last."""
        if self.finished:
            raise ValueError("this round is over")
        self.shown, self.began = True, self.began or time.monotonic()
        return self.trials[len(self.fooled)]

    def answer(self, side: str, milliseconds: int = EXPOSURE) -> str:
        """The side that looked real, and how long the pair was seen. Returns what to say: in practice who was right.

        Raises ValueError if no trial is shown, and for a side that does not exist.
        """
        if not self.shown or side not in SIDES:
            raise ValueError(f"{side!r} is no answer: say left or right, once, after show()")
        trial = self.trials[len(self.fooled)]
        self.fooled.append(side != trial.real_side)
        self.shown, self.ended, self.longest = (
            False,
            time.monotonic(),
            max(self.longest, milliseconds),
        )
        return (
            ""
            if trial.scored
            else ("correct", "wrong")[self.fooled[-1]] + f": the {trial.real_side} one was real"
        )

    @cached_property
    def result(self) -> dict:
        """What :func:`append` stores. Raises ValueError before the end: half a round is no result."""
        if not self.finished:
            raise ValueError(f"{len(self.trials) - len(self.fooled)} trials are left")
        scored = [
            fooled for fooled, trial in zip(self.fooled, self.trials, strict=True) if trial.scored
        ]
        low, high = wilson(sum(scored), len(scored))
        return {
            "protocol": PROTOCOL, "round": uuid.uuid4().hex, "model": self.model, "player": self.player,
            "simulated": self.simulated, "seed": self.seed, "n": len(scored), "fooled": sum(scored),
            "rate": sum(scored) / len(scored), "low": low, "high": high, "longest_ms": self.longest,
            "seconds": round(self.ended - self.began, 1), "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip


def sentence(result: dict) -> str:
    """A result in words, against 50 %."""
    rate, low, high = (f"{100 * result[key]:.0f}" for key in ("rate", "low", "high"))
    found = f"You took the fake for the real one in {result['fooled']} of {result['n']} trials: {rate} %, "
    found += f"95 % interval {low} to {high} %. "
    if result["high"] < 0.5:
        return found + "All of it is below 50 %: you can tell them apart."
    if result["low"] > 0.5:
        return (
            found + "All of it is above 50 %: to you the fakes look more real than the real ones."
        )
    return found + "It holds 50 %: these trials do not show that you can tell them apart."


def append(path: Path | str, *results: dict) -> None:
    """Add results, a JSON line each; several processes may at once. Without one: a trial. Raises CourseError."""
    path, lines = Path(path), "".join(json.dumps(result) + "\n" for result in results).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(
            path.with_name(f".{path.name}.lock"), timeout=20, mode=0o666
        )  # of all who share it
        with lock, open(path, "ab+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            half = file.read() not in (b"", b"\n")  # of one who was killed while writing
            file.write(b"\n" * half + lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:  # a Timeout, too
        reason = "others hold its lock" if isinstance(error, filelock.Timeout) else error.strerror
        raise CourseError(
            f"cannot add results here: {reason}", path, "choose a file you may write to"
        ) from error


def _checked(line: bytes) -> dict:
    """A stored result. Raises ValueError, TypeError or KeyError for what is none."""
    found = json.loads(line)
    if found["protocol"] != PROTOCOL:
        raise ValueError(f"protocol {found['protocol']}, not {PROTOCOL}")
    kinds = {"round": str, "player": str, "model": str, "simulated": bool, "n": int, "fooled": int}
    if (
        any(type(found[key]) is not kind for key, kind in kinds.items())
        or not 0 <= found["fooled"] <= found["n"] != 0
    ):
        raise ValueError("no result of a round")
    return found


def pool(paths: Iterable[Path | str]) -> tuple[list[dict], list[str]]:
    """A row for each model: the mean fooling rate over people, and its interval; and the broken lines, named.

    The interval is the t interval of the mean over people; for one person, or if all have the same rate, Wilson's of
    all their trials. Rounds of one person with one model are taken together; a round that is there twice counts once;
    simulated players have rows of their own. Raises CourseError for a file that cannot be read.
    """
    rounds, models, broken = {}, {}, []
    for path in map(Path, paths):
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise CourseError(
                f"cannot read results: {error.strerror}", path, "give files that a game wrote"
            ) from error
        for number, line in enumerate(lines, start=1):
            try:
                if (
                    line.strip()
                    and rounds.setdefault((found := _checked(line))["round"], found) != found
                ):
                    raise ValueError("another result of a round that is there already")
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                broken.append(f"{path} line {number}: {type(error).__name__}: {error}")
    for found in rounds.values():
        models.setdefault((found["model"], found["simulated"]), {}).setdefault(
            found["player"], []
        ).append(found)
    rows = []
    for (model, simulated), people in sorted(models.items()):
        counts = [
            (sum(r["fooled"] for r in mine), sum(r["n"] for r in mine)) for mine in people.values()
        ]
        fooled, n = map(sum, zip(*counts, strict=True))
        rates = [a / b for a, b in counts]
        row = {"model": model, "simulated": simulated, "people": len(people), "trials": n}
        vary = len(set(rates)) > 1
        rate, low, high, *_ = interval(rates) if vary else (fooled / n, *wilson(fooled, n))
        by = "t, over people" if vary else "Wilson"
        rows.append(row | {"rate": rate, "low": max(0.0, low), "high": min(1.0, high), "by": by})
    return rows, broken


def table(rows: Sequence[dict]) -> str:
    """Rows of :func:`pool` as a Markdown table, aligned."""
    cells = [
        ("model", "players", "number", "trials", "fooling rate", "95 % interval", "interval by")
    ]
    for row in rows:
        rate, low, high = (f"{100 * row[key]:.1f}" for key in ("rate", "low", "high"))
        who = ("people", "simulated")[row["simulated"]]
        cells.append(
            (
                row["model"],
                who,
                row["people"],
                row["trials"],
                f"{rate} %",
                f"{low} to {high} %",
                row["by"],
            )
        )
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    note = "The fooling rate: the share of trials in which the fake was taken for the real one; 50 %: nobody can tell."
    simulated = "\nSimulated players are programs that flip a coin; they say nothing about a model."
    return "\n".join([*lines, "", note]) + simulated * any(row["simulated"] for row in rows)


def simulate(chances: dict[str, float], players: int, seed: int = 0) -> list[dict]:
    """Results of ``players`` that play a round with each model and are fooled with its chance, give or take 0.08."""
    out = []
    for (model, chance), player in itertools.product(chances.items(), range(players)):
        dice = random.Random(f"{seed} {model} {player}")
        own = dice.gauss(chance, 0.08)  # below 0 is never, above 1 always
        one = Round(
            model,
            trials(range(50), range(50), player),
            player,
            f"simulated-{player}",
            simulated=True,
        )
        while not one.finished:
            one.answer(SIDES[(one.show().real_side == "right") != (dice.random() < own)])
        name = f"simulated-{seed}-{model}-{player}"
        out.append(one.result | {"round": name, "longest_ms": 0, "seconds": 0.0, "time": ""})
    return out
