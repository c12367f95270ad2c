"""The ledger of claims: what the papers say, what the sweeps found, and a verdict by a rule fixed beforehand.

    course claims            claims.toml and sweeps/*.csv -> claims.md, all in notebooks/

The head of claims.toml states how a claim is written, and the rule.
"""

import math
import statistics
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torchmetrics.functional.regression import kendall_rank_corrcoef

from course_lib.errors import CourseError
from course_lib.experiments.sweep import table
from course_lib.metrics.intervals import interval

REPRODUCED, UNDECIDED, CONTRADICTED, NOT_RUN = "reproduced", "not decided at this scale", "contradicted", "not run"
VERDICTS = (REPRODUCED, UNDECIDED, CONTRADICTED, NOT_RUN)
LEAST_SEEDS = 3
HOW = """## How the verdicts are made

The claims, the rule and its margins were written down before the sweeps ran; what came after are explanations (see the
history of `claims.toml`).

- A difference is taken seed by seed, over the seeds that both rows have, and signed so that **positive is the paper's
  side**. The interval is the two-sided 95 % t interval of its mean. Rows of two tables, or a row and a number, share
  nothing but the seed.
- **reproduced**: the interval excludes 0 on the paper's side. **contradicted**: it excludes 0 on the other side. **not
  decided at this scale**: neither, or a score is nan. **not run**: fewer than 3 common seeds.
- Claims of no difference name a margin. reproduced: the interval lies inside it; contradicted: wholly outside.
- Claims of an order: Kendall's tau-b between the paper's values and ours, for each seed; the same rule. Rows whose
  value was not checked against the paper are left out.
- Effect size: Cohen's d of the paired differences, their mean over their standard deviation; - where they do not vary.
- "reported" stands before numbers that were not checked against the paper. The papers' numbers come from Cityscapes,
  ours from rendered façades and emoji: compare signs, not sizes.
- Each interval misses the true mean once in 20. Nothing is corrected for the number of claims.
"""


@dataclass(frozen=True)
class Claim:
    """One claim: ``more`` beats ``less`` in ``metric``, or differs by no more than ``within``, or ``order`` holds."""

    id: str
    claim: str
    source: str
    paper: str
    sweep: str
    metric: str
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
        if self.better not in ("higher", "lower"):
            raise CourseError(f"better is {self.better!r}", f"claim {self.id}", "choose higher or lower")
        if not (sides == 0 and len(self.order) > 2 if self.order is not None else sides == 2 and rows):
            fix = "give more and less, one of them a row, or order with three rows or more"
            raise CourseError("nothing to compare", f"claim {self.id}", fix)
        if self.within is not None and (self.order is not None or not self.within > 0):
            fix = "give a margin above 0, for a difference"
            raise CourseError(f"within is {self.within}", f"claim {self.id}", fix)


