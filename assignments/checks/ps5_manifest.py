"""Problem set 5, the manifest: what follows from its rows, and whose they are. For the parent only."""

import csv
import functools
import math
from pathlib import Path

import numpy as np
from checks import manifest as read
from checks.contract import Check
from checks.ps5_interval import interval, wrong_intervals

import course_lib


def crashed(m: dict) -> bool:
    """Whether a run of the two sides ended in nan."""
    return any(
        row.get("value") == "nan" and row["row"] in (m.get("more"), m.get("less"))
        for row in m["rows"]
    )


def given(m: dict) -> tuple[list[float], list[float], list[float]] | None:
    """The signed differences by seed, and the values of both sides; None if the manifest does not say enough.

    Seeds of which one run ended in nan are left out.
    """
    rows, sides = read.read_rows(m.get("rows")), [m.get("more"), m.get("less")]
    if rows is None or not all(isinstance(side, str) for side in sides) or sides[0] == sides[1]:
        return None
    by = [{r["seed"]: read.number(r.get("value")) for r in rows if r["row"] == side and r.get("value") != "nan"}
          for side in sides]  # fmt: skip
    seeds = sorted(set(by[0]) & set(by[1]))
    if len(seeds) < 2 or any(side[seed] is None for side in by for seed in seeds):
        return None
    sign = -1 if m.get("better") == "lower" else 1
    a, b = ([side[seed] for seed in seeds] for side in by)
    return [sign * (x - y) for x, y in zip(a, b, strict=True)], a, b


CLOSE = 5e-4  # of half an interval: what a manifest may be off
UNREADABLE = "The rows of more and less do not give two values or more to compare: first make the table complete."


def stated(m: dict) -> list[read.Finding]:
    """Mean and interval as stated, against those of the rows."""
    found, said = given(m), m.get("interval")
    if found is None:
        return [(1, False, UNREADABLE)]
    ends = ("mean", "low", "high")
    got = [read.number(said.get(name)) for name in ends] if isinstance(said, dict) else [None]
    if crashed(m) and isinstance(said, dict) and all(said.get(name) == "nan" for name in ends):
        return [(1, True, "")]
    if None in got:
        return [(1, False, "The interval is not three finite numbers.")]
    x, a, b = found
    with np.errstate(all="ignore"):
        right, more, less = interval(x), interval(a), interval(b)
        apart = math.hypot(more[2] - more[0], less[2] - less[0])
        shift = -right[0] if m.get("better") == "lower" else right[0]
        wrong = [
            ([-right[0], -right[2], -right[1]], "The sign is turned around: positive is where the claim is right."),
            (more, "The interval is that of one row, not that of the difference."),
            (less, "The interval is that of one row, not that of the difference."),
            ([right[0], right[0] - apart, right[0] + apart],
             "The interval is made of two, as if the rows shared nothing: they share their seeds."),
            ([shift, shift - apart, shift + apart],
             "The interval is made of two, as if the rows shared nothing: they share their seeds."),
            *wrong_intervals(x),
        ]  # fmt: skip
    if close(got[:1], right[:1], right) and close(got, right, right):
        return [(1, True, "")]
    messages = [message for value, message in wrong if close(got, value, right)]
    if messages:
        return [(1, close(got[:1], right[:1], right), ""), (1, False, messages[0])]
    slack = [0.05 * (right[2] - right[1]) > abs(x - y) for x, y in zip(got, right, strict=True)]
    near = " It is near: was it rounded?" if all(slack) else ""
    mean = "The stated mean is not that of the differences in the rows." + near
    ends = (
        "The stated ends are not those of the interval of the rows, as the text of the task defines it."
        + near
    )
    return [
        (1, close(got[:1], right[:1], right), mean),
        (1, close(got[1:], right[1:], right), ends),
    ]


def close(got: list[float], want: list[float], right: list[float]) -> bool:
    """Whether numbers agree, for an interval as wide as the right one."""
    slack = CLOSE * abs(right[2] - right[1]) / 2 + 1e-9 * max(1e-300, *map(abs, right))
    return all(abs(x - y) <= slack for x, y in zip(got, want, strict=True))


