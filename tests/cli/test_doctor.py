"""``course doctor``: what it says is so, and what it cannot know it says."""

import json
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from course_lib import CourseError
from course_lib.cli import doctor
from course_lib.cli.runner import run_notebooks
from course_lib.training import profiles

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
NOTED = {"profile": "cpu", "seconds": 420, "clock_seconds": 300, "speed": 200, "bf16": True}


def write(path: Path, *cells: str, course: object = None, seconds: tuple[float, ...] = ()) -> Path:
    """A notebook whose cells took so many ``seconds``, and that holds ``course`` as metadata."""
    code = [new_code_cell(text) for text in cells]
    for cell, duration in zip(code, seconds, strict=False):
        cell.metadata["papermill"] = {"duration": duration}
    metadata = KERNEL | ({} if course is None else {"course": course})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=code, metadata=metadata), path)
    return path


@pytest.fixture
def quick(monkeypatch):
    """No measuring: 100 images a second, no bfloat16."""
    monkeypatch.setattr(doctor, "images_per_second", lambda *_: 100.0)
    monkeypatch.setattr(profiles, "use_bf16", lambda *_: False)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def sections(text: str) -> dict[str, list[str]]:
    found, name = {}, ""
    for line in text.splitlines():
        name = line[:10].strip() or name
        found.setdefault(name, []).append(line[11:])
    return found


@pytest.mark.slow
def test_the_command_says_everything_in_ten_seconds(monkeypatch, course):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    start = time.thread_time()  # of this thread alone: the machine may be busy
    status, out, _ = course("doctor")
    said = sections(out)
    assert status == 0 and time.thread_time() - start < 10
    assert (
        " ".join(said)
        == "machine versions profile bfloat16 speed notebooks jupyter tests demos grading"
    )
    assert said["profile"] == ["smoke: the environment variable COURSE_PROFILE says so"]
    assert f"torch {torch.__version__.partition('+')[0]}" in said["versions"][0]
    assert float(said["speed"][0].split()[0]) > 0
    assert [line.partition(":")[0] for line in said["notebooks"]] == [
        path.stem for path in doctor.find_notebooks()
    ]


def test_the_time_of_the_clock_stays_and_the_rest_goes_with_the_speed(tmp_path, quick):
    def minutes(speed: float, bf16_here: bool, **changes) -> str:
        return doctor.estimate(
            write(tmp_path / "x.ipynb", course=NOTED | changes), "cpu", speed, bf16_here
        )

    assert minutes(200, True) == "about 7 minutes"  # as it was
    assert minutes(50, True) == "about 13 minutes"  # 300 + 120 * 4 seconds
    assert minutes(800, True) == "about 6 minutes"  # 300 + 30: never less than the clock
    assert minutes(200, False) == "about 12 minutes"  # the clock twice, where bfloat16 is off
    assert minutes(200, False, bf16=False) == minutes(200, True, bf16=False) == "about 7 minutes"
    assert minutes(200, True, seconds=31, clock_seconds=0) == "under a minute"
    assert minutes(200, True, seconds=60, clock_seconds=0) == "about 1 minute"


@pytest.mark.parametrize(
    "course", [None, [], 3, {"seconds": 3}, NOTED | {"speed": "fast"}, NOTED | {"seconds": None}]
)
def test_what_was_not_measured_is_not_guessed(tmp_path, course):
    assert (
        doctor.estimate(write(tmp_path / "x.ipynb", course=course), "cpu", 100, True)
        == "not measured"
    )


def test_another_profile_or_a_broken_file_is_not_measured(tmp_path):
    path = write(tmp_path / "x.ipynb", course=NOTED)
    said = "not measured at profile gpu (about 7 minutes at cpu where it was made)"
    assert doctor.estimate(path, "gpu", 100, True) == said
    path.write_text("{")
    for unreadable in (path, tmp_path / "no"):
        assert doctor.estimate(unreadable, "cpu", 100, True) == "not measured"


