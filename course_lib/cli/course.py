"""The ``course`` command; torch is imported when needed.

Errors end in three lines (what, where, fix) and status 2. Here are the machine and the notebooks;
training, comparing and grading bring their own commands.
"""

import ast
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from assignments.grader import command as grading
from course_lib.cli import training
from course_lib.errors import CourseError, check_choice, ensure, note

# What click raises for wrong words. typer brings a click of its own, older versions use click's
# package, and only this way finds the class in both.
UsageError = typer.BadParameter.__bases__[0]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A course in GAN image-to-image translation: its notebooks, training, trying, grading.",
)


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
    profile: training.Profile = "auto",
    out: training.Out = Path("build"),
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
    # a profile that is set counts more than the other
    report = runner.run_notebooks(paths, out, profile, parameters, resume, bool(require), jobs)
    passed = sum(row["status"] == "passed" for row in report["notebooks"])
    print(f"{passed} of {len(report['notebooks'])} notebooks passed; results in {out}")
    if passed < len(report["notebooks"]):
        raise typer.Exit(1)


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="of runs and pictures, at any depth")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("gallery.html"),
) -> None:
    """One page of what a class made: pictures with a line by their authors."""
    from course_lib.cli import gallery

    print(f"{out} shows {gallery.write(folder, out)} entries")


@app.command()
def speedrun(
    action: Annotated[str, typer.Argument(help="watch, run, table or class")],
    what: Annotated[Path, typer.Argument(help="an entry, TRACK/NAME.py; of the last two, TRACK")],
) -> None:
    """The race of guide/speedrun.md: try an entry, run it, rank those of a track or a class."""
    ensure(
        Path("tools/speedrun.py").is_file(),
        "no speedrun here",
        Path.cwd(),
        "go to the folder of a checkout of the course",
    )
    sys.path.insert(0, str(Path.cwd()))
    from tools import speedrun

    print(speedrun.main(action, what.resolve()))


def _literal(text: str) -> Any:
    """``"5"`` -> 5, ``"True"`` -> True; anything that is no Python value stays text.

    But the name of what lies here becomes its whole path: a notebook runs in its own folder.
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return os.path.abspath(text) if os.path.exists(text) else text


# --help lists the commands above, then those of training, and in its train those for teaching.
training.app.command()(grading.check)
training.app.command()(grading.release)
training.app.command()(grading.grade)
training.app.command()(grading.answers)
training.app.command()(grading.viva)
app.add_typer(training.app)


def fail(what: str, where: Any, fix: str) -> int:
    """Print the three lines of an error; its exit status."""
    lines = (f"error: {what}", f"where: {where}", f"fix: {fix}")
    print("\n".join(" ".join(line.split()) for line in lines), file=sys.stderr)
    return 2


def main() -> None:
    """Entry point of the ``course`` command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    # those of other packages; what the course has to say is no warning
    warnings.showwarning = lambda message, *_: note(str(message))
    # a shell expands ~ at the start of a word alone, not in --out=~/runs or --set folder=~/photos
    parts = [re.match(r"((?:[\w-]+=)*)(.*)", word, re.DOTALL) for word in sys.argv[1:]]
    words = [part[1] + os.path.expanduser(part[2]) for part in parts]
    try:
        status = app(words or ["--help"], prog_name="course", standalone_mode=False)
    except CourseError as error:
        status = fail(error.what, error.where, error.fix)
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "course"
        fix = f"see {command} --help"
        if "extra argument" in error.format_message():
            fix = f"quote a name with blanks, and of several files (*.jpg) give the folder; {fix}"
        status = fail(error.format_message(), command, fix)
    except OSError as error:  # names too long, folders that vanish, full disks
        fix = "check the path, its permissions and the free space"
        status = fail(error.strerror or str(error), error.filename or "the operating system", fix)
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
