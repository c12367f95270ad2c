"""The ledger of claims: a rule that gives the right verdicts, and claims that refer to what there is."""

import csv
import math
import re
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from course_lib import CourseError
from course_lib.experiments import claims, evidence, ledger, sweep
from course_lib.experiments.claims import (
    CONTRADICTED,
    NO_VERDICT,
    NOT_DECIDABLE,
    PARTLY,
    REPRODUCED,
    UNDECIDED,
)
from course_lib.metrics import intervals
from tests import ROOT

NOTEBOOKS = ROOT / "notebooks"
GRIDS = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in NOTEBOOKS.glob("sweeps/*.toml")
}
CLAIMS, TABLES = (
    read(NOTEBOOKS / "claims.toml") for read in (claims.read_claims, claims.read_tables)
)
FOUND = claims.judge(CLAIMS, NOTEBOOKS / "sweeps")

PAPERS = tomllib.loads((ROOT / "tests/experiments/papers.toml").read_text(encoding="utf-8"))


def write(folder: Path, rows: dict[str, dict[int, dict]], name: str = "grid") -> Path:
    """A table of results: {row: {seed: {score: value}}}."""
    named = sorted(
        {score for seeds in rows.values() for found in seeds.values() for score in found}
    )
    with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*sweep.FIRST, *named, *sweep.LAST], restval="")
        writer.writeheader()
        for row, seeds in rows.items():
            for seed, found in seeds.items():
                writer.writerow({"row": row, "seed": seed, "steps": 1, "seconds": 1.0, **found})
    return folder


def by_seed(*values: float, score: str = "d_std") -> dict[int, dict]:
    return {seed: {score: value} for seed, value in enumerate(values)}


def claim(**values) -> claims.Claim:
    usual = {
        "id": "it",
        "claim": "It is.",
        "source": "A, Table 1",
        "paper": "1",
        "sweep": "grid",
        "metric": "d_std",
    }
    return claims.Claim(
        **usual | ({} if "order" in values else {"more": "A", "less": "B"}) | values
    )


def verdict_of(it: claims.Claim, folder: Path) -> dict:
    """What is found of a claim that is asked alone."""
    return claims.judge([it], folder)[it.id]


# ---- the rule

FIVE = (0.1, 0.0, 0.2, 0.15, 0.05)


@pytest.mark.parametrize(
    "a, better, within, expected",
    [
        ((3.0, 3.1, 3.2, 3.0, 3.1), "higher", None, REPRODUCED),
        ((3.0, 3.1, 3.2, 3.0, 3.1), "lower", None, CONTRADICTED),
        (FIVE, "higher", None, CONTRADICTED),
        (FIVE, "lower", None, REPRODUCED),
        ((1.0, 2.0, 0.0, 1.5, 0.5), "higher", None, UNDECIDED),
        ((1.0, 1.0, 1.0, 1.0, 1.0), "higher", None, UNDECIDED),  # equal
        (
            (2.0, 2.0, 2.0, 2.0, 2.0),
            "higher",
            None,
            UNDECIDED,
        ),  # what does not vary tells nothing of chance
        ((1.0, 1.01, 1.02, 1.0, 1.01), "lower", 0.1, REPRODUCED),
        ((3.0, 3.1, 3.2, 3.0, 3.1), "higher", 0.1, CONTRADICTED),
        (FIVE, "higher", 0.1, CONTRADICTED),  # a difference on either side
        ((1.0, 1.1, 1.2, 1.1, 1.0), "higher", 0.1, UNDECIDED),
        ((3.0, 3.1, 3.0, 3.1, math.nan), "higher", None, UNDECIDED),
        ((3.0, 3.1, 3.0, 3.1, math.nan), "higher", 9.0, UNDECIDED),
        ((3.0, 3.1, 3.2, 3.0), "higher", None, NOT_DECIDABLE),
        ((3.0, 3.1), "higher", None, NOT_DECIDABLE),
        ((3.0,), "higher", None, NO_VERDICT),
        ((), "higher", None, claims.NOT_RUN),
    ],
)
def test_the_verdict_follows_the_rule(tmp_path, a, better, within, expected):
    write(tmp_path, {"A": by_seed(*a), "B": by_seed(1, 1, 1, 1, 1, 1)})
    found = verdict_of(claim(better=better, within=within), tmp_path)
    assert found["verdict"] == expected and found["least_p"] == 2 / 2 ** len(a)


