"""Notebooks executed with papermill, in memory, and a report that says what really happened."""

import ast
import base64
import hashlib
import json
import os
import re
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib import metadata
from mimetypes import guess_type
from pathlib import Path

import course_lib
from course_lib.data.files import check_fresh, commit, only_run, read_words, replace_file
from course_lib.data.images import printable
from course_lib.errors import CourseError, ensure, need, telling

REPORTED = ("torch", "torchvision", "numpy", "papermill", "nbclient", "nbconvert", "ipykernel")
# the last cell on a GPU: the most that torch has held there
CARD = "import torch\nprint({'memory_mb': round(torch.cuda.max_memory_allocated() / 1e6, 1)})"
NOTE = ".passed.json"  # in a notebook's own folder, which the next run may empty then
# What a kernel must not inherit: Agg loses every figure, optimised bytecode every assert.
CLEAN = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"} | dict.fromkeys(
    ("MATPLOTLIBRC", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONWARNINGS"), ""
)
LOADS = re.compile(r'<script(?: src="[^"]*(?:jquery|require)| type="module").*?</script>', re.S)


def run_notebooks(
    notebooks, out: Path, profile="auto", parameters=None, resume=False, cuda=False, jobs=1
) -> dict:
    """Execute each notebook in a fresh kernel: NAME.ipynb, NAME.html and report.json in ``out``.

    COURSE_OUT names the folder that it may write to. A ``profile`` among the ``parameters`` counts
    more than the other. ``resume`` does not repeat what passed with equal source, parameters and
    versions. What fails is NAME.failed.ipynb and stops no other; with
    ``cuda`` so does what leaves the GPU at 0 MB. So many ``jobs`` run at a time and share the
    cores. Each carries its :func:`receipt`. Raises CourseError before anything runs if a notebook,
    parameter or folder will not do.
    """
    from course_lib.training.profiles import device_name, resolve  # these import torch

    need("lab", "papermill", "nbconvert")
    paths = [Path(path).absolute() for path in notebooks]
    parameters = {"profile": profile} | (parameters or {})
    parameters["profile"] = resolve(str(parameters["profile"]))
    ensure(
        len({path.name for path in paths}) == len(paths),
        "two notebooks of one name",
        out,
        "run them into different folders",
    )
    sources = [_load(path, parameters) for path in paths]
    for path in paths:
        ensure(
            not (out.is_dir() and out.samefile(path.parent)),
            "the result would overwrite the notebook",
            path,
            "choose another --out",
        )
        if any((out / f"{path.stem}.{suffix}").exists() for suffix in ("ipynb", "html")):
            check_fresh(out, "report.json", '"notebooks"')
    versions = {
        **{name: metadata.version(name) for name in REPORTED},
        "python": sys.version.split()[0],
        "course_lib": course_lib.__version__,
    }
    rows = [
        {
            "notebook": path.name,
            "profile": parameters["profile"],
            "status": "not run",
            "seconds": 0.0,
            "error": None,
        }
        for path in paths
    ]
    report = {"device": device_name(), "versions": versions, "notebooks": rows}
    library = sorted(Path(course_lib.__file__).parent.rglob("*.py"))
    common = repr([versions, parameters, *(file.read_bytes() for file in library)]).encode()
    machine = receipt(parameters["profile"], versions)
    one_at_a_time = threading.Lock()

    def execute(row, path, source) -> None:
        fingerprint = hashlib.sha256(common + path.read_bytes()).hexdigest()
        note = out / "runs" / path.stem / NOTE
        noted = json.loads(read_words(note)) if note.exists() else {}
        start = time.monotonic()
        try:
            if resume and noted.get("fingerprint") == fingerprint:
                row.update(noted["row"])
                return
            row.update(status="failed", error="interrupted")  # unless it comes to an end
            told = (
                machine
                | {
                    "code": code_hash(source),
                    "start": f"{datetime.now(UTC):%F %T} UTC",
                }
                | ({"jobs": jobs} if jobs > 1 else {})
            )
            notebook, error, card = _execute(path, source, note, parameters, "cuda" in told, jobs)
            if cuda and not error and not card.get("memory_mb"):
                error = "nothing ran on the GPU: it held 0 MB"
            notebook.metadata["receipt"] = told | card | {"seconds": _seconds(notebook)}
            with one_at_a_time:
                _write(notebook, path, out, path.stem + ".failed" * bool(error))
            row.update(status="failed" if error else "passed", error=error)
            row["seconds"] = round(time.monotonic() - start, 1)
            noted = {"row": row, "fingerprint": None if error else fingerprint}
            replace_file(note, json.dumps(noted).encode())
        finally:
            with one_at_a_time:
                replace_file(out / "report.json", json.dumps(report, indent=2).encode())
                print(f"{path.name}: {row['error'] or 'passed'}", file=sys.stderr)

    with only_run(out):
        replace_file(out / "report.json", json.dumps(report, indent=2).encode())
        with ThreadPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
            list((pool.map if pool else map)(execute, rows, paths, sources))
    return report


