"""What is measured on a GPU is tried on the CPU, at tiny sizes; no part is lost by another, and none takes too long."""

import json
import re
import signal
import sys
from types import SimpleNamespace

import pytest
import torch

from course_lib import CourseError
from course_lib.experiments import bench_gpu, bench_kept
from course_lib.methods import METHODS
from tests import ROOT


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # as --dry sets it


def test_all_parts_together_take_at_most_25_minutes_and_each_less_than_8():
    longest = [budget + bench_gpu.GRACE for budget in bench_gpu.BUDGETS.values()]
    assert sum(longest) <= 25 * 60 and max(longest) < 8 * 60 and len(longest) <= 8
    page = (ROOT / "notebooks" / "guide" / "gpu.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `([\w-]+)` \|.*\| (\d+) \|$", page, re.MULTILINE))
    assert {part: int(seconds) for part, seconds in stated.items()} == bench_gpu.BUDGETS


def test_without_a_gpu_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CourseError, match="no CUDA device"):
        bench_gpu.gpu(out=tmp_path / "out")
    with pytest.raises(CourseError, match="no part called"):
        bench_gpu.gpu("speed", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_exceptions_are_rows_and_a_spent_budget_is_named(monkeypatch, tmp_path, no_gpu):
    def works() -> list[dict]:
        (before,) = tmp_path.glob("*.json")
        assert "cut off" in json.loads(before.read_text())["ended"]  # what a kill would leave
        return [{"seconds": 1.0}]

    def breaks() -> list[dict]:
        raise RuntimeError("no\n kernel")

    jobs = [({"data": "a"}, works), ({"data": "b"}, breaks), ({"data": "c"}, works)]
    monkeypatch.setattr(bench_gpu, "_data", lambda *_: jobs)
    facts = bench_gpu.measure("data", tmp_path, True, 60)
    assert facts["rows"] == [
        {"seconds": 1.0},
        {"data": "b", "error": "RuntimeError: no kernel"},
        {"seconds": 1.0},
    ]
    assert facts == json.loads((tmp_path / "gpu_data.json").read_text())
    assert facts["ended"] == "complete; rows with an error: 1"
    assert {"device", "versions", "date", "command", "commit"} <= set(facts)
    clock = iter(range(0, 1000, 25))  # each look at it is 25 seconds later
    monkeypatch.setattr(bench_gpu, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    facts = bench_gpu.measure(
        "data", tmp_path, True, 60
    )  # begins at 0 s, and the jobs at 25 and 75 s
    assert facts["ended"] == "its 60 s were spent before b" and len(facts["rows"]) == 1


def test_a_process_past_its_time_may_end_what_it_started_or_is_killed(monkeypatch):
    # what runs in the background may not hear it
    heard = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    polite = heard + "try: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit(7)"
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    assert bench_gpu.run_for(2, [sys.executable, "-c", polite]) == 7
    assert bench_gpu.run_for(60, [sys.executable, "-c", "raise SystemExit(3)"]) == 3
    monkeypatch.setattr(bench_gpu, "GRACE", 1)
    assert bench_gpu.run_for(2, [sys.executable, "-c", deaf]) == -signal.SIGKILL


def test_a_part_that_dies_loses_no_other(monkeypatch, tmp_path, no_gpu):
    def run_for(_, command):
        part = command[command.index("--part") + 1]
        assert command[-1] == "--dry"
        if part != "steps":
            (tmp_path / f"gpu_{part}.json").write_text('{"ended": "complete"}')
        return -9 if part == "steps" else 0

    monkeypatch.setattr(bench_gpu, "run_for", run_for)
    (tmp_path / "gpu_steps.json").write_text('{"ended": "complete"}')  # of an earlier time
    ended = {row["part"]: row["ended"] for row in bench_gpu.gpu(out=tmp_path, dry=True)["rows"]}
    assert ended == dict.fromkeys(bench_gpu.DRY, "complete") | {"steps": "no file: status -9"}


@pytest.mark.slow
def test_a_dry_run_measures_everything_at_tiny_sizes(tmp_path, no_gpu):
    table = bench_gpu.gpu(out=tmp_path, dry=True)["rows"]
    assert [(row["part"], row["ended"]) for row in table] == [
        (part, "complete") for part in bench_gpu.DRY
    ]
    found = {
        part: json.loads((tmp_path / f"gpu_{part}.json").read_text()) for part in bench_gpu.DRY
    }
    assert not [row for facts in found.values() for row in facts["rows"] if row.get("error")]
    steps = found["steps"]["rows"]
    assert {row["method"] for row in steps} == set(METHODS) and all(
        row["images"] > 0 for row in steps
    )
    kinds = [row["step"] for row in steps if row["method"] == "pix2pix"]
    assert kinds == [*bench_gpu.KINDS, bench_gpu.COMPILED]
    assert all(row["ratio"] > 0 for row in steps if row["method"] == "cyclegan")
    assert (
        all(row["times"] > 0 for row in found["data"]["rows"]) and len(found["data"]["rows"]) == 3
    )
    assert len(found["quality"]["verdicts"]) == 2
    assert found["notebooks-00"]["rows"][0]["status"] == "passed"
    assert bench_kept.gpu_minutes(tmp_path) == {}  # they are not a GPU's
    assert "| cyclegan, 32 px, batch 2 |" in bench_kept.markdown(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000
