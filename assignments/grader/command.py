"""``course grade``: what is handed in, what of it is done, and the rest through the sandbox into
the grade book.
"""

import contextlib
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_lib.errors import CourseError

# at run time they are imported late: the command's other parts do without nbgrader
if TYPE_CHECKING:
    from assignments.grader.gradebook import Book, Plan
    from assignments.grader.notebook import Submission
    from assignments.grader.verdicts import Result

Names = Annotated[
    list[str] | None, typer.Option("--student", help="only these; default: all in submitted/")
]
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
    student: Names = None,
    force: Annotated[
        bool, typer.Option("--force", help="grade again what is graded and unchanged")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="CHECK", help="regrade this check alone, after a fix")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="also write a page on the whole class")
    ] = False,
) -> None:
    """Grade nbgrader's submitted tree in a sandbox, into its grade book. Safe to kill and to run
    again."""
    results, fresh, left_out = run(course, problem_set, tier, workers, student, force, only)
    if reasons := [f"{result.student}: {result.reason}" for result in results if result.reason]:
        print("with a reason to look at:", *reasons, sep="\n  ", file=sys.stderr)
    verb, others = "graded", "others were done"
    if only is not None:
        verb = f"graded {only} alone in"
        others = "others are new or were handed in again: grade them without --only"
    rest = "" if fresh == len(results) else f", the {others}"
    reports = course / "reports" / problem_set
    print(f"{verb} {fresh} of {len(results)} submissions{rest}; reports in {reports}")
    if summary and results:
        from assignments.grader.summary import write

        print(f"wrote {write(reports, results)}")
    if left_out:
        print(
            "not graded or without a report, mend it and run again:",
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
    right = False
    if result is not None:
        right = result.score == result.points
        print(*(f"note: {text}\n" for text in result.notes), sep="", end="")
        print(*map(feedback.line, result.checks), sep="\n")
        points = f"{result.score:g} of {result.points:g} points"
        print(f"{points} of the visible checks")
    if trouble or not right:
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
    solution: Annotated[
        bool, typer.Option("--solution", help="only solutions/PS.ipynb, after the due date")
    ] = False,
) -> None:
    """Make the students' copy of a problem set, notebook and visible checks, with nbgrader:
    release/PS and PS.zip."""
    from assignments.grader import bundled
    from assignments.grader.release import release, solve

    if solution:
        print(f"wrote {solve(course.absolute(), problem_set)}, with all answers")
        return
    archive = release(course, problem_set)
    print(f"wrote {archive}: hand it out; students unpack it and run: course check {problem_set}")
    if gradescope:
        archive = bundled.bundle(course.absolute(), problem_set)
        print(f"wrote {archive}, with the hidden checks: for Gradescope alone")


def answers(
    problem_set: ProblemSet,
    folder: Annotated[
        Path, typer.Argument(help="to write to: submitted/STUDENT/PS.py, and released/PS.py")
    ],
    course: CourseFolder = Path("assignments"),
) -> None:
    """Each submission's answer cells as a Python file, for tools that look for copies (copydetect,
    JPlag, Dolos)."""
    from assignments.grader.release import answers

    print(f"wrote the answers of {answers(course, problem_set, folder)} students; compare:")
    print(f"copydetect -t {folder}/submitted -b {folder}/released -e py")


def viva(
    problem_set: ProblemSet,
    student: Annotated[str, typer.Argument(help="who handed in; or a notebook, or its folder")],
    course: CourseFolder = Path("assignments"),
    seed: Annotated[int, typer.Option(min=0, help="another seed, other questions")] = 0,
    out: Annotated[Path | None, typer.Option(help="default: vivas/ in the course")] = None,
    tier: Annotated[str, typer.Option(help="as for grade")] = "auto",
    practice: Annotated[
        bool, typer.Option("--practice", help="one page with folded answers, to learn from")
    ] = False,
) -> None:
    """Five questions on a student's own code with one line changed: a sheet, and its key.

    The answers are found by running each change in the sandbox.
    """
    from assignments.grader import viva
    from assignments.grader.sandbox import choose_tier

    made = viva.make(course.absolute(), problem_set, student, seed, choose_tier(tier))
    if (count := len(made["questions"])) < viva.QUESTIONS:
        print(f"note: only {count} of {viva.QUESTIONS} questions can be made of this code")
    print(
        *(f"wrote {path}" for path in viva.write(out or course / "vivas", made, practice)), sep="\n"
    )


def submitted(course: Path, problem_set: str, students: list[str] | None) -> dict[str, Path]:
    """The folders handed in, by student. Raises CourseError if there are none, or for a student
    who has none."""
    handed_in = {}
    for path in sorted((course / "submitted").glob("*")):
        if may_be_folder(path / problem_set):
            handed_in[path.name] = path / problem_set
    if unknown := sorted(set(students or []) - set(handed_in)):
        raise CourseError(
            f"nothing of {unknown[0]} for {problem_set}",
            course / "submitted",
            "see the names in that folder",
        )
    if not handed_in:
        raise CourseError(
            f"nothing handed in for {problem_set}",
            course / "submitted",
            f"nbgrader collect {problem_set}, or copy there",
        )
    return {name: path for name, path in handed_in.items() if not students or name in students}


def may_be_folder(path: Path) -> bool:
    """Whether it is one, or lies where this user may not look: that is said when it is read."""
    try:
        return path.is_dir()
    except PermissionError:
        return True


