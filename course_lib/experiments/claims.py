"""Claims: what the papers say, what the sweeps found, and a verdict by a rule that claims.toml states at its head.

Tables of results come from ``course sweep``; ledger.py writes the page of all verdicts.
"""

import math
import statistics
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.experiments import evidence
from course_lib.experiments.sweep import table

REPRODUCED, CONTRADICTED, PARTLY = "reproduced", "contradicted", "partly"
UNDECIDED, NOT_DECIDABLE = "not decided at this scale", "not decidable"
NO_VERDICT, NOT_RUN = "no verdict (one seed)", "not run"
VERDICTS = (REPRODUCED, PARTLY, UNDECIDED, CONTRADICTED, NOT_DECIDABLE, NO_VERDICT, NOT_RUN)
KINDS = ("replication", "own")
LEAST_SEEDS = 5
LEVEL = 0.05  # of p after Benjamini and Hochberg
IMAGES = 100  # of a table that does not say over how many a share was counted


@dataclass(frozen=True)
class Claim:
    """One claim: ``more`` beats ``less`` in ``metric``, or differs by no more than ``within``, or ``order`` holds."""

    id: str
    claim: str
    source: str
    paper: str
    sweep: str
    metric: str
    kind: str = (
        "replication"  # or "own": a target of this course, or one that no paper gives a result for
    )
    metric_less: str = ""  # of ``less``, if it is measured by another score
    better: str = "higher"
    more: str | float | None = None  # a row, "SWEEP: ROW", or a number
    less: str | float | None = None
    within: float | None = None
    order: dict[str, float] | None = None  # the paper's value of each row
    picture: str = ""
    why: str = ""

    def __post_init__(self):
        sides = sum(side is not None for side in (self.more, self.less))
        rows = any(isinstance(side, str) for side in (self.more, self.less))
        for name, value, allowed in (
            ("better", self.better, ("higher", "lower")),
            ("kind", self.kind, KINDS),
        ):
            if value not in allowed:
                raise CourseError(
                    f"{name} is {value!r}", f"claim {self.id}", f"choose {' or '.join(allowed)}"
                )
        if not (
            sides == 0 and len(self.order) > 2 if self.order is not None else sides == 2 and rows
        ):
            fix = "give more and less, one of them a row, or order with three rows or more"
            raise CourseError("nothing to compare", f"claim {self.id}", fix)
        if self.within is not None and (self.order is not None or not self.within > 0):
            fix = "give a margin above 0, for a difference"
            raise CourseError(f"within is {self.within}", f"claim {self.id}", fix)


@dataclass(frozen=True)
class Table:
    """When the claims of a sweep were written down and its results first seen, and what was changed around that."""

    name: str
    entered: datetime
    seen: datetime | None = None  # while there are none
    before: str = ""  # what was changed between the two
    rerun: str = ""  # what was run again after the first look
    older: Sequence[
        str
    ] = ()  # methods whose rows are older than a change of their code that changes results

    @property
    def after_the_fact(self) -> bool:
        return self.seen is not None and self.entered >= self.seen


def read_claims(path: Path) -> list[Claim]:
    """The claims of a TOML file, in order. Raises CourseError for what is missing, misspelt or there twice."""
    return _read(path, "claim", Claim, "id")


def read_tables(path: Path) -> dict[str, Table]:
    """By name, what the file says of its tables. Raises CourseError as :func:`read_claims`."""
    return {found.name: found for found in _read(path, "table", Table, "name")}