def read_claims(path: Path) -> list[Claim]:
    """The claims of a TOML file, in order. Raises CourseError for what is missing, misspelt or there twice."""
    try:
        claims = [Claim(**entry) for entry in tomllib.loads(Path(path).read_text(encoding="utf-8"))["claim"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"no readable claims: {error}", path, "see the head of notebooks/claims.toml") from None
    if twice := [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]:
        raise CourseError(f"several claims are called {', '.join(twice)}", path, "give each its own id")
    return claims


def verdict_of(claim: Claim, folder: Path) -> dict:
    """What the tables SWEEP.csv in ``folder`` say: mean, low, high, effect, n, verdict, and the means more and less.

    The means of ``more`` and ``less`` are taken over the same seeds; nan for an ``order``. All numbers are nan where
    too few seeds were run, ``effect`` also where the differences do not vary.
    """
    sign = 1 if claim.better == "higher" else -1
    if claim.order is not None:
        rows = [_values(row, claim.metric, claim.sweep, folder) for row in claim.order]
        paper = torch.tensor(list(claim.order.values()), dtype=torch.double)
        ours = {seed: [sign * row[seed] for row in rows] for seed in _common(*rows)}
        differences, sides = [_tau(torch.tensor(o, dtype=torch.double), paper) for o in ours.values()], ([], [])
    else:
        more = _values(claim.more, claim.metric, claim.sweep, folder)
        less = _values(claim.less, claim.metric_less or claim.metric, claim.sweep, folder)
        seeds = _common(more, less)
        sides = [[side if isinstance(side, float) else side[seed] for seed in seeds] for side in (more, less)]
        differences = [sign * (a - b) for a, b in zip(*sides, strict=True)]
    n = len(differences)
    if n < LEAST_SEEDS:
        unknown = dict.fromkeys(("mean", "low", "high", "effect", "more", "less"), math.nan)
        return unknown | {"n": n, "verdict": NOT_RUN}
    mean, low, high, spread = interval(differences)
    effect = mean / spread if spread > 1e-12 * abs(mean) else math.nan
    more, less = (statistics.fmean(side) if side else math.nan for side in sides)
    return {
        "mean": mean, "low": low, "high": high, "effect": effect, "more": more, "less": less, "n": n,
        "verdict": verdict(low, high, claim.within or 0.0),
    }  # fmt: skip


def verdict(low: float, high: float, within: float = 0.0) -> str:
    """The rule: of a difference, positive on the paper's side; with ``within`` of a claim that there is none."""
    if within:
        outside = low > within or high < -within
        return REPRODUCED if -within < low and high < within else CONTRADICTED if outside else UNDECIDED
    return REPRODUCED if low > 0 else CONTRADICTED if high < 0 else UNDECIDED


def _tau(ours: torch.Tensor, paper: torch.Tensor) -> float:
    """Kendall's tau-b, in [-1, 1]; nan if a value is nan, or if all of ours are the same."""
    return kendall_rank_corrcoef(ours, paper, variant="b").item() if ours.isfinite().all() else math.nan


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
        raise CourseError(f"no score {error}", path, f"a claim asks for {metric} of {row!r}") from None


def measure(metric: str, scores: dict) -> float:
    """``"a"``, ``"a / b"`` or ``"a - b"`` of named scores, where b may be a number."""
    name, operation, second = [*metric.split(), "", ""][:3]
    value = scores[name]
    if not operation:
        return value
    other = float(second) if second[0].isdigit() else scores[second]
    return value - other if operation == "-" else value / other if other else math.nan


# ---- the page


def ledger(folder: Path) -> str:
    """claims.md for ``folder``/claims.toml and ``folder``/sweeps/*.csv; the same text for the same files."""
    claims = read_claims(folder / "claims.toml")
    found = {claim.id: verdict_of(claim, folder / "sweeps") for claim in claims}
    lines = ["# Ledger of claims", "", "Made by `course claims` from `claims.toml` and the tables in `sweeps/`.", ""]
    papers = list(dict.fromkeys(_paper(claim) for claim in claims))
    lines += [f"| {' | '.join(('claims of', 'in all', *VERDICTS))} |", "|---|" + "---:|" * (1 + len(VERDICTS))]
    for paper in (*papers, "all"):
        verdicts = Counter(found[c.id]["verdict"] for c in claims if paper in ("all", _paper(c)))
        lines.append(f"| {paper} | {verdicts.total()} | " + " | ".join(str(verdicts[v]) for v in VERDICTS) + " |")
    for paper in papers:
        lines += ["", f"## {paper}", "", "| claim | the paper | ours | difference [95 %] | effect | seeds | verdict |"]
        lines += ["|---|---|---|---|---:|---:|---|"]
        lines += [_line(claim, found[claim.id]) for claim in claims if _paper(claim) == paper]
    failed = [claim for claim in claims if found[claim.id]["verdict"] in (UNDECIDED, CONTRADICTED)]
    lines += ["", "## Why not", ""] if failed else []
    for claim in failed:
        lines += [
            f"**{claim.id}** ({found[claim.id]['verdict']}). {claim.claim} {claim.why or 'Not explained yet.'}",
            "",
        ]
        lines += [f"![{claim.id}]({claim.picture})", ""] if claim.picture else []
    sweeps = dict.fromkeys(name for claim in claims for name in sweeps_of(claim))
    commands = [f"    course sweep notebooks/sweeps/{name}.toml" for name in sweeps]
    lines += [*([] if failed else [""]), HOW, "## The commands that make the tables", "", *commands]
    lines += ["", "Each row of a table holds the command that trains it alone, its seconds, device and versions."]
    return "\n".join(lines) + "\n"


def sweeps_of(claim: Claim) -> list[str]:
    """The sweeps whose tables a claim needs, its own first."""
    sides = [side for side in (*(claim.order or ()), claim.more, claim.less) if isinstance(side, str)]
    return list(dict.fromkeys([claim.sweep, *(side.split(": ")[0] for side in sides if ": " in side)]))


def _paper(claim: Claim) -> str:
    return claim.source.split(",")[0]


def _line(claim: Claim, found: dict) -> str:
    """One row of the table."""
    if claim.order is not None:
        compared = f"tau of `{claim.metric}`: {', '.join(f'*{row}*' for row in claim.order)}"
    else:
        more, less = (f"*{side}*" if isinstance(side, str) else f"{side:g}" for side in (claim.more, claim.less))
        less += f" by `{claim.metric_less}`" if claim.metric_less else ""
        rule = f"within {claim.within:g}" if claim.within else f"{claim.better} is better"
        compared = f"`{claim.metric}`, {rule}: {more} against {less}"
    ours = difference = effect = "-"
    if found["verdict"] != NOT_RUN:
        ours = "-" if claim.order is not None else f"{found['more']:.3g} against {found['less']:.3g}"
        difference = f"{found['mean']:+.3g} [{found['low']:+.3g}, {found['high']:+.3g}]"
        effect = "-" if math.isnan(found["effect"]) else f"{found['effect']:.1f}"
    said = f"{claim.source}: {claim.paper}"
    cells = (f"**{claim.id}** {claim.claim} ({compared})", said, ours, difference, effect, found["n"], found["verdict"])
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
