"""Claims of papers, judged by the tables of our sweeps, and the page of all verdicts, claims.md.

    course claims            claims.toml and sweeps/*.csv -> claims.md, all in notebooks/

The rule, for every claim: the difference of two rows is taken seed by seed, over the seeds that
both have, and its mean is given with the 95 % interval of Student's t. If the interval lies on the
paper's side of 0, the verdict is SAME; if it lies on the other side, OPPOSITE; else, and with fewer
than LEAST_SEEDS seeds, OPEN.
"""

import math
import statistics
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.experiments.sweep import table
from course_lib.metrics.intervals import interval

SAME, OPPOSITE, OPEN = "same direction", "opposite direction", "open"
LEAST_SEEDS = 3


@dataclass(frozen=True)
class Claim:
    """One claim: the row ``more`` beats the row ``less`` of the table SWEEP.csv in ``metric``.

    A row of another table is "SWEEP: ROW". ``sanity`` marks what holds by construction.
    """

    id: str
    claim: str
    source: str
    paper: str
    sweep: str
    metric: str
    more: str
    less: str
    better: str = "higher"
    metric_less: str = ""  # of ``less``, if another score measures it
    sanity: bool = False
    why: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Finding:
    """What the tables say of a claim: a difference, positive on the paper's side, and its interval.

    ``more`` and ``less`` are the means of both rows over the ``seeds`` that they share. What cannot
    be known is nan. ``ahead`` counts the seeds in which the claim's side is ahead.
    """

    verdict: str
    difference: float
    low: float
    high: float
    more: float
    less: float
    seeds: int
    ahead: int


