"""The manifest of problem set 5, read strictly: is it complete, and do its grid, rows and commands fit each other?

Students get this file, so it computes no statistics. Nothing about a manifest is trusted: it may be any JSON.
"""

import itertools
import math
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from checks.contract import Verdict
from checks.judges import stopped

LEAST_SEEDS = 3
VERDICTS = ("supported", "contradicted", "open")
ENTRIES: dict[str, type] = {
    "question": str, "claim": str, "metric": str, "better": str, "more": str, "less": str, "chosen_on": str,
    "reported_on": str, "command": str, "grid_file": str, "grid": str, "seeds": list, "version": str, "machine": str,
    "rows": list, "interval": dict, "verdict": str,
}  # fmt: skip
WORDS = {str: "a text", list: "a list", dict: "a dictionary"}
OF_ROW = {
    "method",
    "data",
    "steps",
    "seeds",
    "direction",
}  # what else a row of a grid may hold is a setting
OF_GRID = OF_ROW | {"profile", "bf16", "device", "set", "rows"}
OPTIONS = ("--scheduler", "--workers", "--out")
Finding = tuple[float, bool, str]  # weight, whether it is right, what to say if not


def judge(look: Callable[[dict], list[Finding]]) -> Callable[[dict, dict, Any], Verdict]:
    """A judge of raw answers from a function that looks at a manifest which may lack anything."""

    def judged(inputs: dict, expectations: dict, raw: Any) -> Verdict:
        if not isinstance(raw, dict):
            return Verdict(0.0, "The check got no answer.")
        if "error" in raw:
            return Verdict(0.0, stopped(raw))
        if not isinstance(raw.get("manifest"), dict):
            return Verdict(0.0, "manifest() returns no dictionary: is there a return?")
        found = look(raw["manifest"])
        bad = [message for _, right, message in found if message and not right]
        share = sum(weight for weight, right, _ in found if right) / sum(
            weight for weight, _, _ in found
        )
        return Verdict(share, " ".join(dict.fromkeys(bad))[:900])

    judged.__name__ = f"judge_{look.__name__}"  # by which the student's copy finds it
    return judged


# ---- reading


def number(value: Any) -> float | None:
    """A finite number as float; None for anything else."""
    if type(value) is int and abs(value) < 10**300:
        return float(value)
    return value if type(value) is float and math.isfinite(value) else None


def whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**9


def words(value: Any) -> list[str]:
    """A command as words, with ``course`` for every way to start it; empty for what is none."""
    try:
        said = shlex.split(value) if isinstance(value, str) and len(value) < 5000 else []
    except ValueError:
        return []
    module = (
        len(said) > 2
        and re.fullmatch(r"(.*[/\\])?python[\d.]*(\.exe)?", said[0])
        and said[1] == "-m"
    )
    return ["course", *said[3:]] if module and said[2] == "course_lib.cli" else said


def read_grid(text: Any) -> dict[str, dict] | None:
    """By row what the grid sets: ``method``, ``data``, ``steps``, ``seeds``, ``settings``. None if it is no grid."""
    try:
        grid = tomllib.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return None
    rows, shared = grid.get("rows"), grid.get("set", {})
    if (
        not isinstance(rows, dict)
        or not rows
        or not isinstance(shared, dict)
        or not set(grid) <= OF_GRID
    ):
        return None
    if not all(isinstance(own, dict) for own in rows.values()):
        return None
    out = {}
    for name, own in rows.items():
        values = {key: own.get(key, grid.get(key)) for key in ("method", "data", "steps", "seeds")}
        seeds = values["seeds"]
        if (
            not isinstance(seeds, list)
            or not all(map(whole, seeds))
            or not seeds
            or len(set(seeds)) < len(seeds)
        ):
            return None
        if not whole(values["steps"]) or not all(
            isinstance(values[key], str) for key in ("method", "data")
        ):
            return None
        settings = shared | {key: value for key, value in own.items() if key not in OF_ROW}
        out[name] = values | {
            "settings": sorted(f"{key}={value}" for key, value in settings.items())
        }
        out[name]["direction"] = own.get("direction", grid.get("direction", "xy"))
    return out


def read_rows(found: Any) -> list[dict] | None:
    """The rows of the table, if each has a text as row, a seed and an entry ``value`` of any kind."""
    if not isinstance(found, list) or not found:
        return None
    right = (
        isinstance(r, dict) and isinstance(r.get("row"), str) and whole(r.get("seed"))
        for r in found
    )
    return found if all(right) else None


