"""course_lib/cli/runner.py: what a report says is what happened."""

import base64
import copy
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import ipykernel.kernelspec
import nbformat
import numpy as np
import papermill
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from course_lib.cli import runner
from course_lib.cli.notebook_page import notebook_page, stored_form
from course_lib.cli.runner import run_notebooks
from course_lib.data.files import only_run
from course_lib.errors import CourseError
from tests import ROOT

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

R_KERNEL = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}


def write_notebook(
    path: Path, *cells: str, parameters: str = 'profile = "auto"', metadata: dict = KERNEL
) -> Path:
    """A notebook: a title, the parameters cell, then ``cells``; one that starts with # is prose."""
    first = [
        new_markdown_cell("# Title"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
    ]
    rest = [
        new_markdown_cell(text) if text.startswith("# ") else new_code_cell(text) for text in cells
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=first + rest, metadata=metadata), path)
    return path


def read(path: Path):
    return nbformat.read(path, as_version=4)


def statuses(path: Path) -> list[str]:
    return [c.metadata.papermill.status for c in read(path).cells if c.cell_type == "code"]


def printed(path: Path) -> str:
    return "".join(
        o.get("text", "") for c in read(path).cells if c.cell_type == "code" for o in c.outputs
    )


def kernels() -> list[psutil.Process]:
    """Kernels that this process started and that still run."""
    children = psutil.Process().children(recursive=True)
    return [
        p
        for p in children
        if p.status() != psutil.STATUS_ZOMBIE and "ipykernel" in " ".join(p.cmdline())
    ]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


FACTS = """import os, sys
print(profile, seed)
print(sys.executable)
print(os.environ["COURSE_OUT"])
print(os.getcwd())"""
DIES = """import os, subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]).pid, flush=True)
time.sleep(0.2)
open(os.environ["COURSE_OUT"] + "/died", "w").write(str(time.time()))
os._exit(0)"""


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """(folder, report) of one run: a notebook that passes, one that raises, one whose kernel dies."""
    folder = tmp_path_factory.mktemp("three")
    given = 'profile = "auto"\nseed: int = 0'
    notebooks = [
        write_notebook(folder / "raises.ipynb", "1 / 0", "# prose", "2", parameters=given),
        write_notebook(folder / "dies.ipynb", "1", DIES, "# prose", "2", "3", parameters=given),
        write_notebook(
            folder / "good.ipynb", FACTS, "# a formula $x$", "seed + 1", parameters=given
        ),
    ]
    report = run_notebooks(
        notebooks, folder / "out", "smoke", cell_timeout=60, parameters={"seed": 41}
    )
    return folder, report