def _read(path: Path, key: str, kind: type, name: str) -> list:
    try:
        entries = tomllib.loads(Path(path).read_text(encoding="utf-8"))[key]
        found = [kind(**entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"no readable {key}s: {error}", path, "see the head of notebooks/claims.toml"
        ) from None
    if twice := [
        called for called, count in Counter(entry[name] for entry in entries).items() if count > 1
    ]:
        raise CourseError(
            f"several {key}s are called {', '.join(twice)}", path, "give each its own name"
        )
    return found


def judge(claims: list[Claim], folder: Path) -> dict[str, dict]:
    """By id, what the tables SWEEP.csv in ``folder`` say of each claim. Give all claims of a table: see ``adjusted``.

    mean, low, high: of the difference over seeds with its 95 % interval, positive on the paper's side, or of tau for an
    order; ``effect``: Cohen's d; ``more`` and ``less``: the means of both rows over the common seeds; ``n``: these
    seeds; ``p`` and the smallest ``least_p`` that so many seeds allow; ``adjusted``: p after Benjamini and Hochberg
    over all that the claims given here ask of one table; ``verdict``. An order has ``pairs``, a Claim and what was
    found for each two of its rows; its own p is that of the permutations. What cannot be known is nan.
    """
    found = {claim.id: _found(claim, folder) for claim in claims}
    singles = [
        pair
        for claim in claims
        for pair in found[claim.id].get("pairs", [(claim, found[claim.id])])
    ]
    for name in dict.fromkeys(claim.sweep for claim in claims):
        # the same question asked twice counts once; a score that is nan has decided nothing
        asked = {
            _question(c): f["p"] for c, f in singles if c.sweep == name and f["n"] >= LEAST_SEEDS
        }
        ps = [1.0 if math.isnan(p) else p for p in asked.values()]
        family = dict(zip(asked, evidence.adjusted(ps), strict=True))
        for c, f in singles:
            if c.sweep == name:
                f["adjusted"] = family.get(_question(c), math.nan)
                f["verdict"] = _decided(f, c.within or 0.0)
    for it in found.values():
        if "pairs" in it:
            it["verdict"] = _of_order(it)
    return found


def verdict(low: float, high: float, within: float = 0.0) -> str:
    """What an interval says of a difference, positive on the paper's side; with ``within`` that there is none."""
    if within:
        outside = low > within or high < -within
        return (
            REPRODUCED
            if -within < low and high < within
            else CONTRADICTED
            if outside
            else UNDECIDED
        )
    return REPRODUCED if low > 0 else CONTRADICTED if high < 0 else UNDECIDED


def _too_few(seeds: int) -> str:
    """What is said of too few seeds; empty for enough."""
    return (
        ""
        if seeds >= LEAST_SEEDS
        else NOT_DECIDABLE
        if seeds > 1
        else NO_VERDICT
        if seeds
        else NOT_RUN
    )


def _decided(found: dict, within: float) -> str:
    """The rule for two rows: too few seeds, or the interval's verdict if p after the correction bears it."""
    if few := _too_few(found["n"]):
        return few
    return verdict(found["low"], found["high"], within) if found["adjusted"] <= LEVEL else UNDECIDED


def _of_order(found: dict) -> str:
    """The rule for an order: reproduced only if each pair is; partly if some are; contradicted if only others are."""
    each = Counter(pair["verdict"] for _, pair in found["pairs"])
    if few := _too_few(found["n"]):
        return few
    if each[REPRODUCED]:
        return PARTLY if each[REPRODUCED] < each.total() else REPRODUCED
    return CONTRADICTED if each[CONTRADICTED] else UNDECIDED


def _question(claim: Claim) -> tuple:
    """What a claim asks of its table, whichever of its two sides it prefers."""
    sides = frozenset({(claim.more, claim.metric), (claim.less, claim.metric_less or claim.metric)})
    return sides, claim.within


def _found(claim: Claim, folder: Path) -> dict:
    """What the tables say of one claim, before anything is known of the others."""
    sign = 1 if claim.better == "higher" else -1
    if claim.order is None:
        more = _values(claim.more, claim.metric, claim.sweep, folder)
        less = _values(claim.less, claim.metric_less or claim.metric, claim.sweep, folder)
        seeds = _common(more, less)
        sides = [
            [side[seed] for seed in seeds] if isinstance(side, dict) else side
            for side in (more, less)
        ]
        found = evidence.difference(
            *sides, evidence.scale_of(claim.metric, _images(claim, folder)), claim.within or 0
        )
        if sign < 0:
            found |= {
                "mean": -found["mean"],
                "low": -found["high"],
                "high": -found["low"],
                "effect": -found["effect"],
            }
        means = [
            statistics.fmean(s) if seeds and isinstance(s, list) else s if seeds else math.nan
            for s in sides
        ]
        return found | {
            "more": means[0],
            "less": means[1],
            "n": len(seeds),
            "least_p": evidence.least_p(len(seeds)),
        }
    pairs = [replace(claim, order=None, more=a, less=b) for a, b in evidence.pairs(claim.order)]
    rows = {row: _values(row, claim.metric, claim.sweep, folder) for row in claim.order}
    seeds = [{row: sign * rows[row][seed] for row in rows} for seed in _common(*rows.values())]
    taus = [evidence.tau(ours, claim.order) for ours in seeds]
    found = evidence.difference(taus, 0.0, evidence.Scale(-1.0, 1.0, True, len(pairs)))
    p, least = evidence.order_p(seeds, claim.order)
    found |= {
        "p": p,
        "least_p": least,
        "adjusted": math.nan,
        "more": math.nan,
        "less": math.nan,
        "n": len(seeds),
    }
    return found | {"pairs": [(pair, _found(pair, folder)) for pair in pairs]}


def _images(claim: Claim, folder: Path) -> int:
    """On how many images the scores of a claim's table were measured."""
    path = folder / f"{claim.sweep}.csv"
    counts = [entry.get("n", IMAGES) for entry in table(path)] if path.exists() else []
    return int(min((n for n in counts if n > 0), default=IMAGES))


def _common(*sides: dict[int, float] | float) -> list[int]:
    return sorted(set.intersection(*(set(side) for side in sides if isinstance(side, dict))))


def _values(side: str | float, metric: str, sweep: str, folder: Path) -> dict[int, float] | float:
    """The metric of a row by seed; a number is itself."""
    if not isinstance(side, str):
        return float(side)
    sweep, row = side.split(": ") if ": " in side else (sweep, side)
    path = folder / f"{sweep}.csv"
    found = [entry for entry in table(path) if entry["row"] == row] if path.exists() else []
    try:
        return {entry["seed"]: measure(metric, entry) for entry in found}
    except KeyError as error:
        raise CourseError(
            f"no score {error}", path, f"a claim asks for {metric} of {row!r}"
        ) from None


def measure(metric: str, scores: dict) -> float:
    """``"a"``, ``"a / b"`` or ``"a - b"`` of named scores, where b may be a number."""
    name, operation, second = [*metric.split(), "", ""][:3]
    value = scores[name]
    if not operation:
        return value
    other = float(second) if second[0].isdigit() else scores[second]
    return value - other if operation == "-" else value / other if other else math.nan
