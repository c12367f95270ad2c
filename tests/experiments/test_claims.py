"""The claims: one rule that gives the right verdicts, and claims that refer to what there is."""

import csv
import re
from pathlib import Path

import pytest

from course_lib import CourseError
from course_lib.experiments import claims, sweep
from course_lib.experiments.claims import OPEN, OPPOSITE, SAME
from tests import ROOT

NOTEBOOKS = ROOT / "notebooks"
CLAIMS = claims.read_claims(NOTEBOOKS / "claims.toml")


def write(folder: Path, rows: dict[str, dict[int, float]]) -> Path:
    """The table grid.csv: {row: {seed: l1}}."""
    with open(folder / "grid.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*sweep.FIRST, "l1", *sweep.LAST], restval="")
        writer.writeheader()
        for row, seeds in rows.items():
            for seed, value in seeds.items():
                writer.writerow({"row": row, "seed": seed, "steps": 1, "seconds": 1.0, "l1": value})
    return folder


def found(folder: Path, **fields: str) -> claims.Finding:
    usual = {"id": "it", "claim": "It is.", "source": "A, 1", "paper": "1", "sweep": "grid"}
    usual |= {"metric": "l1", "more": "A", "less": "B"}
    return claims.judge([claims.Claim(**usual | fields)], folder)["it"]


@pytest.mark.parametrize(
    "a, better, expected",
    [
        ((3.0, 3.1, 3.2), "higher", SAME),
        ((3.0, 3.1, 3.2), "lower", OPPOSITE),
        ((0.1, 0.0, 0.2, 0.15, 0.05), "higher", OPPOSITE),
        ((1.0, 2.0, 0.0, 1.5, 0.5), "higher", OPEN),
        ((1.0, 1.0, 1.0), "higher", OPEN),  # equal
        ((3.0, 3.1, float("nan")), "higher", OPEN),
        ((3.0, 3.1), "higher", OPEN),  # fewer than three seeds
        ((), "higher", OPEN),
    ],
)
def test_the_verdict_follows_the_rule(tmp_path, a, better, expected):
    write(tmp_path, {"A": dict(enumerate(a)), "B": dict.fromkeys(range(6), 1.0)})
    assert found(tmp_path, better=better).verdict == expected


def test_differences_are_of_equal_seeds_with_students_interval(tmp_path):
    # differences 1, 2, 3: mean 2, standard deviation 1, half the interval 4.303 / sqrt(3)
    write(tmp_path, {"A": {7: 32, 5: 11, 9: 103, 1: 500}, "B": {5: 10, 7: 30, 9: 100}})
    it = found(tmp_path)
    assert (it.difference, it.seeds, it.ahead) == (2, 3, 3)
    assert (it.low, it.high) == pytest.approx((2 - 2.4843, 2 + 2.4843), abs=1e-3)
    assert (it.more, it.less) == pytest.approx((146 / 3, 140 / 3))
    turned = found(tmp_path, better="lower")
    assert (turned.low, turned.ahead) == (pytest.approx(-it.high), 0)
    assert found(tmp_path, sweep="none", more="grid: A", less="grid: B") == it
    assert claims.measure("a / b", {"a": 3.0, "b": 2.0}) == 1.5
    assert claims.measure("a - 0.5", {"a": 3.0}) == 2.5
    with pytest.raises(CourseError, match="no score"):
        found(tmp_path, metric="l2")


@pytest.mark.parametrize(
    "change", ["id = ", 'better = "bigger"', "nonsense = 1", '[[claim]]\nid = "a"']
)
def test_what_is_no_claim_is_refused(tmp_path, change):
    one = '[[claim]]\nid = "a"\n' + "".join(
        f'{name} = "x"\n'
        for name in ("claim", "source", "paper", "sweep", "metric", "more", "less")
    )
    path = tmp_path / "claims.toml"
    path.write_text(one)
    assert len(claims.read_claims(path)) == 1
    path.write_text(one + (one if change.startswith("[[") else change))
    with pytest.raises(CourseError, match=r"claims|better"):
        claims.read_claims(path)


def test_the_page_is_what_claims_and_tables_say():
    page = claims.page(NOTEBOOKS)
    assert page == (NOTEBOOKS / "claims.md").read_text(encoding="utf-8"), "make it: course claims"
    assert 40 <= sum(not claim.sanity for claim in CLAIMS) <= 50
    for picture in re.findall(r"\]\((.+?)\)", page):
        assert (NOTEBOOKS / picture).exists()


def test_every_claim_has_its_rows_and_every_column_a_reader():
    shown = "".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("*.ipynb"))
    for claim in CLAIMS:
        it = claims.judge([claim], NOTEBOOKS / "sweeps")[claim.id]
        assert it.seeds > 0 and it.difference == it.difference, claim.id
    metrics = " ".join(f"{claim.metric} {claim.metric_less}" for claim in CLAIMS)
    for name in sweep.SCORES:
        assert re.search(rf"\b{name}\b", metrics + shown), f"nobody reads the column {name}"