def test_the_report_has_the_agreed_form_and_is_what_is_returned(three):
    folder, report = three
    assert json.loads((folder / "out" / "report.json").read_text()) == report
    assert set(report) == {"device", "versions", "notebooks"}
    assert isinstance(report["device"], str) and report["device"]
    assert report["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"torch", "torchvision", "course_lib"} <= set(report["versions"])
    assert all(
        list(row) == ["notebook", "profile", "status", "seconds", "error"]
        for row in report["notebooks"]
    )
    assert [row["notebook"] for row in report["notebooks"]] == [
        "raises.ipynb",
        "dies.ipynb",
        "good.ipynb",
    ]
    assert [row["status"] for row in report["notebooks"]] == ["failed", "failed", "passed"]
    assert all(row["profile"] == "smoke" and 0 < row["seconds"] < 60 for row in report["notebooks"])
    assert [row["error"] is None for row in report["notebooks"]] == [False, False, True]


def test_a_good_notebook_ran_here_with_its_parameters(three):
    folder, _ = three
    out = folder / "out" / "good.ipynb"
    own = folder / "out" / "runs" / "good"
    assert printed(out).splitlines() == ["smoke 41", sys.executable, str(own), str(folder)]
    assert statuses(out) == ["completed"] * 4
    code = [cell for cell in read(out).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[-1].outputs[0].data["text/plain"] == "42"
    assert str(folder) not in json.dumps(read(out).metadata)  # papermill would note where it lay


def test_an_exception_is_named_and_the_rest_not_run(three):
    folder, report = three
    out = folder / "out" / "raises.ipynb"
    assert statuses(out) == ["completed", "completed", "failed", "not run"]
    assert (
        report["notebooks"][0]["error"]
        == "code cell 3 of 4 (`1 / 0`): ZeroDivisionError: division by zero"
    )
    first = read(out).cells[0]
    assert first.cell_type == "markdown" and "FAILED" in first.source and "NOT RUN" in first.source
    assert "ZeroDivisionError" in first.source
    assert "ZeroDivisionError" in (folder / "out" / "raises.html").read_text()


def test_a_dead_kernel_is_noticed_within_3_seconds_and_told(three):
    folder, report = three
    out = folder / "out" / "dies.ipynb"
    assert statuses(out) == ["completed"] * 3 + ["failed", "not run", "not run"]
    assert (
        "code cell 4 of 6" in report["notebooks"][1]["error"]
        and "died" in report["notebooks"][1]["error"]
    )
    banner = read(out).cells[0].source
    assert "FAILED" in banner and "last 2 of 6 code cells were **NOT RUN**" in banner
    code = [cell for cell in read(out).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code[4:]] == [None, None]
    assert [output.output_type for output in code[3].outputs] == ["stream", "error"]
    died = float((folder / "out" / "runs" / "dies" / "died").read_text())
    assert 0 <= datetime.fromisoformat(code[3].metadata.papermill.end_time).timestamp() - died < 3


def test_no_process_is_left(three):
    folder, _ = three
    assert kernels() == []
    assert gone(
        int(printed(folder / "out" / "dies.ipynb").split()[0])
    )  # what the dead kernel had started


def test_nothing_but_results_is_left_in_the_folder(three):
    folder, _ = three
    names = {path.name for path in (folder / "out").iterdir() if not path.name.startswith(".")}
    results = {
        f"{name}.{suffix}" for name in ("good", "raises", "dies") for suffix in ("ipynb", "html")
    }
    assert names == results | {"report.json", "runs"}
    assert list((folder / "out").glob(".writing*")) == [] and not (folder / "out" / ".pid").exists()


def network_loads(html: str) -> list[str]:
    found = re.findall(
        r"""<(?:script|link|img|iframe)[^>]+?(?:src|href)=["'](https?:[^"']+)""", html
    )
    return found + re.findall(r"""(?:@import|url\(|import\(|from)\s*["']?(https?:[^"')]+)""", html)


def test_a_page_loads_nothing_but_mathjax_for_formulas(three):
    folder, _ = three
    with_formula, without = [
        (folder / "out" / name).read_text() for name in ("good.html", "raises.html")
    ]
    assert [re.search("mathjax", url).group() for url in network_loads(with_formula)] == ["mathjax"]
    assert network_loads(without) == []
    assert network_loads('<script src="https://x/y.js">') and network_loads(
        'await import("https://x/y.mjs")'
    )


@pytest.mark.slow
def test_a_page_embeds_pictures_replaces_widgets_and_folds_what_is_folded(tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG dot")
    view = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "m"},
        "text/plain": "IntSlider()",
    }
    cell = new_code_cell("slider", outputs=[new_output("display_data", data=view)])
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"m": {}}}}
    prose = "![a dot](dot.png) <img src='dot.png'>\n\n<details><summary>Why</summary>\n\n**Because**\n\n</details>"
    notebook = new_notebook(cells=[new_markdown_cell(prose), cell], metadata={"widgets": widgets})
    before = copy.deepcopy(notebook)
    html = notebook_page(notebook, tmp_path / "x.ipynb")
    assert notebook == before
    assert html.count('src="data:image/png;base64,') == 2 and 'alt="a dot"' in html
    assert re.search(r"<summary>Why</summary>\s*<p><strong>Because</strong></p>\s*</details>", html)
    assert "Interactive: open the notebook" in html and "IntSlider" not in html
    assert network_loads(html) == []