def test_differences_are_paired_and_their_interval_is_students(tmp_path):
    # differences 1, 2, 3: mean 2, standard deviation 1, half the interval 4.303 / sqrt(3)
    write(tmp_path, {"A": by_seed(11, 32, 103, 500), "B": by_seed(10, 30, 100)})
    found = verdict_of(claim(), tmp_path)
    assert (found["mean"], found["effect"], found["n"]) == pytest.approx((2, 2, 3))
    assert (found["low"], found["high"]) == pytest.approx((2 - 2.4843, 2 + 2.4843), abs=1e-3)
    assert found["p"] == pytest.approx(0.0742, abs=1e-4), (
        "of t = 2 sqrt(3) with 2 degrees of freedom"
    )
    assert (found["more"], found["less"]) == pytest.approx((146 / 3, 140 / 3)), (
        "means over the common seeds"
    )
    low = verdict_of(claim(better="lower"), tmp_path)
    assert (low["mean"], low["low"], low["effect"]) == pytest.approx((-2, -found["high"], -2))


def test_p_is_students_and_its_quantiles_leave_one_in_forty_above():
    for df, quantile in enumerate(intervals.T, 1):
        x = torch.linspace(0, quantile, 20001, dtype=torch.double)
        density = (
            torch.distributions.StudentT(torch.tensor(float(df), dtype=torch.double))
            .log_prob(x)
            .exp()
        )
        inside = torch.trapezoid(density, x).item()
        assert inside == pytest.approx(0.475, abs=3e-5), df
        assert evidence.two_sided_p(quantile, df) == pytest.approx(1 - 2 * inside, abs=1e-6), df
    assert len(intervals.T) == 30 and intervals.interval([0.0, 1.0] * 20)[
        2
    ] < 0.5 + 2.05 / math.sqrt(40)


def test_false_discoveries_are_corrected_within_a_table_and_a_question_counts_once(tmp_path):
    # Benjamini and Hochberg (1995), section 3.1: of these fifteen, the four smallest are found
    ps = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
    ]
    assert sum(p <= 0.05 for p in evidence.adjusted([*ps, 0.7590, 1.0])) == 4
    rows = {"A": by_seed(1.3, 1.1, 1.0, 1.2, 1.25), "B": by_seed(1, 1, 1, 1, 1)}
    rows |= {name: by_seed(1 + k, 2, 0, 1, 2 - k) for k, name in enumerate("CDE")}
    write(tmp_path, rows), write(tmp_path, rows, "other")
    mine, turned = claim(), claim(id="turned", more="B", less="A")
    noise = [claim(id=f"no {row}", more=row) for row in "CDE"]
    alone, together = (
        claims.judge([mine, turned], tmp_path),
        claims.judge([mine, turned, *noise], tmp_path),
    )
    assert (
        alone["it"]["adjusted"] == alone["it"]["p"] < 0.05 and alone["it"]["verdict"] == REPRODUCED
    )
    assert alone["turned"]["verdict"] == CONTRADICTED
    assert together["it"]["adjusted"] == pytest.approx(4 * together["it"]["p"])
    assert together["it"]["verdict"] == UNDECIDED, "its interval alone would have decided"
    apart = claims.judge([mine, *(replace(it, sweep="other") for it in noise)], tmp_path)
    assert apart["it"]["verdict"] == REPRODUCED, "each table by itself"


def test_noise_alone_is_hardly_ever_a_finding(tmp_path):
    """A hundred tables of five rows that do not differ, each with nine claims: one in twenty may find something."""
    random, found = torch.Generator().manual_seed(0), 0
    asked = [
        claim(id=f"{a}{b}", metric="fcn_iou", more=a, less=b) for a, b in ("AB", "BC", "CD", "DE")
    ]
    asked += [claim(id=f"{a}{b}", more=a, less=b) for a, b in ("AB", "BC", "CD", "DE")]
    asked.append(
        claim(id="order", metric="fcn_iou", order={row: k for k, row in enumerate("ABCDE")})
    )
    for _ in range(100):
        draws = torch.randn(5, 5, 2, generator=random, dtype=torch.double)
        rows = {row: dict(enumerate(draws[k])) for k, row in enumerate("ABCDE")}
        named = {
            row: {
                s: {"fcn_iou": (0.5 + x / 20).item(), "d_std": (3 + y).item()}
                for s, (x, y) in seeds.items()
            }
            for row, seeds in rows.items()
        }
        verdicts = {it["verdict"] for it in claims.judge(asked, write(tmp_path, named)).values()}
        found += not verdicts <= {UNDECIDED}
    assert found <= 10


