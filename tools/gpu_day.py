"""All that one card is to do for the course where you have it briefly and without a network.

    python tools/gpu_day.py --pack FOLDER                      at home: what travels, in trips
    python FOLDER/1/gpu_day.py --out RESULTS 01 02 --part steps      there, with the first trip
    python FOLDER/2/gpu_day.py --out RESULTS 04b 06                  and with the second

The first trip holds the course (notebooks without outputs, of the pictures those that their code
opens) and the wheels that a machine with PyTorch lacks; weights that do not fit wait for the next.
There, notebooks run at profile gpu, as many at a time as are named; then parts of
``tools/bench_gpu.py``. What is done by then is in RESULTS: ``gpu_*.json``, and archives of the
executed notebooks with their receipts. ``notebooks/guide/gpu.md`` says where they go.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

# bytes of a trip at most, and notebooks in an archive
TRIP, A_FILE = 61 * 2**20, 5
HERE, WORK = Path(__file__).resolve().parent, Path("build/gpu")
STAY = ("tests/", "notebooks/pictures/", "notebooks/guide/", "notebooks/sweeps/", "notebooks/site/")
WHEELS = """ipykernel ipywidgets ipython nbclient nbconvert nbformat papermill anywidget pooch comm
ipython-pygments-lexers jedi parso matplotlib-inline traitlets pexpect ptyprocess prompt-toolkit
wcwidth stack-data executing asttokens pure-eval widgetsnbextension jupyterlab-widgets psygnal
platformdirs entrypoints jupyter-client jupyter-core pyzmq tornado fastjsonschema jsonschema
jsonschema-specifications referencing rpds-py tenacity beautifulsoup4 soupsieve bleach webencodings
tinycss2 defusedxml jupyterlab-pygments mistune pandocfilters debugpy nest-asyncio2"""
PIP = ["-m", "pip", "download", "-q", "-c", "lock.txt", "--no-deps", "--only-binary=:all:"]
PIP += ["--python-version=3.12", *(f"--platform=manylinux_2_{n}_x86_64" for n in (34, 28, 17))]


def pack(folder: Path) -> None:
    from tracked import tracked

    from course_lib.data.files import commit

    wheels = folder / "1/wheels"
    subprocess.run([sys.executable, *PIP, "-d", str(wheels), *WHEELS.split()], check=True)
    left = TRIP - sum(path.stat().st_size for path in wheels.iterdir())
    notebooks = {path: _without_outputs(path) for path in tracked("notebooks/*.ipynb")}
    code = "\n".join(notebooks.values())
    contents = {"commit.txt": commit().encode()}
    for path in sorted(tracked("**"), key=lambda path: path.suffix == ".safetensors"):
        name = path.relative_to(HERE.parent).as_posix()
        opened = name.removeprefix("notebooks/") + '\\"' in code
        if (opened or not name.startswith(STAY)) and not name.endswith(".film.webp"):
            contents[name] = notebooks[path].encode() if path in notebooks else path.read_bytes()
    trip = 1
    while contents:
        (folder / str(trip)).mkdir(parents=True, exist_ok=True)
        (folder / str(trip) / "gpu_day.py").write_bytes(Path(__file__).read_bytes())
        with tarfile.open(folder / str(trip) / "course.tar", "w") as archive:
            for name, data in list(contents.items()):
                if len(data) + 1536 < left:
                    entry = tarfile.TarInfo(name)
                    entry.size = len(contents.pop(name))
                    archive.addfile(entry, io.BytesIO(data))
                    left -= len(data) + 1536
        trip, left = trip + 1, TRIP


def _without_outputs(path: Path) -> str:
    notebook = json.loads(path.read_bytes())
    for cell in notebook["cells"]:
        cell |= {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
    notebook["metadata"].pop("widgets", None)
    return json.dumps(notebook)


def unpack(home: Path, out: Path) -> None:
    """Lay what lies beside this file into ``home``, and go on with the script there."""
    home.mkdir(parents=True, exist_ok=True)
    with tarfile.open(HERE / "course.tar") as packed:
        packed.extractall(home, filter="data")
    if wheels := [*map(str, HERE.glob("wheels/*.whl"))]:
        command = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile"]
        place = ["--upgrade", "--target", str(home / "site")]
        subprocess.run([sys.executable, *command, *place, *wheels], check=True)
    here = {"PYTHONPATH": f"{home / 'site'}:{home}", "JUPYTER_PATH": f"{home}/site/share/jupyter"}
    here["COURSE_COMMIT"] = (home / "commit.txt").read_text()
    os.chdir(home)
    words = [sys.executable, "tools/gpu_day.py", *sys.argv[1:], "--out", str(out)]
    os.execve(sys.executable, words, os.environ | here)


def main(asked: argparse.Namespace) -> None:
    end, out = time.monotonic() + asked.seconds, asked.out
    out.mkdir(parents=True, exist_ok=True)
    found = [str(next(Path("notebooks").glob(f"{name}_*.ipynb"))) for name in asked.notebooks]
    run = ["-m", "course_lib.cli", "run", "--resume", "--profile", "gpu", "--require", "cuda"]
    run += ["--jobs", str(len(found)), "--out", str(WORK / "notebooks"), *found]
    bench = ["tools/bench_gpu.py", "--out", str(out), "--part"]
    for words in [run] * bool(found) + [[*bench, part] for part in asked.part]:
        try:
            code = subprocess.run([sys.executable, *words], timeout=end - time.monotonic())
            print(words[-1], "ended with", code.returncode, flush=True)
        except subprocess.TimeoutExpired:
            print(words[-1], "was cut off", flush=True)
    sys.path.insert(0, str(HERE))
    from store import stored_form

    executed = sorted((WORK / "notebooks").glob("*.ipynb"))
    for first in range(0, len(executed), A_FILE):
        with tarfile.open(out / f"notebooks_{first}.tar.gz", "w:gz") as archive:
            for path in executed[first : first + A_FILE]:
                path.write_text(stored_form(path), encoding="utf-8")
                archive.add(path, path.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="beginnings of their names: 02 04b")
    parser.add_argument("--pack", type=Path, metavar="FOLDER")
    parser.add_argument("--part", action="append", default=[], help="of tools/bench_gpu.py")
    parser.add_argument("--out", type=Path, default=WORK, help="folder of the results")
    parser.add_argument("--seconds", type=float, default=560, help="that all of it may take")
    asked = parser.parse_args()
    if asked.pack:
        pack(asked.pack)
    elif HERE.name != "tools":
        unpack(Path("/tmp/course"), asked.out.absolute())
    else:
        main(asked)
