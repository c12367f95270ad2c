"""course_lib/cli/runner.py: what a report says is what happened."""

import json
import os
from pathlib import Path

import nbformat
import papermill
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.cli import runner
from course_lib.cli.runner import code_hash, receipt_line, run_notebooks
from course_lib.data.files import only_run
from course_lib.errors import CourseError
from course_lib.training import profiles

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
FACTS = "import os\nprint(profile, seed, os.environ['COURSE_OUT'], os.environ['COURSE_PROFILE'])"
PROSE = "# Title\n\n<details><summary>Why</summary>\n\n**Because** ![a](dot.png)\n\n</details>"


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook: prose, the parameters cell, then ``cells``."""
    given = new_code_cell('profile = "auto"\nseed = 0', metadata={"tags": ["parameters"]})
    code = [new_code_cell(text) for text in cells]
    notebook = new_notebook(cells=[new_markdown_cell(PROSE), given, *code])
    notebook.metadata["kernelspec"] = KERNEL
    nbformat.write(notebook, path)
    return path


def code_cells(path: Path) -> list:
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def statuses(path: Path) -> list[str]:
    return [cell.metadata.papermill.status for cell in code_cells(path)]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """(folder, report) of one run, two at a time: one raises, one's kernel dies, one passes."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "dot.png").write_bytes(b"\x89PNG dot")
    notebooks = [
        write_notebook(folder / "raises.ipynb", "1 / 0", "2"),
        write_notebook(folder / "dies.ipynb", "1", "import os\nos._exit(0)", "2", "3"),
        write_notebook(folder / "good.ipynb", FACTS, "seed + 1"),
    ]
    return folder, run_notebooks(notebooks, folder / "out", "smoke", {"seed": 41}, jobs=2)


def test_an_exception_is_named_and_the_rest_not_run(three):
    folder, report = three
    assert json.loads((folder / "out" / "report.json").read_text()) == report
    assert [row["status"] for row in report["notebooks"]] == ["failed", "failed", "passed"]
    raised = folder / "out" / "raises.failed.ipynb"
    assert "code cell 3 of 4: ZeroDivisionError" in report["notebooks"][0]["error"]
    assert statuses(raised)[2:] == ["failed", "not run"]
    assert "NOT RUN" in nbformat.read(raised, as_version=4).cells[0].source
    assert "ZeroDivisionError" in raised.with_suffix(".html").read_text()


