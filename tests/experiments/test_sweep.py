"""Sweeps: rows known by settings, data and seed, and tables that survive whatever happens."""

import io
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import distributed
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from course_lib import CourseError
from course_lib.data import open_dataset
from course_lib.experiments import grids, sweep
from course_lib.metrics import samples, scores
from tests.support.killing import ONE_THREAD, lines, rows
from tests.support.pictures import noise, saved
from tools.tracked import tracked

GRID = """
method = "pix2pix"
data = "emoji:edges"
profile = "smoke"
steps = 40
seeds = [0, 1]
[set]
base_channels = 4
d_base_channels = 4
[rows."L1 + cGAN"]
[rows."L1 only"]
lambda_gan = 0
"""
SHORT = GRID.replace("[0, 1]", "[0]")


def write(folder: Path, text: str = GRID, name: str = "smoke") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder / f"{name}.toml"


# ---- grids


@pytest.mark.slow
def test_a_grid_gives_its_cells_in_order(tmp_path):
    text = (
        GRID
        + '[rows.swapped]\nmethod = "pix2pix"\nsteps = 9\nseeds = [5]\n'
        + 'direction = "yx"\nflip = "off"\n'
    )
    cells = grids.read_grid(write(tmp_path, text))
    order = [("L1 + cGAN", 0), ("L1 + cGAN", 1), ("L1 only", 0), ("L1 only", 1), ("swapped", 5)]
    assert [(cell.row, cell.seed) for cell in cells] == order
    assert [cell.config.lambda_gan for cell in cells] == [1, 1, 0, 0, 1]
    assert all(cell.config.base_channels == 4 and cell.config.image_size == 32 for cell in cells)
    last = cells[-1]
    assert (last.steps, last.direction, last.config.flip, last.slug) == (
        9,
        "yx",
        "off",
        "swapped-seed5",
    )
    assert all(
        (c.steps, c.direction, c.config.flip, c.bf16) == (40, "xy", "auto", False)
        for c in cells[:-1]
    )


BAD = [
    ("method = ", "no readable grid", "smoke.toml"),
    (GRID.split("[rows")[0], "the grid has no rows", "smoke.toml"),
    (GRID.replace("steps = 40", "stepps = 40"), "unknown key 'stepps'", "smoke.toml"),
    (
        GRID.replace("steps = 40", "steps = '40'"),
        "steps needs a TOML value of type int",
        "smoke.toml",
    ),
    (GRID.replace("steps = 40", "steps = 0"), "steps must be above 0", "row 'L1 + cGAN'"),
    (GRID.replace("[0, 1]", "[1, 1]"), "seeds must be different whole numbers", "row 'L1 + cGAN'"),
    (GRID.replace("smoke", "auto"), "profile 'auto' depends on the machine", "row 'L1 + cGAN'"),
    (
        GRID.replace("emoji:edges", "emoji:noto-fluent"),
        "pix2pix learns from pairs",
        "row 'L1 + cGAN'",
    ),
    (GRID + "lambda_gann = 1", "unknown setting 'lambda_gann'", "row 'L1 only'"),
    (GRID + "image_size = [32]", "image_size needs int", "row 'L1 only'"),
    (
        GRID + '[rows."the same"]',
        "'the same' seed 0 has the same settings as 'L1 + cGAN'",
        "row 'the same'",
    ),
    (GRID + '[rows."l1--only"]\nlr = 1', "has the same file name as 'L1 only'", "row 'l1--only'"),
]


@pytest.mark.parametrize(("text", "what", "where"), BAD, ids=[what[:30] for _, what, _ in BAD])
def test_bad_grids_are_refused_before_any_work(tmp_path, refusal, text, what, where):
    error, place, _ = refusal("sweep", write(tmp_path, text))
    assert what in error and place.endswith(where)
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.toml"]


def test_without_distributed_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"missing: distributed(?s:.*)extra sweep"):
        sweep.run(write(tmp_path))


def test_no_scheduler_at_the_address(tmp_path):
    with pytest.raises(CourseError, match="no Dask scheduler answers"):
        sweep.run(write(tmp_path), scheduler="nonsense://127.0.0.1:1")


