"""More commands of ``course``: what is done with trained runs and tables. See ``cli.py``."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from assignments.grader import command as grading
from course_lib.errors import CourseError

app = typer.Typer()
Half = Annotated[bool, typer.Option("--half", help="weights as float16 if outputs stay within 1e-3 of PyTorch's")]
Direction = Annotated[str | None, typer.Option(help="xy, or yx to swap the domains; default: as trained")]


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the --out folder of course train")],
    onnx: Annotated[Path, typer.Option(help="the file to write")],
    direction: Direction = None,
    half: Half = False,
) -> None:
    """Write a trained generator as an ONNX file, checked against PyTorch on up to 100 held-out inputs."""
    from course_lib.runs.export import export_run

    facts = export_run(folder, onnx, direction, half)
    print(f"wrote {onnx}: {facts['bytes'] / 1e6:.1f} MB, weights {facts['weights']}")
    print(f"largest difference to PyTorch on {facts['compared']} held-out inputs: {facts['difference']:.1e}")


@app.command()
def demo(
    folders: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="folders of course train; default: shipped weights"),
    ] = None,
    static: Annotated[Path | None, typer.Option(help="build the page into this folder instead")] = None,
    half: Half = False,
    port: Annotated[int, typer.Option(help="of the app; only this machine can reach it")] = 8866,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open a browser on the app")] = True,
) -> None:
    """Play with trained models: the course's widgets as an app, or --static DIR, a page for any file server.

    The page needs npm, for the runtime that it brings along.
    """
    if static is None:
        from course_lib.demo.app import serve

        serve(folders or [], port, browser)
        return
    from course_lib.demo import page as demo
    from course_lib.runs import shipped

    runs = [Path(folder) for folder in folders or map(shipped.PREFIX.__add__, shipped.RECIPES)]
    for model in demo.build(static, runs, half or not folders)["models"]:
        print(f"{model['name']}: {model['bytes'] / 1e6:.1f} MB, differs from PyTorch by {model['difference']:.1e}")
    size = sum(path.stat().st_size for path in static.rglob("*") if path.is_file())
    print(f"wrote {static}, {size / 1e6:.1f} MB in all; look at it: python -m http.server --directory {static}")


@app.command()
def weights(
    name: Annotated[str | None, typer.Argument(help="one of them: where it comes from; default: a list of all")] = None,
    out: Annotated[Path | None, typer.Option(help="train it again into this run folder; goes on if stopped")] = None,
) -> None:
    """The trained weights that come with the course: their names, their origin, and how to make them again."""
    from course_lib.runs import shipped, shipping

    if name is None:
        for known in shipped.RECIPES:
            print(shipped.summary(known))
        print("use one wherever a run is asked for: course demo shipped:NAME")
        return
    shipped.name_of(shipped.PREFIX + name)
    if out is None:
        print(json.dumps(shipped.about(name), indent=1))
        return
    made = shipping.train(name, out)
    print(f"wrote {out / name}.safetensors, {made['bytes'] / 1e6:.1f} MB, and {name}.json, where it comes from")


@app.command()
def claims(
    folder: Annotated[Path, typer.Option(help="with claims.toml and sweeps/*.csv; claims.md goes there")] = Path(
        "notebooks"
    ),
) -> None:
    """Judge the papers' claims by the tables of the sweeps, and write the ledger."""
    from course_lib.data.files import replace_file
    from course_lib.experiments import claims

    replace_file(folder / "claims.md", claims.ledger(folder).encode())
    print(f"wrote {folder / 'claims.md'}")


@app.command()
def study(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="results of the game real or fake, JSON lines")
    ],
) -> None:
    """Pool what people answered in the game real or fake: how often each model fooled them."""
    from course_lib.widgets import study

    rows, broken = study.pool(files)
    if broken:
        print(f"left out {len(broken)} broken lines:", *broken, sep="\n  ", file=sys.stderr)
    if not rows:
        raise CourseError("no results of a round in here", ", ".join(map(str, files)), "play game(..., out=FILE) first")
    print(study.table(rows))


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="step, quality, data, grade, widgets, import or kept")],
    method: Annotated[
        str, typer.Argument(help="of step and quality: pix2pix, cyclegan or bicyclegan; of grade: a problem set")
    ] = "pix2pix",
    repeats: Annotated[int, typer.Option(help="of each measurement")] = 7,
    seconds: Annotated[float, typer.Option(help="of training, for each of the two curves of quality")] = 60.0,
    seeds: Annotated[int, typer.Option(help="of quality, one after the other")] = 3,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the configuration of step")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output, nothing else")] = False,
) -> None:
    """Time the course: a training step and what it learns in a minute, against the plain float32 textbook step of the
    same networks; the data against torchvision's ImageFolder; the grader; the widgets' pictures; the imports.
    "kept" prints README's tables out of notebooks/bench."""
    from course_lib.experiments import bench, bench_data, bench_kept, bench_quality

    if what == "kept":
        return print(bench_kept.markdown(), end="")

    positive("--repeats", repeats)
    positive("--seconds", seconds)
    positive("--seeds", seeds)
    measures = {
        "step": lambda: bench.step(method, repeats, set_),
        "quality": lambda: bench_quality.quality(method, seconds, seeds=seeds),
        "data": lambda: bench_data.data(repeats=repeats),
        "grade": lambda: bench.grade(method if method.startswith("ps") else "ps2"),
        "widgets": lambda: bench.widgets(repeats),
        "import": lambda: bench.imports(repeats),
    }
    if what not in measures:
        raise CourseError(f"nothing to measure called {what}", "course bench", f"choose from {', '.join(measures)}")
    facts = measures[what]()
    print(json.dumps(facts) if as_json else bench.table(facts))


for command in (grading.check, grading.release, grading.grade, grading.answers):
    app.command()(command)


def positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise CourseError(f"{name} must be above 0, got {value}", name, f"for example {name} 3")
