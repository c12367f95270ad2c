"""The ``course`` command; torch is imported when needed.

Errors end in three lines (what, where, fix) and status 2. The machine and the notebooks come first,
then what makes runs, uses them (translate, demo ...) and compares them; grading brings its own
commands.
"""

import ast
import json
import math
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from assignments.grader import command as grading
from course_lib.errors import CourseError, check_choice, ensure
from course_lib.methods import METHODS

UsageError = typer.BadParameter.__bases__[0]  # click's, which newer versions of typer carry inside

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A course in GAN image-to-image translation: its notebooks, training, trying, grading.",
)


# Options that several commands have
Profile = Annotated[str, typer.Option(help="auto, smoke, cpu, gpu, or paper (train only)")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Direction = Annotated[
    str | None, typer.Option(help="xy, or yx to swap the domains; default: as trained")
]
DataName = Annotated[
    str,
    typer.Option(
        help="emoji:edges, emoji:twemoji-fluent ..., facades, download:NAME, or a folder of images"
    ),
]
Out = Annotated[Path, typer.Option(help="folder to write to")]
RunFolder = Annotated[Path, typer.Option("--run", help="the --out folder of course train")]


@app.command()
def doctor() -> None:
    """What this machine has, and what will run how fast."""
    from course_lib.cli import doctor

    print(doctor.report())


@app.command()
def run(
    notebooks: Annotated[
        list[Path] | None, typer.Argument(help="default: all in notebooks/")
    ] = None,
    profile: Profile = "auto",
    out: Out = Path("build"),
    resume: Annotated[
        bool, typer.Option("--resume", help="skip notebooks that already passed unchanged")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of a notebook's parameters cell")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="notebooks at a time")] = 1,
    require: Annotated[
        str | None,
        typer.Option(help="cuda: refuse where there is no NVIDIA GPU, or nothing ran on it"),
    ] = None,
) -> None:
    """Execute notebooks into OUT: notebooks, HTML and report.json. Status 1 if one fails."""
    from course_lib.cli import runner

    paths = notebooks or sorted(Path("notebooks").glob("*.ipynb"))
    ensure(
        paths,
        "no notebooks here",
        Path("notebooks").resolve(),
        "go to the course's folder, or name them",
    )
    if require is not None:
        check_choice("--require", require, ["cuda"])
        from course_lib.training.profiles import require_cuda

        require_cuda("--require")
    parameters = {}
    for pair in set_ or []:
        name, equals, text = pair.partition("=")
        ensure(
            name and equals,
            f"expected name=value, got {pair!r}",
            "--set",
            "write for example --set seed=1",
        )
        parameters[name] = _literal(text)
    report = runner.run_notebooks(paths, out, profile, parameters, resume, bool(require), jobs)
    passed = sum(row["status"] == "passed" for row in report["notebooks"])
    print(f"{passed} of {len(report['notebooks'])} notebooks passed; results in {out}")
    if passed < len(report["notebooks"]):
        raise typer.Exit(1)


@app.command()
def guesses(
    folder: Annotated[
        Path, typer.Argument(help="of your notebooks, or with such a folder for each learner")
    ] = Path("notebooks"),
) -> None:
    """How often your guesses were right when you were sure; of a class, which ones were wrong."""
    from course_lib.cli import guesses

    print(guesses.report(folder))


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="of runs and pictures, at any depth")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("gallery.html"),
) -> None:
    """One page of what a class made: pictures with a line by their authors."""
    from course_lib.cli import gallery

    print(f"{out} shows {gallery.write(folder, out)} entries")


class TrainCommand(TyperCommand):
    """``course train METHOD --help`` ends with the settings of the method."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Every setting: its default, what the profile makes of it, its meaning and its range."""
        method = next((word for word in sys.argv if word in METHODS), None)  # --help parses nothing
        if method is None:
            return super().format_epilog(ctx, formatter)
        from course_lib.methods import configs, method_class
        from course_lib.training import profiles

        cls, profile = method_class(method), profiles.resolve()
        preset, usual = cls.PRESETS[profile], configs.defaults(cls.Config)
        rows: dict[str, list[tuple[str, str]]] = {}
        for name in usual:
            told = configs.told(cls.Config, name)
            changed = preset.get(name, usual[name]) != usual[name]
            here = f"; profile {profile}: {preset[name]}" if changed else ""
            meaning = f"{told['meaning']} [{configs.allowed(cls.Config, name)}{here}]"
            rows.setdefault(told["group"], []).append((f"{name}={usual[name]}", meaning))
        for group, settings in sorted(rows.items()):  # networks, objective, training
            with formatter.section(f"Settings of {method}, --set NAME=VALUE, {group}"):
                formatter.write_dl(settings)