def read_claims(path: Path) -> list[Claim]:
    """The claims of a TOML file, in order. CourseError for what is missing, misspelt or twice."""
    fix = "see the head of notebooks/claims.toml"
    try:
        entries = tomllib.loads(Path(path).read_text(encoding="utf-8"))["claim"]
        claims = [Claim(**entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"no readable claims: {error}", path, fix) from None
    counts = Counter(claim.id for claim in claims)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise CourseError(f"several claims are called {', '.join(twice)}", path, fix)
    if wrong := [c.id for c in claims if c.better not in ("higher", "lower")]:
        raise CourseError(f"better is neither higher nor lower of {', '.join(wrong)}", path, fix)
    return claims


def judge(claims: list[Claim], folder: Path) -> dict[str, Finding]:
    """By id, what the tables in ``folder`` say of each claim. CourseError for a score they lack."""
    return {claim.id: _judged(claim, folder) for claim in claims}


def verdict(low: float, high: float) -> str:
    """What the interval of a difference says, which is positive on the paper's side."""
    if low > 0:
        return SAME
    return OPPOSITE if high < 0 else OPEN


def _judged(claim: Claim, folder: Path) -> Finding:
    more = values(claim.more, claim.metric, claim.sweep, folder)
    less = values(claim.less, claim.metric_less or claim.metric, claim.sweep, folder)
    seeds = sorted(more.keys() & less.keys())
    sign = 1 if claim.better == "higher" else -1
    differences = [sign * (more[seed] - less[seed]) for seed in seeds]
    _, low, high, _ = interval(differences) if len(seeds) > 1 else [math.nan] * 4
    sides = [[side[seed] for seed in seeds] for side in (more, less)]
    means = [statistics.fmean(side or [math.nan]) for side in (differences, *sides)]
    decided = verdict(low, high) if len(seeds) >= LEAST_SEEDS else OPEN
    ahead = sum(difference > 0 for difference in differences)
    return Finding(decided, means[0], low, high, *means[1:], len(seeds), ahead)


def values(side: str, metric: str, sweep: str, folder: Path) -> dict[int, float]:
    """The metric of a row, by seed; empty for a row or a table that is not there."""
    sweep, _, row = side.rpartition(": ") if ": " in side else (sweep, "", side)
    path = folder / f"{sweep}.csv"
    rows = [entry for entry in table(path) if entry["row"] == row] if path.exists() else []
    try:
        return {entry["seed"]: measure(metric, entry) for entry in rows}
    except KeyError as error:
        raise CourseError(f"no score {error}", path, f"{metric} of {row!r} was asked for") from None


def measure(metric: str, scores: dict) -> float:
    """``"a"``, ``"a / b"`` or ``"a - b"`` of named scores, where b may be a number."""
    name, operation, second = [*metric.split(), "", ""][:3]
    if not operation:
        return scores[name]
    other = float(second) if second[0].isdigit() else scores[second]
    if operation == "-":
        return scores[name] - other
    return scores[name] / other if other else math.nan


# ---- the page

HEAD = """# Claims of the papers, and what came out here

Papers say that one method is better than another. This page checks {count} such claims on small
trainings of this course: rendered houses and emoji of 32 to 128 px, a few minutes of one core each.

**The rule.** Both rows are trained with the same seeds. The difference is taken seed by seed, and
its mean is given with a 95 % interval (Student's t; positive is the paper's side). If the interval
leaves out 0 on the paper's side, the verdict is *{SAME}*; if it leaves out 0 on the other side,
*{OPPOSITE}*; else it is *{OPEN}*. With fewer than {LEAST} seeds it is *{OPEN}* too.

The papers' pictures are photographs of streets, shoes and faces: compare who is ahead, and not by
how much. "About" stands before a number that was not checked against the paper's text.

`course claims` makes this page from `claims.toml` and the tables in `sweeps/`.

| paper | {SAME} | {OPPOSITE} | {OPEN} |
|---|---:|---:|---:|"""
COLUMNS = "| verdict | claim | the paper | here | difference | seeds on the paper's side |"
SANITY = """
## Checks of sanity

These hold by construction. They test our code and not the papers, and are not counted above.
"""


def page(folder: Path) -> str:
    """claims.md for ``folder``/claims.toml and ``folder``/sweeps/*.csv."""
    claims = read_claims(folder / "claims.toml")
    findings = judge(claims, folder / "sweeps")
    papers: dict[str, list[Claim]] = {}
    for claim in claims:
        if not claim.sanity:
            papers.setdefault(claim.source.split(",")[0], []).append(claim)
    asked = [claim for chosen in papers.values() for claim in chosen]
    verdicts = {"SAME": SAME, "OPPOSITE": OPPOSITE, "OPEN": OPEN}
    lines = [HEAD.format(count=len(asked), LEAST=LEAST_SEEDS, **verdicts)]
    for paper, chosen in (papers | {"in all": asked}).items():
        counts = Counter(findings[claim.id].verdict for claim in chosen)
        lines.append(f"| {paper} | {counts[SAME]} | {counts[OPPOSITE]} | {counts[OPEN]} |")
    for paper, chosen in papers.items():
        lines += [f"\n## {paper}\n", *_section(chosen, findings)]
    lines += [SANITY, *_section([claim for claim in claims if claim.sanity], findings)]
    return "\n".join(lines) + "\n"


def _section(claims: list[Claim], findings: dict[str, Finding]) -> list[str]:
    """A table of claims, and below it the reasons that are known."""
    lines = [COLUMNS, "|---|---|---|---|---|---|"]
    for claim in claims:
        f = findings[claim.id]
        paper = f"{claim.source.partition(', ')[2]}: {claim.paper}"
        here = f"{f.more:.3g} against {f.less:.3g} (`{claim.metric}`)"
        interval_text = f" [{f.low:+.3g}, {f.high:+.3g}]" if f.seeds > 1 else ""
        difference = f"{f.difference:+.3g}{interval_text}"
        cells = (f.verdict, claim.claim, paper, here, difference, f"{f.ahead} of {f.seeds}")
        lines.append("| " + " | ".join(cells) + " |")
    reasons = []
    for claim in claims:
        if claim.why:
            picture = f" ([picture]({claim.picture}))" if claim.picture else ""
            reasons.append(f"- *{claim.claim}* {claim.why}{picture}")
    return [*lines, "", *reasons] if reasons else lines