GRIDS = tracked("notebooks/sweeps/*.toml")
GONE = {"CycleGAN + noise"}  # rows that pages cite, and whose method has left the course


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_the_grids_of_the_course_can_be_read(path):
    cells = grids.read_grid(path)
    assert {cell.row for cell in cells} == set(
        tomllib.loads(path.read_text(encoding="utf-8"))["rows"]
    )
    assert {cell.profile for cell in cells} <= {"cpu", "cpu-64"}
    table = path.with_suffix(".csv")
    if table.exists():  # each stored row is a cell of the grid: none is trained again
        stored = [row for row in sweep.table(table) if row["row"] not in GONE]
        known = [row["command"] for row in stored]
        commands = [f"{c.command} --out runs/{path.stem}-{c.slug}" for c in cells]
        assert known == [command for command in commands if command in known]
        assert all(row["commit"] for row in stored)


def test_a_grid_asks_the_folder_whether_it_has_pairs_wherever_it_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = GRID.replace("emoji:edges", "build/mine")
    assert grids.read_grid(write(tmp_path, text))  # a tool has yet to make it
    for part in ("trainA", "trainB"):
        saved(tmp_path / "build/mine" / part, (noise(32, 32, i) for i in range(3)))
    with pytest.raises(CourseError, match="build/mine has none"):
        grids.read_grid(write(tmp_path, text))


def test_a_cell_is_known_by_what_determines_its_result(tmp_path):
    def commands(text):
        return [cell.command for cell in grids.read_grid(write(tmp_path, text))]

    before = commands(GRID)
    assert len(set(before)) == 4 and commands(GRID.replace("L1 only", "renamed")) == before
    for old, new in [
        ("steps = 40", "steps = 41"),
        ("[set]", 'direction = "yx"\n[set]'),
        ("[set]", "bf16 = true\n[set]"),
        ("= 4", "= 8"),
        ("emoji:edges", "facades"),
    ]:
        assert not set(commands(GRID.replace(old, new))) & set(before), new
    assert commands(GRID + "lr = 1e-3")[:2] == before[:2]
    assert commands(GRID.replace("[0, 1]", "[1, 2]"))[::2] == before[1::2]


# ---- one cell