def test_timing_counts_the_cells_that_train_until_a_time(tmp_path, quick):
    cells = (
        "fit(model, data, minutes=3)",
        "for seed in range(2):\n    run = training.fit(model, data, minutes=minutes / 2, seed=seed)",
        "fit(model, data, steps=8)",
        "minutes = 3",
        "%matplotlib inline\nfit(minutes=3)",
        "print('fit(minutes=3)')",
    )
    path = write(tmp_path / "x.ipynb", *cells, seconds=(181.4, 100.2, 1000, 1, 1000, 1000))
    expected = {
        "profile": "cpu",
        "seconds": 3400,
        "clock_seconds": 282,
        "speed": 100,
        "bf16": False,
    }
    assert doctor.timing(path, "cpu", 3400.2) == expected


@pytest.mark.slow
def test_a_stored_notebook_notes_what_it_took(tmp_path, quick, monkeypatch):
    """course run --store writes it, course doctor reads it."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "notebooks" / "01_x.ipynb"
    write(
        path,
        'profile = "auto"',
        "import time\ndef fit(minutes):\n    time.sleep(60 * minutes)\nfit(minutes=0.02)",
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)
    report = run_notebooks([path], tmp_path / "out", "cpu", cell_timeout=60, store=True)
    assert report["notebooks"][0]["status"] == "passed"
    noted = json.loads(path.read_text())["metadata"]["course"]
    seconds = report["notebooks"][0]["seconds"]
    assert noted == {
        "profile": "cpu",
        "seconds": round(seconds),
        "clock_seconds": 1,
        "speed": 100,
        "bf16": False,
    }
    assert doctor.find_notebooks() == [Path("notebooks/01_x.ipynb")]
    assert sections(doctor.report())["notebooks"] == ["01_x: under a minute"]


def test_why_this_profile(monkeypatch, quick):
    cpu, cuda, mps = (torch.device(name) for name in ("cpu", "cuda", "mps"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(
        profiles, "unused_gpu", profiles.unused_gpu.__wrapped__
    )  # not the answer of an earlier test
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor._why(cpu) == "no NVIDIA GPU was found" and doctor._why(cuda) == "there is a GPU"
    assert doctor._why(mps).endswith("Apple's GPU is used")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(
        profiles.subprocess,
        "run",
        lambda *_, **__: SimpleNamespace(stdout="GPU 0: A card (UUID: 1)"),
    )
    for build, why in (
        (None, "it is the CPU build"),
        ("13.2", "its CUDA 13.2 and the driver do not match"),
    ):
        monkeypatch.setattr(torch.version, "cuda", build)
        with pytest.warns(
            UserWarning, match=f"^GPU 0: A card is here, but PyTorch .* cannot use it: {why}$"
        ):
            assert profiles.pick_device() == cpu
    assert doctor._why(cpu).endswith(why)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert doctor._why(cpu) == "CUDA_VISIBLE_DEVICES hides every GPU"
    monkeypatch.setenv("COURSE_PROFILE", "huge")
    with pytest.raises(CourseError, match="unknown profile 'huge'"):
        doctor.report()


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"apt-get"}, "sudo apt-get install git chromium chromium-driver bubblewrap"),
        ({"dnf", "git"}, "sudo dnf install chromium chromedriver bubblewrap"),
        (
            {"brew", "git", "chromium"},
            "brew install chromedriver and (bubblewrap exists on Linux only)",
        ),
        ({"git"}, "the programs, with this system's package manager"),
    ],
)
def test_what_is_missing_comes_with_its_command(monkeypatch, here, said):
    monkeypatch.setattr(shutil, "which", lambda name: name if name in here | {"make"} else None)
    programs, extra = doctor.NEEDS["tests"]
    what, _, commands = doctor.missing(programs, extra).partition("; install: ")
    assert what.removeprefix("missing: ").split(", ") == [
        p for p in programs if p not in here | {"make"}
    ]
    assert commands == said
    monkeypatch.setattr(shutil, "which", lambda name: name)
    assert doctor.missing(programs, extra) == "nothing missing"


def test_missing_python_packages_are_told_with_their_extra(monkeypatch):
    requires = [
        "torch>=2",
        "absent>=1.2",
        'nbval-absent>=0.1; extra == "test"',
        'x[y]>=3; extra == "all"',
    ]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: requires)
    pip = f"{sys.executable} -m pip install"
    assert (
        doctor.missing((), "test")
        == f"missing: nbval-absent>=0.1; install: {pip} 'nbval-absent>=0.1'"
    )
    assert doctor.missing((), "") == f"missing: absent>=1.2; install: {pip} 'absent>=1.2'"
