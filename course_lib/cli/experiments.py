"""Commands of ``course`` that compare: sweeps, claims, what people say of fakes, and speed."""

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
    """Train and score every cell of a grid into one table, once. Status 1 if one fails."""
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
        Path, typer.Option(help="has claims.toml and sweeps/*.csv, gets claims.md and claims.png")
    ] = Path("notebooks"),
) -> None:
    """Judge the papers' claims by the tables of the sweeps, and write claims.md and claims.png."""
    from course_lib.experiments import claims_page

    claims_page.write(folder)
    print(f"wrote {folder / 'claims.md'} and {folder / 'claims.png'}")


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
    what: Annotated[str, typer.Argument(help="step")],
    method: Annotated[str, typer.Argument(help="pix2pix, cyclegan or bicyclegan")] = "pix2pix",
    repeats: Annotated[int, typer.Option(help="of each step")] = 7,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the configuration")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on standard output, nothing else")
    ] = False,
) -> None:
    """Time a training step, beside the plain float32 textbook step of the same networks."""
    from course_lib.experiments import bench

    if what != "step":
        raise CourseError(
            f"nothing to measure called {what}",
            "course bench",
            "choose step; other measurements are tools/bench_*.py in the course's folder",
        )
    positive("--repeats", repeats)
    facts = bench.step(method, repeats, set_)
    print(json.dumps(facts) if as_json else bench.table(facts))