def test_a_stored_photograph_is_a_jpeg_and_a_drawing_stays_a_png(tmp_path):
    """And both have their alt text on the page."""
    smooth = np.linspace(0, 255, 300)[:, None, None] + np.random.default_rng(0).normal(
        0, 4, (300, 300, 3)
    )
    drawing = np.where(np.arange(300)[:, None, None] % 50 < 2, 0, 255) * np.ones((1, 300, 3))
    cells = []
    for name, pixels in {"a photograph": smooth, "a drawing": drawing}.items():
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(png := io.BytesIO(), "PNG")
        data = {"image/png": base64.b64encode(png.getvalue()).decode()}
        output = new_output("display_data", data=data)
        cells.append(new_code_cell("show", outputs=[output], metadata={"alt": name}))
    nbformat.write(new_notebook(cells=cells), tmp_path / "x.ipynb")
    stored = nbformat.reads(stored_form(tmp_path / "x.ipynb", {}), as_version=4)
    kinds = [list(cell.outputs[0].data) for cell in stored.cells]
    assert kinds == [["image/jpeg"], ["image/png"]]
    found = Image.open(io.BytesIO(base64.b64decode(stored.cells[0].outputs[0].data["image/jpeg"])))
    assert np.abs(np.asarray(found, float) - smooth.clip(0, 255)).mean() < 4
    html = notebook_page(stored, tmp_path / "x.ipynb")
    assert (
        'alt="a photograph" src="data:image/jpeg;base64,' in html
        and 'alt="a drawing" src="data:image/png;' in html
    )


# ---- refused before anything runs


def no_kernel(*_, **__):
    raise AssertionError("a notebook was run")


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda p: p.unlink(), {}, "cannot read the notebook: No such file"),
        (lambda p: (p.unlink(), p.mkdir()), {}, "cannot read the notebook"),
        (lambda p: p.write_text("not { json"), {}, "not a notebook"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), {}, "not a notebook"),
        (lambda p: p.write_text('{"a": 1}'), {}, "not a notebook: it has no cells"),
        (lambda p: p.write_text('{"cells": 3, "nbformat": 4, "nbformat_minor": 5}'), {}, "not a notebook"),
        (lambda p: write_notebook(p, metadata=R_KERNEL), {}, "not a Python notebook"),
        (lambda p: write_notebook(p, parameters="%matplotlib inline"), {}, "its parameters cell is not plain Python"),
        (lambda p: write_notebook(p, parameters="print(profile)"), {}, "unknown parameter profile"),
        (lambda p: None, {"parameters": {"sed": 1}}, "unknown parameter sed"),
        (lambda p: None, {"parameters": {"profile": "cpu"}}, "'profile' is given twice"),
        (lambda p: None, {"profile": "huge"}, "unknown profile 'huge'"),
        (lambda p: None, {"cell_timeout": 0}, "a cell time limit of 0"),
        (lambda p: None, {"notebooks": []}, "no notebook to run"),
        (lambda p: None, {"out": "."}, "would overwrite"),
        (lambda p: None, {"out": "a file/below"}, "cannot write here"),
    ],
)  # fmt: skip
def test_refused_before_anything_runs(tmp_path, monkeypatch, prepare, arguments, message):
    monkeypatch.setattr(papermill, "execute_notebook", no_kernel)
    good = write_notebook(tmp_path / "good.ipynb", "1")
    notebook = write_notebook(tmp_path / "x.ipynb", "1")
    (tmp_path / "a file").write_text("in the way")
    prepare(notebook)
    before = sorted(tmp_path.rglob("*"))
    arguments = {"notebooks": [good, notebook], "profile": "smoke", **arguments}
    with pytest.raises(CourseError, match=re.escape(message)) as caught:
        run_notebooks(out=tmp_path / arguments.pop("out", "out"), **arguments)
    assert caught.value.where and caught.value.fix
    assert sorted(tmp_path.rglob("*")) == before


def test_two_notebooks_of_one_name_are_refused(tmp_path):
    notebooks = [write_notebook(tmp_path / folder / "x.ipynb", "1") for folder in "ab"]
    with pytest.raises(CourseError, match="two notebooks of one name"):
        run_notebooks(notebooks, tmp_path / "out", "smoke")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "x.ipynb", "1")
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(CourseError, match="cannot write here: Permission denied"):
        run_notebooks([notebook], tmp_path / "out", "smoke")


