"""What the course says about speed follows from the measurements that it keeps."""

import json

import pytest

from tests import ROOT

BENCH = ROOT / "notebooks/bench"


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan", "bicyclegan"])
def test_verdicts_follow_from_their_curves_and_prefer_neither_textbook(method, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from bench_quality import BOOK, CONTROL, verdicts

    facts = json.loads((BENCH / f"quality_{method}.json").read_text(encoding="utf-8"))
    other = {BOOK: CONTROL, CONTROL: BOOK}
    changed = [row | {"step": other.get(row["step"], row["step"])} for row in facts["rows"]]
    for kept, own, swapped in zip(
        facts["verdicts"], verdicts(facts["rows"]), verdicts(changed), strict=True
    ):
        assert kept["verdict"] == own["verdict"] == swapped["verdict"]
        assert kept["seeds"] == pytest.approx(own["seeds"])
        assert own["ratio"] == pytest.approx(swapped["ratio"])
        assert own["control"]["ratio"] == pytest.approx(1 / swapped["control"]["ratio"])


def test_the_page_on_speed_has_the_tables_of_the_kept_measurements(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from bench_kept import markdown

    page = (ROOT / "notebooks/guide/speed.md").read_text(encoding="utf-8").split("\n\n")
    assert set(markdown(BENCH).strip().split("\n\n")) <= set(page)
