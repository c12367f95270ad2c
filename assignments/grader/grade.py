"""Grades what was handed in of a problem set: reads all of it, grades what is new, keeps results
one by one as they come, and writes the reports.
"""

import contextlib
import hashlib
import os
import queue
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from tqdm import tqdm

from assignments.grader import feedback, library, notebook
from assignments.grader.course import (
    checks_digest,
    open_checks,
    put_down,
    right_answers,
    submitted,
    term_key,
    with_printable_names,
)
from assignments.grader.grade_one import grade_one
from assignments.grader.notebook import Submission
from assignments.grader.sandbox import PROTECTS, Limits, Worker, choose_tier
from assignments.grader.verdicts import Result
from course_lib.errors import CourseError

if TYPE_CHECKING:  # the bundle for Gradescope does without nbgrader
    from assignments.grader.gradebook import Book, Plan


HIDDEN = ("source", "submitted", "autograded", "release", "checks")  # from submissions


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
    from assignments.grader.gradebook import Book

    course = course.absolute()
    folders, left_out = with_printable_names(submitted(course, problem_set, students))
    checks = open_checks(course, problem_set).load(problem_set)
    names = [check.name for check in checks]
    if only not in (None, *names):
        raise CourseError(
            f"no check called {only}", f"--only, of {problem_set}", f"one of {', '.join(names)}"
        )
    key, right = term_key(course), right_answers(course, problem_set, checks)
    tier = choose_tier(tier)
    print(f"note: tier {tier}: {PROTECTS[tier]}", file=sys.stderr)
    basis = f"{checks_digest(course)} {key} {tier} {sorted(right.items())}"
    with only_grader(course, problem_set), Book(course) as book:
        plan, done = book.plan(problem_set), book.done(problem_set)
        plan.assign(checks)
        submissions, unread = read_all(folders, problem_set, plan, basis)
        todo = {
            name: submission
            for name, submission in submissions.items()
            if is_wanted(submission, done.get(name), force, only)
        }
        graded = grade_all(
            list(todo.values()),
            course,
            problem_set,
            key,
            tier,
            workers,
            hidden=[course / part for part in HIDDEN],
            wanted=lambda _, checks: [check for check in checks if only in (None, check.name)],
        )
        silent = not (progress and todo)
        bar = tqdm(graded, problem_set, len(todo), unit="submission", disable=silent)
        left_out |= unread | keep(bar, book, plan, todo, done, only)
        book.settle(problem_set, folders)
        fresh = len(todo.keys() - left_out.keys())
        results, unwritten = report(book, course, problem_set)
    chosen = [results[name] for name in folders if name in results]
    return chosen, fresh, left_out | unwritten


@contextlib.contextmanager
def only_grader(course: Path, problem_set: str) -> Iterator[None]:
    """Holds the problem set for this process. Raises CourseError while another one grades it."""
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
) -> tuple[dict[str, Submission], dict[str, str]]:
    """What was handed in, by student, and why some of it cannot be read.

    The digest of a submission changes with it and with all that its grades depend on: ``basis``,
    limits, the plan.
    """
    basis = hashlib.sha256(f"{basis} {Limits()} {sorted(plan.cells.items())}".encode()).hexdigest()
    submissions, unread = {}, {}
    for name, folder in folders.items():
        with put_down(unread, name):
            submission = notebook.read(folder, name, problem_set, plan.cells)
            handed_in = f"{basis} {submission.source} {submission.reason} {submission.notes}"
            submission.digest = hashlib.sha256(handed_in.encode()).hexdigest()
            submissions[name] = submission
    return submissions, unread


def is_wanted(submission: Submission, before: Result | None, force: bool, only: str | None) -> bool:
    """Whether to grade it now: it is new or changed, or ``force``; a single check only of what is
    graded already."""
    if only is not None:
        return before is not None and before.source == submission.source
    return force or before is None or before.digest != submission.digest


def grade_all(
    submissions: list[Submission],
    course: Path,
    problem_set: str,
    key: str,
    tier: str,
    workers: int | None = None,
    limits: Limits | None = None,
    hidden: Iterable[Path] = (),
    wanted: Callable[[Submission, list], list] = lambda _, checks: checks,
) -> Iterator[Result]:
    """Grade in ``workers`` sandboxes at a time; results come as they are ready.

    ``wanted`` chooses the checks of a submission from all.
    """
    if not submissions:
        return
    package = open_checks(course, problem_set)
    checks = package.load(problem_set)
    right = right_answers(course, problem_set, checks)
    limits, probes = limits or Limits(), [f"checks.probes.{problem_set}"]
    count = max(1, min(workers or os.cpu_count() or 1, len(submissions)))
    with tempfile.TemporaryDirectory(prefix="grading-") as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o711)  # submissions may run as another user: nothing there is secret
        inside = Path(folder) / "library"
        inside.mkdir(mode=0o755)
        library.stage(inside, package, problem_set)
        ready = [Worker(tier, inside, probes, [course, *hidden]) for _ in range(count)]
        free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in ready:
            free.put(stack.enter_context(worker))

        def one(submission: Submission) -> Result:
            worker = free.get()
            try:
                return grade_one(submission, wanted(submission, checks), key, worker, limits, right)
            finally:
                free.put(worker)

        def leave() -> None:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in ready:
                worker.abort()
            pool.shutdown(wait=True)

        pool = ThreadPoolExecutor(count)
        stack.callback(leave)
        for future in as_completed([pool.submit(one, submission) for submission in submissions]):
            yield future.result()


def keep(
    results: Iterable[Result],
    book: "Book",
    plan: "Plan",
    todo: dict,
    done: dict,
    only: str | None,
) -> dict[str, str]:
    """Each result into autograded/ and the grade book as it comes; returns whose could not be kept,
    and why."""
    failed, regraded = {}, []
    for result in results:
        submission = todo[result.student]
        with put_down(failed, result.student):
            if only is None:
                book.keep(result, plan, submission)
            else:
                regraded.append(done[result.student].with_new(result.checks))
                book.write(regraded[-1], plan, submission)
        submission.content = None  # a class's notebooks need not stay in memory
    if only is not None:
        book.regrade(regraded, plan, only)
    return failed


def report(
    book: "Book", course: Path, problem_set: str
) -> tuple[dict[str, Result], dict[str, str]]:
    """Writes what students and instructor read, of all that is in the grade book; returns that by
    student, and whose report or record is not there, with the reason.
    """
    from assignments.grader.lms import names_of

    results, names = book.done(problem_set), names_of(course, book)
    for student, result in results.items():
        result.name = names.get(student, "")
    why = "the record in the grade book cannot be read: hand in, and grade again"
    unread = dict.fromkeys(book.damaged, why)
    return results, unread | feedback.write(course / "reports" / problem_set, [*results.values()])
