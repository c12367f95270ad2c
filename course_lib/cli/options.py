"""Options that several commands of ``course`` have."""

from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CourseError

Profile = Annotated[str, typer.Option(help="auto, smoke, cpu, gpu, or paper (train only)")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Direction = Annotated[
    str | None, typer.Option(help="xy, or yx to swap the domains; default: as trained")
]
DATA_HELP = "emoji:edges, emoji:twemoji-fluent ..., facades, download:NAME, or a folder of images"
DataName = Annotated[str, typer.Option(help=DATA_HELP)]
Out = Annotated[Path, typer.Option(help="folder to write to")]
RunFolder = Annotated[Path, typer.Option("--run", help="the --out folder of course train")]


def positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise CourseError(f"{name} must be above 0, got {value}", name, f"for example {name} 3")
