"""The tables of the guide's page on speed, and the minutes on a GPU, are those of the kept measurements."""

import json
import re

import pytest

from course_lib import CourseError
from course_lib.experiments import bench_kept
from tests import ROOT
from tests.experiments.test_bench_quality import trainings


def test_only_what_is_there_makes_a_table(tmp_path):
    with pytest.raises(CourseError, match="no kept measurements"):
        bench_kept.markdown(tmp_path)
    title = "emoji, 64 px; a machine, 2 threads"
    facts = {
        "title": title,
        "rows": [{"data": "emoji", "images": 500.0, "imagefolder": 100.0, "ratio": 5.01}],
    }
    (tmp_path / "data.json").write_text(json.dumps(facts))
    lines = bench_kept.markdown(tmp_path).splitlines()
    assert lines[2:] == ["| emoji | 500 | 100 | 5.0 |", "", "*a machine, 2 threads*"]
    (tmp_path / "quality_a.json").write_text(
        json.dumps({"title": f"a on {title}", "rows": trainings(pace=2.0)})
    )
    row = bench_kept.markdown(tmp_path).splitlines()[2]
    assert (
        row.count(" [") == 4
        and row.count(": faster") == 2
        and row.count("| 1.00 [1.00, 1.00] |") == 2
    )


def test_the_guide_holds_the_tables_of_what_is_kept():
    page = (ROOT / "notebooks/guide/speed.md").read_text(encoding="utf-8")
    for part in bench_kept.markdown(ROOT / bench_kept.FOLDER).split("\n\n"):
        assert part.strip() in page, "make it again: course bench kept"


def test_the_guide_has_the_minutes_of_the_notebooks_that_passed_on_a_gpu(tmp_path):
    row = {
        "notebook": "02_pix2pix.ipynb",
        "profile": "gpu",
        "status": "passed",
        "minutes": 3.7,
        "seconds": 222.0,
    }
    other = {
        "notebook": "04_cyclegan_losses.ipynb",
        "profile": "gpu",
        "status": "failed",
        "minutes": 1.0,
    }
    facts = {
        "device": "a card (GPU)",
        "rows": [row, other, row | {"notebook": "00.ipynb", "minutes": 0.4}],
    }
    (tmp_path / "gpu_notebooks-02.json").write_text(json.dumps(facts))
    passed = bench_kept.gpu_minutes(tmp_path)
    assert {name: found["minutes"] for name, found in passed.items()} == {
        row["notebook"]: 3.7,
        "00.ipynb": 0.4,
    }
    assert passed["00.ipynb"]["device"] == "a card (GPU)"
    page = (ROOT / "notebooks/guide/gpu.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| \[\d+\]\(\.\./(\w+\.ipynb)\) \| ([^|]+) \|$", page, re.MULTILINE))
    assert len(said) == 4
    kept = bench_kept.gpu_minutes(ROOT / bench_kept.FOLDER)
    for name, cell in said.items():
        minutes = kept[name]["minutes"] if name in kept else None
        assert cell == (
            "not measured" if minutes is None else f"{minutes:.0f}" if minutes >= 1 else "under 1"
        )