@app.command(cls=TrainCommand, epilog="The settings of a method: course train METHOD --help")
def train(
    method: Annotated[str, typer.Argument(help=", ".join(METHODS))],
    data: DataName,
    out: Out,
    size: Annotated[
        int | None, typer.Option(min=1, help="image size in pixels; default: the profile's")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="updates to make")] = None,
    minutes: Annotated[float | None, typer.Option(help="or minutes to train; default 5")] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="of weights, data order, augmentation and dropout")
    ] = 0,
    direction: Annotated[str, typer.Option(help="xy, or yx to swap the domains")] = "xy",
    load: Annotated[
        str | None, typer.Option(help="square: squeeze a folder's images; crop: cut squares out")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="begin with weights and settings of shipped weights or of a run's folder"
        ),
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="best: keep the best preview, too, as a run in OUT/best")
    ] = None,
    profile: Profile = "auto",
    device: Device = "auto",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the method's configuration")
    ] = None,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--no-bf16", help="default: where that is faster")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on where a stopped run was")] = False,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="resume with other settings")
    ] = False,
) -> None:
    """Train a method into OUT: checkpoints, history.jsonl, previews and run.json."""
    from course_lib import runs
    from course_lib.training import distributed

    ensure(
        steps is None or minutes is None,
        "--steps and --minutes exclude each other",
        "course train",
        "give one of them",
    )
    if steps is None and minutes is None:
        minutes = 5.0
    shorthands = {"load": load, "keep": keep}
    settings = [*(set_ or []), *(f"{name}={text}" for name, text in shorthands.items() if text)]
    config = runs.make_config(method, profile, size, settings, start)
    result = runs.train(
        method,
        data,
        out,
        config,
        steps=steps,
        minutes=minutes,
        seed=seed,
        direction=direction,
        device=device,
        bf16=bf16,
        resume="changed" if resume and accept_changes else resume,
        start=start,
    )
    if distributed.world()[0] == 0:
        print(
            f"{result.stopped} at step {result.steps} after {result.seconds:.0f} s; "
            f"look at {out / 'previews'}"
        )
    if result.stopped == "interrupted":
        raise typer.Exit(130)


@app.command()
def translate(
    folder: RunFolder,
    source: Annotated[
        Path,
        typer.Option("--input", help="image, film or folder; of pix2pixhd label maps, or facades"),
    ],
    target: Annotated[
        Path,
        typer.Option(
            "--output", help="folder; or NAME.png, .jpg or .webp; of a film .gif, .webp or .mp4"
        ),
    ],
    samples: Annotated[int, typer.Option(min=1, help="outputs per image")] = 1,
    style: Annotated[
        Path | None, typer.Option(help="an image whose style all outputs get (bicyclegan, munit)")
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="1: full resolution; default: shorter side as trained")
    ] = None,
    square: Annotated[
        bool, typer.Option("--square", help="squares of the training's size, out, too")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="all of a picture twice as wide as high, not one half")
    ] = False,
    keep_alpha: Annotated[
        bool, typer.Option("--keep-alpha", help="outputs are as transparent as inputs")
    ] = False,
    seed: Annotated[int, typer.Option(help="of the noise")] = 0,
    direction: Direction = None,
    device: Device = "auto",
) -> None:
    """Translate images with a trained run; outputs have the sizes of their inputs."""
    from course_lib import runs

    written = runs.translate_files(
        folder,
        source,
        target,
        samples=samples,
        style=style,
        seed=seed,
        direction=direction,
        device=device,
        scale=scale,
        squared=square,
        whole=whole,
        keep_alpha=keep_alpha,
    )
    several = f"{len(written)} images to {written[0].parent}"
    print(f"wrote {several if written[1:] else written[0]}")