def test_a_second_run_into_the_folder_is_refused_with_the_process_named(tmp_path, monkeypatch):
    monkeypatch.setattr(papermill, "execute_notebook", no_kernel)
    notebook = write_notebook(tmp_path / "x.ipynb", "1")
    with (
        only_run(tmp_path / "out"),
        pytest.raises(CourseError, match=f"process {os.getpid()} is writing"),
    ):
        run_notebooks([notebook], tmp_path / "out", "smoke")
    assert not (tmp_path / "out" / "report.json").exists()


# ---- what stays, what is repeated; without kernels


@pytest.fixture
def pretend(monkeypatch):
    """Replaces the kernel: sources that say "bad" fail in their last cell. Returns the names that were run."""
    ran = []

    def execute(path, source, *_):
        ran.append(path.name)
        notebook = copy.deepcopy(source)
        bad = "bad" in notebook.cells[-1].source
        last = len(notebook.cells) - 1
        return notebook, last, last if bad else None, "it is bad" if bad else None

    monkeypatch.setattr(runner, "_execute", execute)
    page = lambda notebook, path: f"page of {notebook.cells[-1].source}"  # noqa: E731
    monkeypatch.setattr("course_lib.cli.notebook_page.notebook_page", page)
    return ran


def test_a_failure_leaves_the_earlier_good_result_alone(tmp_path, pretend):
    out = tmp_path / "out"
    run_notebooks([write_notebook(tmp_path / "x.ipynb", "good = 1")], out, "smoke")
    good = {name: (out / name).read_bytes() for name in ("x.ipynb", "x.html")}

    report = run_notebooks([write_notebook(tmp_path / "x.ipynb", "bad = 1")], out, "smoke")
    assert {name: (out / name).read_bytes() for name in good} == good
    assert (
        statuses(out / "x.failed.ipynb") == ["completed", "failed"]
        and (out / "x.failed.html").exists()
    )
    assert (
        report["notebooks"][0]["status"] == "failed"
        and "see x.failed.ipynb" in report["notebooks"][0]["error"]
    )

    report = run_notebooks([write_notebook(tmp_path / "x.ipynb", "good = 2")], out, "smoke")
    assert (
        report["notebooks"][0]["status"] == "passed" and "good = 2" in (out / "x.ipynb").read_text()
    )
    assert not (out / "x.failed.ipynb").exists() and not (out / "x.failed.html").exists()


def test_a_failed_result_is_replaced_and_its_banner_does_not_pile_up(tmp_path, pretend):
    out = tmp_path / "out"
    notebook = write_notebook(tmp_path / "x.ipynb", "bad = 1")
    for _ in range(2):
        run_notebooks([notebook], out, "smoke")
        assert [cell.source.startswith("> **FAILED**") for cell in read(out / "x.ipynb").cells] == [
            True
        ] + [False] * 3
        notebook = (out / "x.ipynb").rename(tmp_path / "x.ipynb")  # run what came out


def test_a_run_folder_is_emptied_if_it_is_an_earlier_runs(tmp_path, pretend):
    own = tmp_path / "out" / "runs" / "x"
    own.mkdir(parents=True)
    (own / "mine").touch()
    notebook = write_notebook(tmp_path / "x.ipynb", "1")
    run_notebooks([notebook], tmp_path / "out", "smoke")
    assert (own / "mine").exists()  # not made by a run: never deleted
    own.with_name("x.log").touch()
    run_notebooks([notebook], tmp_path / "out", "smoke")
    assert own.is_dir() and not (own / "mine").exists()