def follows(m: dict) -> list[read.Finding]:
    """The verdict, against that of the rows by the rule of the task."""
    found = given(m)
    if found is None:
        return [(1, False, UNREADABLE)]
    with np.errstate(all="ignore"):
        _, low, high = interval(found[0])
    enough = len(found[0]) >= read.LEAST_SEEDS and not crashed(m)
    want = "supported" if enough and low > 0 else "contradicted" if enough and high < 0 else "open"
    message = {
        "supported": "The verdict does not follow from the rows: all of the interval lies on one side. On which?",
        "contradicted": "The verdict does not follow from the rows: all of the interval lies on one side. On which?",
        "open": "The verdict says more than the rows do: is 0 in the interval, are there enough seeds, is one nan?",
    }[want]
    return [(1, m.get("verdict") == want, message)]


@functools.cache
def stored() -> list[dict[str, str]]:
    """All rows of the course's own tables. Raises FileNotFoundError where there are none to compare with."""
    homes = {Path(__file__).resolve().parents[2], Path(course_lib.__file__).resolve().parents[1]}
    files = sorted(path for home in homes for path in (home / "notebooks" / "sweeps").glob("*.csv"))
    if not files:
        raise FileNotFoundError(
            "notebooks/sweeps with the course's tables is needed to grade problem set 5"
        )
    out = []
    for path in files:
        with open(path, encoding="utf-8", newline="") as file:
            out += csv.DictReader(file)
    return out


def own(m: dict) -> list[read.Finding]:
    """No key and no whole row of values that the course's tables hold."""
    rows, metric = read.read_rows(m.get("rows")), m.get("metric")
    if rows is None:
        return [(1, False, UNREADABLE)]
    keys = {entry["key"] for entry in stored()}
    known = [row for row in rows if isinstance(row.get("key"), str) and row["key"] in keys]
    values: dict[str, set[str]] = {}
    for row in rows:
        if (value := read.number(row.get("value"))) is not None:
            values.setdefault(row["row"], set()).add(repr(value))
    theirs = {entry.get(metric) for entry in stored()} if isinstance(metric, str) else set()
    # long numbers only: a share of 159 images meets itself again by chance
    copied = [
        name for name, mine in values.items() if len(long := {v for v in mine if len(v) > 9}) > 1
        and long <= theirs and metric.removeprefix("yx_") not in read.SHARES
    ]  # fmt: skip
    text = "Runs with these keys are in the course's own tables: change steps, size or data, and train your own."
    same = "All values of a row are those of a row in the course's own tables: where do they come from?"
    return [(1, not known, text), (1, not copied, same)]


judge_stated, judge_follows, judge_own = map(read.judge, (stated, follows, own))


def nothing(rng: np.random.Generator) -> tuple[dict, dict]:
    """A manifest is looked at as it is: no inputs. Fails early where the course's tables are missing."""
    stored()
    return {}, {}


def entry(name: str, points: int, title: str, visible: bool, judge) -> Check:
    return Check(name, "manifest", points, title, visible, nothing, "manifest", judge)


CHECKS = [
    entry("manifest_complete", 2, "every entry is there and of the right kind", True, read.judge_complete),
    entry("manifest_design", 2, "two variants or more, three seeds or more, the same for all", True, read.judge_design),
    entry("manifest_rows", 2, "the rows are those of the grid, finite, each with its command", True, read.judge_table),
    entry("manifest_command", 1, "a command that sweeps this grid", True, read.judge_command),
    entry("manifest_splits", 1, "chosen on some data, reported on other data", True, read.judge_splits),
    entry("manifest_interval", 2, "mean and interval are those of the rows", False, judge_stated),
    entry("manifest_verdict", 1, "the verdict follows from the rows", False, judge_follows),
    entry("manifest_own", 1, "the numbers are not the course's own", False, judge_own),
]  # fmt: skip