def test_seeds_are_matched_by_number_not_by_place(tmp_path):
    seeds = (5, 1, 2, 4, 7, 8)
    write(
        tmp_path,
        {"A": {s: {"d_std": s} for s in seeds}, "B": {s: {"d_std": s} for s in (1, 2, 3, 4, 7, 8)}},
    )
    found = verdict_of(claim(), tmp_path)
    assert (found["n"], found["mean"], found["verdict"]) == (5, 0, UNDECIDED) and math.isnan(
        found["effect"]
    )
    write(tmp_path, {"A": by_seed(1, 1, 1), "B": {seed: {"d_std": 0} for seed in (2, 3, 4)}})
    assert (
        verdict_of(claim(), tmp_path)["n"] == 1
        and verdict_of(claim(), tmp_path)["verdict"] == NO_VERDICT
    )
    none = verdict_of(claim(less="C"), tmp_path)
    assert (
        none["n"] == 0
        and none["verdict"]
        == verdict_of(claim(sweep="none"), tmp_path)["verdict"]
        == claims.NOT_RUN
    )


def test_constants_other_columns_and_other_tables(tmp_path):
    copying = {seed: {"l1": 0.2 + seed / 100, "copy_l1": 0.8} for seed in range(5)}
    (
        write(tmp_path, {"A": copying}, "one"),
        write(tmp_path, {"A": by_seed(*[0.5] * 5, score="l1")}, "two"),
    )
    expected = {
        "constant": (claim(sweep="one", metric="l1", less=0.3, better="lower"), 0.08),
        "first": (claim(sweep="one", metric="l1", more=0.3, less="A"), 0.08),
        "column": (
            claim(sweep="one", metric="l1", less="A", metric_less="copy_l1", better="lower"),
            0.58,
        ),
        "share": (claim(sweep="one", metric="l1 / copy_l1", less=0.0), 0.22 / 0.8),
        "difference": (claim(sweep="one", metric="copy_l1 - l1", less=0.0), 0.58),
        "number": (claim(sweep="one", metric="l1 / 2.0", less=0.0), 0.11),
        "table": (claim(sweep="one", metric="l1", less="two: A", better="lower"), 0.28),
    }
    for name, (it, mean) in expected.items():
        found = verdict_of(it, tmp_path)
        assert found["mean"] == pytest.approx(mean) and found["verdict"] == REPRODUCED, name
    with pytest.raises(CourseError, match="no score 'ssim'"):
        verdict_of(claim(sweep="one", metric="ssim", less=1.0), tmp_path)


@pytest.mark.parametrize(
    "metric, a, b, expected",
    [
        ("top1", (1, 1, 1, 1, 1), (0.5, 0.52, 0.48, 0.5, 0.5), REPRODUCED),
        ("top1", (0, 0, 0, 0, 0), (0, 0, 0, 0, 0), UNDECIDED),  # nobody finds anything
        ("top1", (0, 1, 0, 1, 1), (0.5, 0.5, 0.5, 0.5, 0.5), UNDECIDED),
        ("windows_lit", (0.67, 0.02, 0.2, 0.9, 0.01), (0, 0, 0.1, 0, 0), UNDECIDED),
        (
            "colour_follows",
            (0.99, 1.0, 0.98, 1.0, 1.0),
            (-1.0, -0.9, -1.0, -0.99, -1.0),
            REPRODUCED,
        ),
        ("walls_covered", (7.9, 8.0, 8.0, 7.8, 8.0), (1.0, 0.0, 1.0, 1.0, 1.0), REPRODUCED),
        ("l1", (0.1, 1.9, 0.2, 0.0, 2.0), (1.9, 0.0, 2.0, 1.0, 0.1), UNDECIDED),
    ],
)
def test_intervals_stay_within_the_possible_and_have_a_width(tmp_path, metric, a, b, expected):
    write(tmp_path, {"A": by_seed(*a, score=metric), "B": by_seed(*b, score=metric)})
    low, high, _ = next(
        bounds for name, bounds in evidence.BOUNDS.items() if re.fullmatch(name, metric)
    )
    for it, least, most in (
        (claim(metric=metric), low - high, high - low),
        (claim(metric=metric, less=0.3), low - 0.3, high - 0.3),
        (claim(metric=metric, more=0.3, less="A"), 0.3 - high, 0.3 - low),
        (claim(metric=metric, better="lower"), low - high, high - low),
    ):
        found = verdict_of(it, tmp_path)
        assert (
            least <= found["low"] <= found["mean"] <= found["high"] <= most
            and found["low"] < found["high"]
        ), it
        assert 0 <= found["p"] <= 1
    assert verdict_of(claim(metric=metric), tmp_path)["verdict"] == expected


