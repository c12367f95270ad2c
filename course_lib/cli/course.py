"""The ``course`` command. Errors end in three lines (what, where, fix) and status 2; torch is imported when needed."""

import ast
import json
import math
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.cli import commands
from course_lib.cli.commands import Direction, positive
from course_lib.errors import CourseError

UsageError = typer.BadParameter.__bases__[0]  # click's, which newer versions of typer carry inside

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="A course in GAN image-to-image translation: run its notebooks, train, translate, evaluate, grade.",
)  # fmt: skip
Profile = Annotated[str, typer.Option(help="auto, smoke, cpu, gpu, or paper (train only)")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
DATA_HELP = "emoji:edges, emoji:twemoji-fluent ..., facades, earth:relief-aerial, download:NAME, or a folder of images"
DataName = Annotated[str, typer.Option(help=DATA_HELP)]
Out = Annotated[Path, typer.Option(help="folder to write to")]
RunFolder = Annotated[Path, typer.Option("--run", help="the --out folder of course train")]


@app.command()
def doctor() -> None:
    """What this machine has, and what will run how fast."""
    from course_lib.cli import doctor

    print(doctor.report())


@app.command()
def run(
    notebooks: Annotated[list[Path] | None, typer.Argument(help="default: all in notebooks/")] = None,
    profile: Profile = "auto",
    out: Out = Path("build"),
    resume: Annotated[bool, typer.Option("--resume", help="skip notebooks that already passed unchanged")] = False,
    cell_timeout: Annotated[int, typer.Option(help="seconds a cell may take")] = 1200,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value of a notebook's parameters cell")] = None,
    store: Annotated[bool, typer.Option("--store", help="write outputs back into the notebooks that pass")] = False,
) -> None:
    """Execute notebooks with papermill into OUT: notebooks, HTML and report.json. Status 1 if one fails."""
    from course_lib.cli import runner

    positive("--cell-timeout", cell_timeout)
    found = notebooks or sorted(Path("notebooks").glob("*.ipynb"))
    if not found:
        raise CourseError(
            "no notebooks here", Path("notebooks").resolve(), "run this in the course's folder, or name them"
        )
    pairs = dict(pair.partition("=")[::2] for pair in set_ or [])
    parameters = {name: _literal(text) for name, text in pairs.items()}
    report = runner.run_notebooks(found, out, profile, cell_timeout, parameters, resume, store)
    passed = sum(row["status"] == "passed" for row in report["notebooks"])
    print(f"{passed} of {len(report['notebooks'])} notebooks passed; results in {out}")
    if passed < len(report["notebooks"]):
        raise typer.Exit(1)


@app.command()
def train(
    method: Annotated[
        str, typer.Argument(help="pix2pix, cyclegan, bicyclegan, pix2pixhd, unit, munit, bigan, cogan or dcgan")
    ],
    data: DataName,
    out: Out,
    size: Annotated[int | None, typer.Option(help="image size in pixels; default: the profile's")] = None,
    steps: Annotated[int | None, typer.Option(help="updates to make")] = None,
    minutes: Annotated[float | None, typer.Option(help="or minutes to train; default 5")] = None,
    seed: Annotated[int, typer.Option(help="of weights, data order, augmentation and dropout")] = 0,
    direction: Annotated[str, typer.Option(help="xy, or yx to swap the domains")] = "xy",
    profile: Profile = "auto",
    device: Device = "auto",
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the method's configuration")] = None,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--no-bf16", help="default: where it is known to be faster")
    ] = None,
    devices: Annotated[int, typer.Option(help="GPUs, or processes of the CPU, that share each step")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="go on where a stopped run was")] = False,
    checkpoint_seconds: Annotated[float, typer.Option(help="seconds between checkpoints")] = 5.0,
    workers: Annotated[int, typer.Option(help="processes that prepare the images; 0: this one does")] = 0,
    accept_changes: Annotated[bool, typer.Option("--accept-changes", help="resume with other settings")] = False,
) -> None:
    """Train a method into OUT: checkpoints, history.jsonl, previews and run.json."""
    from course_lib import runs

    lengths = {
        "--size": size,
        "--steps": steps,
        "--minutes": minutes,
        "--checkpoint-seconds": checkpoint_seconds,
        "--devices": devices,
    }
    for name, number in lengths.items():
        positive(name, number)
    if seed < 0:
        raise CourseError(f"--seed must be at least 0, got {seed}", "--seed", "for example --seed 0")
    if steps is not None and minutes is not None:
        raise CourseError("--steps and --minutes exclude each other", "course train", "give one of them")
    if steps is None and minutes is None:
        minutes = 5.0
    config = runs.make_config(method, profile, size, set_)
    result = runs.train(
        method, data, out, config, steps=steps, minutes=minutes, seed=seed, direction=direction, device=device,
        bf16=bf16, n_devices=devices, resume=resume, accept_changes=accept_changes,
        checkpoint_seconds=checkpoint_seconds, workers=workers,
    )  # fmt: skip
    print(f"{result.stopped} at step {result.steps} after {result.seconds:.0f} s; look at {out / 'previews'}")
    if result.stopped == "interrupted":
        raise typer.Exit(130)


