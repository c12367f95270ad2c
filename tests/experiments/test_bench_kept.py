"""The tables of README are those of the kept measurements."""

import json

import pytest

from course_lib import CourseError
from course_lib.experiments import bench_kept
from tests import ROOT
from tests.experiments.test_bench_quality import trainings


def test_only_what_is_there_makes_a_table(tmp_path):
    with pytest.raises(CourseError, match="no kept measurements"):
        bench_kept.markdown(tmp_path)
    title = "emoji, 64 px; a machine, 2 threads"
    facts = {"title": title, "rows": [{"data": "emoji", "images": 500.0, "imagefolder": 100.0, "ratio": 5.01}]}
    (tmp_path / "data.json").write_text(json.dumps(facts))
    lines = bench_kept.markdown(tmp_path).splitlines()
    assert lines[2:] == ["| emoji | 500 | 100 | 5.0 |", "", "*a machine, 2 threads*"]
    (tmp_path / "quality_a.json").write_text(json.dumps({"title": f"a on {title}", "rows": trainings(pace=2.0)}))
    row = bench_kept.markdown(tmp_path).splitlines()[2]
    assert row.count(" [") == 4 and row.count(": faster") == 2 and row.count("| 1.00 [1.00, 1.00] |") == 2


def test_readme_holds_the_tables_of_what_is_kept():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for part in bench_kept.markdown(ROOT / bench_kept.FOLDER).split("\n\n"):
        assert part.strip() in readme, "make it again: course bench kept"