def test_a_path_is_meant_from_here_and_a_course_error_keeps_its_three_lines(
    tmp_path, course, monkeypatch
):
    code = "from pathlib import Path\nfrom course_lib.errors import CourseError\n"
    code += "raise CourseError(f'{Path(seed).is_absolute()} {Path(seed).is_dir()}', seed, 'this')"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pictures").mkdir()
    path = write_notebook(tmp_path / "elsewhere" / "x.ipynb", code)
    monkeypatch.chdir(tmp_path)
    status, _, said = course("run", path, "--profile", "smoke", "--set", "seed=pictures")
    lines = ["CourseError: True True", f"  where: {tmp_path / 'pictures'}", "  fix: this"]
    assert status == 1 and "\n".join(lines) in said
    report = json.loads((tmp_path / "build" / "report.json").read_text())
    assert report["notebooks"][0]["error"].endswith("\n".join(lines))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--set", "profile=smoke"], "smoke"),
        (["--set", "profile=auto"], "cpu"),
        (["--profile", "smoke"], "smoke"),
        (["--profile", "cpu", "--set", "profile=smoke"], "smoke"),
    ],
)
def test_a_profile_that_is_set_is_the_profile(tmp_path, monkeypatch, course, words, wanted):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    path, ran = write_notebook(tmp_path / "x.ipynb"), []
    monkeypatch.setattr(runner, "_execute", lambda *args: ran.append(args[3]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        course("run", path, "--out", tmp_path / "out", *words)
    assert ran == [{"profile": wanted}]


def test_a_dead_kernel_fails_its_cell_within_seconds(three):
    folder, report = three
    row = report["notebooks"][1]
    assert "code cell 4 of 6" in row["error"] and "died" in row["error"] and row["seconds"] < 60
    dead = folder / "out" / "dies.failed.ipynb"
    assert statuses(dead)[2:] == ["completed", "failed", "not run", "not run"]
    assert [cell.execution_count for cell in code_cells(dead)[4:]] == [None, None]


def test_a_good_notebook_ran_with_its_parameters_and_its_page_holds_all(three):
    folder, _ = three
    cells = code_cells(folder / "out" / "good.ipynb")
    printed = cells[-2].outputs[0].text.split()
    assert printed == ["smoke", "41", str(folder / "out" / "runs" / "good"), "smoke"]
    assert cells[-1].outputs[0].data["text/plain"] == "42"
    page = (folder / "out" / "good.html").read_text()
    assert "data:image/png;base64," in page and "dot.png" not in page
    assert page.index("<strong>Because") < page.index("</details>")


@pytest.mark.slow
def test_resume_repeats_what_changed_and_nothing_else(tmp_path):
    path = write_notebook(tmp_path / "x.ipynb", "import time\nprint(time.time())")

    def executed() -> str:
        run_notebooks([path], tmp_path / "out", "smoke", resume=True)
        return code_cells(tmp_path / "out" / "x.ipynb")[-1].outputs[0].text

    first = executed()
    assert executed() == first
    write_notebook(path, "import time\nprint(time.time() + 1)")
    assert executed() != first


@pytest.mark.parametrize(
    ("content", "parameters", "message"),
    [
        ("not { json", {}, "no notebook that can be run"),
        ('{"cells": 3, "nbformat": 4, "nbformat_minor": 5}', {}, "no notebook that can be run"),
        (None, {"sed": 1}, "unknown parameter sed"),
    ],
)
def test_refused_before_anything_runs(tmp_path, monkeypatch, content, parameters, message):
    monkeypatch.setattr(papermill, "execute_notebook", None)
    path = write_notebook(tmp_path / "x.ipynb", "1")
    if content:
        path.write_text(content)
    with pytest.raises(CourseError, match=message):
        run_notebooks([path], tmp_path / "out", "smoke", parameters)
    assert not (tmp_path / "out").exists()


def test_results_never_replace_those_of_a_run_in_progress(tmp_path):
    path = write_notebook(tmp_path / "x.ipynb", "1")
    with only_run(tmp_path / "out"), pytest.raises(CourseError, match=f"process {os.getpid()} is"):
        run_notebooks([path], tmp_path / "out", "smoke")


def test_the_terminal_decides_nothing_that_a_notebook_shows(tmp_path, monkeypatch):
    (tmp_path / "start.py").write_text("print('started')", encoding="utf-8")
    (tmp_path / "rc").write_text("figure.figsize: 30, 30", encoding="utf-8")
    for name, value in {
        "MPLBACKEND": "Agg",
        "MATPLOTLIBRC": str(tmp_path / "rc"),
        "PYTHONOPTIMIZE": "1",
        "PYTHONSTARTUP": str(tmp_path / "start.py"),
        "PYTHONWARNINGS": "ignore",
    }.items():
        monkeypatch.setenv(name, value)
    drawing = "import warnings\nfrom matplotlib import pyplot as plt\nwarnings.warn('seen')\n"
    drawing += "fig, _ = plt.subplots()\nprint(fig.get_size_inches(), __debug__)"
    run_notebooks([write_notebook(tmp_path / "x.ipynb", drawing)], tmp_path / "out", "smoke")
    outputs = code_cells(tmp_path / "out" / "x.ipynb")[-1].outputs
    assert ["image/png" in output.get("data", {}) for output in outputs].count(True) == 1
    said = "".join(output.get("text", "") for output in outputs)
    assert "[6.4 4.8] True" in said and "seen" in said and "started" not in said


def test_a_receipt_tells_by_what_each_notebook_was_executed(three):
    folder, _ = three
    for name, cells in (("good", 3), ("dies.failed", 5)):
        told = nbformat.read(folder / "out" / f"{name}.ipynb", as_version=4).metadata["receipt"]
        assert told["profile"] == "smoke" and told["by"] == f"papermill {papermill.__version__}"
        assert len(told["seconds"]) == cells and told["cores"] == os.cpu_count()
        assert receipt_line(told) in (folder / "out" / f"{name}.html").read_text()
    assert told["seconds"][-1] is None  # never ran
    assert told["code"] == code_hash(nbformat.read(folder / "dies.ipynb", as_version=4))


@pytest.mark.parametrize(("memory", "error"), [(0, "0 MB"), (12e6, None)])
def test_a_gpu_run_holds_what_its_card_did_and_0_mb_is_refused(
    tmp_path, monkeypatch, memory, error
):
    monkeypatch.setattr(profiles, "pick_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(profiles, "device_name", lambda: "fake (GPU)")
    monkeypatch.setattr(profiles, "use_bf16", lambda _: True)
    fake = f"import torch\ntorch.cuda.max_memory_allocated = lambda: {memory}"
    path = write_notebook(tmp_path / "x.ipynb", fake)
    report = run_notebooks([path], tmp_path / "out", "smoke", cuda=True)
    path = tmp_path / "out" / f"x{'.failed' * bool(error)}.ipynb"
    told = nbformat.read(path, as_version=4).metadata["receipt"]
    assert told["memory_mb"] == memory / 1e6
    assert (error or "passed") in (report["notebooks"][0]["error"] or "passed")
