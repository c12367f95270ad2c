"""How much sooner the course's step has learned as much as the textbook's, beside a control.

    python tools/bench_quality.py pix2pix --seconds 45 --seeds 5 --json

Curves of a held-out error are noisy, and so is the time at which one of them first comes below a
value. So the textbook trains twice, the second time with another seed. The course is compared with
both runs alike, by the geometric mean of their times, and the control compares the two with each
other: what comes out for two equal sides is noise.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from course_lib import runs
from course_lib.data import open_dataset
from course_lib.errors import CourseError
from course_lib.experiments.bench import KINDS, here, random_batch, seconds_of, stepper, table
from course_lib.methods import method_class
from course_lib.metrics.intervals import interval
from course_lib.training import profiles
from course_lib.training.loading import batches

# Data, and settings on top of the profile that leave nothing but the step to differ.
LEARNED = {
    "pix2pix": ("emoji:edges", ["dropout=0"]),
    "cyclegan": ("emoji:twemoji-fluent", []),
    "bicyclegan": ("emoji:edges", ["norm=instance", "conditional=False", "dropout=0"]),
}
EQUAL = ["decay_from=1", "jitter=none", "flip=off"]
BOOK, CONTROL = KINDS[0], f"{KINDS[0]}, another seed"
OTHER_SEED = 1000  # what the seed of the control is higher by
WINDOW = 5  # looks that are averaged into one point of a curve
# Errors that were fixed before the kept curves were made, for a verdict of their own.
GOALS = {"pix2pix": [0.27], "bicyclegan": [0.27]}
JUDGED = {"with the average": "val_l1", "with the last weights": "last_l1"}  # all sides, each time


def quality(
    name: str, seconds: float = 60, points: int = 24, profile: str = "auto", seeds: int = 3
) -> dict[str, Any]:
    """L1 to the true y of 64 held-out images (val), against seconds of training: textbook, control,
    and the library.

    Same networks, same data, constant lr, no augmentation. For each of ``seeds`` seeds three
    trainings take turns, each for ``seconds`` in ``points`` turns with a look at the held-out
    images after each: the textbook's step, the same with first weights and batches of another seed
    (the control), and the library's step, from the textbook's first weights and with its batches in
    their order, in bfloat16 where that pays. A step of each with networks that are thrown away
    comes before the clock starts. All keep the profile's moving average of the weights and pay for
    it: ``val_l1`` is the error of the average, ``last_l1`` that of the last weights. BicycleGAN is
    given the code of the true y. ``verdicts`` holds a :func:`verdict` for each of JUDGED.
    """
    config = runs.make_config(name, profile, None, LEARNED[name][1] + EQUAL)
    rows = [row for seed in range(seeds) for row in learn(name, config, seconds, points, seed)]
    title = f"{name} on {LEARNED[name][0]}, {config.image_size} px, profile {profile}"
    title += f", seeds 0 to {seeds - 1}"
    goals = {f"L1 {goal}": verdict(rows, goal=goal) for goal in GOALS.get(name, ())}
    facts = {"title": f"{title}; {here()}", "verdicts": verdicts(rows), "goals": goals}
    return facts | {"rows": rows}


def learn(name: str, config: Any, seconds: float, points: int, seed: int) -> list[dict[str, Any]]:
    """The rows of one seed: three trainings, in turn."""
    cls, device = method_class(name), profiles.pick_device()
    train, val = (
        open_dataset(LEARNED[name][0], split, config.image_size, seed=seed)
        for split in ("train", "val")
    )
    items = [val[i * len(val) // 64] for i in range(64)]
    held = {key: torch.stack([item[key] for item in items]).to(device) for key in ("x", "y")}
    viewer = cls(replace(config, average=0.0), device)
    ours = "course bfloat16" if profiles.use_bf16(device) else "course float32"
    rows, running = [], {}
    for kind, own_seed in ((BOOK, seed), (CONTROL, seed + OTHER_SEED), (ours, seed)):
        stepper(kind, config, cls, device)[1](
            random_batch(config, device)
        )  # a first step pays for more than itself
        torch.manual_seed(own_seed)
        method, one_step = stepper(kind, config, cls, device)
        one_step = one_step if kind == ours else _averaging(method, one_step)
        feed = batches(train, method, own_seed)
        running[kind] = {
            "method": method,
            "step": one_step,
            "feed": feed,
            "steps": 0,
            "seconds": 0.0,
        }
    for point in range(points + 1):
        for kind, state in running.items():
            while state["seconds"] < seconds * point / points:
                state["seconds"] += seconds_of(lambda s=state: s["step"](next(s["feed"])))
                state["steps"] += 1
            for network, net in viewer.networks.items():
                net.load_state_dict(state["method"].networks[network].state_dict())
            errors = {
                "val_l1": _held_out_l1(state["method"], held),
                "last_l1": _held_out_l1(viewer, held),
            }
            rows.append(
                {"seed": seed, "step": kind}
                | {key: state[key] for key in ("seconds", "steps")}
                | errors
            )
    return rows


def _averaging(method: Any, one_step: Callable[[dict], None]) -> Callable[[dict], None]:
    """The textbook's step, which knows no average, and then the library's update of it."""

    def step(batch: dict) -> None:
        one_step(batch)
        method.update_averages()

    return step


@torch.no_grad()
def _held_out_l1(method: Any, held: dict[str, Tensor]) -> float:
    torch.manual_seed(0)
    errors = []
    for x, y in zip(held["x"].split(16), held["y"].split(16), strict=True):
        code = {"z": method.encode(y)} if method.reads_codes else {}
        errors.append((method.translate(x, **code)["fake_y"] - y).abs().mean().item())
    return statistics.mean(errors)


# ---- what the curves say


def verdicts(rows: list[dict]) -> list[dict[str, Any]]:
    """A :func:`verdict` for each of JUDGED."""
    return [{"both sides": said} | verdict(rows, judged) for said, judged in JUDGED.items()]


def verdict(rows: list[dict], error: str = "val_l1", goal: float | None = None) -> dict[str, Any]:
    """How many times as fast the course's step learns as the textbook's, and the same of the
    control.

    ``ratio`` is the geometric mean over seeds, whose ratios stand in ``seeds``: the textbook's time
    (of :func:`times`, the geometric mean of its two runs) over the course's. ``low`` and ``high``
    are its 95 % t interval, on logarithms, None for one seed. ``control`` has the same four for the
    first run of the textbook over its second. ``verdict`` is "faster" or "slower" if the interval
    leaves out 1, else "not decided". ``error`` is val_l1, all with the moving average, or last_l1,
    all without.
    """
    found = [times(one, error, goal) for one in by_seed(rows)]
    ours = _spread([math.sqrt(first * second) / own for first, second, own in found])
    said = (
        "faster"
        if (ours["low"] or 0) > 1
        else "slower"
        if (ours["high"] or 2) < 1
        else "not decided"
    )
    control = _spread([first / second for first, second, _ in found])
    return {"verdict": said} | ours | {"control": control}


def _spread(seeds: list[float]) -> dict[str, Any]:
    logs = [math.log(ratio) for ratio in seeds]
    ends = [math.exp(value) for value in interval(logs)[1:3]] if len(logs) > 1 else [None, None]
    return {
        "ratio": math.exp(statistics.fmean(logs)),
        "low": ends[0],
        "high": ends[1],
        "seeds": seeds,
    }


def times(rows: list[dict], error: str = "val_l1", goal: float | None = None) -> list[float]:
    """Seconds until the smoothed curves of the textbook, its control and the course have come down
    to ``goal``.

    ``rows`` are of one seed; no ``goal`` is where the worst of the three ends. Raises CourseError
    if a curve never gets there.
    """
    (own,) = {row["step"] for row in rows} - {BOOK, CONTROL}
    curves = [
        smooth([row for row in rows if row["step"] == kind], error) for kind in (BOOK, CONTROL, own)
    ]
    goal = max(curve[-1][1] for curve in curves) if goal is None else goal
    if math.inf in (found := [reached(curve, goal) for curve in curves]):
        raise CourseError(
            f"not every curve comes down to {goal}", "quality", "choose a higher error"
        )
    return found


def smooth(rows: list[dict], error: str = "val_l1") -> list[tuple[float, float]]:
    """(seconds, error) of one training: running means of both over WINDOW looks, and over fewer
    nowhere.
    """
    width = min(WINDOW, len(rows) - 1)
    windows = [rows[i : i + width] for i in range(len(rows) - width + 1)]
    return [
        tuple(statistics.fmean(row[name] for row in window) for name in ("seconds", error))
        for window in windows
    ]


def reached(curve: list[tuple[float, float]], goal: float) -> float:
    """Seconds until the curve is first at ``goal`` or below, between two points by a straight line;
    inf if never.
    """
    before = None
    for seconds, error in curve:
        if error <= goal:
            share = (before[1] - goal) / (before[1] - error) if before else 1.0
            return before[0] + share * (seconds - before[0]) if before else seconds
        before = seconds, error
    return math.inf


def by_seed(rows: list[dict]) -> list[list[dict]]:
    """The rows of each seed, apart."""
    return [
        [row for row in rows if row["seed"] == seed]
        for seed in dict.fromkeys(row["seed"] for row in rows)
    ]


def summary(facts: dict[str, Any]) -> dict[str, Any]:
    """The verdicts as a table for ``bench.table``."""
    rows = []
    for found in facts["verdicts"]:
        control = {f"control_{name}": found["control"][name] for name in ("ratio", "low", "high")}
        own = {name: found[name] for name in ("both sides", "verdict", "ratio", "low", "high")}
        rows.append(
            {name: "-" if value is None else value for name, value in (own | control).items()}
        )
    return {"title": facts["title"], "rows": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=sorted(LEARNED))
    parser.add_argument("--seconds", type=float, default=60.0, help="of training, for each curve")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    asked = parser.parse_args()
    facts = quality(asked.method, asked.seconds, seeds=asked.seeds)
    print(json.dumps(facts) if asked.json else table(summary(facts)))