@app.command()
def evaluate(
    folder: RunFolder,
    data: DataName,
    split: Annotated[
        str | None,
        typer.Option(
            help="val to choose, test to report, all of a folder; default: test, or all of a "
            "folder without splits that the run has not learned from"
        ),
    ] = None,
    direction: Direction = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on standard output, nothing else")
    ] = False,
    over_time: Annotated[
        bool, typer.Option("--over-time", help="and draw the previews' scores: RUN/over_time.png")
    ] = False,
    device: Device = "auto",
) -> None:
    """Score a trained run on held-out data, beside two baselines, with 95 % intervals."""
    from course_lib import runs
    from course_lib.metrics import words

    facts = runs.over_time(folder) if over_time else {}  # refuses before it takes long
    scores = runs.evaluate(folder, data, split=split, direction=direction, device=device) | facts
    unknown = {n: None for n, v in scores.items() if isinstance(v, float) and not math.isfinite(v)}
    print(json.dumps(scores | unknown) if as_json else words.table(scores))  # JSON has no NaN


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the --out folder of course train")],
    onnx: Annotated[Path, typer.Option(help="the file to write")],
    direction: Direction = None,
    half: Annotated[bool, typer.Option("--half", help="weights as float16")] = False,
) -> None:
    """Write a trained generator as an ONNX file, checked against PyTorch on held-out inputs."""
    from course_lib.runs.export import export_run

    facts = export_run(folder, onnx, direction, half)
    print(f"wrote {onnx}: {facts['bytes'] / 1e6:.1f} MB, weights {facts['weights']}")
    print(
        f"largest difference to PyTorch on {facts['compared']} held-out inputs: "
        f"{facts['difference']:.1e}"
    )
    step = int(facts["multiple"])
    print(f"height and width: {f'multiples of {step}' if step else facts['size'] + ' px'}")


@app.command()
def demo(
    folders: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="folders of course train; default: shipped weights"),
    ] = None,
    static: Annotated[
        Path | None, typer.Option(help="build the page into this folder instead")
    ] = None,
    port: Annotated[int, typer.Option(help="of the app; only this machine can reach it")] = 8866,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="open a browser on the app")
    ] = True,
) -> None:
    """Play with trained models: the course's widgets as an app.

    With --static DIR it is a page for any file server; that needs npm, for its runtime.
    """
    if static is None:
        from course_lib.demo.app import serve

        serve(folders or [], port, browser)
        return
    from course_lib.demo import page

    paths = [Path(folder) for folder in folders or page.SHIPPED]
    for model in page.build(static, paths, half=not folders)["models"]:
        size = f"{model['bytes'] / 1e6:.1f} MB"
        print(f"{model['name']}: {size}, differs from PyTorch by {model['difference']:.1e}")
    size = sum(path.stat().st_size for path in static.rglob("*") if path.is_file())
    print(
        f"wrote {static}, {size / 1e6:.1f} MB in all; "
        f"look at it: python -m http.server --directory {static}"
    )


@app.command()
def weights(
    name: Annotated[
        str | None, typer.Argument(help="one of them: where it comes from; default: a list of all")
    ] = None,
) -> None:
    """The trained weights that come with the course: their names, and where each comes from."""
    from course_lib.runs import shipped

    if name is None:
        for known in shipped.NAMES:
            rows = shipped.origin(known)
            print(f"{known:18} {rows[known]}: {rows['training']}, {rows['weights']}")
        print("use one wherever a run is asked for: course translate --run shipped:NAME ...")
        return
    shipped.name_of(shipped.PREFIX + name)
    print(*(f"{label:24} {text}" for label, text in shipped.origin(name).items()), sep="\n")


@app.command()
def sweep(
    grid: Annotated[Path, typer.Argument(help="TOML file: rows of configurations, and seeds")],
    scheduler: Annotated[
        str | None, typer.Option(help="address of a Dask scheduler; default: this machine")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes on this machine; default: one a core")
    ] = None,
) -> None:
    """Train and score every cell of a grid into one table, once. Status 1 if one fails."""
    from course_lib.experiments import sweep

    ensure(
        scheduler is None or workers is None,
        "--scheduler and --workers exclude each other",
        "course sweep",
        "give one of them",
    )
    if failed := sweep.run(grid, scheduler, workers):
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


for command in (grading.check, grading.release, grading.grade, grading.answers, grading.viva):
    app.command()(command)  # which is the order of --help


def _literal(text: str) -> Any:
    """``"5"`` -> 5, ``"True"`` -> True; anything that is no Python value stays text.

    But the name of what lies here becomes its whole path: a notebook runs in its own folder.
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return os.path.abspath(text) if os.path.exists(text) else text


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
    # a shell expands ~ at the start of a word alone, not in --out=~/runs or --set folder=~/photos
    parts = [re.match(r"((?:[\w-]+=)*)(.*)", word, re.DOTALL) for word in sys.argv[1:]]
    words = [part[1] + os.path.expanduser(part[2]) for part in parts]
    try:
        status = app(words or ["--help"], prog_name="course", standalone_mode=False)
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
