"""The claims: one rule that gives the right verdicts, a page and a figure that show these, and
claims that refer to what there is.
"""

import re
from pathlib import Path

import pytest

import tools.claims
from course_lib import CourseError
from course_lib.experiments import claims
from course_lib.experiments.claims import OPEN, OPPOSITE, SAME
from tests import ROOT

NOTEBOOKS = ROOT / "notebooks"
CLAIMS = claims.read_claims(NOTEBOOKS / "guide" / "claims.toml")
USUAL = {"id": "it", "claim": "It is.", "short": "is", "source": "A, 1", "paper": "about 1"}
USUAL |= {"sweep": "grid", "metric": "l1", "more": "A", "less": "B"}


def write(folder: Path, rows: dict[str, dict[int, float]]) -> Path:
    """The table grid.csv: {row: {seed: l1}}; true images have half an l1."""
    lines = [f"{row},{k},{x},0.5,1" for row, seeds in rows.items() for k, x in seeds.items()]
    (folder / "grid.csv").write_text("\n".join(["row,seed,l1,l1_true,steps", *lines]))
    return folder


def found(folder: Path, **fields: str) -> claims.Finding:
    return claims.judge([claims.Claim(**USUAL | fields)], folder)["it"]


@pytest.mark.parametrize(
    "a, better, expected",
    [
        ((3.0, 3.1, 3.2), "higher", SAME),
        ((3.0, 3.1, 3.2), "lower", OPPOSITE),
        ((0.1, 0.0, 0.2, 0.15, 0.05), "higher", OPPOSITE),
        ((1.0, 2.0, 0.0, 1.5, 0.5), "higher", OPEN),
        ((1.0, 1.0, 1.0), "higher", OPEN),  # equal
        ((3.0, 3.1, float("nan")), "higher", OPEN),
        ((3.0, 3.1), "higher", SAME),
        ((3.0, 4.0), "higher", OPEN),
        ((3.0,), "higher", OPEN),  # no interval
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
    assert (it.difference, it.seeds, it.ahead, it.ceiling) == (2, 3, 3, 0.5)
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
    ("change", "said"),
    [
        ("id = ", "Invalid value"),
        ('better = "bigger"', "better = 'bigger' of 'it'"),
        ('nonsense = "1"', "'nonsense'"),
        ("why = 3", "why = 3 of 'it'"),
        ("[[claim]]", "several claims are called it"),
    ],
)
def test_what_is_no_claim_is_refused(tmp_path, change, said):
    one = "[[claim]]\n" + "".join(f'{name} = "{text}"\n' for name, text in USUAL.items())
    path = tmp_path / "claims.toml"
    path.write_text(one)
    assert len(claims.read_claims(path)) == 1
    path.write_text(one + (one if change.startswith("[[") else change))
    with pytest.raises(CourseError, match=rf"{said}(?s:.*)where: {path}"):
        claims.read_claims(path)


def test_the_page_has_each_claim_and_leads_to_what_it_names():
    page = tools.claims.page(NOTEBOOKS)
    assert all(f"| {claim.claim} |" in page for claim in CLAIMS)
    for link in re.findall(r"\]\((.+?)\)", page):
        assert (NOTEBOOKS / "guide" / link).exists()


def test_the_figure_has_each_claim_where_its_finding_is():
    axes = tools.claims.figure(NOTEBOOKS).axes[0]
    names, drawn = {text.get_position()[1]: text.get_text() for text in axes.texts}, {}
    for dot, _, (bar,) in axes.containers[: -len(tools.claims.LOOKS)]:  # the last: the legend
        ends = bar.get_segments()[0].reshape(-1, 2)  # none with one seed
        drawn[names[dot.get_ydata()[0]]] = [*dot.get_xdata(), *ends[:, 0]]
    asked = [claim for claim in CLAIMS if not claim.sanity]
    assert sorted(drawn) == sorted(claim.short for claim in asked)
    for claim in asked:
        f = claims.judge([claim], NOTEBOOKS / "sweeps")[claim.id]
        known = [x for x in (f.difference, f.low, f.high) if x == x]
        assert drawn[claim.short] == pytest.approx([100 * x / f.less for x in known]), claim.id


def test_every_claim_has_its_rows():
    for name, it in claims.judge(CLAIMS, NOTEBOOKS / "sweeps").items():
        assert it.seeds > 0 and it.difference == it.difference, name
