"""Options that several commands of ``course`` have."""

from pathlib import Path
from typing import Annotated

import typer

Profile = Annotated[str, typer.Option(help="auto, smoke, cpu, gpu, or paper (train only)")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Direction = Annotated[
    str | None, typer.Option(help="xy, or yx to swap the domains; default: as trained")
]
DATA_HELP = "emoji:edges, emoji:twemoji-fluent ..., facades, download:NAME, or a folder of images"
DataName = Annotated[str, typer.Option(help=DATA_HELP)]
Out = Annotated[Path, typer.Option(help="folder to write to")]
RunFolder = Annotated[Path, typer.Option("--run", help="the --out folder of course train")]