def test_an_order_is_judged_pair_by_pair(tmp_path):
    order = {"A": 0.17, "B": 0.17, "C": 0.11, "D": 0.10}
    # 4 pairs agree, 1 does not (C, D), 1 is a tie of the paper's and nobody's business
    lift = {"A": 0.6, "B": 0.5, "C": 0.2, "D": 0.3}
    rows = {
        row: by_seed(*(lift[row] + k / 100 for k in (0, 1, 2, 0, 2)), score="fcn_iou")
        for row in order
    }
    found = verdict_of(claim(order=order, metric="fcn_iou"), write(tmp_path, rows))
    assert found["mean"] == pytest.approx(3 / 5) and found["verdict"] == PARTLY
    assert ledger.said(found) == "partly, 4 of 5 pairs" and len(found["pairs"]) == 5
    assert -1 <= found["low"] < found["mean"] < found["high"] <= 1, (
        "all seeds rank alike, and yet it has a width"
    )
    turned = [
        (pair.more, pair.less) for pair, it in found["pairs"] if it["verdict"] == CONTRADICTED
    ]
    assert turned == [("C", "D")], "one reversed pair is enough: never reproduced"
    lower = verdict_of(claim(order=order, metric="fcn_iou", better="lower"), tmp_path)
    assert lower["mean"] == pytest.approx(-3 / 5) and ledger.said(lower) == "partly, 1 of 5 pairs"
    three = verdict_of(claim(order={"A": 3, "B": 2, "D": 1}, metric="fcn_iou"), tmp_path)
    assert (three["verdict"], three["mean"]) == (REPRODUCED, 1) and three["high"] == 1
    back = verdict_of(claim(order={"A": 1, "B": 2, "D": 3}, metric="fcn_iou"), tmp_path)
    assert back["verdict"] == CONTRADICTED and back["p"] == pytest.approx(1)
    write(tmp_path, {row: by_seed(*[0.5] * 7, score="fcn_iou") for row in order})
    assert verdict_of(claim(order=order, metric="fcn_iou"), tmp_path)["verdict"] == UNDECIDED, (
        "equal in all seeds"
    )
    write(tmp_path, {row: dict(list(seeds.items())[:2]) for row, seeds in rows.items()})
    assert verdict_of(claim(order=order, metric="fcn_iou"), tmp_path)["verdict"] == NOT_DECIDABLE
    write(tmp_path, rows | {"A": by_seed(0.5, 0.6, 0.5, 0.6, math.nan, score="fcn_iou")})
    unranked = verdict_of(claim(order=order, metric="fcn_iou"), tmp_path)
    assert math.isnan(unranked["mean"]) and math.isnan(unranked["p"]), "nan is not ranked"
    assert ledger.said(unranked) == "partly, 2 of 5 pairs", "those of B, which has all its values"


def test_the_p_of_an_order_is_exact():
    order = {"A": 3, "B": 2, "C": 1}
    right, one_off, tied = (
        {"A": 3, "B": 2, "C": 1},
        {"A": 2, "B": 3, "C": 1},
        {"A": 1, "B": 1, "C": 1},
    )
    assert evidence.order_p([right], order) == pytest.approx((1 / 6, 1 / 6))
    assert evidence.order_p([one_off], order)[0] == pytest.approx(3 / 6), (
        "itself, the other one, and the right one"
    )
    assert evidence.order_p([right] * 5, order)[0] == pytest.approx(6.0**-5)
    # with two seeds, 1 pair in 1 or 2 of them may be off: 1 + 2 * 2 of 36
    assert evidence.order_p([right, one_off], order)[0] == pytest.approx(5 / 36)
    assert evidence.order_p([tied] * 7, order) == pytest.approx((1, 1)), "equal ranks say nothing"
    assert evidence.order_p([{"A": 2, "B": 1, "C": 1}], {"A": 2, "B": 1, "C": 1}) == pytest.approx(
        (1 / 3, 1 / 3)
    )


# ---- the file


