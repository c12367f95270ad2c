"""tools/gpu_all.py: what travels is small, what comes back is whole. (`--dry` does all of it.)"""

import re
import time
from shutil import unpack_archive

import pytest

from tests import ROOT
from tools import gpu_all


@pytest.fixture(autouse=True)
def beside_its_tools(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "tools")
    monkeypatch.setattr(gpu_all, "WORK", tmp_path / "work")


# What all trainings of a page take, in units of its budget by the clock. A second training makes as
# many steps as the first, each as much longer as it launches more operations (302 with D, 170
# without; 441 for pix2pix+noise, 1,113 for BicycleGAN), or has as many minutes.
LONGER = {"02": 2.8, "02b": 2.8, "06": 1.4, "12": 2.2}


@pytest.mark.slow
def test_what_travels_fits_holds_all_that_pages_open_and_no_page_trains_over_90_seconds(tmp_path):
    gpu_all.pack(trip := tmp_path / "trip", False)
    first, second = (gpu_all.size(trip / name) for name in "12")
    # 14 MB of wheels push as many bytes of weights into the second
    assert max(first, second, (first + second + 15_000_000) / 2) < gpu_all.TRIP
    unpack_archive(trip / "2/weights.tar", home := tmp_path / "home", filter="data")
    assert {path.suffix for path in home.rglob("*.*")} == {".safetensors"}
    unpack_archive(trip / "1/course.tar", home, filter="data")
    assert len([*home.glob("notebooks/*.ipynb"), *home.glob("tools/exhibits.toml")]) >= 23
    for path in home.glob("notebooks/*.ipynb"):
        code = path.read_text(encoding="utf-8").replace('\\"', "'")
        opened = re.findall(r"[( ]'((?:pictures|guide|bench)/[^'{}]+)'\)", code)
        budgets = re.findall(r"minutes[^\"]* = (?:([\d.]+) \* )?{[^\"]*'gpu': ([\d.]+)}\[", code)
        minutes = sum(float(factor or 1) * float(minutes) for factor, minutes in budgets)
        assert minutes * LONGER.get(path.name.split("_")[0], 1) <= 1.5, path.name
        assert '"outputs": [{' not in code and all((path.parent / name).exists() for name in opened)


def test_what_fits_runs_once_and_comes_back_in_small_archives(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_all, "ARCHIVE", 1000)
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write('x' * 600)"
    files = [tmp_path / "work" / f"{name}.json" for name in "abc"]
    todo = [(path.stem, ["-c", write, str(path)], 0.0) for path in files]
    known, end = {}, time.monotonic() + 100
    (out := tmp_path / "out").mkdir()
    assert gpu_all.work_off(todo, 2, end, lambda: gpu_all.archive(out, known))
    assert gpu_all.work_off(todo, 2, end, lambda: None) and all(  # a killed run goes on
        path.stat().st_size == 600 for path in files
    )
    assert not gpu_all.work_off([("late", ["-c", "", ""], 1000.0)], 1, end, lambda: None)
    gpu_all.archive(out, known)
    for path in out.iterdir():
        unpack_archive(path, tmp_path / "home", filter="data")
    assert len([*(tmp_path / "home").glob("[abc].json")]) == len([*out.iterdir()]) == 3
