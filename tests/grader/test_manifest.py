"""Problem set 5's manifest: a real sweep passes, nothing in it is believed, and students can check
it themselves.
"""

import copy
import json
import random
import subprocess
import sys

import pytest
from checks import bundle, manifest, ps5_manifest
from mutants.ps5.example import example

from tests import ROOT
from tests.grader.test_checks import NASTY
from tests.support.problem_sets import answers, checks, grade

OF_MANIFEST = [item for item in checks.load("ps5") if item.function == "manifest"]


def judged(m) -> list[checks.Verdict]:
    return [item.judge({}, {}, {"manifest": m}) for item in OF_MANIFEST]


def test_nothing_in_a_manifest_stops_a_judge():
    assert judged(example()) == [checks.Verdict(1.0, "")] * len(OF_MANIFEST)
    rng, broken = random.Random(0), []
    junk = [
        *NASTY,
        -1,
        1e308,
        -(10**299),
        "nan",
        ["x"] * 50,
        [1, "a"],
        "a 'b",
        "[rows]\nx = 1",
        "x = [" * 5000,
        "\0",
    ]
    for item in rng.sample(junk, 25):
        broken += [example() | {key: item} for key in manifest.ENTRIES]
        for key in example()["rows"][0]:
            broken.append(m := example())
            m["rows"][rng.randrange(10)][key] = item
        broken += [
            example() | {"interval": example()["interval"] | {key: item}}
            for key in ("mean", "low", "kind")
        ]
        broken += [example() | {"rows": [item]}, {"rows": item}]
    for _ in range(100):
        broken.append(m := copy.deepcopy(example()))
        for key in rng.sample(list(manifest.ENTRIES), 4):
            m[key] = rng.choice(junk)
    for m in broken:
        for verdict in judged(m):
            assert 0 <= verdict.share <= 1 and (verdict.share == 1) == (verdict.message == "")
            assert len(verdict.message) < 1000


@pytest.mark.parametrize(
    "values",
    [
        {"steps": '"200"'},
        {"seeds": "[0, 0, 1]"},
        {"seeds": "[]"},
        {"seeds": "[true]"},
        {"rows": "3"},
        {"lr": "1"},
    ],
    ids=str,
)
def test_a_grid_that_no_sweep_would_take_is_none(values):
    grid = {"method": '"pix2pix"', "data": '"emoji:edges"', "steps": "5", "seeds": "[0, 1, 2]"}
    rows = "" if "rows" in values else "\n[rows.a]\n[rows.b]\nlambda_gan = 0\n"
    assert manifest.read_grid("\n".join(f"{k} = {v}" for k, v in grid.items()) + "\n[rows.a]\n")
    assert (
        manifest.read_grid("\n".join(f"{k} = {v}" for k, v in (grid | values).items()) + rows)
        is None
    )


def test_every_grid_of_the_course_can_be_read_and_every_table_is_known_as_the_courses_own():
    files = sorted((ROOT / "notebooks" / "sweeps").glob("*.toml"))
    assert files and all(manifest.read_grid(path.read_text(encoding="utf-8")) for path in files)
    stored = ps5_manifest.stored()
    for row, metric in (("pix2pix+noise", "l1"), ("GAN alone", "sharpness_ratio")):
        values = [float(r[metric]) for r in stored if r["row"] == row][:5]
        rows = [
            {"row": "a", "seed": seed, "key": "0" * 16, "value": value}
            for seed, value in enumerate(values)
        ]
        says = ps5_manifest.judge_own({}, {}, {"manifest": {"metric": metric, "rows": rows}})
        assert "where do they come from" in says.message
        rows[0]["value"] += 1e-6
        assert (
            ps5_manifest.judge_own({}, {}, {"manifest": {"metric": metric, "rows": rows}}).share
            == 1
        )


@pytest.mark.slow
def test_students_get_the_visible_judges_and_no_statistics(tmp_path):
    bundle.bundle("ps5", tmp_path)
    files = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert "checks/manifest.py" in files and not any("ps5_" in name for name in files)
    shipped = "".join((tmp_path / name).read_text(encoding="utf-8") for name in files)
    hidden = [item.name for item in checks.load("ps5") if not item.visible]
    assert hidden and not any(word in shipped for word in (*hidden, "2.776", "sqrt", "ddof"))
    m = example() | {"chosen_on": "test"}
    code = f"import json\nfrom checks import check\nmanifest = lambda: json.loads({json.dumps(m)!r})\ncheck('manifest')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "looks better than it is" in done.stderr
    assert "2 of 2 points: the rows are those of the grid" in done.stdout


@pytest.mark.slow
def test_a_real_sweep_gives_a_manifest_with_full_marks(tmp_path):
    """The worked example of the notebook at 2 steps, in new rows, from the command to the verdict."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    grid = (
        example()["grid"]
        .replace("steps = 200", "steps = 2")
        .replace("[0, 1, 2, 3, 4]", "[0, 1, 2]")
    )
    (tmp_path / "dropout.toml").write_text(grid)
    command = [sys.executable, "-m", "course_lib.cli", "sweep", "dropout.toml", "--workers", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = answers("ps5")
    rows = names["rows_of"](names["excerpt"](tmp_path / "dropout.csv", "l1"))
    differences = names["paired_differences"](rows, "no dropout", "dropout", "lower")
    ends = dict(zip(("mean", "low", "high"), names["interval"](differences), strict=True))
    found = {
        "grid": grid,
        "seeds": [0, 1, 2],
        "rows": rows,
        "verdict": names["decide"](differences),
    }
    names["manifest"] = lambda: example() | found | {"interval": {"kind": "paired t, 95 %", **ends}}
    assert grade("ps5", names) == (sum(checks.points("ps5").values()), ())
