"""The tables of README are those of the kept measurements."""

import json

import pytest

from course_lib import CourseError
from course_lib.experiments import bench_kept
from tests import ROOT


def rows(times: dict[str, list[tuple[float, float]]]) -> list[dict]:
    return [
        {"step": step, "seconds": seconds, "steps": 10, "seed": 0, "val_l1": error}
        for step, points in times.items()
        for seconds, error in points
    ]


def test_when_the_last_of_the_textbook_is_reached():
    book = {"textbook float32": [(0.0, 1.0), (10.0, 0.4)]}
    assert bench_kept.reached(rows(book | {bench_kept.OURS: [(0.0, 1.0), (4.0, 0.6), (6.0, 0.2)]})) == 5
    assert bench_kept.reached(rows(book | {bench_kept.OURS: [(0.0, 1.0), (10.0, 0.5)]})) is None
    assert bench_kept.reached(rows(book | {bench_kept.OURS: [(0.0, 0.4)]})) == 0


def test_only_what_is_there_makes_a_table(tmp_path):
    with pytest.raises(CourseError, match="no kept measurements"):
        bench_kept.markdown(tmp_path)
    title = "emoji, 64 px; a machine, 2 threads"
    facts = {"title": title, "rows": [{"data": "emoji", "images": 500.0, "imagefolder": 100.0, "ratio": 5.01}]}
    (tmp_path / "data.json").write_text(json.dumps(facts))
    lines = bench_kept.markdown(tmp_path).splitlines()
    assert lines[2:] == ["| emoji | 500 | 100 | 5.0 |", "", "*a machine, 2 threads*"]


def test_readme_holds_the_tables_of_what_is_kept():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for part in bench_kept.markdown(ROOT / bench_kept.FOLDER).split("\n\n"):
        assert part.strip() in readme, "make it again: course bench kept"
