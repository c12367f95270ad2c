"""Commands of ``course`` that compare: sweeps, and what people say of fakes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CourseError, check_positive

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

    check_positive("--workers", workers)
    if scheduler is not None and workers is not None:
        raise CourseError(
            "--scheduler and --workers exclude each other", "course sweep", "give one of them"
        )
    if failed := sweep.run(grid, scheduler, workers, out):
        print("failed:", *failed, sep="\n  ", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def study(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="of real or fake, one for each player")
    ],
) -> None:
    """The answers of a class in the game real or fake: how often each model fooled its players."""
    from course_lib.widgets import real_or_fake

    print(real_or_fake.table(files))