def shown(stored: bytes, lines: int) -> torch.Tensor:
    """A picture as (column, line, 3, 32, 32) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(stored)).convert("RGB")) / 127.5 - 1)
    return pixels.unflatten(0, (lines, 32)).unflatten(2, (8, 32)).permute(2, 0, 4, 1, 3)


@pytest.mark.slow
def test_a_cell_is_trained_scored_drawn_and_kept(tmp_path, monkeypatch):
    cell = grids.read_grid(write(tmp_path, GRID.replace("40", "5")))[0]
    calls, value = [], 1 / 3
    monkeypatch.setattr(
        scores, "score", lambda *given: calls.append(given) or {"l1": value, "n": 159}
    )
    judged = []
    found = sweep.run_cell(cell, tmp_path / "cell", lambda *of: judged.append(of) or {"ours": 0.5})
    ((method, *asked),) = calls
    assert judged == [(method, cell)] and found["ours"] == 0.5
    assert asked == ["emoji:edges", "test", "xy"]
    history = rows(tmp_path / "cell/run/history.jsonl")
    spread = statistics.pstdev(row["d_real"] + row["d_fake"] for row in history[2:])
    assert len(history) == 5
    assert {name: found[name] for name in sweep.SCORES if name in found} == {
        "l1": value,
        "d_std": spread,
    }
    assert not (tmp_path / "cell/run/checkpoints").exists()
    (stored,) = found["pictures"].values()
    assert (tmp_path / "cell/xy.webp").read_bytes() == stored
    first = default_collate([open_dataset("emoji:edges", "test", 32)[0]])
    torch.manual_seed(cell.seed)  # of dropout
    truth = torch.cat([first["x"], method.translate_batch(first)["fake_y"], first["y"]])
    assert (shown(stored, 3)[0] - truth).abs().mean((1, 2, 3)).max() < 0.08  # WebP
    assert sweep.run_cell(cell, tmp_path / "cell") == found and len(calls) == 1, (
        "it is not done twice"
    )
    (tmp_path / "cell/row.json").write_text('{"l1": ')
    assert sweep.run_cell(cell, tmp_path / "cell")["l1"] == value and len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "directions", "lines"), [("bicyclegan", ["xy"], 6), ("cyclegan", ["xy", "yx"], 3)]
)
def test_other_methods_are_measured_for_their_codes_and_drawn_both_ways(
    tmp_path, monkeypatch, method, directions, lines
):
    text = GRID.split("[set]")[0].replace("pix2pix", method).replace("40", "1") + "[rows.all]\n"
    calls = []
    monkeypatch.setattr(scores, "score", lambda *given: {"l1": 0.5})
    monkeypatch.setattr(
        samples, "score_samples", lambda *given: calls.append(given[1:]) or {"diversity_l1": 0.25}
    )
    found = sweep.run_cell(grids.read_grid(write(tmp_path, text))[0], tmp_path / "cell")
    assert calls == [("emoji:edges", "test", "xy")] * (method == "bicyclegan")
    assert found["l1"] == 0.5 and ("diversity_l1" in found) == bool(calls)
    assert list(found["pictures"]) == directions
    data = open_dataset("emoji:edges", "test", 32)
    for direction, stored in found["pictures"].items():
        for column, i in ((0, 0), (3, 3 * 117 // 8)):
            picture = shown(stored, lines)[column]
            for line, name in ((0, direction[0]), (-1, direction[1])):
                # the noise of untrained networks takes most of the 256 colours
                assert (picture[line] - data[i][name]).abs().mean() < 0.1


@pytest.mark.slow
def test_a_cell_that_makes_images_from_noise_is_measured_and_drawn(tmp_path):
    text = GRID.split("[set]")[0].replace("pix2pix", "dcgan").replace("40", "2") + "[rows.all]\n"
    found = sweep.run_cell(grids.read_grid(write(tmp_path, text))[0], tmp_path / "cell")
    assert {"coverage_features", "variety_l1", "kid_features", "d_std"} <= found.keys()
    with Image.open(tmp_path / "cell/xy.webp") as picture:
        assert picture.size == (10 * 32, 3 * 32)


@pytest.mark.slow
def test_a_cell_that_cannot_be_done_says_why(tmp_path, monkeypatch):
    cell = grids.read_grid(write(tmp_path, GRID.replace("40", "2")))[0]
    monkeypatch.setattr(scores, "score", lambda *given: 1 / 0)
    assert sweep.run_cell(cell, tmp_path / "cell") == {
        "error": "ZeroDivisionError: division by zero"
    }
    assert not (tmp_path / "cell/row.json").exists()


def test_a_cell_that_no_worker_survives_says_so(tmp_path, monkeypatch):
    def killed(*given):
        raise distributed.KilledWorker("cell", SimpleNamespace(address="inproc://1"), 2)

    monkeypatch.setattr(sweep, "run_cell", killed)
    with distributed.LocalCluster(1, processes=False, dashboard_address=":0") as cluster:
        (said, _) = sweep.run(write(tmp_path, SHORT), cluster.scheduler_address)
    assert "seed 0: KilledWorker: " in said and "died" in said


# ---- the table


def invented(cells: list) -> Iterator[tuple]:
    """What _results() would yield: scores without work."""
    measured = {name: "none" for name in sweep.MEASURED} | {"seconds": 1.5}
    for cell in cells:
        yield cell, {"l1": cell.seed + 0.1, "pictures": {"xy": b"webp"}} | measured


def test_the_table_keeps_what_is_done_and_follows_the_grid(tmp_path, monkeypatch):
    path, asked = write(tmp_path), []
    table = path.with_suffix(".csv")
    monkeypatch.setattr(
        sweep, "_results", lambda cells, *more: asked.append(len(cells)) or invented(cells)
    )
    assert sweep.run(path) == []
    rows = sweep.table(table)
    assert list(rows[0]) == [*sweep.FIRST, "l1", *sweep.LAST]
    shown = [(row["row"], row["seed"], row["l1"]) for row in rows[1:3]]
    assert shown == [("L1 + cGAN", 1, 1.1), ("L1 only", 0, 0.1)]
    assert rows[2]["steps"] == 40 and rows[2]["seconds"] == 1.5
    pictures = sorted(p.name for p in (tmp_path / "smoke").iterdir())
    assert pictures == ["l1-cgan-seed0-xy.webp", "l1-only-seed0-xy.webp"]
    assert rows[2]["command"].endswith(
        "--set d_base_channels=4 --set lambda_gan=0 --out runs/smoke-l1-only-seed0"
    )
    shutil.rmtree(tmp_path / "runs")  # a fresh clone has the table only
    before = table.read_bytes()
    sweep.run(path)
    assert table.read_bytes() == before and asked == [4, 0]
    judged = (
        before.decode()
        .replace("l1,method", "kid_lite1,l1,method")
        .replace(".1,pix2", ".2,0.1,pix2")
    )
    table.write_text(judged)  # by tools/judge.py
    sweep.run(path)
    assert table.read_text() == judged and asked.pop() == 0
    # 0 stays, 1 goes, 2 comes; a new name is no new row
    write(tmp_path, GRID.replace("L1 only", "new name").replace("[0, 1]", "[2, 0]"))
    sweep.run(path)
    shown = [(row["row"], row["seed"], row["l1"]) for row in sweep.table(table)]
    names = ("L1 + cGAN", "new name")
    assert shown == [(name, seed, seed + 0.1) for name in names for seed in (2, 0)]
    assert asked[-1] == 2


def test_sweeps_share_a_folder_and_may_name_that_of_their_grids(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "_results", lambda cells, *more: invented(cells))
    first, second = write(tmp_path / "grids"), write(tmp_path / "grids", SHORT, "second")
    for grid, out in ((first, "results"), (second, "results"), (first, "grids")):
        assert sweep.run(grid, out=tmp_path / out) == []
        assert sweep.table(tmp_path / out / f"{grid.stem}.csv")


def test_missing_numbers_are_nan(tmp_path):
    path = write(tmp_path).with_suffix(".csv")
    path.write_text("row,seed,l1,grid_ratio,seconds,steps\na,0,0.25,,3,9\n")
    (row,) = sweep.table(path)
    assert row["l1"] == 0.25 and row["grid_ratio"] != row["grid_ratio"] and row["seed"] == 0


# ---- with real workers


@pytest.fixture
def sweeping(tmp_path):
    """``course sweep`` of SHORT as a process, which ends with the test."""
    command = [sys.executable, "-m", "course_lib.cli", "sweep", str(write(tmp_path, SHORT))]
    options = {"stderr": subprocess.PIPE, "text": True, "env": ONE_THREAD}
    process = subprocess.Popen([*command, "--workers", "2"], **options, start_new_session=True)
    yield process
    process.kill()  # its workers end with it
    process.communicate()


def kill_a_worker(cells: Path, sweeping: subprocess.Popen) -> None:
    """Waits until a cell below ``cells`` is at step 5 or later, and kills its process."""
    end = time.monotonic() + 120
    while time.monotonic() < end and sweeping.poll() is None:
        for pid in cells.glob("*/run/.pid"):
            if lines(pid.with_name("history.jsonl")) >= 5 and (
                text := pid.read_text() if pid.exists() else ""
            ):
                os.kill(int(text), signal.SIGKILL)
                assert not (pid.parent.parent / "row.json").exists(), "too late: it was finished"
                return
        time.sleep(0.002)
    raise AssertionError("nothing is trained")


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_a_second_start_neither(
    tmp_path, sweeping, monkeypatch, capsys
):
    grid, process = tmp_path / "smoke.toml", sweeping
    kill_a_worker(tmp_path / "runs/smoke/cells", process)
    with pytest.raises(CourseError, match=f"process {process.pid} is writing"):
        sweep.run(grid)  # a second one at the same time
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    rows, cells = sweep.table(grid.with_suffix(".csv")), grids.read_grid(grid)
    for row, cell in zip(rows, cells, strict=True):  # as one after the other in this process
        alone = sweep.run_cell(cell, tmp_path / "alone" / cell.folder)
        found = {n: row[n] for n in sweep.SCORES if n in row and row[n] == row[n]}
        assert (row["row"], row["seed"]) == (cell.row, cell.seed)
        assert found == {n: alone[n] for n in sweep.SCORES if n in alone}
    assert (
        said.splitlines()[0] == "0 of 2 cells are done" and " 2/2 " in f" {said.splitlines()[-1]}"
    )
    assert said.splitlines()[-1].endswith("about 0:00 left") and len(said.splitlines()) == 3, said
    before = grid.with_suffix(".csv").stat().st_mtime_ns
    monkeypatch.setitem(sys.modules, "distributed", None)  # nobody to do work
    assert sweep.run(grid) == [] and "2 of 2 cells are done" in capsys.readouterr().err
    assert grid.with_suffix(".csv").stat().st_mtime_ns == before
