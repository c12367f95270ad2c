"""Grades what was handed in of a problem set: reads all of it, grades what is new, keeps results
one by one as they come, and writes the reports.
"""

import contextlib
import hashlib
import os
import queue
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from tqdm import tqdm

from assignments.grader import dates, feedback, library, notebook
from assignments.grader.course import (
    astray,
    checks_digest,
    open_checks,
    put_down,
    submitted,
    term_key,
    with_good_names,
)
from assignments.grader.grade_one import grade_one
from assignments.grader.notebook import Submission
from assignments.grader.sandbox import PROTECTS, Limits, Worker, choose_tier
from assignments.grader.verdicts import Result
from course_lib.errors import note, telling

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
    progress: bool = True,
) -> tuple[list, int, dict[str, str]]:
    """All results of the chosen students, how many of them were graded now, and whose files lack,
    with the reason.
    """
    from assignments.grader import gradebook

    course = course.absolute()
    everyone, left_out = with_good_names(submitted(course, problem_set, None))
    folders = {
        name: everyone[name]
        for name in submitted(course, problem_set, students)
        if name in everyone
    }
    package = open_checks(course, problem_set)
    checks = package.load(problem_set)
    key = term_key(course)
    tier = choose_tier(tier)
    basis = f"{checks_digest(course)} {key} {tier}"
    with only_grader(course, problem_set), gradebook.opened(course) as book:
        sets = [assignment.name for assignment in book.assignments]
        plan, done = book.plan(problem_set), book.done(problem_set)
        plan.assign(checks)
        times = {name: dates.of(folder) for name, folder in everyone.items()}
        until, unusable = dates.extensions(course, problem_set, everyone, sets)
        note(f"tier {tier}: {PROTECTS[tier]}")
        submissions, unread = read_all(folders, problem_set, plan, basis, package.FUNCTIONS)
        todo = {
            name: submission
            for name, submission in submissions.items()
            if force or name not in done or done[name].digest != submission.digest
        }
        graded = grade_all(
            list(todo.values()),
            course,
            problem_set,
            key,
            tier,
            workers,
            hidden=[course / part for part in HIDDEN],
        )
        silent = not (progress and todo)
        bar = tqdm(graded, problem_set, len(todo), unit="submission", disable=silent)
        left_out |= unread | keep(bar, book, plan, todo)
        fresh = len(todo.keys() - left_out.keys())
        said = book.settle(problem_set, times, until)
        results, unwritten = report(book, course, problem_set, said)
        if gone := sorted(done.keys() - everyone.keys() - left_out.keys()):
            note(
                f"nothing of {notebook.listed(gone)} lies in submitted/ any more: left out of"
                " reports and of Canvas' table; their grades stay in the grade book"
            )
        left_out |= unwritten | unusable | astray(course, problem_set, sets)
        for name in folders.keys() - left_out.keys():
            if times[name].wrong:
                left_out[name] = times[name].wrong
    chosen = [results[name] for name in folders if name in results]
    return chosen, fresh, left_out


@contextlib.contextmanager
def only_grader(course: Path, problem_set: str) -> Iterator[None]:
    """Holds the problem set for this process. Raises CourseError while another one grades it."""
    path = course / f".grading-{problem_set}.lock"
    what = f"{problem_set} is being graded already"
    with telling(Timeout, what, path, "wait until that has ended"), FileLock(path, timeout=0):
        yield


def read_all(
    folders: dict[str, Path],
    problem_set: str,
    plan: "Plan",
    basis: str,
    functions: Mapping[str, Iterable[str]],
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
            notebook.name_other_set(submission, functions)
            handed_in = f"{basis} {submission.source} {submission.reason} {submission.notes}"
            submission.digest = hashlib.sha256(handed_in.encode()).hexdigest()
            submissions[name] = submission
    return submissions, unread


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
                return grade_one(submission, wanted(submission, checks), key, worker, limits)
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


def keep(results: Iterable[Result], book: "Book", plan: "Plan", todo: dict) -> dict[str, str]:
    """Each result into autograded/ and the grade book as it comes; returns whose could not be kept,
    and why."""
    failed: dict[str, str] = {}
    for result in results:
        submission = todo[result.student]
        with put_down(failed, result.student):
            book.keep(result, plan, submission)
        submission.content = None  # a class's notebooks need not stay in memory
    return failed


def report(
    book: "Book", course: Path, problem_set: str, said: dict[str, str]
) -> tuple[dict[str, Result], dict[str, str]]:
    """Writes what students and instructor read, of all that is in the grade book and still handed
    in; returns that by student, and whose report or record is not there, with the reason.

    ``said`` holds by student when that was, and what it costs.
    """
    from assignments.grader.lms import names_of

    folder, names = course / "reports" / problem_set, names_of(book)
    results = {}
    for student, result in book.done(problem_set).items():
        if student in said:
            results[student] = replace(result, name=names.get(student, ""), time=said[student])
        else:
            feedback.take_back(folder, student)
    why = "the record in the grade book cannot be read: hand in, and grade again"
    unread = dict.fromkeys(book.damaged, why)
    return results, unread | feedback.write(folder, [*results.values()])
