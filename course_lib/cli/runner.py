"""Notebooks executed with papermill, and a report that tells the truth about them.

Papermill alone saves the cells it never reached as "completed" when the kernel dies, takes ``sys.exit`` for success,
only logs an unknown parameter and overwrites its output in place. Here papermill works in memory; what happened is
told by the cells that were started; and each file is replaced as a whole.
"""

import ast
import contextlib
import copy
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import signal
import sys
import time
from pathlib import Path

import course_lib
from course_lib.errors import CourseError, need

BANNER = (
    "course-run-banner"  # tag of the cell that names the failure, so that a second run can drop it
)
REPORTED = ("torch", "torchvision", "numpy", "papermill", "nbclient", "nbconvert", "ipykernel")


def run_notebooks(
    notebooks: list[Path],
    out: Path,
    profile: str = "auto",
    cell_timeout: int = 1200,
    parameters: dict | None = None,
    resume: bool = False,
    store: bool = False,
) -> dict:
    """Executes each notebook in a fresh kernel of this interpreter: NAME.ipynb, NAME.html and report.json in ``out``.

    The kernel works in the notebook's own folder, as in Jupyter, and finds in the environment variable COURSE_OUT the
    one folder it may write to, ``out/runs/NAME``, empty at first. ``profile`` (smoke, cpu, gpu or auto) and
    ``parameters`` are injected after the cell tagged ``parameters``. ``cell_timeout`` is in seconds, for each cell.

    Returns what report.json holds: ``device``, ``versions`` and ``notebooks``, one row each with ``notebook``,
    ``profile``, ``status`` ("passed", "failed" or "not run"), ``seconds`` and ``error`` (None or one line). A failing
    notebook does not stop the rest. It is written as NAME.ipynb, or as NAME.failed.ipynb where an earlier good
    NAME.ipynb stands. With ``resume``, a notebook that passed before with the same source, parameters, library and
    versions is not repeated. With ``store``, a notebook that passes is written back to where it came from, with its
    outputs: this is how the course's own notebooks are made.

    Raises CourseError before anything runs if a notebook, parameter, profile or folder will not do. After Ctrl-C the
    kernel is shut down, the report written, and KeyboardInterrupt raised again.
    """
    from course_lib.cli.doctor import timing
    from course_lib.cli.notebook_page import stored_form
    from course_lib.data.files import ASIDE, only_run
    from course_lib.training.profiles import (
        device_name,
        resolve,
    )  # these import torch, so not at import time

    need("lab", "papermill", "nbformat", "nbconvert")
    profile, out, paths = (
        resolve(profile),
        Path(out).absolute(),
        [Path(path).absolute() for path in notebooks],
    )
    if not paths:
        raise CourseError(
            "no notebook to run", "the list of notebooks", "name at least one .ipynb file"
        )
    if len({path.stem for path in paths}) < len(paths):
        raise CourseError(
            "two notebooks of one name",
            ", ".join(map(str, paths)),
            "run them into different folders",
        )
    if "profile" in (parameters or {}):
        raise CourseError(
            "'profile' is given twice", "parameters", "choose it with the profile argument alone"
        )
    if cell_timeout < 1:
        raise CourseError(
            f"a cell time limit of {cell_timeout} s", "cell_timeout", "give at least 1 second"
        )
    parameters = {"profile": profile} | (parameters or {})
    sources = [_load(path, out, parameters) for path in paths]

    rows = [
        {"notebook": p.name, "profile": profile, "status": "not run", "seconds": 0.0, "error": None}
        for p in paths
    ]
    versions = {"python": platform.python_version(), "course_lib": course_lib.__version__}
    versions |= {name: importlib.metadata.version(name) for name in REPORTED}
    report = {"device": device_name(), "versions": versions, "notebooks": rows}
    library = Path(
        course_lib.__file__
    ).parent  # its data included: what it changes makes earlier results stale
    files = sorted(f for f in library.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    common = json.dumps(
        [versions, parameters, [str(f.relative_to(library)) for f in files]]
    ).encode()
    common += b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files)
    with only_run(out):
        for stale in out.glob(f"{ASIDE}*"):  # left by a run that was killed
            stale.unlink()
        _write(out / "report.json", json.dumps(report, indent=2) + "\n")
        for row, path, (source, text) in zip(rows, paths, sources, strict=True):
            start, said = time.monotonic(), "passed before, not repeated"
            fingerprint = hashlib.sha256(common + text.encode()).hexdigest()
            earlier = _earlier(out / path.name)
            try:
                if resume and earlier.get("fingerprint") == fingerprint:
                    row.update(status="passed", seconds=earlier["seconds"])
                else:
                    said = _run_one(path, source, out, parameters, cell_timeout, fingerprint, row)
                    if store and row["status"] == "passed":
                        took = timing(out / path.name, profile, row["seconds"])
                        _write(path, stored_form(out / path.name, took))
            except KeyboardInterrupt:
                row.update(
                    status="failed", seconds=round(time.monotonic() - start, 1), error="interrupted"
                )
                raise
            except (
                Exception
            ) as error:  # its files could not be made or written: the next one may be luckier
                row.update(status="failed", error=" ".join(f"no result written: {error}".split()))
            finally:
                _write(out / "report.json", json.dumps(report, indent=2) + "\n")
                print(f"{path.name}: {row['error'] or said} ({row['seconds']} s)", file=sys.stderr)
    return report