# What is known of metrics, by name or by its last part: the good direction if there is one, and the values it can take.
METRICS = {
    "l1": ("lower", 0, 2), "psnr": ("higher", -10, 200), "ssim": ("higher", -1, 1), "ssim_signed": ("higher", -1, 1),
    "top1": ("higher", 0, 1), "top5": ("higher", 0, 1), "iou": ("higher", 0, 1), "pixel": ("higher", 0, 1),
    "class": ("higher", 0, 1), "histogram_intersection": ("higher", 0, 1), "frechet_features": ("lower", 0, math.inf),
    "ratio": (None, 0, math.inf),
}  # fmt: skip
SHARES = (
    "top1",
    "top5",
    "copy_top1",
    "copy_top5",
    "copy_l1",
)  # of few images: they are short, and meet by chance


def known(m: dict) -> tuple[str | None, float, float]:
    """The good direction of the metric (None: either), its least and its largest value."""
    name = m["metric"].removeprefix("yx_") if isinstance(m.get("metric"), str) else ""
    free = None, -math.inf, math.inf
    if name.startswith(("copy_", "real_", "nearest_")):  # large or small, as the claim has it
        return free
    return METRICS.get(name, METRICS.get(name.rpartition("_")[2], free))


# ---- complete


def complete(m: dict) -> list[Finding]:
    out = []
    for name, kind in ENTRIES.items():
        if name not in m:
            out.append((1, False, f"The manifest lacks {name}."))
        elif not isinstance(m[name], kind) or not m[name] or (kind is str and not m[name].strip()):
            out.append((1, False, f"{name} must be {WORDS[kind]} that is not empty."))
        else:
            out.append((1, *content(name, m[name])))
    return out


def content(name: str, value: Any) -> tuple[bool, str]:
    """Whether an entry of the right type says what it should."""
    if name == "question":
        return len(value) >= 20 and value.rstrip().endswith(
            "?"
        ), "question must be a whole sentence that asks."
    if name == "claim":
        right = len(value) >= 20 and "?" not in value
        return right, "claim must be a whole sentence that can turn out wrong, not a question."
    if name == "better":
        return value in (
            "higher",
            "lower",
        ), "better says which direction of the metric is good, in one of two words."
    if name == "seeds":
        right = all(map(whole, value)) and len(set(map(str, value))) == len(value)
        return right, "seeds must be different whole numbers."
    if name == "version":
        right = bool(re.search(r"course_lib \d+\.\d+.*torch \d+\.\d+", value))
        return (
            right,
            "version must name the versions of course_lib and torch as the sweep's table does.",
        )
    if name == "machine":
        return bool(
            re.search(r"CPU|GPU|CUDA|MPS", value)
        ), "machine must say on what it ran: CPU or GPU, which, cores."
    if name == "interval":
        return interval_entries(value)
    if name == "verdict":
        return value in VERDICTS, f"verdict is one of three words: {', '.join(VERDICTS)}."
    return True, ""


def interval_entries(value: dict) -> tuple[bool, str]:
    found = [number(value.get(name)) for name in ("mean", "low", "high")]
    if found == [None] * 3 and all(value.get(name) == "nan" for name in ("mean", "low", "high")):
        found = [0.0] * 3  # with a run that ended in nan there is no interval
    if None in found:
        return False, "interval needs mean, low and high, each a finite number."
    if not found[1] <= found[0] <= found[2]:
        return (
            False,
            "The mean must lie between low and high: are the ends of the interval swapped or half-widths?",
        )
    kind = value.get("kind")
    right = isinstance(kind, str) and "95" in kind and "paired" in kind.lower()
    return (
        right,
        "interval needs a kind that says how it was computed: which level, of what, paired or not.",
    )


# ---- the design


def design(m: dict) -> list[Finding]:
    rows = read_grid(m.get("grid"))
    if rows is None:
        text = "grid must hold the whole text of the TOML file that was swept: shared values, seeds, and its rows."
        return [(1, False, text)]
    seeds, plans = m.get("seeds"), [sorted(row["seeds"]) for row in rows.values()]
    sides = [
        rows.get(m[name]) if isinstance(m.get(name), str) else None for name in ("more", "less")
    ]
    same = sides[0] is not None and sides[0] == sides[1]
    few = f"A row of the grid has fewer than {LEAST_SEEDS} seeds: chance alone could make such a difference."
    told = isinstance(seeds, list) and all(map(whole, seeds)) and sorted(seeds) == plans[0]
    return [
        (
            3,
            len(rows) >= 2,
            "One variant is no comparison: an ablation needs what is taken away, and what is left.",
        ),
        (3, all(len(plan) >= LEAST_SEEDS for plan in plans), few),
        (
            1,
            all(plan == plans[0] for plan in plans),
            "The rows have different seeds: then they cannot be paired.",
        ),
        (1, told, "seeds are not those of the grid."),
        (
            1,
            None not in sides,
            "more and less must be names of two rows of the grid, spelt as there.",
        ),
        (
            2,
            known(m)[0] in (None, m.get("better")),
            "better contradicts the metric: which of its values are good?",
        ),
        (
            1,
            not same,
            "more and less are the same row, or rows with the same settings: nothing is compared.",
        ),
    ]