@pytest.mark.parametrize(
    "text, said",
    [
        ("claim = 3", "no readable claims"),
        ("", "no readable claims: 'claim'"),
        ('[[claim]]\nid = "a"', "missing"),
        ('more = "A"\nless = "B"\nbeter = "higher"', "beter"),
        ('more = "A"\nless = "B"\nbetter = "more"', "better is 'more'"),
        ('more = "A"', "nothing to compare"),
        ("more = 1.0\nless = 2.0", "nothing to compare"),
        ('more = "A"\nless = "B"\n[claim.order]\nA = 1\nB = 2\nC = 3', "nothing to compare"),
        ("[claim.order]\nA = 1\nB = 2", "nothing to compare"),
        ('more = "A"\nless = "B"\nkind = "mine"', "kind is 'mine'"),
        ('more = "A"\nless = "B"\nwithin = 0.0', "within is 0.0"),
        ('more = "A"\nless = "B"\n' + "SAME", "several claims are called a"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, said):
    start = '[[claim]]\nid = "a"\nclaim = ""\nsource = ""\npaper = ""\nsweep = ""\nmetric = ""\n'
    text = text if not text or text.startswith(("claim", "[[claim")) else start + text
    (tmp_path / "claims.toml").write_text(text.replace("SAME", start + 'more = "A"\nless = "B"'))
    with pytest.raises(CourseError, match=re.escape(said)):
        claims.read_claims(tmp_path / "claims.toml")


def test_the_command_writes_the_page_and_explains_what_failed(tmp_path, course):
    entry = '[[claim]]\nid = "{}"\nclaim = "{}"\nsource = "A, Table 1"\npaper = "1 | 2"\nsweep = "{}"\nkind = "{}"\n'
    entry += 'metric = "d_std"\nmore = "{}"\nless = "B"\n'
    dates = '[[table]]\nname = "{}"\nentered = 2026-01-02T10:00:00Z\nseen = 2026-01-02T{}:00:00Z\nrerun = "Twice."\n'
    text = (
        'rule = "The rule."\nhistory = "Its history."\n'
        + dates.format("grid", 11)
        + dates.format("late", 10)
    )
    text += entry.format("yes", "One holds.", "grid", "replication", "A")
    text += (
        entry.format("no", "One fails.", "grid", "own", "C")
        + 'why = "Because."\npicture = "c.png"\n'
    )
    text += entry.format("later", "One waits.", "late", "own", "D")
    (tmp_path / "claims.toml").write_text(text)
    (tmp_path / "sweeps").mkdir()
    rows = {"A": by_seed(3, 3.1, 3.2, 3.1, 3.1), "B": by_seed(1, 1, 1, 1, 1)}
    write(tmp_path / "sweeps", rows | {"C": by_seed(0, 0.1, 0, 0.1, 0)})
    status, _, _ = course("claims", "--folder", tmp_path)
    page = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert status == 0 and page == ledger.page(tmp_path)
    assert "| reproduced | 1 | 0 | 0 |" in page and "| contradicted | 0 | 1 | 0 |" in page
    assert "| not run | 0 | 1 | 1 |" in page and "| in all | 1 | 2 | 1 | |" in page
    first, second, last = (line for line in page.splitlines() if line.startswith("| **"))
    assert first.startswith("| **reproduced** | <details><summary>One holds.</summary>`yes`")
    assert "+2.1 [+2.01, +2.19]" in first and first.endswith(
        "| A, Table 1: 1 \\| 2 | 3.1 against 1 | 5 |"
    )
    assert "| **contradicted** |" in second and "Because. <br>![no](c.png)</details>" in second
    assert (
        "| **not run**, after the fact |" in last and "The rule." in page and "Its history." in page
    )
    assert (
        page.index("## Replications")
        < page.index("One holds.")
        < page.index("## This course's own targets")
    )
    assert (
        "| late | 2026-01-02 10:00 | 2026-01-02 10:00 (claims after the fact) | - | Twice. |"
        in page
    )
    assert page.count("course sweep notebooks/sweeps/grid.toml") == 1


# ---- the claims of this course


COLUMNS = {
    name
    for p in NOTEBOOKS.glob("sweeps/*.csv")
    for name in p.read_text("utf-8").partition("\n")[0].split(",")
}
COLUMNS.add("variety_l1")  # of DCGAN, whose table is not there yet


def row_of(sweep_name: str, row: str) -> dict:
    """Its settings and its seeds."""
    return GRIDS[sweep_name] | GRIDS[sweep_name]["rows"][row]


@pytest.mark.parametrize("it", CLAIMS, ids=lambda it: it.id)
def test_a_claim_refers_to_rows_and_scores_that_exist(it):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", it.id)
    assert re.match("[A-Z]|pix2pix", it.claim) and it.claim.endswith(".")
    two = [(it.more, it.metric), (it.less, it.metric_less or it.metric)]
    sides = [(row, it.metric) for row in it.order] if it.order else two
    seeds = []
    for side, metric in sides:
        if isinstance(side, float):
            continue
        sweep_name, row = side.split(": ") if ": " in side else (it.sweep, side)
        found = row_of(sweep_name, row)
        seeds.append(set(found["seeds"]))
        first, operation, second = re.fullmatch(
            r"(\w+)(?: ([-/]) (\w+|\d+\.\d+))?", metric
        ).groups()
        assert first in COLUMNS and (not operation or second in COLUMNS or float(second) > 0), (
            side,
            metric,
        )
    assert len(set.intersection(*seeds)) >= 3
    assert sweep_name in ledger.sweeps_of(it) and it.sweep in TABLES
    assert not it.picture or (NOTEBOOKS / it.picture).exists()


@pytest.mark.parametrize("it", CLAIMS, ids=lambda it: it.id)
def test_numbers_are_the_papers_and_those_from_memory_say_so(it):
    said = re.findall(r"(?:reported )?\d+\.\d+", it.paper)
    table = PAPERS.get(
        f"histograms of {it.metric}" if it.source == "pix2pix, Figure 7" else it.source
    )
    if table is None:
        assert not said and re.match("(no number|reported, without a number)", it.paper), it.paper
        return
    rows = list(it.order) if it.order else [it.more, str(it.less)]
    assert said == [table[row] for row in rows]
    if it.order:
        assert it.order == {row: float(table[row]) for row in rows}, (
            "reported values are left out of an order"
        )
        verified = {row for row, value in table.items() if "reported" not in value}
        assert set(rows) == verified, "all others belong to it"
    elif it.within is None:
        value = [float(number.removeprefix("reported ")) for number in said]
        people = (
            "BicycleGAN, realism",
            "MUNIT, quality",
        )  # how many they fooled or pleased; ours is a distance
        higher = it.better == "higher" or it.source in people
        assert (value[0] > value[1]) == higher, "the paper's side"


@pytest.mark.parametrize("it", CLAIMS, ids=lambda it: it.id)
def test_what_the_ledger_says_is_possible(it):
    found, scale = FOUND[it.id], evidence.scale_of(it.metric, 100)
    if found["n"] > 1:
        assert found["low"] < found["high"] and found["low"] <= found["mean"] <= found["high"]
        width = 1 if it.order else scale.high - scale.low
        assert -width <= found["low"] and found["high"] <= width
    if it.metric_less:
        assert evidence.scale_of(it.metric_less, 100) == scale, "both sides on one scale"
    each = {pair["verdict"] for _, pair in found.get("pairs", ())}
    assert found["verdict"] != REPRODUCED or each <= {REPRODUCED}, "no order with a reversed pair"
    failed = (PARTLY, UNDECIDED, CONTRADICTED)
    assert (it.why and it.picture) or found["verdict"] not in failed, "explained, with a picture"
    target = [
        side for side in (it.more, it.less) if isinstance(side, float) and side != 1
    ]  # 1: as photographs are
    assert it.kind == "own" if target or "these data" in it.paper else True


def test_the_guide_quotes_the_counts():
    text = " ".join((ROOT / "notebooks/guide/results.md").read_text(encoding="utf-8").split())
    for kind, start in (("replication", "Of its {} replications"), ("own", "Of the {} targets")):
        count = Counter(FOUND[it.id]["verdict"] for it in CLAIMS if it.kind == kind)
        said = text.partition(start.format(count.total()))[2].partition(". ")[0]
        numbers = [int(number) for number in re.findall(r"(\d+) (?!seed)", said)]
        assert sorted(numbers) == sorted(n for n in count.values()), (kind, count)


def test_the_claims_that_came_with_their_tables_are_after_the_fact():
    late = [it for it in CLAIMS if TABLES[it.sweep].after_the_fact]
    assert len(late) == 22 and {it.source.split(",")[0] for it in late} == {
        "pix2pixHD",
        "MUNIT",
        "UNIT",
    }


def test_the_page_in_the_repository_is_what_the_command_makes():
    assert (NOTEBOOKS / "claims.md").read_text(encoding="utf-8") == ledger.page(NOTEBOOKS)
