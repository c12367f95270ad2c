"""tools/gpu_all.py: what travels is small, what comes back is whole. (`--dry` does all of it.)"""

import json
import tarfile
import time

import pytest

from tests import ROOT
from tools import gpu_all


@pytest.fixture(autouse=True)
def beside_its_tools(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "tools")
    monkeypatch.setattr(gpu_all, "WORK", tmp_path / "work")


@pytest.mark.slow
def test_what_travels_fits_with_the_wheels_and_holds_no_outputs(tmp_path):
    gpu_all.pack(tmp_path / "trip", False)
    assert max(gpu_all.size(tmp_path / "trip" / name) for name in "12") < gpu_all.TRIP
    with tarfile.open(tmp_path / "trip/2/weights.tar") as second:
        assert all(name.endswith(".safetensors") for name in second.getnames())
    # 14 MB of wheels push as many bytes of weights into the second
    assert gpu_all.size(tmp_path / "trip") < 2 * gpu_all.TRIP - 15_000_000
    with tarfile.open(tmp_path / "trip/1/course.tar") as first:
        notebooks = [name for name in first.getnames() if name.endswith(".ipynb")]
        cells = json.load(first.extractfile(notebooks[0]))["cells"]
        assert {"tools/gpu_all.py", "tools/exhibits.toml", "commit.txt"} <= set(first.getnames())
    assert all(not cell.get("outputs") for cell in cells) and len(notebooks) >= 19


def test_what_fits_runs_once_and_comes_back_in_small_archives(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_all, "ARCHIVE", 1000)
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write('x' * 600)"
    files = [tmp_path / "work" / f"{name}.json" for name in "abc"]
    todo = [(path.stem, ["-c", write, str(path)], 0.0) for path in files]
    known, out = {}, tmp_path / "out"
    out.mkdir()
    end = time.monotonic() + 100
    assert gpu_all.work_off(todo, 2, end, lambda: gpu_all.archive(out, known))
    assert gpu_all.work_off(todo, 2, end, lambda: None)  # a killed run goes on
    assert [path.stat().st_size for path in files] == [600] * 3
    assert not gpu_all.work_off([("late", ["-c", "", ""], 1000.0)], 1, end, lambda: None)
    gpu_all.archive(out, known)
    found = set()
    for path in out.iterdir():
        with tarfile.open(path) as packed:
            found |= set(packed.getnames())
    assert found >= {"a.json", "b.json", "c.json"} and len([*out.iterdir()]) == 3