@app.command()
def translate(
    folder: RunFolder,
    source: Annotated[Path, typer.Option("--input", help="an image or a folder; of pix2pixhd label maps, or facades")],
    target: Annotated[Path, typer.Option("--output", help="folder for the PNG files")],
    samples: Annotated[int, typer.Option(help="outputs per image")] = 1,
    style: Annotated[Path | None, typer.Option(help="an image whose style all outputs get (bicyclegan, munit)")] = None,
    seed: Annotated[int, typer.Option(help="of the noise")] = 0,
    direction: Direction = None,
    device: Device = "auto",
) -> None:
    """Translate images with a trained run."""
    from course_lib import runs

    positive("--samples", samples)
    written = runs.translate_files(
        folder, source, target, samples=samples, style=style, seed=seed, direction=direction, device=device
    )
    print(f"wrote {len(written)} images to {target}")


@app.command()
def evaluate(
    folder: RunFolder,
    data: DataName,
    split: Annotated[str, typer.Option(help="val to choose, test to report")] = "test",
    direction: Direction = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output, nothing else")] = False,
    device: Device = "auto",
) -> None:
    """Score a trained run on held-out data, beside two baselines."""
    from course_lib import runs

    scores = runs.evaluate(folder, data, split=split, direction=direction, device=device)
    if as_json:
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in scores.items()}
        print(json.dumps(finite))  # JSON has no NaN
        return
    for name, value in scores.items():
        print(f"{name:24} {value:.4f}" if isinstance(value, float) else f"{name:24} {value}")


@app.command()
def sweep(
    grid: Annotated[Path, typer.Argument(help="TOML file: rows of configurations, and seeds")],
    scheduler: Annotated[str | None, typer.Option(help="address of a Dask scheduler; default: this machine")] = None,
    workers: Annotated[int | None, typer.Option(help="processes on this machine; default: one a core")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for table and pictures; default: beside GRID")] = None,
) -> None:
    """Train and score every cell of a grid into one table; finished ones are never repeated. Status 1 if one fails."""
    from course_lib.experiments import sweep

    positive("--workers", workers)
    if scheduler is not None and workers is not None:
        raise CourseError("--scheduler and --workers exclude each other", "course sweep", "give one of them")
    if failed := sweep.run(grid, scheduler, workers, out):
        print("failed:", *failed, sep="\n  ", file=sys.stderr)
        raise typer.Exit(1)


app.add_typer(commands.app)


def _literal(text: str) -> Any:
    """``"5"`` -> 5, ``"True"`` -> True; anything that is no Python value stays text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def fail(what: str, where: Any, fix: str) -> int:
    """Print the three lines of an error; its exit status."""
    lines = (f"error: {what}", f"where: {where}", f"fix: {fix}")
    print("\n".join(" ".join(line.split()) for line in lines), file=sys.stderr)
    return 2


def main() -> None:
    """Entry point of the ``course`` command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    warnings.showwarning = lambda message, *_: print(f"note: {message}", file=sys.stderr)
    try:
        status = app(standalone_mode=False, prog_name="course")
    except CourseError as error:
        status = fail(error.what, error.where, error.fix)
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "course"
        status = fail(error.format_message(), command, f"see {command} --help")
    except OSError as error:  # names too long, folders that vanish, full disks
        fix = "check the path, its permissions and the free space"
        status = fail(error.strerror or str(error), error.filename or "the operating system", fix)
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