def run(
    course: Path,
    problem_set: str,
    tier: str = "auto",
    workers: int | None = None,
    students: list[str] | None = None,
    force: bool = False,
    only: str | None = None,
    progress: bool = True,
) -> tuple[list, int, dict[str, str]]:
    """All results of the chosen students, how many of them were graded now, and whose files lack,
    with the reason.

    With the name of a check in ``only``, just that one is run again, on submissions that are graded
    and unchanged; its scores change for all of them at once or for none.
    """
    from tqdm import tqdm

    from assignments.grader import feedback
    from assignments.grader import grade as grading
    from assignments.grader.gradebook import Book, handed_in_at, late_penalty
    from assignments.grader.sandbox import PROTECTS, choose_tier

    course = course.absolute()
    folders, left_out = with_printable_names(submitted(course, problem_set, students))
    _, checks = grading.load_checks(course, problem_set)
    key, tier = grading.term_key(course), choose_tier(tier)
    print(f"note: tier {tier}: {PROTECTS[tier]}", file=sys.stderr)
    names = [check.name for check in checks]
    if only is not None and only not in names:
        raise CourseError(
            f"no check called {only}", f"--only, of {problem_set}", f"one of {', '.join(names)}"
        )
    with only_grader(course, problem_set), Book(course) as book:
        plan, done = book.plan(problem_set), book.done(problem_set)
        plan.assign(checks)
        basis = f"{grading.checks_digest(course)} {key} {tier}"
        submissions, unread = read_all(folders, problem_set, plan, basis)
        todo = {
            name: submission
            for name, submission in submissions.items()
            if is_wanted(submission, done.get(name), force, only)
        }
        graded = grading.grade_all(
            list(todo.values()),
            course,
            problem_set,
            key,
            tier,
            workers,
            hidden=[
                course / part for part in ("source", "submitted", "autograded", "release", "checks")
            ],
            wanted=lambda _, checks: [check for check in checks if only in (None, check.name)],
        )
        bar = tqdm(
            graded, problem_set, len(todo), unit="submission", disable=not (progress and todo)
        )
        left_out |= unread | keep(bar, book, plan, course, todo, done, only)
        times = {name: handed_in_at(path) for name, path in folders.items()}
        book.settle(problem_set, times, late_penalty(course))
        done, fresh = book.done(problem_set), len(todo.keys() - left_out.keys())
        why = "the record in the grade book cannot be read: hand in, and grade again"
        left_out |= dict.fromkeys(book.damaged, why)
        left_out |= feedback.write(course / "reports" / problem_set, list(done.values()))
    return [done[name] for name in folders if name in done], fresh, left_out


def with_printable_names(folders: dict[str, Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """The folders whose names can be written into a table, and the others, with what to do about
    them.
    """
    from assignments.grader import safe

    why = "the folder's name is not UTF-8 or has control characters: rename it"
    good = {name: path for name, path in folders.items() if name == safe.line(name)}
    return good, {safe.line(name): why for name in folders.keys() - good.keys()}


@contextlib.contextmanager
def only_grader(course: Path, problem_set: str) -> Iterator[None]:
    """Holds the problem set for this process. Raises CourseError while another one grades it."""
    from filelock import FileLock, Timeout

    lock = FileLock(course / f".grading-{problem_set}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CourseError(
            f"{problem_set} is being graded already", lock.lock_file, "wait until that has ended"
        ) from None
    with lock:
        yield


def read_all(
    folders: dict[str, Path], problem_set: str, plan: "Plan", basis: str
) -> tuple[dict[str, "Submission"], dict[str, str]]:
    """What was handed in, by student, and why some of it cannot be read.

    The digest of a submission changes with it and with all that its grades depend on: ``basis``,
    limits, the plan.
    """
    from assignments.grader import feedback, notebook
    from assignments.grader.sandbox import Limits

    basis = hashlib.sha256(f"{basis} {Limits()} {sorted(plan.cells.items())}".encode()).hexdigest()
    submissions, unread = {}, {}
    for name, folder in folders.items():
        try:
            submission = notebook.read(folder, name, problem_set)
            notebook.restore(submission, plan.locked, set(plan.cells))
        except feedback.UNWRITTEN as error:
            unread[name] = feedback.why(error)
            continue
        handed_in = f"{basis} {submission.source} {submission.reason}"
        submission.digest = hashlib.sha256(handed_in.encode()).hexdigest()
        submissions[name] = submission
    return submissions, unread


def is_wanted(
    submission: "Submission", before: "Result | None", force: bool, only: str | None
) -> bool:
    """Whether to grade it now: it is new or changed, or ``force``; a single check only of what is
    graded already."""
    if only is not None:
        return before is not None and before.source == submission.source
    return force or before is None or before.digest != submission.digest


def keep(
    results: Iterable["Result"],
    book: "Book",
    plan: "Plan",
    course: Path,
    todo: dict,
    done: dict,
    only: str | None,
) -> dict[str, str]:
    """Each result into autograded/ and the grade book as it comes; returns whose could not be kept,
    and why."""
    from assignments.grader import feedback
    from course_lib.data.files import replace_file

    failed, regraded = {}, []
    for result in results:
        submission, name = todo[result.student], plan.problem_set
        if only is not None:
            regraded.append(done[result.student].with_new(result.checks))
            result = regraded[-1]
        target = course / "autograded" / result.student / name / f"{name}.ipynb"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, feedback.autograded(result, plan, submission))
            if only is None:
                book.commit(result, plan, submission)
        except feedback.UNWRITTEN as error:
            failed[result.student] = feedback.why(error)
        submission.content = None  # a class's notebooks need not stay in memory
    if only is not None:
        book.regrade(regraded, plan, only)
    return failed
