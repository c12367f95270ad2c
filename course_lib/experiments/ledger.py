"""The ledger: claims.md, the page that says what became of every claim.

course claims            claims.toml and sweeps/*.csv -> claims.md, all in notebooks/
"""

import math
import tomllib
from collections import Counter
from pathlib import Path

from course_lib.experiments import claims
from course_lib.experiments.claims import Claim, Table

MEANINGS = {
    claims.REPRODUCED: "Our runs show what the claim says, and chance is an unlikely reason. "
    "An order is reproduced only if every pair of its rows is.",
    claims.PARTLY: "Some pairs of an order come out as in the paper, and at least one does not.",
    claims.UNDECIDED: "There were enough seeds, and the result could still be chance. This does not mean that there is "
    "no difference.",
    claims.CONTRADICTED: "Our runs show the opposite of the claim, and chance is an unlikely reason.",
    claims.NOT_DECIDABLE: "There are two to four seeds. Whatever they showed, it would not be enough for a verdict.",
    claims.NO_VERDICT: "There is one training of each kind. It is an example, no evidence.",
    claims.NOT_RUN: "The two sides have no seed in common.",
}
KINDS = {
    "replication": (
        "Replications",
        "Each claim repeats what a paper reports: a number that it prints, or a finding that it states in words or "
        "shows in a figure. The papers' numbers come from Cityscapes, shoes and other photographs, ours from rendered "
        "façades and emoji: compare who is ahead, not by how much.",
    ),
    "own": (
        "This course's own targets",
        "Here the course set the bar itself, or asks something on its own data for which no paper gives a result. "
        "Nothing in this table replicates a paper.",
    ),
}


