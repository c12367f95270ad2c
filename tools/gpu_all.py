"""All that one GPU is to do for the course, where one has it for fifteen minutes and no network.

    python tools/gpu_all.py --pack build/trip         at home: what travels, in two folders
    python build/trip/1/gpu_all.py --out RESULTS      there: unpacks it, and then all parts
    python build/trip/2/gpu_all.py --out RESULTS --part exhibits    and what is left
    python tools/gpu_all.py --dry                     all of it on a CPU, at tiny sizes

The parts are those of ``tools/bench_gpu.py``, ``notebooks`` and ``exhibits`` (exhibits.toml). None
begins anything that does not fit into its seconds. Whatever is done is at once in RESULTS, in
archives of at most 15 MB, and is not done twice: a run that was killed goes on.
``notebooks/guide/gpu.md`` says what to do with them.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

# seconds of each part, in their order
PARTS = {
    "terms": 60,
    "steps": 160,
    "quality": 80,
    "notebooks": 540,
    "exhibits": 540,
    "compile": 130,
}
TRIP, ARCHIVE, NOTEBOOK = 62 * 2**20, 15_000_000, 1_000_000  # bytes, at most
MOST = 4  # archives
WORK = Path("build/gpu")
HERE = Path(__file__).resolve().parent
STAY = ("tests/", "notebooks/pictures/", "notebooks/guide/", "notebooks/site/", "assignments/viva")
# What a machine with PyTorch and the usual company of numpy lacks to execute notebooks.
WHEELS = """ipykernel ipywidgets ipython nbclient nbconvert nbformat papermill anywidget pooch comm
ipython-pygments-lexers jedi parso matplotlib-inline traitlets pexpect ptyprocess prompt-toolkit
wcwidth stack-data executing asttokens pure-eval widgetsnbextension jupyterlab-widgets psygnal
platformdirs entrypoints jupyter-client jupyter-core pyzmq tornado fastjsonschema jsonschema
jsonschema-specifications referencing rpds-py tenacity beautifulsoup4 soupsieve bleach webencodings
tinycss2 defusedxml jupyterlab-pygments mistune pandocfilters debugpy nest-asyncio2"""
PIP = ["-m", "pip", "download", "-q", "-c", "lock.txt", "--no-deps", "--only-binary=:all:"]
PIP += ["--python-version=3.12", *(f"--platform=manylinux_2_{n}_x86_64" for n in (34, 28, 17))]
Task = tuple[str, list[str], float]  # what it is called, the words after "python", its seconds


# ---- there and back


def pack(folder: Path, with_wheels: bool) -> None:
    """What travels: 1/ the course, wheels, and weights as far as they fit; 2/ the other weights.

    Notebooks have no outputs; films, pages, tests and pictures that no code cell opens stay.
    """
    from tracked import tracked

    from course_lib.data.files import commit

    shutil.rmtree(folder, ignore_errors=True)
    for trip in "12":
        (folder / trip).mkdir(parents=True)
        shutil.copy(__file__, folder / trip)
    if with_wheels:
        place = ["-d", str(folder / "1/wheels"), *WHEELS.split()]
        subprocess.run([sys.executable, *PIP, *place], check=True)
    left = TRIP - 100_000 - size(folder / "1")
    code = json.dumps(
        [
            cell["source"]
            for path in tracked("notebooks/*.ipynb")
            for cell in json.loads(path.read_bytes())["cells"]
            if cell["cell_type"] == "code"
        ]
    )
    with (
        tarfile.open(folder / "1/course.tar", "w") as first,
        tarfile.open(folder / "2/weights.tar", "w") as second,
    ):
        _add(first, "commit.txt", commit().encode())
        for path in sorted(tracked("**"), key=lambda path: path.suffix == ".safetensors"):
            name = path.relative_to(HERE.parent).as_posix()
            is_opened = name.removeprefix("notebooks/") + '\\"' in code
            if (is_opened or not name.startswith(STAY)) and not name.endswith(".film.webp"):
                data = without_outputs(path) if path.suffix == ".ipynb" else path.read_bytes()
                left -= (fits := left > len(data) + 1536) * (len(data) + 1536)
                _add(first if fits else second, name, data)
    for trip in "12":
        print(f"{folder / trip}: {size(folder / trip) / 2**20:.1f} MiB")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def without_outputs(path: Path) -> bytes:
    notebook = json.loads(path.read_bytes())
    for cell in notebook["cells"]:
        cell |= {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
    notebook["metadata"].pop("widgets", None)
    return json.dumps(notebook).encode()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def unpack(home: Path, out: Path) -> None:
    """Lay what lies beside this file into ``home``, and go on with the script there."""
    home.mkdir(parents=True, exist_ok=True)
    for archive in HERE.glob("*.tar"):
        with tarfile.open(archive) as packed:
            packed.extractall(home, filter="data")
    if wheels := [*map(str, HERE.glob("wheels/*.whl"))]:
        command = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile"]
        place = ["--upgrade", "--target", str(home / "site")]
        subprocess.run([sys.executable, *command, *place, *wheels], check=True)
    paths = [str(home / "site"), str(home), *filter(None, [os.environ.get("PYTHONPATH")])]
    # the second is where nbconvert's templates lie
    here = {"PYTHONPATH": os.pathsep.join(paths), "JUPYTER_PATH": f"{home}/site/share/jupyter"}
    here["COURSE_COMMIT"] = (home / "commit.txt").read_text() or "unknown"
    os.chdir(home)
    words = [sys.executable, "tools/gpu_all.py", *sys.argv[1:], "--out", str(out)]
    os.execve(sys.executable, words, os.environ | here)


def results() -> list[Path]:
    """What is to come back, the oldest first; notebooks in at most NOTEBOOK bytes."""
    from store import stored_form

    for path in [*WORK.glob("notebooks/*.ipynb"), *WORK.glob("alone/*.ipynb")]:
        small = WORK / "small" / path.name
        if not small.exists() or small.stat().st_mtime < path.stat().st_mtime:
            notebook = json.loads(stored_form(path))
            full = [cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")]
            while len(text := json.dumps(notebook, indent=1)) > NOTEBOOK and full:
                full.sort(key=lambda outputs: len(json.dumps(outputs)))
                full.pop().clear()
            small.parent.mkdir(exist_ok=True)
            small.write_text(text, encoding="utf-8")
    kinds = ["*.json", "small/*", "*/report.json", "logs/*", "cells/*/row.json"]
    kinds += ["cells/*/*.png", "runs/*/*.json", "runs/*/*.webp", "runs/*/*.safetensors"]
    found = {path for kind in kinds for path in WORK.glob(kind) if path.name[0] != "."}
    return sorted(found, key=lambda path: (path.stat().st_mtime, path))


def archive(out: Path, known: dict[int, list]) -> None:
    """Write the archives of what has changed since it was ``known``."""
    groups: dict[int, list[Path]] = {}
    total = number = 0
    for path in results():
        total += path.stat().st_size
        number, total = (number + 1, path.stat().st_size) if total > ARCHIVE else (number, total)
        groups.setdefault(number, []).append(path)
    for number, group in [*groups.items()][:MOST]:
        state = [(path, path.stat().st_mtime) for path in group]
        if known.get(number) != state:
            known[number] = state
            with tarfile.open(aside := out / "part", "w:gz", compresslevel=1) as packed:
                for path in group:
                    packed.add(path, path.relative_to(WORK))
            aside.replace(out / f"gpu_{number}.tar.gz")


# ---- the parts


def tasks(part: str, dry: bool, jobs: int) -> list[Task]:
    """The processes of a part, in the order of their value."""
    flags = ["--dry"] * dry
    if part == "notebooks":
        names = sorted(map(str, Path("notebooks").glob("*.ipynb")), key=_seconds, reverse=not dry)
        names = names[: 2 if dry else None]
        words = ["-m", "course_lib.cli", "run", "--resume", "--profile"]
        words += ["smoke"] if dry else ["gpu", "--require", "cuda"]
        measures = {name: "/10_" in name for name in names}  # the card: alone
        return [
            (into, [*words, "--jobs", str(n), "--out", str(WORK / into), *of], 0.0)
            for into, n, is_alone in (("alone", 1, True), ("notebooks", jobs, False))
            if (of := [name for name in names if measures[name] == is_alone])
        ]
    if part != "exhibits":
        words = ["tools/bench_gpu.py", "--part", part, "--out", str(WORK)]
        return [(part, words + flags, 0.0)]
    return [
        (
            f"{name}-{i}",
            ["tools/gpu_all.py", "--exhibit", name, str(i), *flags],
            row["seconds"] * (not dry),
        )
        for name, row in exhibits().items()
        for i in range(len(cells(name, dry)) if "grid" in row else 1)
    ][: 2 if dry else None]


def _seconds(path: str) -> float:
    """What the notebook took when it was stored."""
    told = json.loads(Path(path).read_text(encoding="utf-8"))["metadata"].get("receipt", {})
    return sum(filter(None, told.get("seconds", [1e9])))


def exhibits() -> dict[str, dict]:
    return tomllib.loads((HERE / "exhibits.toml").read_text(encoding="utf-8"))


def cells(name: str, dry: bool) -> list:
    """The cells of an exhibit that is a grid: first one seed of all rows, then the next."""
    from dataclasses import replace

    from course_lib.experiments.grids import read_grid

    found = sorted(read_grid(HERE / exhibits()[name]["grid"]), key=lambda cell: cell.seed)
    tiny = {"profile": "smoke", "device": "cpu", "bf16": False, "steps": 2, "settings": ()}
    return [replace(found[0], **tiny)] if dry else found


def exhibit(name: str, number: int, dry: bool) -> str | None:
    """Train and score one of them. Returns what went wrong in a cell."""
    import ship

    from course_lib.experiments.sweep import run_cell

    if "grid" in exhibits()[name]:
        cell = cells(name, dry)[number]
        return run_cell(cell, WORK / "cells" / cell.folder).get("error")
    recipe, tiny = (
        ship.recipes()[name],
        {"size": 32, "steps": 2, "profile": "smoke", "settings": ()},
    )
    ship.train(name, WORK / "runs" / name, recipe._replace(**tiny) if dry else recipe)
    return None


def work_off(todo: list[Task], jobs: int, end: float, after) -> bool:
    """Run tasks, so many at a time, until ``end``, with ``after`` beside. True if all went well."""
    (logs := WORK / "logs").mkdir(parents=True, exist_ok=True)

    def work(task: Task) -> bool:
        name, words, seconds = task
        done, left, began = logs / f"{name}.done", end - time.monotonic(), time.monotonic()
        if done.exists():
            return True
        said = f"no time: it needs {seconds:.0f} s of {left:.0f}"
        if left > seconds:
            here = os.environ | ({"OMP_NUM_THREADS": "1"} if jobs > 1 else {})
            with open(logs / f"{name}.log", "ab") as log:
                try:
                    command = [sys.executable, *words]
                    subprocess.run(
                        command, stdout=log, stderr=log, env=here, timeout=left, check=True
                    )
                    done.touch()
                    said = "done"
                except subprocess.SubprocessError as error:
                    said = f"{type(error).__name__}, see its log"
        print(f"{name}: {said} after {time.monotonic() - began:.0f} s", flush=True)
        return done.exists()

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, task) for task in todo]
        while wait(futures, timeout=2).not_done:
            after()
    return all(future.result() for future in futures)


def main(asked: argparse.Namespace) -> int:
    """The parts that are asked for, each within its seconds and all within ``asked.seconds``."""
    asked.out.mkdir(parents=True, exist_ok=True)
    end, known, well = time.monotonic() + asked.seconds, {}, True
    for part in asked.part or PARTS:
        until = end if asked.dry else min(end, time.monotonic() + PARTS[part])
        at_a_time = asked.jobs if part == "exhibits" else 1
        todo = tasks(part, asked.dry, asked.jobs)
        well &= work_off(todo, at_a_time, until, lambda: archive(asked.out, known))
        archive(asked.out, known)
    for path in sorted(asked.out.glob("gpu_*.tar.gz")):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0 if well else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, metavar="FOLDER")
    parser.add_argument("--home", type=Path, default="/tmp/course", help="to unpack into")
    parser.add_argument("--out", type=Path, default=WORK / "back", help="folder of the archives")
    parser.add_argument("--part", choices=PARTS, action="append", help="these alone")
    parser.add_argument("--seconds", type=float, default=570, help="of all")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() - 1))
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--exhibit", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pack:
        pack(asked.pack, True)
    elif asked.exhibit:
        sys.exit(exhibit(asked.exhibit[0], int(asked.exhibit[1]), asked.dry))
    elif HERE.name != "tools":
        unpack(asked.home.absolute(), asked.out.absolute())
    elif asked.dry and "COURSE_COMMIT" not in os.environ:
        pack(trip := Path("build/dry"), False)
        command = [sys.executable, trip / "1/gpu_all.py", "--home", trip / "home", *sys.argv[1:]]
        sys.exit(subprocess.run([*command, "--out", asked.out.absolute()]).returncode)
    else:
        sys.exit(main(asked))