def _load(path: Path, out: Path, parameters: dict) -> tuple:
    """The notebook without the banner of an earlier failure, and the text of its file; CourseError if it cannot run."""
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        if "cells" not in json.loads(text):
            raise ValueError("it has no cells")
        notebook = nbformat.v4.upgrade(nbformat.reads(text, as_version=4))
        nbformat.validate(notebook)
    except OSError as error:
        raise CourseError(
            f"cannot read the notebook: {error.strerror}", path, "check the path"
        ) from None
    except Exception as error:  # anything from KeyError to nbformat's own ValidationError
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise CourseError(
            f"not a notebook: {reason}", path, "restore the file, or save it again in Jupyter"
        ) from None
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if notebook.metadata.get("language_info", {}).get("name", language) != "python":
        raise CourseError(
            "not a Python notebook", path, "choose the kernel python3 in Jupyter and save"
        )
    if path.parent.resolve() == out.resolve():
        raise CourseError(
            "the result would overwrite the notebook", path, "choose another output folder"
        )

    tagged = [
        cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    try:
        nodes = ast.walk(ast.parse("\n".join(tagged[:1])))
    except SyntaxError as error:
        raise CourseError(
            f"its parameters cell is not plain Python: {error}", path, "mend that cell"
        ) from None
    known = {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if unknown := sorted(set(parameters) - known):
        has = ", ".join(sorted(known)) or "none: no cell is tagged 'parameters'"
        raise CourseError(
            f"unknown parameter {', '.join(unknown)}", path, f"its parameters are {has}"
        )
    notebook.cells = [
        cell for cell in notebook.cells if BANNER not in cell.metadata.get("tags", [])
    ]
    return notebook, text


def _run_one(path, source, out, parameters, cell_timeout, fingerprint, row) -> str:
    """Executes one notebook, fills in its row of the report and writes its files. Returns what to print."""
    import nbformat

    from course_lib.cli.notebook_page import notebook_page

    start, stem = time.monotonic(), path.stem
    if (
        out / "runs" / f"{stem}.log"
    ).exists():  # then the folder is an earlier run's, and this one starts afresh
        shutil.rmtree(out / "runs" / stem, ignore_errors=True)
    (out / "runs" / stem).mkdir(parents=True, exist_ok=True)
    notebook, reached, failed, reason = _execute(path, source, out, parameters, cell_timeout)
    error = _mark(notebook, reached, failed, reason)
    if error and _earlier(out / path.name):
        stem += ".failed"
        error += f" (see {stem}.ipynb; {path.name} is the earlier good one)"
    row.update(
        status="failed" if error else "passed",
        seconds=round(time.monotonic() - start, 1),
        error=error,
    )
    # Papermill notes the paths of this machine, but a result may be handed on.
    name = path.name.encode(errors="replace").decode()
    notebook.metadata.setdefault("papermill", {}).update(
        input_path=name, output_path=name, exception=bool(error)
    )
    notebook.metadata["course_run"] = {"fingerprint": fingerprint, **row, "notebook": name}
    _write(
        out / f"{stem}.html", notebook_page(notebook, path)
    )  # first: no passed notebook lacks its page
    _write(out / f"{stem}.ipynb", nbformat.writes(notebook))
    if not error:
        for suffix in ("ipynb", "html"):
            (out / f"{stem}.failed.{suffix}").unlink(missing_ok=True)
    return f"passed, {len(_code(notebook))} code cells"


def _execute(path, source, out, parameters, cell_timeout) -> tuple:
    """Runs all cells and leaves no kernel, whatever happens.

    Returns the notebook, the index of the last cell that was started, of the cell to blame, and the reason; the last
    two are None if all went well.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from tqdm import tqdm

    logging.getLogger("papermill").addHandler(
        logging.NullHandler()
    )  # what it complains about is told below
    notebook, reached, failed, reason, kernels = copy.deepcopy(source), -1, None, None, []
    for index in _code(notebook):
        notebook.cells[index].update(outputs=[], execution_count=None)
    bar = tqdm(total=1 + len(_code(source)), desc=path.name, unit="cell", leave=False, disable=None)

    def on_notebook_start(**started):  # papermill does not hand its notebook out when a run fails
        nonlocal notebook
        notebook = started["notebook"]

    def on_cell_start(cell_index, **_):
        nonlocal reached
        reached = cell_index
        bar.update(sum(index < cell_index for index in _code(notebook)) - bar.n)

    try:
        papermill.execute_notebook(
            copy.deepcopy(source), None, parameters, kernel_name="python3", language="python", progress_bar=False,
            execution_timeout=cell_timeout, resources={"metadata": {"path": str(path.parent)}},
            kernel_manager_class=_kernel_manager(out / "runs" / path.stem, parameters["profile"], kernels),
            on_notebook_start=on_notebook_start, on_cell_start=on_cell_start,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        failed, reason = error.cell_index, f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        code = kernels[-1].poll()
        reason = f"the kernel died with exit status {code}" + (
            " (killed: out of memory?)" if code == -9 else ""
        )
    except CellTimeoutError:
        reason = f"no result within the cell time limit of {cell_timeout} s"
    except Exception as error:
        reason = f"the kernel gave no answer: {error}, see runs/{path.stem}.log"
    finally:
        bar.close()
        for kernel in kernels:
            with contextlib.suppress(OSError):
                # it leads a process group, but on Windows: this ends what it started and left behind, too
                os.killpg(kernel.pid, signal.SIGKILL) if hasattr(os, "killpg") else kernel.kill()
            kernel.wait(10)
    marker = "papermill-error-cell-tag"  # of cells that papermill added
    notebook.cells = [
        cell for cell in notebook.cells if marker not in cell.metadata.get("tags", [])
    ]
    if reason and failed is None:
        failed = max((index for index in _code(notebook) if index <= reached), default=None)
    stopped = [
        i
        for i in _code(notebook)
        if notebook.cells[i].metadata.get("papermill", {}).get("exception")
    ]
    if not reason and stopped:  # papermill takes this for success
        failed, reason = stopped[0], "SystemExit: the cell ended the notebook"
    states = (
        notebook.metadata.get("widgets", {})
        .get("application/vnd.jupyter.widget-state+json", {})
        .get("state", {})
    )
    for widget in (
        states.values()
    ):  # an exception in an interactive part lands here, where papermill does not look
        for output in widget["state"].get("outputs", []):
            if not reason and output["output_type"] == "error":
                reason = f"in a widget: {output['ename']}: {output['evalue']}"
    return notebook, reached, failed, reason


def _mark(notebook, reached: int, failed: int | None, reason: str | None) -> str | None:
    """Writes the outcome into the notebook: a status for every cell, a banner on top. Returns the error in one line."""
    from nbformat.v4 import new_markdown_cell, new_output

    code, where = _code(notebook), ""
    for index, cell in enumerate(notebook.cells):
        status = "failed" if index == failed else "not run" if index > reached else "completed"
        cell.metadata.setdefault("papermill", {}).update(
            status=status, exception=status == "failed"
        )
    if not reason:
        return None
    reason = (reason.strip().splitlines() or ["?"])[0][:300]
    if failed is not None:
        cell = notebook.cells[failed]
        line = (cell.source.strip().splitlines() or [""])[0].replace("`", "'")[:60]
        where = f"code cell {code.index(failed) + 1} of {len(code)} (`{line}`): "
        if not any(output.output_type == "error" for output in cell.outputs):
            cell.outputs.append(
                new_output("error", ename="FAILED", evalue=reason, traceback=[reason])
            )
    left = sum(index > reached for index in code)
    not_run = f" The last {left} of {len(code)} code cells were **NOT RUN**." if left else ""
    text = f"> **FAILED** {where}{reason}.{not_run}"
    notebook.cells.insert(0, new_markdown_cell(text, metadata={"tags": [BANNER]}))
    return where + reason


def _code(notebook) -> list[int]:
    return [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def _kernel_manager(folder: Path, profile: str, kernels: list) -> type:
    """A class that starts this interpreter, whatever the user's kernel "python3" is, and notes its process."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    # jupyter_client replaces $NAME in these values.
    env = {"COURSE_OUT": str(folder).replace("$", "$$"), "COURSE_PROFILE": profile}

    class ThisInterpreter(AsyncKernelManager):
        kernel_spec = KernelSpec(**get_kernel_dict() | {"env": env})

        async def _async_launch_kernel(self, kernel_cmd, **kw):
            with open(
                f"{folder}.log", "wb"
            ) as log:  # what the kernel itself says; the cells' output does not go here
                await super()._async_launch_kernel(
                    kernel_cmd, **kw | {"stdout": log, "stderr": log}
                )
            kernels.append(self.provisioner.process)

    return ThisInterpreter


def _earlier(path: Path) -> dict:
    """What ``_run_one`` noted in a notebook that passed; empty for anything else."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))["metadata"]["course_run"]
        return noted if noted["status"] == "passed" else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(path: Path, text: str) -> None:
    from course_lib.data.files import replace_file

    replace_file(path, text.encode())