def receipt(profile: str, versions: dict[str, str]) -> dict:
    """By what a notebook is executed: program, profile, machine, versions, commit.

    :func:`run_notebooks` adds ``code``, the :func:`code_hash`; ``start``; ``jobs``, if others ran
    beside it; the ``seconds`` of each code cell, None where it did not run; and where there is a
    GPU ``memory_mb``, the most that torch has held on it.
    """
    import torch

    from course_lib.training import profiles

    device = profiles.pick_device()
    on_gpu = device.type == "cuda"
    return {
        "by": f"papermill {versions['papermill']}",
        "profile": profile,
        "device": profiles.device_name(),
        "cores": os.cpu_count(),
        "bfloat16": profiles.use_bf16(device),
        "torch": versions["torch"],
        **({"cuda": torch.version.cuda, "driver": profiles.driver()} if on_gpu else {}),
        "python": versions["python"],
        "commit": commit(),
    }


def code_hash(notebook) -> str:
    """SHA-256 of all code cells: a receipt is of the code that ran. Prose may change after it."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


def receipt_line(told: dict) -> str:
    """A receipt in one line, as it stands at the end of a page."""
    seconds = sum(filter(None, told["seconds"]))
    took = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
    cuda = f", CUDA {told['cuda']}, driver {told['driver']}" if "cuda" in told else ""
    if "memory_mb" in told:
        cuda += f", at most {told['memory_mb']:.0f} MB"
    return (
        f"Executed by {told['by']}, profile {told['profile']}, on {told['device']}, "
        f"{'bfloat16' if told['bfloat16'] else 'float32'}, torch {told['torch']}{cuda}; "
        f"{told['start']}, {took}; commit {told['commit'] or 'unknown'}"
        + (f"; one of {told['jobs']} at a time" if "jobs" in told else "")
        + (f"; edited since: {told['edited']}" if "edited" in told else "")
    )


def _seconds(notebook) -> list[float | None]:
    """What papermill measured for each code cell that it was given."""
    cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    took = [c.metadata.papermill.get("duration") for c in cells if c.cell_type == "code"]
    return [None if seconds is None else round(seconds, 1) for seconds in took]


def _load(path: Path, parameters: dict):
    """The notebook at ``path``. Raises CourseError if it cannot be run with these parameters."""
    from nbformat import reads, v4

    with telling(
        Exception,  # from OSError to nbformat's own, and SyntaxError of parameters
        "no notebook that can be run",
        path,
        "restore the file, or save it again in Jupyter",
    ):
        notebook = v4.upgrade(reads(read_words(path), as_version=4))
        tagged = [c.source for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
        nodes = ast.walk(ast.parse("\n".join(tagged[:1])))
    known = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if unknown := ", ".join(sorted(set(parameters) - known)):
        has = ", ".join(sorted(known)) or "none: no cell is tagged 'parameters'"
        raise CourseError(f"unknown parameter {unknown}", path, f"its parameters are {has}")
    return notebook


def _execute(path: Path, source, note: Path, parameters: dict, on_gpu: bool, jobs: int) -> tuple:
    """The notebook, with a status at each cell; None or what went wrong in one line; the card."""
    import papermill
    from nbformat.v4 import new_code_cell

    if note.exists():
        shutil.rmtree(note.parent)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("{}")
    source.cells += [new_code_cell(CARD)] * on_gpu
    started, error = {"notebook": source, "cell_index": -1}, None  # as papermill's hooks tell
    env = {"COURSE_PROFILE": parameters["profile"], "COURSE_OUT": str(note.parent.absolute())}
    if jobs > 1:
        env["OMP_NUM_THREADS"] = str(max(1, os.cpu_count() // jobs))
    try:
        papermill.execute_notebook(
            source,
            None,
            parameters,
            kernel_name="python3",
            language="python",
            kernel_manager_class=_kernel(env),
            resources={"metadata": {"path": str(path.parent)}},
            timeout=1200,
            progress_bar=jobs == 1 and sys.stderr.isatty(),
            on_notebook_start=started.update,
            on_cell_start=started.update,
        )
    except Exception as failure:  # of a cell, or the kernel died, hangs or did not start
        name = getattr(failure, "ename", type(failure).__name__)
        error = f"{name}: {getattr(failure, 'evalue', failure)}"
    notebook = started["notebook"]
    tag = "papermill-error-cell-tag"  # of cells that papermill added
    notebook.cells = [c for c in notebook.cells if tag not in c.metadata.get("tags", [])]
    last = notebook.cells.pop().outputs if on_gpu else []
    card = ast.literal_eval(last[-1].text) if last and not error else {}
    return notebook, _verdict(notebook, started["cell_index"], error), card


def _kernel(env: dict[str, str]) -> type:
    """A manager of kernels of this interpreter, whatever the user's kernel "python3" is."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client import AsyncKernelManager, kernelspec

    spec = get_kernel_dict(["--log-level=50"]) | {"env": CLEAN | env}
    return type(
        "ThisInterpreter", (AsyncKernelManager,), {"kernel_spec": kernelspec.KernelSpec(**spec)}
    )


