"""Commands of ``course`` that compare: sweeps and the claims that they decide, what people say of fakes, and speed."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_lib.cli.options import positive
from course_lib.errors import CourseError

app = typer.Typer()


@app.command()
def sweep(
    grid: Annotated[Path, typer.Argument(help="TOML file: rows of configurations, and seeds")],
    scheduler: Annotated[
        str | None, typer.Option(help="address of a Dask scheduler; default: this machine")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="processes on this machine; default: one a core")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for table and pictures; default: beside GRID")
    ] = None,
) -> None:
    """Train and score every cell of a grid into one table; finished ones are never repeated. Status 1 if one fails."""
    from course_lib.experiments import sweep

    positive("--workers", workers)
    if scheduler is not None and workers is not None:
        raise CourseError(
            "--scheduler and --workers exclude each other", "course sweep", "give one of them"
        )
    if failed := sweep.run(grid, scheduler, workers, out):
        print("failed:", *failed, sep="\n  ", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def claims(
    folder: Annotated[
        Path, typer.Option(help="has claims.toml and sweeps/*.csv, gets claims.md")
    ] = Path("notebooks"),
) -> None:
    """Decide the papers' claims by the tables of the sweeps, and write the ledger."""
    from course_lib.data.files import replace_file
    from course_lib.experiments import ledger

    replace_file(folder / "claims.md", ledger.page(folder).encode())
    print(f"wrote {folder / 'claims.md'}")


@app.command()
def study(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="of real or fake, one for each player")
    ],
) -> None:
    """The answers of a class in the game real or fake: how often each model fooled its players."""
    from course_lib.widgets import real_or_fake

    print(real_or_fake.table(files))


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(help="step, quality, data, grade, widgets, import, gpu or kept")
    ],
    method: Annotated[
        str,
        typer.Argument(
            help="of step and quality: pix2pix, cyclegan or bicyclegan; of grade: a problem set"
        ),
    ] = "pix2pix",
    repeats: Annotated[int, typer.Option(help="of each measurement")] = 7,
    seconds: Annotated[
        float, typer.Option(help="of training, for each of the three curves of quality")
    ] = 60.0,
    seeds: Annotated[int, typer.Option(help="of quality, one after the other")] = 3,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the configuration of step")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="of gpu, alone: steps, data, quality, notebooks-02, -04 ...")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the files of gpu")] = Path("build/gpu"),
    dry: Annotated[
        bool, typer.Option("--dry", help="gpu without a GPU: everything once, at tiny sizes")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on standard output, nothing else")
    ] = False,
) -> None:
    """Time the course: a training step and what it learns in a minute, against the plain float32 textbook step of the
    same networks; the data against torchvision's ImageFolder; the grader; the widgets' pictures; the imports.
    "gpu" measures in 25 minutes what one card can do; "kept" prints the guide's tables out of notebooks/bench."""
    from course_lib.experiments import bench, bench_around, bench_gpu, bench_kept, bench_quality

    if what == "kept":
        return print(bench_kept.markdown(), end="")

    positive("--repeats", repeats)
    positive("--seconds", seconds)
    positive("--seeds", seeds)
    measures = {
        "step": lambda: bench.step(method, repeats, set_),
        "quality": lambda: bench_quality.quality(method, seconds, seeds=seeds),
        "data": lambda: bench_around.data(repeats=repeats),
        "grade": lambda: _grading(method if method.startswith("ps") else "ps2"),
        "widgets": lambda: bench_around.widgets(repeats),
        "import": lambda: bench_around.imports(repeats),
        "gpu": lambda: bench_gpu.gpu(part, out, dry),
    }
    if what not in measures:
        raise CourseError(
            f"nothing to measure called {what}",
            "course bench",
            f"choose from {', '.join(measures)}",
        )
    facts = measures[what]()
    shown = bench_quality.summary(facts) if "verdicts" in facts else facts
    print(json.dumps(facts) if as_json else bench.table(shown))
    if what == "gpu" and part is None:
        print(bench_gpu.ADVICE, file=sys.stderr)


def _grading(problem_set: str) -> dict:
    from assignments.grader import bench  # needs nbgrader, which the other measurements do not

    return bench.measure(problem_set)