def page(folder: Path) -> str:
    """claims.md for ``folder``/claims.toml and ``folder``/sweeps/*.csv; the same text for the same files."""
    path = folder / "claims.toml"
    all_claims, tables = claims.read_claims(path), claims.read_tables(path)
    texts = tomllib.loads(path.read_text(encoding="utf-8"))
    found = claims.judge(all_claims, folder / "sweeps")
    late = {claim.id for claim in all_claims if tables[claim.sweep].after_the_fact}
    lines = [
        "# Ledger of claims",
        "",
        "Made by `course claims` from `claims.toml` and the tables in `sweeps/`.",
        "",
    ]
    lines += _summary(all_claims, found, late)
    for kind, (title, text) in KINDS.items():
        chosen = [claim for claim in all_claims if claim.kind == kind]
        lines += ["", f"## {title}", "", text, "", *_by_paper(chosen, found), ""]
        lines += ["| verdict | claim | the paper | here | seeds |", "|---|---|---|---|---:|"]
        lines += [_line(claim, found[claim.id], claim.id in late) for claim in chosen]
    lines += [
        "",
        "## How the verdicts are made",
        "",
        texts["rule"],
        "## When claims and tables came",
        "",
    ]
    lines += [texts["history"]]
    lines += [
        "| table | claims entered | table first seen | changed before | run again after | rows of older code |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_dates(table) for table in tables.values()]
    sweeps = dict.fromkeys(name for claim in all_claims for name in sweeps_of(claim))
    commands = [f"    course sweep notebooks/sweeps/{name}.toml" for name in sweeps]
    lines += ["", "## The commands that make the tables", "", *commands]
    lines += [
        "",
        "Each row of a table holds the command that trains it alone, its seconds, device and versions.",
    ]
    return "\n".join(lines) + "\n"


def sweeps_of(claim: Claim) -> list[str]:
    """The sweeps whose tables a claim needs, its own first."""
    sides = [
        side for side in (*(claim.order or ()), claim.more, claim.less) if isinstance(side, str)
    ]
    return list(
        dict.fromkeys([claim.sweep, *(side.split(": ")[0] for side in sides if ": " in side)])
    )


def _summary(all_claims: list[Claim], found: dict[str, dict], late: set[str]) -> list[str]:
    """What a reader needs first: what was asked, how often which verdict was found, and what each means."""
    numbers = sum(
        any(c.isdigit() for c in claim.paper) for claim in all_claims if claim.kind == "replication"
    )
    kinds = Counter(claim.kind for claim in all_claims)
    lines = [
        f"Papers say that one method is better than another. This page checks {len(all_claims)} such claims against "
        "small trainings of this course, and a rule (below) decides what came of each.",
        "",
        f"{kinds['replication']} claims are **replications**: they repeat what a paper reports, {numbers} of them a "
        f"number that it gives. {kinds['own']} are **targets of this course**. The two are counted apart. Of both "
        f"together, {len(late)} were entered only together with their results: they are *after the fact*.",
        "",
        "| verdict | replications | own targets | of both, after the fact | what it means |",
        "|---|---:|---:|---:|---|",
    ]
    for verdict, meaning in MEANINGS.items():
        there = [claim for claim in all_claims if found[claim.id]["verdict"] == verdict]
        count = Counter(claim.kind for claim in there)
        after = sum(claim.id in late for claim in there)
        lines.append(
            f"| {verdict} | {count['replication']} | {count['own']} | {after} | {meaning} |"
        )
    lines += [f"| in all | {kinds['replication']} | {kinds['own']} | {len(late)} | |", ""]
    scores = (
        "Scores have short names. *Class IoU* is the overlap of the labels that a segmenter finds in a painted image "
        "with the true ones, over their union, averaged over the classes: 1 is perfect. `fcn_iou` is that of the "
        "course's own segmenter, `labels_iou` that of painted label maps, `d_std` how much D's loss varies. *Tau* says "
        "how well an order agrees with the paper's: 1 in all pairs, -1 in none."
    )
    return [
        *lines,
        "In the tables below a click on a claim opens how it was judged, its reason and a picture. "
        + scores,
    ]


def _by_paper(chosen: list[Claim], found: dict[str, dict]) -> list[str]:
    """One line for each paper: how many claims have which verdict."""
    lines = []
    for paper in dict.fromkeys(claim.source.split(",")[0] for claim in chosen):
        count = Counter(
            found[claim.id]["verdict"] for claim in chosen if claim.source.split(",")[0] == paper
        )
        said = ", ".join(
            f"{count[verdict]} {verdict}" for verdict in claims.VERDICTS if count[verdict]
        )
        lines.append(f"- {paper}, {count.total()} in all: {said}.")
    return lines


def _line(claim: Claim, found: dict, late: bool) -> str:
    """One row of a table: the verdict first, all but the claim itself folded."""
    here = "-"
    if claim.order is not None and not math.isnan(found["mean"]):
        here = f"tau {found['mean']:.2f}"
    elif claim.order is None and found["n"]:
        here = f"{found['more']:.3g} against {found['less']:.3g}"
    folded = " ".join(_judged(claim, found) + _reason(claim, found))
    cells = (
        f"**{said(found)}**" + (", after the fact" if late else ""),
        f"<details><summary>{claim.claim}</summary>{folded}</details>",
        f"{claim.source}: {claim.paper}", here, found["n"],
    )  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def said(found: dict) -> str:
    """The verdict in words; of an order that came out in part, with how many of its pairs did."""
    if found["verdict"] != claims.PARTLY:
        return found["verdict"]
    agree = sum(pair["verdict"] == claims.REPRODUCED for _, pair in found["pairs"])
    return f"{claims.PARTLY}, {agree} of {len(found['pairs'])} pairs"


def _judged(claim: Claim, found: dict) -> list[str]:
    """What was compared, and what came out, in sentences."""
    digits = (
        3 if f"{found['low']:.3g}" != f"{found['high']:.3g}" else 6
    )  # no interval looks like a point
    interval = (
        ""
        if math.isnan(found["low"])
        else f" [{found['low']:+.{digits}g}, {found['high']:+.{digits}g}]"
    )
    if claim.order is not None:
        rows = ", ".join(f"*{row}*" for row in claim.order)
        out = [
            f"`{claim.id}`: the order of `{claim.metric}` ({claim.better} is better) over {rows}."
        ]
        out += (
            [f"Mean tau {found['mean']:+.3g}{interval}, exact p {_p(found['p'])}"]
            if found["n"]
            else []
        )
        out += [f"(the smallest possible is {_p(found['least_p'])})."] if found["n"] else []
        each = [
            f"*{pair.more}* over *{pair.less}* {it['mean']:+.3g}: {it['verdict']}"
            for pair, it in found["pairs"]
        ]
        return [*out, "Pairs: " + "; ".join(each) + "."]
    more, less = (
        f"*{side}*" if isinstance(side, str) else f"{side:g}" for side in (claim.more, claim.less)
    )
    less += f" by `{claim.metric_less}`" if claim.metric_less else ""
    rule = f"no difference beyond {claim.within:g}" if claim.within else f"{claim.better} is better"
    out = [f"`{claim.id}`: `{claim.metric}` ({rule}), {more} against {less}."]
    if found["n"] == 0:
        return out
    out += [f"Difference {found['mean']:+.{digits}g}{interval}."]
    effect = "" if math.isnan(found["effect"]) else f", Cohen's d {found['effect']:.1f}"
    if found["n"] >= claims.LEAST_SEEDS:
        out += [f"p {_p(found['p'])}, corrected {_p(found['adjusted'])}{effect}."]
    seeds = f"{found['n']} seed{'s' * (found['n'] > 1)}"
    return [
        *out,
        f"Smallest p that {seeds} allow{'s' * (found['n'] == 1)} if no distribution is assumed: {found['least_p']:g}.",
    ]


def _reason(claim: Claim, found: dict) -> list[str]:
    """Why a claim was not reproduced, with a picture."""
    if found["verdict"] == claims.REPRODUCED:
        return []
    few = (
        f"It has {found['n']} seeds and needs {claims.LEAST_SEEDS}."
        if found["verdict"] == claims.NOT_DECIDABLE
        else ""
    )
    unknown = (
        "Not explained yet."
        if found["verdict"] in (claims.PARTLY, claims.UNDECIDED, claims.CONTRADICTED)
        else ""
    )
    picture = f"<br>![{claim.id}]({claim.picture})" if claim.picture else ""
    return [text for text in (few, claim.why or unknown, picture) if text]


def _p(p: float) -> str:
    return "unknown" if math.isnan(p) else "below 0.0001" if p < 1e-4 else f"{p:.2g}"


def _dates(table: Table) -> str:
    """One row of the table of dates."""
    late = " (claims after the fact)" if table.after_the_fact else ""
    times = (
        f"{when:%Y-%m-%d %H:%M}" if when else "not yet" for when in (table.entered, table.seen)
    )
    more = (table.before or "-", table.rerun or "-", ", ".join(table.older) or "-")
    return f"| {table.name} | {' | '.join(times)}{late} | {' | '.join(more)} |"
