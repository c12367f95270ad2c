"""Problem set 5, an ablation of one's own: differences, intervals and a rule. For the parent only.

The manifest is graded by a person, by the rubric in the notebook.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from checks.judges import facet, table
from checks.probes.tools import encode
from checks.ps5_interval import T, interval, wrong_intervals
from checks.reference import differing
from torch import Tensor

# What a student is told.
SAY = {
    "below 0": "A variance comes out below 0: take the differences from the mean before they are "
    "squared.",
    "return": "Nothing comes back: is there a return?",
    # differences
    "partners": "Another number of differences than there are pairs: which runs belong together, "
    "and which have no partner?",
    "turned": "The sign is turned around: positive is where `more` is better. Which way is that?",
    "lower": "For a metric of which lower is better the sign is that of one of which higher is "
    "better.",
    "order of rows": "The values are paired in the order of the rows: what belongs together?",
    "order of seeds": "The differences are not in the order of the seeds.",
    "positive": "All differences are positive: their sign says who was better.",
    "mean": "One number comes back: the mean is taken later, the differences are asked for.",
    "all pairs": "Every run is compared with every other one: what belongs together?",
    "divided": "The differences are divided: leave them.",
    "entry": "It looks for an entry that no row has: there are row, seed and value.",
    "half a pair": "A seed that only one of the two rows has stops it: what can be done with half "
    "a pair?",
    "unequal": "The two rows have different numbers of runs, and that stops it: what belongs "
    "together?",
    # intervals
    "pair": "The result is not three numbers: mean, low, high.",
    "interval": "The interval of {} values is wrong.",
    "squares": "The square of a number near 1e200 is no float: divide by the largest one first.",
    "divisor": "A division by 0: by what, for how many values?",
    # verdicts
    "above": "The verdict is wrong where all is on the claim's side.",
    "below": "The verdict is wrong where all is on the other side: what does that say about the "
    "claim?",
    "across": "The verdict is wrong where the interval holds 0.",
    "few": "Two or three runs decide: with fewer than three differences nothing can be said, "
    "however far from 0.",
    "nan": "A run that ended in nan decides nothing, but here the verdict is another one.",
    "holds 0": "A difference that may be 0 decides: what is the interval?",
    "holds 0, below": "A difference below 0 that may be 0 decides: what is the interval?",
    "holds 0, three": "A difference of three seeds that may be 0 decides: what is the interval?",
    "holds 0, many": "A difference of forty seeds that may be 0 decides: what is the interval?",
    "three": "Three differences may decide, and here they do.",
    "many": "Forty differences, or more, get the wrong verdict.",
    "skewed": "Differences of which some are large get the wrong verdict.",
    "even": "Equal differences, all on one side, get the wrong verdict.",
    "zeros": "Differences that are all 0 decide: on which side are they?",
    "zero": "A single difference of exactly 0 among others is left out, or decides alone.",
    "twice": "Values that are there twice count twice.",
    "mostly": "The mean and its interval decide, not how many are above 0.",
    "small": "A small difference that is sure gets the wrong verdict: how small may it be?",
    "spelling": "No verdict is spelt {!r}: the task gives three words.",
    "a word": "A verdict is one of three words.",
    "no verdict": "No verdict comes back: is a case without one?",
}
# Of each table of runs.
DIFFERENCES = {
    "higher": "The differences are wrong: which minus which?",
    "lower": "Wrong where lower is better.",
    "mixed": "Wrong for a table whose rows are mixed, and which has a third one.",
    "holes": "Wrong where a seed is missing on one side.",
    "ended": "Wrong where a run ended in nan: its difference is nan, and it stays.",
    "no pair": "Wrong where no seed has both runs: no difference is left.",
    "equal": "Wrong where both runs of a seed have the same value: 0 is a difference, too.",
    "small": "Wrong where values are very small: the task asks for all digits.",
    "named": "Wrong where other rows have almost the same name: names are equal or not.",
    "far": "Wrong for large seeds and negative values: which order, which sign?",
}
BELOW_0 = ["math domain", SAY["below 0"]]
RETURN = ["check: TypeError: 'NoneType'", SAY["return"]]
UNITS = {"huge": 1e200, "huge or zero": 1e200, "least": 1e-170}  # whose squares are no floats
# kinds of values
SPECIAL = ("equal", "zeros", "small", "tiny", "nearly equal", "mostly near", *UNITS)


def doubles(values) -> Tensor:
    return torch.tensor(np.asarray(values, float))


def numbers(values) -> dict:
    return encode(doubles(values))


def other(wrong: list, right) -> list:
    """Pairs (value, message) of the wrong answers that differ from the right one."""
    return differing([(doubles(x), text) for x, text in wrong], doubles(right), 5e-3, 1e-7)


# ---- differences, seed by seed


def runs(rng: np.random.Generator, plan: dict[str, list[int]]) -> list[list]:
    """Rows (name, seed, value) of a table; seeds share luck, and the last one turns the order
    round.
    """
    luck = dict(zip(range(100), rng.normal(0, 0.5, 100), strict=True))
    return [
        [
            name,
            seed,
            float(
                0.6
                + 0.11 * i * (-1 if seed == seeds[-1] else 1)
                + luck[seed % 100]
                + rng.normal(0, 0.02)
            ),
        ]
        for i, (name, seeds) in enumerate(plan.items())
        for seed in seeds
    ]


def difference_facet(key: str, case: dict) -> dict:
    a, b = (
        {s: float(v) for name, s, v in case["rows"] if name == case[side]}
        for side in ("more", "less")
    )
    seeds, sign = sorted(set(a) & set(b)), 1 if case["better"] == "higher" else -1
    right = [sign * (a[s] - b[s]) for s in seeds]
    wrong = {
        "turned" if sign > 0 else "lower": [-x for x in right],
        "order of rows": [sign * (x - y) for x, y in zip(a.values(), b.values(), strict=False)],
        "order of seeds": [sign * (a[s] - b[s]) for s in a if s in b],
        "positive": [abs(x) for x in right],
        "mean": [sign * (sum(a.values()) / len(a) - sum(b.values()) / max(1, len(b)))],
        "all pairs": [sign * (x - y) for _, x in sorted(a.items()) for _, y in sorted(b.items())],
        "divided": [sign * (a[s] - b[s]) / (abs(b[s]) or 1) for s in seeds],
    }
    return facet(
        key,
        numbers(right),
        DIFFERENCES[key],
        wrong=other([(values, SAY[way]) for way, values in wrong.items()], right),
        atol=1e-25,  # a difference of two numbers has all digits
        shape=DIFFERENCES[key] if key in ("equal", "named") else SAY["partners"],
        errors=[
            RETURN,
            ["KeyError: '", SAY["entry"]],
            *([error, SAY["half a pair"]] for error in ("KeyError", "StopIteration")),
            *([error, SAY["unequal"]] for error in ("zip()", "same length")),
        ],
    )


def differences(rng: np.random.Generator, hidden: bool) -> tuple[dict, dict]:
    a, b, c = [["cycle", "no cycle", "cycle twice"], ["pool", "no pool", "pool of 50"]][
        int(rng.integers(2))
    ]
    a, b = (b, a) if hidden else (a, b)  # names that hold one another
    seeds = [0, *sorted((2 + rng.choice(8, 2, replace=False)).tolist()), int(rng.integers(10, 20))]
    plain = runs(rng, {a: seeds, b: seeds})
    cases = {"higher": plain, "lower": plain}
    if hidden:
        mixed = runs(rng, {c: seeds, b: seeds, a: seeds})
        mixed = [mixed[i] for i in (7, 2, 10, 5, 0, 8, 3, 11, 4, 1, 9, 6)]
        holes = runs(rng, {a: [*seeds[:3], 31, 34], b: [*seeds[1:], 33]})
        mixed[8][2] = holes[1][2] = 0.0  # a value like any other
        ended = [[*row[:2], "nan" if row[1] == seeds[2] else row[2]] for row in mixed]
        equal = [[*row[:2], 0.5 if row[1] == seeds[1] else row[2]] for row in mixed]
        small = [[*row[:2], 1e-13 * row[2]] for row in plain]
        named = plain + runs(rng, {name: seeds for name in (a.upper(), f" {a}", f"{a} twice")})
        far = [1_000_003, 5, 150, 1024]  # a set has them in another order
        below = [[*row[:2], row[2] - 9] for row in runs(rng, {a: far, b: far})]
        cases = {
            "mixed": mixed,
            "holes": holes,
            "ended": ended,
            "no pair": runs(rng, {a: seeds}),
            "equal": equal,
            "small": small,
            "named": named,
            "far": below,
        }
    inputs = {
        name: {
            "rows": rows,
            "more": a,
            "less": b,
            "better": "lower" if name == "lower" else "higher",
        }
        for name, rows in cases.items()
    }
    items = [difference_facet(name, case) for name, case in inputs.items()]
    return {"cases": inputs}, {"facets": items}


# ---- an interval


def changed(name: str, x: np.ndarray) -> np.ndarray:
    """The values of a case, made of values drawn for it."""
    match name:
        case "equal" | "zeros":
            return np.full(len(x), x[0] if name == "equal" else 0.0)
        case "small" | "tiny":
            return x / (1e4 if name == "small" else 1e9)
        case "even" | "wider":
            return (np.arange(5) - 2.0) * (0.5 if name == "even" else 1.5)  # of the same mean
        case "nearly equal":
            return 1e6 + x / 1e3
        case "mostly near":  # all but one
            return np.where(np.arange(len(x)) == len(x) // 2, 1e3, x)
        case "holding 0" | "holding one 0" | "huge or zero":
            return np.where(np.arange(len(x)) < (2 if name == "holding 0" else 1), 0.0, x)
    return x


def intervals(rng: np.random.Generator, sizes: dict[str, int]) -> tuple[dict, dict]:
    cases, items = {}, []
    for name, n in sizes.items():
        x = np.sort(rng.normal(rng.uniform(-2, 2), rng.uniform(0.5, 2), n))
        x = np.r_[x[1], x[-1], x[0], x[2:-1]] if n > 2 else x  # sorted in neither direction
        x, unit = changed(name, x), UNITS.get(name, 1.0)
        cases[name], right = numbers(unit * x), unit * np.array(interval(x))
        wrong = other(wrong_intervals(x), right) if unit == 1 else []
        kind = f"{n} {name}" if name in SPECIAL else f"{n}"
        items.append(
            facet(
                name,
                numbers(right),
                SAY["interval"].format(kind),
                wrong=wrong,
                shape=SAY["pair"],
                errors=[
                    *(RETURN, BELOW_0),
                    ["ZeroDivision", SAY["divisor"]],
                    ["Overflow", SAY["squares"]],
                ],
                rtol=1e-9,
                # what the order of sums and the rounding of the mean can do
                atol=unit * 1e-12 + 1e-9 * (right[2] - right[1]) + 1e-14 * abs(right[0]),
            )
        )
    return {"cases": cases}, {"facets": items}


# ---- the rule


def spread(mean: float, half: float, n: int) -> np.ndarray:
    """n values with this mean, whose interval has this half-width."""
    x = np.sin(0.5 + 3.7 * np.arange(n) ** 2)  # irregular, and the same at every key
    x = (x - x.mean()) / x.std(ddof=1)
    return mean + x * half * math.sqrt(n) / T[min(n - 2, len(T) - 1)]


# A term may have begun with the words of version 0.1: they count as well.
OLDER = {"same direction": "supported", "opposite direction": "contradicted", "open": "open"}
SAME, OPPOSITE, _ = OLDER


def below_0(values: list[float]) -> float:
    """The larger one of two variances as mean square minus squared mean, which rounding can bring
    below 0 where all values are equal.
    """
    squares, n = sum(d * d for d in values), len(values)
    return max(squares - n * mean**2 for mean in (math.fsum(values) / n, sum(values) / n))


def clear(u: float, n: int) -> dict[str, tuple]:
    """Cases by name: the differences, the verdict, and the key of what to say if it is wrong."""
    return {
        "above": (spread(u, u / 2, n), SAME, "above"),
        "below": (spread(-u, u / 2, n), OPPOSITE, "below"),
        "across": (spread(u / 5, u, n), "open", "across"),
    }


def edges(u: float, n: int) -> dict[str, tuple]:
    """As :func:`clear`, at the edges of the rule."""
    edge, even = 0.995, [u] * n  # the quantiles have four digits
    first, last = (spread(u, u / 4, n) for _ in range(2))
    first[0] = last[-1] = math.nan
    while below_0(even) >= 0:
        even = [1.01 * d for d in even]
    return {
        "least": (spread(u, u / 4, n) * 1e-170, SAME, "small"),
        "least below": (spread(-u, u / 4, n) * 1e-170, OPPOSITE, "small"),
        "nearly equal": (spread(1e6 * u, 1e-3 * u, n), SAME, "even"),
        "a 0": (u * np.array([1, 0, 1.1, 0.9, 1.05, 0.95, 1, 1]), SAME, "zero"),
        "a 0, open": (u * np.array([1, 0, 1.02, 0.98]), "open", "zero"),
        "repeated": (u * np.array([1.0] * 7 + [0.9, -0.2]), SAME, "twice"),
        "mostly": (np.where(np.arange(40) < 16, -0.1 * u, 3 * u), SAME, "mostly"),
        "barely": (spread(2e-7 * u, 2e-7 * edge * u, n), SAME, "small"),
        "barely below": (spread(-2e-7 * u, 2e-7 * edge * u, n), OPPOSITE, "small"),
        "some 0": (np.r_[np.zeros(5), spread(u, u / 4, 3)], "open", "holds 0"),
        "three": (spread(u, edge * u, 3), SAME, "three"),
        "a hundred": (np.r_[np.full(60, 3 * u), np.full(60, -4 * u)], "open", "many"),
        "many": (spread(-u, 0.9992 * u, 40), OPPOSITE, "many"),
        # whose median says something else
        "skewed": (np.where(np.arange(35) < 22, 0.1 * u, 3 * u), SAME, "skewed"),
        "equal": (even, SAME, "even"),
        "zeros": (np.zeros(n), "open", "zeros"),
        "wide": (spread(u, u / edge, n), "open", "holds 0"),
        "wide below": (spread(-u, u / edge, n), "open", "holds 0, below"),
        "wide, three": (spread(u, u / edge, 3), "open", "holds 0, three"),
        "wide, many": (spread(u, u / 0.9992, 40), "open", "holds 0, many"),
        "two": (np.array([u, u * 1.001]), "open", "few"),
        "one": (np.array([-u]), "open", "few"),
        "none": (np.array([]), "open", "few"),
        "nan": (first, "open", "nan"),
        "nan at the end": (last, "open", "nan"),
    }


MISSPELT = (
    *("Same direction", "same", "Opposite direction", "opposite"),
    *("undecided", "not decided", "Open", "refuted"),
)
VERDICT_ERRORS = [
    BELOW_0,
    *([name, SAY["few"]] for name in ("ZeroDivision", "Index", "StatisticsError")),
    ["check: TypeError", SAY["a word"]],
]


def decisions(rng: np.random.Generator, drawn: Callable[[float, int], dict]) -> tuple[dict, dict]:
    cases = drawn(rng.uniform(0.5, 2), 6)
    items = [
        facet(
            name,
            want,
            SAY[message],
            1 if want == "open" else 3,
            wants=[want, OLDER[want]],
            wrong=[[word, SAY["spelling"].format(word)] for word in MISSPELT],
            errors=VERDICT_ERRORS,
            none=SAY["no verdict"],
        )
        for name, (_, want, message) in cases.items()
    ]
    before = [numbers(x) for x, *_ in clear(1.0, 4).values()]
    inputs = {"cases": {name: numbers(x) for name, (x, *_) in cases.items()}, "before": before}
    return inputs, {"facets": items}


MANY = {
    **{"two": 2, "many": 12, "thirty": 31, "forty": 40, "small": 5, "equal": 6, "zeros": 4},
    **{"holding 0": 7, "tiny": 6, "nearly equal": 6, "holding one 0": 5, "a hundred": 150},
    **{"huge": 5, "least": 4, "even": 5, "wider": 5, "huge or zero": 4, "mostly near": 40},
}
CHECKS = table(
    (
        "differences_plain",
        "paired_differences",
        2,
        "which minus which",
        True,
        partial(differences, hidden=False),
        "differences",
    ),
    (
        "differences_pairs",
        "paired_differences",
        2,
        "mixed rows, seeds without partner",
        False,
        partial(differences, hidden=True),
        "differences",
    ),
    (
        "interval_few",
        "interval",
        2,
        "mean and ends for 3 and 5 values",
        True,
        partial(intervals, sizes={"five": 5, "three": 3}),
        "intervals",
    ),
    (
        "interval_sizes",
        "interval",
        2,
        "2 values, many, small ones, all equal, all 0",
        False,
        partial(intervals, sizes=MANY),
        "intervals",
    ),
    (
        "decide_clear",
        "decide",
        2,
        "the three verdicts",
        True,
        partial(decisions, drawn=clear),
        "decisions",
    ),
    (
        "decide_edges",
        "decide",
        2,
        "too few runs, nan, 0, an end of the interval near 0",
        False,
        partial(decisions, drawn=edges),
        "decisions",
    ),
)