def test_resume_repeats_only_what_did_not_pass_or_changed(tmp_path, pretend, monkeypatch):
    out = tmp_path / "out"
    notebooks = [write_notebook(tmp_path / f"{name}.ipynb", f"{name} = 1", parameters="profile = k = 0") for name in
                 ("fine", "bad", "well")]  # fmt: skip

    def again(**changes) -> list[str]:
        pretend.clear()
        report = run_notebooks(notebooks, out, **{"profile": "smoke", "resume": True, **changes})
        assert [row["status"] for row in report["notebooks"]] == ["passed", "failed", "passed"]
        return list(pretend)

    everything = ["fine.ipynb", "bad.ipynb", "well.ipynb"]
    assert again() == everything
    rows = json.loads((out / "report.json").read_text())["notebooks"]
    assert again() == ["bad.ipynb"]
    kept = json.loads((out / "report.json").read_text())["notebooks"]
    assert [kept[0], kept[2]] == [rows[0], rows[2]]
    assert again(resume=False) == everything
    write_notebook(notebooks[0], "fine = 2", parameters="profile = k = 0")
    assert again() == ["fine.ipynb", "bad.ipynb"]
    assert again(profile="cpu") == everything and again(profile="cpu") == ["bad.ipynb"]
    assert again(profile="cpu", parameters={"k": 1}) == everything
    monkeypatch.setattr("course_lib.__version__", "999")
    assert again(profile="cpu", parameters={"k": 1}) == everything
    library = tmp_path / "library"
    library.mkdir()
    (library / "__init__.py").write_text("")
    monkeypatch.setattr("course_lib.__file__", str(library / "__init__.py"))
    assert again(profile="cpu", parameters={"k": 1}) == everything
    (library / "data.bin").write_bytes(b"changed")
    assert again(profile="cpu", parameters={"k": 1}) == everything
    assert again(profile="cpu", parameters={"k": 1}) == ["bad.ipynb"]
    for damage in ("", "[]", '{"metadata": {"course_run": 3}}'):
        (out / "well.ipynb").write_text(damage)
        assert again(profile="cpu", parameters={"k": 1}) == ["bad.ipynb", "well.ipynb"]


def test_a_full_disk_keeps_the_old_result_and_the_other_notebooks(tmp_path, pretend, monkeypatch):
    out, old = tmp_path / "out", []
    notebooks = [
        write_notebook(tmp_path / f"{name}.ipynb", "good = 1") for name in ("first", "second")
    ]
    run_notebooks(notebooks, out, "smoke")
    old = (out / "first.ipynb").read_bytes()
    replace = os.replace

    def full(source, target):
        if Path(target).name == "first.ipynb":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    report = run_notebooks(notebooks, out, "smoke", parameters={})
    assert [row["status"] for row in report["notebooks"]] == ["failed", "passed"]
    error = report["notebooks"][0]["error"]
    assert "No space left" in error and str(out / "first.ipynb") in error and "\n" not in error
    assert (out / "first.ipynb").read_bytes() == old
    assert list(out.glob(".writing*")) == []


def test_what_a_killed_run_left_half_written_is_swept(tmp_path, pretend):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".writing-x.ipynb").write_text("half")
    run_notebooks([write_notebook(tmp_path / "x.ipynb", "1")], tmp_path / "out", "smoke")
    assert not (tmp_path / "out" / ".writing-x.ipynb").exists()


# ---- more ways to end, with kernels


@pytest.mark.slow
def test_a_hang_an_exit_a_widget_and_odd_names(tmp_path):
    widget = "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    1 / 0\nout"
    odd = "a {b} $HOME é 🎨"
    ignores = "import signal\nfor s in (2, 15):\n    signal.signal(s, signal.SIG_IGN)\nwhile True:\n    pass"
    notebooks = [
        write_notebook(tmp_path / "hangs.ipynb", "import time\ntime.sleep(100)", "1"),
        write_notebook(tmp_path / "spins.ipynb", ignores, "1"),
        write_notebook(tmp_path / "exits.ipynb", "import sys\nsys.exit(0)", "1"),
        write_notebook(tmp_path / "widget.ipynb", widget, "1"),
        write_notebook(
            tmp_path / odd / f"{odd}.ipynb", "import os\nprint(os.environ['COURSE_OUT'])"
        ),
    ]
    out = tmp_path / f"out {odd}"
    report = run_notebooks(notebooks, out, "smoke", cell_timeout=2)
    rows = {row["notebook"].removesuffix(".ipynb"): row for row in report["notebooks"]}
    assert [row["status"] for row in rows.values()] == ["failed"] * 4 + ["passed"]
    for name in ("hangs", "spins"):
        assert (
            "code cell 3 of 4" in rows[name]["error"] and "time limit of 2 s" in rows[name]["error"]
        )
        assert (
            2 < rows[name]["seconds"] < 30
        )  # the second one ignores signals, so it is killed after a while
        assert statuses(out / f"{name}.ipynb") == ["completed", "completed", "failed", "not run"]
        assert "NOT RUN" in read(out / f"{name}.ipynb").cells[0].source
    assert "SystemExit" in rows["exits"]["error"]
    assert statuses(out / "exits.ipynb") == ["completed", "completed", "failed", "not run"]
    assert rows["widget"]["error"] == "in a widget: ZeroDivisionError: division by zero"
    assert statuses(out / "widget.ipynb") == ["completed"] * 4
    assert printed(out / f"{odd}.ipynb").strip() == str(out / "runs" / odd)
    assert kernels() == []


