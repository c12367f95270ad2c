"""Commands of ``course`` that make runs, use them (translate, play ...) and compare them."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from course_lib.errors import ensure
from course_lib.methods import METHODS

app = typer.Typer()

# Options that several commands have
Profile = Annotated[
    str, typer.Option(help="auto, smoke, cpu or gpu; of train also the method's: paper, tab")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Direction = Annotated[
    str | None, typer.Option(help="xy, or yx to swap the domains; default: as trained")
]
DataName = Annotated[
    str,
    typer.Option(
        help="emoji:edges, emoji:twemoji-fluent ..., facades, download:NAME, a folder of images, "
        "or one photograph"
    ),
]
Out = Annotated[Path, typer.Option(help="folder to write to")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="of all that is drawn at random")]
RunFolder = Annotated[Path, typer.Option("--run", help="the --out folder of course train")]


class TrainCommand(TyperCommand):
    """``course train METHOD --help`` ends with the settings of the method."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As ever; --help, which ends it early, finds the words of the line in ``ctx.meta``."""
        # what cannot be read is refused below, and not here
        ctx.resilient_parsing = True
        ctx.meta["words"] = self.make_parser(ctx).parse_args(list(args))[0]
        ctx.resilient_parsing = False
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Every setting: its default, what the profile makes of it, its meaning and its range."""
        words = ctx.meta.get("words", {})
        method, profile = words.get("method"), words.get("profile") or "auto"
        if method not in METHODS:
            return super().format_epilog(ctx, formatter)
        from course_lib.methods import configs, method_class
        from course_lib.training import profiles

        cls = method_class(method)
        profile = profile if profile in cls.PRESETS else profiles.resolve(profile)
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
    minutes: Annotated[
        float | None, typer.Option(help="minutes to train, in place of --steps; default 5")
    ] = None,
    seed: Seed = 0,
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
    workers: Annotated[
        int, typer.Option(min=0, help="processes that prepare the images; 0: this one does")
    ] = 0,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="resume with other settings")
    ] = False,
) -> None:
    """Train a method into OUT: checkpoints, history.jsonl, previews and run.json."""
    from course_lib import runs

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
        workers=workers,
    )
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
        typer.Option(
            "--input", help="image, film or folder of images; of pix2pixhd label maps, or facades"
        ),
    ],
    target: Annotated[
        Path,
        typer.Option(
            "--output",
            help="folder (for PNGs); NAME.png, .jpg or .webp; of a film .gif, .webp or .mp4",
        ),
    ],
    samples: Annotated[int, typer.Option(min=1, help="outputs per image")] = 1,
    style: Annotated[
        Path | None, typer.Option(help="an image whose style all outputs get (bicyclegan, munit)")
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="1: full resolution; default: the shorter side about as in training"),
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
    seed: Seed = 0,
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
    print(
        f"wrote {len(written)} images to {written[0].parent}"
        if written[1:]
        else f"wrote {written[0]}"
    )


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
    from course_lib.metrics import report

    facts = runs.over_time(folder) if over_time else {}  # refuses before it takes long
    run = runs.open_translator(folder, device)
    scores = runs.evaluate(*run, data, split, direction, folder) | facts
    unknown = {n: None for n, v in scores.items() if isinstance(v, float) and not math.isfinite(v)}
    print(json.dumps(scores | unknown) if as_json else report.table(scores))  # JSON has no NaN


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the --out folder of course train")],
    onnx: Annotated[Path, typer.Option(help="the file to write")],
    direction: Direction = None,
    half: Annotated[bool, typer.Option("--half", help="weights as float16")] = False,
    step: Annotated[
        bool, typer.Option("--step", help="a step of its training instead, for a page that trains")
    ] = False,
) -> None:
    """Write a trained generator as an ONNX file, checked against PyTorch on held-out inputs."""
    if step:
        from course_lib.runs import open_run
        from course_lib.runs import step as training

        facts = training.to_onnx(open_run(folder, "cpu")[0], onnx)
        return print(f"wrote {onnx}: one training step, of {facts['size']:,} numbers")
    from course_lib.runs.export import export_run

    facts = export_run(folder, onnx, direction, half)
    print(
        f"wrote {onnx}: {facts['bytes'] / 1e6:.1f} MB, weights {facts['weights']}\n"
        f"largest difference to PyTorch on {facts['compared']} held-out inputs: "
        f"{facts['difference']:.1e}\nheight and width: "
        + (
            f"{facts['size']} px"
            if facts["multiple"] == "0"
            else f"multiples of {facts['multiple']}"
        )
    )


@app.command()
def demo(
    folders: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="folders of course train; default: shipped weights"),
    ] = None,
    static: Annotated[
        Path | None, typer.Option(help="build the page into this folder instead")
    ] = None,
    step: Annotated[
        Path | None, typer.Option(help="the page trains as this run of pix2pix did (--static)")
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="of the app; only this machine can reach it")
    ] = 8866,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="open a browser on the app")
    ] = True,
) -> None:
    """Play with trained models: the course's widgets as an app.

    With --static DIR it is a page for any file server; that needs npm, for its runtime.
    """
    ensure(static or not step, "--step is for the page", "--step", "add --static DIR")
    if static is None:
        from course_lib.demo.app import serve

        serve(folders or [], port, browser)
        return
    from course_lib.demo import page
    from course_lib.runs import open_run

    paths = [Path(folder) for folder in folders or page.SHIPPED]
    trains = open_run(step, "cpu")[0] if step else None
    for model in page.build(static, paths, half=not folders, trains=trains)["models"]:
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
    out: Annotated[
        Path | None, typer.Option(help="folder for table and pictures; default: beside GRID")
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
    if failed := sweep.run(grid, scheduler, workers, out):
        print("failed:", *failed, sep="\n  ", file=sys.stderr)
        raise typer.Exit(1)
