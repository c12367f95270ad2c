"""Grades the submissions of a problem set: prepare here, probe in the sandbox, judge here, commit
one by one.
"""

import contextlib
import hashlib
import importlib
import os
import random
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from assignments.grader import feedback, library, notebook
from assignments.grader.sandbox import PROTECTS, Limits, Outcome, Worker, choose_tier
from assignments.grader.verdicts import Graded, Result, answers, judge
from course_lib.data.files import replace_file
from course_lib.errors import CourseError

if TYPE_CHECKING:  # `course check` does without nbgrader
    from assignments.grader.gradebook import Book, Plan

ONE_AT_A_TIME = threading.RLock()  # prepare and judge share torch's global random state


def load_checks(course: Path, problem_set: str) -> tuple[ModuleType, list]:
    """The course's package ``checks``, and those of a problem set."""
    module = open_checks(course, problem_set)
    return module, list(module.load(problem_set))


def open_checks(course: Path, problem_set: str) -> ModuleType:
    """The package ``checks`` of this folder, in the place of any other that was imported."""
    package = course / "checks" / "__init__.py"
    if not package.is_file():
        raise CourseError(
            "no checks in this course", package, "name the folder that holds checks/ with --course"
        )
    loaded = sys.modules.get("checks")
    if loaded is None or Path(loaded.__file__ or "").resolve() != package.resolve():
        for name in [name for name in sys.modules if name.split(".")[0] == "checks"]:
            del sys.modules[name]
        sys.path.insert(0, str(course))
        importlib.invalidate_caches()
    module = importlib.import_module("checks")
    if not (course / "checks" / "probes" / f"{problem_set}.py").is_file():
        known = ", ".join(sorted(module.FUNCTIONS))
        raise CourseError(
            f"no problem set called {problem_set}", course / "checks", f"one of {known}"
        )
    return module


def graded_names(checks: ModuleType, problem_set: str) -> set[str]:
    """What a submission's course_lib lacks, as dotted names: ``course_lib.losses.log_real``."""
    missing = checks.MISSING.get(problem_set, {})
    return {f"{module}.{name}" for module, names in missing.items() for name in names}


def term_key(course: Path) -> str:
    """The instructor's secret of the term, from which all random inputs follow; made at need."""
    path = course / "term_key.txt"
    if not path.is_file():
        replace_file(path, (secrets.token_hex(16) + "\n").encode())
        path.chmod(0o600)
    return path.read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def alone(seed: int) -> Iterator[None]:
    """Only one prepare or judge at a time, with torch's global random state its own."""
    import torch

    with ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed % 2**63)
        yield


def draw(check: Any, key: str, submission: str) -> tuple[dict, dict]:
    """A check's inputs and expectations: the same for the same key, submission and check, whenever
    it is graded.
    """
    seed = seed_of(key, submission, check.name)
    with alone(seed):
        return check.prepare(np.random.default_rng(seed))


def seed_of(*keys: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(keys).encode()).digest()[:16], "big")


def right_answers(course: Path, problem_set: str, checks: list) -> dict[str, str]:
    """The code of each graded function in the source notebook; none where that is not at hand."""
    content = notebook.read(course / "source" / problem_set, "", problem_set).content
    functions = {check.function for check in checks}
    return {
        name: cell["source"]
        for name, _, cell in notebook.graded_cells(content)
        if name in functions
    }


def job(submission: notebook.Submission, drawn: dict, functions: Iterable[str], key: str) -> dict:
    return {
        "cells": submission.cells,
        "functions": sorted(functions),
        "checks": [
            {
                "name": check.name,
                "function": check.function,
                "probe": check.probe,
                "inputs": inputs,
                "seconds": check.seconds,
            }
            for check, inputs, _ in drawn.values()
        ],
        "probes": f"checks.probes.{submission.problem_set}",
        "seed": seed_of(key, submission.student) % 2**31,
    }


