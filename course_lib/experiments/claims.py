"""Claims of papers, and one rule that judges them by the tables of our sweeps.

    notebooks/guide/claims.toml, notebooks/sweeps/*.csv -> a verdict for each claim

The rule: the difference of two rows is taken seed by seed, over the seeds that both have, and if
the 95 % interval of its mean (Student's t) leaves out 0 on the paper's side, the verdict is SAME,
if it does so on the other side, OPPOSITE, else OPEN. One seed has no interval.
"""

import math
import statistics
import tomllib
from dataclasses import dataclass
from pathlib import Path

from course_lib.data.files import read_words
from course_lib.errors import CourseError, telling
from course_lib.experiments.sweep import table
from course_lib.metrics.intervals import interval

SAME, OPPOSITE, OPEN = "same direction", "opposite direction", "open"
CHOICES = {"better": ("higher", "lower"), "sanity": (False, True)}  # the other fields are texts


@dataclass(frozen=True)
class Claim:
    """One claim: the row ``more`` beats the row ``less`` of the table SWEEP.csv in ``metric``.

    The head of notebooks/guide/claims.toml says what each field is.
    """

    id: str
    claim: str
    short: str
    source: str
    paper: str
    sweep: str
    metric: str
    more: str
    less: str
    better: str = "higher"
    metric_less: str = ""
    proxy: str = ""
    sanity: bool = False
    why: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Finding:
    """What the tables say of a claim: a difference, positive on the paper's side, and its interval.

    ``more`` and ``less`` are the means of both rows over the ``seeds`` that they share. What cannot
    be known is nan. ``ahead`` counts the seeds in which the claim's side is ahead; ``ceiling`` is
    what real images get in the same score, if the table has it.
    """

    verdict: str
    difference: float
    low: float
    high: float
    more: float
    less: float
    seeds: int
    ahead: int
    ceiling: float


def read_claims(path: Path) -> list[Claim]:
    """The claims of a TOML file, in order. CourseError for what is missing, misspelt or twice."""
    fix = "see the head of notebooks/guide/claims.toml"
    with telling(
        (OSError, ValueError, KeyError, TypeError, AttributeError), "no readable claims", path, fix
    ):
        entries = tomllib.loads(read_words(path))["claim"]
        for entry in entries:
            for name, value in entry.items():
                good = value in CHOICES[name] if name in CHOICES else isinstance(value, str)
                if not good:
                    raise ValueError(f"{name} = {value!r} of {entry['id']!r}")
        claims = [Claim(**entry) for entry in entries]
    ids = [claim.id for claim in claims]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise CourseError(f"several claims are called {', '.join(twice)}", path, fix)
    return claims


def judge(claims: list[Claim], folder: Path) -> dict[str, Finding]:
    """By id, what the tables in ``folder`` say of each claim. CourseError for a score they lack."""
    return {claim.id: _judged(claim, folder) for claim in claims}


def verdict(low: float, high: float) -> str:
    """What the interval of a difference says, which is positive on the paper's side."""
    return SAME if low > 0 else OPPOSITE if high < 0 else OPEN


def _judged(claim: Claim, folder: Path) -> Finding:
    rows = [_rows(side, claim.sweep, folder) for side in (claim.more, claim.less)]
    more = values(rows[0], claim.metric, f"claim {claim.id}")
    less = values(rows[1], claim.metric_less or claim.metric, f"claim {claim.id}")
    seeds = sorted(more.keys() & less.keys())
    sign = 1 if claim.better == "higher" else -1
    differences = [sign * (more[seed] - less[seed]) for seed in seeds]
    _, low, high, _ = interval(differences) if len(seeds) > 1 else [math.nan] * 4
    first = rows[0][0] if rows[0] else {}
    return Finding(
        verdict=verdict(low, high),
        difference=_mean(differences),
        low=low,
        high=high,
        more=_mean([more[seed] for seed in seeds]),
        less=_mean([less[seed] for seed in seeds]),
        seeds=len(seeds),
        ahead=sum(difference > 0 for difference in differences),
        ceiling=first.get(f"{claim.metric}_true", math.nan),
    )


def _mean(numbers: list[float]) -> float:
    return statistics.fmean(numbers) if numbers else math.nan


def values(rows: list[dict], metric: str, where: object) -> dict[int, float]:
    """The metric of a row of a table, which has one entry a seed, by seed."""
    try:
        return {row["seed"]: measure(metric, row) for row in rows}
    except KeyError as error:
        raise CourseError(f"no score {error}", where, f"choose from {[*rows[0]]}") from None


def _rows(side: str, sweep: str, folder: Path) -> list[dict]:
    """What the table has of a row, one entry a seed; nothing of one that is not there."""
    sweep, _, name = side.rpartition(": ") if ": " in side else (sweep, "", side)
    path = folder / f"{sweep}.csv"
    return [row for row in table(path) if row["row"] == name] if path.exists() else []


def measure(metric: str, scores: dict) -> float:
    """``"a"``, ``"a / b"`` or ``"a - b"`` of named scores, where b may be a number."""
    name, operation, second = [*metric.split(), "-", "0"][:3]
    other = float(second) if second[0].isdigit() else scores[second]
    if operation == "-":
        return scores[name] - other
    return scores[name] / other if other else math.nan