@pytest.mark.slow
def test_another_kernel_named_python3_is_not_used(tmp_path, monkeypatch):
    spec = {"argv": ["false"], "display_name": "not this one", "language": "python"}
    (tmp_path / "jupyter" / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    notebook = write_notebook(tmp_path / "x.ipynb", "import sys\nprint(sys.executable)")
    report = run_notebooks([notebook], tmp_path / "out", "smoke", cell_timeout=60)
    assert report["notebooks"][0]["error"] is None
    assert printed(tmp_path / "out" / "x.ipynb").strip() == sys.executable


@pytest.mark.slow
def test_a_kernel_that_does_not_start_is_told(tmp_path, monkeypatch):
    broken = {
        "argv": [sys.executable, "-c", "raise SystemExit('no kernel today')"],
        "language": "python",
    }
    monkeypatch.setattr(ipykernel.kernelspec, "get_kernel_dict", lambda: broken)
    notebook = write_notebook(tmp_path / "x.ipynb", "1", "2")
    report = run_notebooks([notebook], tmp_path / "out", "smoke")
    assert (
        report["notebooks"][0]["status"] == "failed"
        and "runs/x.log" in report["notebooks"][0]["error"]
    )
    assert "no kernel today" in (tmp_path / "out" / "runs" / "x.log").read_text()
    assert set(statuses(tmp_path / "out" / "x.ipynb")) == {"not run"}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_stopped_from_outside(tmp_path, sent):
    """Ctrl-C: kernel gone, report written, KeyboardInterrupt raised. After kill -9 the kernel notices by itself."""
    says = "import os, time\nopen(os.environ['COURSE_OUT'] + '/pid', 'w').write(str(os.getpid()))\ntime.sleep(100)"
    notebooks = [
        write_notebook(tmp_path / "long.ipynb", says),
        write_notebook(tmp_path / "next.ipynb", "1"),
    ]
    out = tmp_path / "out"
    call = f"run_notebooks({list(map(str, notebooks))}, {str(out)!r}, 'smoke')"
    # a process started in the background ignores Ctrl-C, and so would everything below it
    hear = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}\nfrom course_lib.cli.runner import run_notebooks\n{call}"
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        note, deadline = out / "runs" / "long" / "pid", time.monotonic() + 60
        while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        kernel = int(note.read_text())
        assert not gone(kernel)
        run.send_signal(sent)
        said = run.communicate(timeout=30)[1]
    finally:
        run.kill()
    rows = json.loads((out / "report.json").read_text())["notebooks"]
    assert not (out / "long.ipynb").exists()
    if sent == signal.SIGINT:
        assert "KeyboardInterrupt" in said and gone(kernel)
        assert [(row["status"], row["error"]) for row in rows] == [
            ("failed", "interrupted"),
            ("not run", None),
        ]
        assert rows[0]["seconds"] > 0
    else:
        assert [row["status"] for row in rows] == ["not run", "not run"]
        deadline = time.monotonic() + 15
        while not gone(kernel) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert gone(kernel)
    with only_run(out):  # the lock went with its process
        pass