def grade_one(
    submission: notebook.Submission,
    checks: list,
    key: str,
    worker: Worker,
    limits: Limits,
    right: dict[str, str],
) -> Result:
    """One submission, from its code to its verdicts. ``right`` is the code of right answers."""
    result = Result(
        submission.student,
        submission.problem_set,
        submission.digest,
        notes=submission.notes,
        source=submission.source,
    )
    drawn = {
        check.name: (check, *draw(check, key, f"{submission.student}/{submission.problem_set}"))
        for check in checks
    }

    def judged(found: dict, drawn: dict) -> list[Graded]:
        return [
            judge(*three, found[name], alone(0), submission.labels) for name, three in drawn.items()
        ]

    def run(cells: list[dict], drawn: dict) -> Outcome:
        order = job(replace(submission, cells=cells), drawn, right, key)
        outcome = worker.run(order, limits)
        if outcome.reason == "lost":  # which the machine can cause, too: once more, in a fresh one
            outcome = worker.run(order, limits)
        result.seconds = round(result.seconds + outcome.seconds, 2)
        result.cpu = round(result.cpu + outcome.cpu, 2)
        return outcome

    if submission.reason:
        result.reason = submission.reason
        result.checks = judged({name: {"message": submission.reason} for name in drawn}, drawn)
        return result
    outcome = run(submission.cells, drawn)
    found, notes, reason = answers(checks, outcome, submission.labels)
    result = replace(result, checks=judged(found, drawn), notes=result.notes + notes, reason=reason)
    gone = undefined(outcome) & right.keys()
    lost = {check.name for check in result.checks if check.score < check.points}
    again = {
        name: drawn[name] for name in drawn if name in lost and drawn[name][0].function not in gone
    }
    lent = [name for name in sorted(gone) if is_called(name, submission)]
    if reason or not again or not lent:
        return result
    # One function without a colon would cost those that call it as well. So these are run once
    # more, beside right versions of what is not there; for that itself the first run counts.
    cells = [
        cell | {"source": right[cell["id"]]} if cell["id"] in gone else cell
        for cell in submission.cells
    ]
    absent = set(lent) - {cell["id"] for cell in cells}
    cells += [{"number": 0, "source": right[name], "id": name} for name in sorted(absent)]
    outcome = run(cells, again)
    found, _, _ = answers([check for check, _, _ in again.values()], outcome, submission.labels)
    old = {check.name: check for check in result.checks}
    better = [check for check in judged(found, again) if check.score > old[check.name].score]
    if better:
        callers = notebook.listed(list(dict.fromkeys(check.function for check in better)))
        result.notes.insert(
            0,
            f"not defined, since a cell is missing or does not run: {notebook.listed(lent)}. Where"
            f" {callers} needed it, a right version stood in",
        )
    return result.with_new(better)


def undefined(outcome: Outcome) -> set[str]:
    """The graded functions that were not there after the cells, as the submission says."""
    names = [item.get("undefined") for item in outcome.said.raised or () if isinstance(item, dict)]
    return {name for name in names if isinstance(name, str)}


def is_called(function: str, submission: notebook.Submission) -> bool:
    """Whether a cell beside its own names a function."""
    return any(function in cell["source"] for cell in submission.cells if cell["id"] != function)


