"""All that one card is to do for the course where you have it briefly and without a network.

    python tools/gpu_day.py --pack FOLDER                      at home: what travels, in trips
    python FOLDER/1/gpu_day.py --out RESULTS 01 02 --part steps      there, with the first trip
    python FOLDER/2/gpu_day.py --out RESULTS 04b 06                  and with the second

The first trip holds the course (notebooks without outputs, of the pictures those that their code
opens) and the wheels that a machine with PyTorch lacks; weights that do not fit wait for the next.
There, notebooks run at profile gpu, as many at a time as are named; then parts of
``tools/bench_gpu.py``. What is done by then is in RESULTS: ``gpu_*.json``, and an archive of the
executed notebooks with their receipts. ``notebooks/guide/gpu.md`` says where they go.
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
from pathlib import Path

TRIP = 61 * 2**20  # bytes, at most
HERE, WORK = Path(__file__).resolve().parent, Path("build/gpu/notebooks")
STAY = ("tests/", "notebooks/pictures/", "notebooks/guide/", "notebooks/site/")
WHEELS = """ipykernel ipywidgets ipython nbclient nbconvert nbformat papermill anywidget pooch comm
ipython-pygments-lexers jedi parso matplotlib-inline traitlets pexpect ptyprocess prompt-toolkit
wcwidth stack-data executing asttokens pure-eval widgetsnbextension jupyterlab-widgets psygnal
platformdirs entrypoints jupyter-client jupyter-core pyzmq tornado fastjsonschema jsonschema
jsonschema-specifications referencing rpds-py tenacity beautifulsoup4 soupsieve bleach webencodings
tinycss2 defusedxml jupyterlab-pygments mistune pandocfilters debugpy nest-asyncio2"""
PIP = """-m pip download -q -c lock.txt --no-deps --only-binary=:all: --python-version=3.12
--platform=manylinux_2_34_x86_64 --platform=manylinux_2_28_x86_64
--platform=manylinux_2_17_x86_64 -d"""
INSTALL = "-m pip install -q --no-index --no-deps --no-compile --upgrade --target"
RUN = "-m course_lib.cli run --resume --profile gpu --require cuda --jobs"


def pack(folder: Path) -> None:
    """The trips: files in the order of their names, weights last, each in the first with room."""
    from tracked import tracked

    from course_lib.data.files import commit

    wheels = folder / "1/wheels"
    subprocess.run([sys.executable, *PIP.split(), str(wheels), *WHEELS.split()], check=True)
    notebooks = {path: without_outputs(path) for path in tracked("notebooks/*.ipynb")}
    code, contents = "\n".join(notebooks.values()), {"commit.txt": commit().encode()}
    for path in sorted(tracked("**"), key=lambda path: path.suffix == ".safetensors"):
        name = path.relative_to(HERE.parent).as_posix()
        if not name.startswith(STAY) or name.removeprefix("notebooks/") + '\\"' in code:
            contents[name] = notebooks[path].encode() if path in notebooks else path.read_bytes()
    trip, left = 1, TRIP - sum(path.stat().st_size for path in wheels.iterdir())
    while contents:
        (folder / str(trip)).mkdir(parents=True, exist_ok=True)
        shutil.copy(__file__, folder / str(trip))
        with tarfile.open(folder / str(trip) / "course.tar", "w") as archive:
            for name in [*contents]:
                entry = tarfile.TarInfo(name)
                entry.size = len(contents[name])
                if entry.size + 1536 < left:
                    archive.addfile(entry, io.BytesIO(contents.pop(name)))
                    left -= entry.size + 1536
        trip, left = trip + 1, TRIP


def without_outputs(path: Path) -> str:
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
        subprocess.run([sys.executable, *INSTALL.split(), str(home / "site"), *wheels], check=True)
    here = {
        "PYTHONPATH": f"{home / 'site'}:{home}",
        "JUPYTER_PATH": f"{home}/site/share/jupyter",
        "COURSE_COMMIT": (home / "commit.txt").read_text(),
    }
    again = [sys.executable, "tools/gpu_day.py", *sys.argv[1:], "--out", str(out)]
    subprocess.run(again, cwd=home, env=os.environ | here, check=True)


def measure(asked: argparse.Namespace) -> None:
    """Notebooks, then parts, until the seconds are spent; what is done is archived."""
    end = time.monotonic() + asked.seconds
    asked.out.mkdir(parents=True, exist_ok=True)
    found = [str(next(Path("notebooks").glob(f"{name}_*.ipynb"))) for name in asked.notebooks]
    run = [*RUN.split(), str(len(found)), "--out", str(WORK), *found]
    for words in [run] * bool(found) + [
        ["tools/bench_gpu.py", "--out", str(asked.out), "--part", part] for part in asked.part
    ]:
        try:
            subprocess.run([sys.executable, *words], timeout=end - time.monotonic())
        except subprocess.TimeoutExpired:
            print("cut off:", *words, flush=True)
    with tarfile.open(asked.out / "notebooks.tar.gz", "w:gz") as archive:
        for path in sorted(WORK.glob("*.ipynb")):
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
    elif HERE.name == "tools":
        measure(asked)
    else:
        unpack(Path("/tmp/course"), asked.out.absolute())
