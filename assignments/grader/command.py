"""``course grade``: what is handed in, what of it is done, and the rest through the sandbox into
the grade book.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CourseError, note

# What does the work is imported when a command runs: PyTorch takes seconds, and `course check`
# does without nbgrader.

ProblemSet = Annotated[str, typer.Argument(metavar="PS", help="ps1, ps2 ...")]
CourseFolder = Annotated[
    Path, typer.Option(help="nbgrader's course folder, with checks/ and submitted/")
]


def grade(
    problem_set: ProblemSet,
    course: CourseFolder = Path("assignments"),
    tier: Annotated[
        str, typer.Option(help="auto, bubblewrap, or plain (weak: protects from accidents only)")
    ] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="sandboxes at a time; default: one a core")
    ] = None,
    student: Annotated[
        list[str] | None, typer.Option(help="only these; default: all in submitted/")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="grade again what is graded and unchanged")
    ] = False,
) -> None:
    """Grade nbgrader's submitted tree in a sandbox, into its grade book. Safe to kill and to run
    again."""
    from assignments.grader import grade as grading

    results, fresh, left_out = grading.run(course, problem_set, tier, workers, student, force)
    if reasons := [f"{result.student}: {result.reason}" for result in results if result.reason]:
        print("with a reason to look at:", *reasons, sep="\n  ", file=sys.stderr)
    rest = "" if fresh == len(results) else ", the others were done"
    reports = course / "reports" / problem_set
    print(f"graded {fresh} of {len(results)} submissions{rest}; reports in {reports}")
    if left_out:
        print(
            "left out, mend it and run again:",
            *[f"{name}: {why}" for name, why in sorted(left_out.items())],
            sep="\n  ",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def check(
    problem_set: ProblemSet,
    path: Annotated[
        Path | None, typer.Argument(metavar="NOTEBOOK", help="default: PS.ipynb in this folder")
    ] = None,
) -> None:
    """Before you hand in: is the notebook fit for it, and what do the visible checks say?

    Status 1: mend something.
    """
    from assignments.grader import feedback, handin

    submission, trouble, result = handin.check(problem_set, path)
    print(f"{submission.path}: {handin.saved(submission.path)}")
    print(*(f"mend: {text}\n" for text in trouble), sep="", end="")
    if result is not None:
        print(*(f"note: {text}\n" for text in result.notes), sep="", end="")
        print(*map(feedback.line, result.checks), sep="\n")
        print(f"{result.score:g} of {result.points:g} points of the visible checks")
    if trouble or result is None or result.score < result.points:
        print(
            "mend what is named above."
            " Part of the work earns part of the points, so hand it in in time"
        )
        raise typer.Exit(1)
    print(
        "checked: the file, its cells, the order in which they ran, and the visible checks"
        "\nnot checked: what you wrote in words, and your code on the hidden checks, which use"
        " other numbers, sizes and extreme cases. Read once more what each exercise asks beyond"
        f" the visible checks, then hand in {submission.path.name}"
    )


def release(
    problem_set: ProblemSet,
    course: CourseFolder = Path("assignments"),
    gradescope: Annotated[
        bool, typer.Option("--gradescope", help="also gradescope/PS.zip, its autograder")
    ] = False,
) -> None:
    """Make the students' copy of a problem set, notebook and visible checks, with nbgrader:
    release/PS and PS.zip."""
    from assignments.grader import bundled
    from assignments.grader.release import release

    archive = release(course, problem_set)
    print(f"wrote {archive}: hand it out; students unpack it and run: course check {problem_set}")
    if gradescope:
        archive = bundled.bundle(course.absolute(), problem_set)
        print(f"wrote {archive}, with the hidden checks: for Gradescope alone")


def answers(
    problem_set: ProblemSet,
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="for submitted/STUDENT/PS.py, and released/PS.py; default: answers/ in the course"
        ),
    ] = None,
    course: CourseFolder = Path("assignments"),
) -> None:
    """Each submission's answer cells as a Python file, for tools that look for copies (copydetect,
    JPlag, Dolos)."""
    from assignments.grader.release import answers

    folder = folder or course / "answers"
    count, left_out = answers(course, problem_set, folder)
    for name, why in left_out.items():
        print(f"without code: {name}: {why}", file=sys.stderr)
    print(f"wrote the answers of {count} students; compare:")
    submitted, released, report = (
        shlex.quote(str(folder / name)) for name in ("submitted", "released", "report")
    )
    print(f"copydetect -t {submitted} -b {released} -e py -O {report}")


def viva(
    problem_set: ProblemSet,
    student: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDENT...",
            help="who handed in; or a notebook, or its folder; default: all in submitted/",
        ),
    ] = None,
    course: CourseFolder = Path("assignments"),
    seed: Annotated[int, typer.Option(min=0, help="another seed, other questions")] = 0,
    out: Annotated[Path | None, typer.Option(help="default: vivas/ in the course")] = None,
    tier: Annotated[str, typer.Option(help="as for grade")] = "auto",
    practice: Annotated[
        bool, typer.Option("--practice", help="one page with folded answers, to learn from")
    ] = False,
) -> None:
    """Five questions on a student's own code with one line changed: a sheet, and its key.

    The answers are found by running each change in the sandbox, some minutes a student.
    """
    from assignments.grader.course import submitted
    from assignments.grader.sandbox import PROTECTS, choose_tier
    from assignments.grader.viva import ask, page

    course, tier = course.absolute(), choose_tier(tier)
    if tier == "plain":
        note(f"tier {tier}: {PROTECTS[tier]}")
    students, refused = student or list(submitted(course, problem_set, None)), []
    for name in students:
        try:
            made = ask.make(course, problem_set, name, seed, tier)
        except CourseError as error:
            refused.append(error)
            continue
        if (count := len(made["questions"])) < ask.QUESTIONS:
            note(f"only {count} of {ask.QUESTIONS} questions can be made of this code")
        for path in page.write(out or course / "vivas", made, practice):
            print(f"wrote {path}")
    if refused and len(students) == 1:
        raise refused[0]
    for error in refused:
        print(f"no viva: {error.what}: {error.where}", file=sys.stderr)
    if refused:
        raise typer.Exit(1)