def grade_all(
    submissions: list[notebook.Submission],
    course: Path,
    problem_set: str,
    key: str,
    tier: str,
    workers: int | None = None,
    limits: Limits | None = None,
    hidden: Iterable[Path] = (),
    wanted: Callable[[notebook.Submission, list], list] = lambda _, checks: checks,
) -> Iterator[Result]:
    """Grade in ``workers`` sandboxes at a time; results come as they are ready.

    ``wanted`` chooses the checks of a submission from all.
    """
    if not submissions:
        return
    package, checks = load_checks(course, problem_set)
    right = right_answers(course, problem_set, checks)
    limits, probes = limits or Limits(), f"checks.probes.{problem_set}"
    count = max(1, min(workers or os.cpu_count() or 1, len(submissions)))
    with tempfile.TemporaryDirectory(prefix="grading-") as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(
            0o711
        )  # where submissions run as another user: nothing in there is secret
        inside = Path(folder) / "library"
        inside.mkdir(mode=0o755)
        library.stage(
            inside, course / "checks" / "probes", graded_names(package, problem_set), problem_set
        )
        ready = [
            stack.enter_context(Worker(tier, inside, [probes], [course, *hidden]))
            for _ in range(count)
        ]
        free, lock = list(ready), threading.Lock()

        def one(submission: notebook.Submission) -> Result:
            with lock:
                worker = free.pop()
            try:
                return grade_one(submission, wanted(submission, checks), key, worker, limits, right)
            finally:
                with lock:
                    free.append(worker)

        def leave() -> None:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in ready:
                worker.abort()
            pool.shutdown(wait=True)

        pool = ThreadPoolExecutor(count)
        stack.callback(leave)
        for future in as_completed([pool.submit(one, submission) for submission in submissions]):
            yield future.result()


def checks_digest(course: Path) -> str:
    """Changes whenever a check does, so that finished submissions are graded again then."""
    digest = hashlib.sha256()
    for path in sorted((course / "checks").rglob("*.py")):
        digest.update(path.relative_to(course).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


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
    # late, as `course check` does without nbgrader
    from assignments.grader.gradebook import Book, handed_in_at, late_penalty
    from assignments.grader.lms import names_of

    course = course.absolute()
    folders, left_out = notebook.with_printable_names(
        notebook.submitted(course, problem_set, students)
    )
    _, checks = load_checks(course, problem_set)
    names = [check.name for check in checks]
    if only is not None and only not in names:
        raise CourseError(
            f"no check called {only}", f"--only, of {problem_set}", f"one of {', '.join(names)}"
        )
    key, right = term_key(course), right_answers(course, problem_set, checks)
    tier = choose_tier(tier)
    print(f"note: tier {tier}: {PROTECTS[tier]}", file=sys.stderr)
    with only_grader(course, problem_set), Book(course) as book:
        plan, done = book.plan(problem_set), book.done(problem_set)
        plan.assign(checks)
        basis = f"{checks_digest(course)} {key} {tier} {sorted(right.items())}"
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
        names = names_of(course, book)
        for student, result in done.items():
            result.name = names.get(student, "")
        left_out |= feedback.write(course / "reports" / problem_set, list(done.values()))
    return [done[name] for name in folders if name in done], fresh, left_out


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
) -> tuple[dict[str, notebook.Submission], dict[str, str]]:
    """What was handed in, by student, and why some of it cannot be read.

    The digest of a submission changes with it and with all that its grades depend on: ``basis``,
    limits, the plan.
    """
    basis = hashlib.sha256(f"{basis} {Limits()} {sorted(plan.cells.items())}".encode()).hexdigest()
    submissions, unread = {}, {}
    for name, folder in folders.items():
        try:
            submission = notebook.read(folder, name, problem_set, plan.cells)
        except feedback.UNWRITTEN as error:
            unread[name] = feedback.why(error)
            continue
        handed_in = f"{basis} {submission.source} {submission.reason} {submission.notes}"
        submission.digest = hashlib.sha256(handed_in.encode()).hexdigest()
        submissions[name] = submission
    return submissions, unread


def is_wanted(
    submission: notebook.Submission, before: Result | None, force: bool, only: str | None
) -> bool:
    """Whether to grade it now: it is new or changed, or ``force``; a single check only of what is
    graded already."""
    if only is not None:
        return before is not None and before.source == submission.source
    return force or before is None or before.digest != submission.digest


def keep(
    results: Iterable[Result],
    book: "Book",
    plan: "Plan",
    course: Path,
    todo: dict,
    done: dict,
    only: str | None,
) -> dict[str, str]:
    """Each result into autograded/ and the grade book as it comes; returns whose could not be kept,
    and why."""
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