# ---- the rows


def table(m: dict) -> list[Finding]:
    grid, rows = read_grid(m.get("grid")), read_rows(m.get("rows"))
    if grid is None:
        return [
            (
                1,
                False,
                "Without a grid that can be read, nobody can say which rows there should be.",
            )
        ]
    if rows is None:
        return [
            (
                1,
                False,
                "Each entry of rows must be a dictionary with row (a text) and seed (a whole number).",
            )
        ]
    planned = {(name, seed) for name, row in grid.items() for seed in row["seeds"]}
    counts = Counter((row["row"], row["seed"]) for row in rows)
    keys = [row.get("key") for row in rows]
    hexes = all(isinstance(key, str) and re.fullmatch(r"[0-9a-f]{16}", key) for key in keys)
    lacking, extra = len(planned - set(counts)), len(set(counts) - planned)
    fits = [
        row["row"] in grid and repeats(row.get("command"), grid[row["row"]], row["seed"])
        for row in rows
    ]
    values = [number(row.get("value")) for row in rows]
    real, (_, least, most) = [value for value in values if value is not None], known(m)
    ended = all(
        value is not None or row.get("value") == "nan"
        for value, row in zip(values, rows, strict=True)
    )
    short = str(m.get("metric")).removeprefix("yx_") not in SHARES and all(
        round(v, 6) == v for v in real
    )
    possible = all(least <= value <= most for value in real)
    return [
        (
            8,
            not lacking,
            f"{lacking} runs of the grid are not among the rows: a table shows all runs, also bad ones.",
        ),
        (1, not extra, f"{extra} rows are not in the grid: do the names and seeds agree?"),
        (1, max(counts.values()) == 1, "A row with the same name and seed is there twice."),
        (
            6,
            ended,
            "A value is no finite number, nor nan, which a run has that ended without a score: what happened?",
        ),
        (
            2,
            possible,
            "A value is none that this metric can take: which column of the table was copied?",
        ),
        (2, not short, "All values are rounded: they are wanted as the sweep's table holds them."),
        (
            1,
            hexes and len(set(keys)) == len(keys),
            "Each row needs its own key: the 16 digits in the sweep's table.",
        ),
        (
            2,
            all(fits),
            "A row's command would not train it: compare method, data, steps, seed and --set to the grid.",
        ),
    ]


def repeats(command: Any, row: dict, seed: int) -> bool:
    """Whether a command trains this row of the grid with this seed."""
    said = words(command)
    if said[:2] != ["course", "train"] or said[2:3] != [row["method"]]:
        return False
    pairs = list(itertools.pairwise(said))
    wanted = {("--data", row["data"]), ("--steps", str(row["steps"])), ("--seed", str(seed))}
    settings = sorted(value for option, value in pairs if option == "--set")
    return wanted <= set(pairs) and settings == row["settings"]


# ---- the command, and which data chose


def command(m: dict) -> list[Finding]:
    said = words(m.get("command"))
    valid = "command must be one that runs: course sweep GRID.toml, with no options but those of course sweep --help."
    if said[:2] != ["course", "sweep"]:
        return [(1, False, valid)]
    rest, grids, given = said[2:], [], set()
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if not word.startswith("-"):
            grids.append(word)
            continue
        value = value if equals else rest.pop(0) if rest else ""
        number = option != "--workers" or re.fullmatch(r"[1-9]\d{0,3}", value)
        if option not in OPTIONS or not value or not number or option in given:
            return [(1, False, valid)]
        given.add(option)
    file = m.get("grid_file")
    same = isinstance(file, str) and file.endswith(".toml") and len(grids) == 1
    same = same and PurePosixPath(grids[0]).name == PurePosixPath(file).name
    return [
        (1, len(grids) == 1 and not given >= {"--scheduler", "--workers"}, valid),
        (1, same, "command and grid_file name different grids, or one is no TOML file."),
    ]


def splits(m: dict) -> list[Finding]:
    chosen = (
        "What is chosen on the data that it is reported on looks better than it is: see chosen_on."
    )
    reported = "The sweep scores one split of the data, and so does the claim: see reported_on."
    return [(1, m.get("chosen_on") == "val", chosen), (1, m.get("reported_on") == "test", reported)]


judge_complete, judge_design, judge_table, judge_command, judge_splits = map(
    judge, (complete, design, table, command, splits)
)
