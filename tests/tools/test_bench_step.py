"""tools/bench_step.py: its rows are those of the textbook and of the course."""

import pytest

from tools.bench_step import step, table


@pytest.mark.extra
def test_bench_compares_with_the_textbook():
    facts = step("cyclegan", 1, ["image_size=32", "n_blocks=1", "base_channels=8"])
    assert "textbook float32" in table(facts)
    textbook, ours = (
        next(row for row in facts["rows"] if row["step"] == f"{side} float32")
        for side in ("textbook", "course")
    )
    assert textbook["ratio"] == 1 and ours["ratio"] == pytest.approx(
        textbook["seconds"] / ours["seconds"]
    )
    # D learns nothing in the step of G: a third less for it, of which CycleGAN has little
    assert 0.5 * textbook["gflop"] < ours["gflop"] < textbook["gflop"]
    assert all(0 < row["share"] < 1.5 for row in facts["rows"])