def _verdict(notebook, reached: int, error: str | None) -> str | None:
    """Give each cell its status and, on failure, the notebook a line on top, which is returned."""
    from nbformat.v4 import new_markdown_cell

    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    if any(notebook.cells[i].metadata.papermill.get("exception") for i in code):
        error = error or "SystemExit: the cell ended the notebook"
    failed = max((i for i in code if error and i <= reached), default=-1)
    for i, cell in enumerate(notebook.cells):
        status = "failed" if i == failed else "completed" if i <= reached else "not run"
        cell.metadata.setdefault("papermill", {}).update(status=status)
    notebook.metadata.pop("papermill", None)  # which tells folders of this machine
    if error:
        lines = error.strip().splitlines()[: 3 if error.startswith("CourseError") else 1]
        error = "\n".join(line[:300] for line in lines)
        error = f"code cell {sum(i <= failed for i in code)} of {len(code)}: {error}"
        left = f"The last {sum(i > reached for i in code)} code cells were **NOT RUN**."
        notebook.cells.insert(0, new_markdown_cell(f"> **FAILED** in {error}. {left}"))
    return error


def _write(notebook, path: Path, out: Path, stem: str) -> None:
    """STEM.html, a page with all its pictures, and then STEM.ipynb: what passed has its page."""
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="classic")  # which gives figures the alt of their cell
    page = exporter.from_notebook_node(notebook, {"metadata": {"name": printable(path.stem)}})[0]
    page = LOADS.sub("", page)  # nothing comes from the network but MathJax
    for source in set(re.findall(r'src="(?!data:|https?:)([^"]+)"', page)):
        if (file := path.parent / source).is_file():
            data = base64.b64encode(file.read_bytes()).decode()
            embedded = f'src="data:{guess_type(file)[0]};base64,{data}"'
            page = page.replace(f'src="{source}"', embedded)
    grey = f'<p style="color: grey">{receipt_line(notebook.metadata["receipt"])}</p>'
    page = page.replace("</body>", f"{grey}</body>")
    for suffix, text in {"html": page, "ipynb": nbformat.writes(notebook)}.items():
        replace_file(out / f"{stem}.{suffix}", text.encode())
        (out / f"{stem}.failed.{suffix}").unlink(missing_ok=True)  # of an earlier run
