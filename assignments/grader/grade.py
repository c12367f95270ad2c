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
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from assignments.grader import library, notebook
from assignments.grader.sandbox import Limits, Worker
from assignments.grader.verdicts import Result, answers, judge
from course_lib.data.files import replace_file
from course_lib.errors import CourseError

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


def job(submission: notebook.Submission, checks: list, inputs: list[dict], key: str) -> dict:
    return {
        "cells": submission.cells,
        "checks": [
            {
                "name": check.name,
                "function": check.function,
                "probe": check.probe,
                "inputs": given,
                "seconds": check.seconds,
            }
            for check, given in zip(checks, inputs, strict=True)
        ],
        "probes": f"checks.probes.{submission.problem_set}",
        "seed": seed_of(key, submission.student) % 2**31,
    }


def grade_one(
    submission: notebook.Submission, checks: list, key: str, worker: Worker, limits: Limits
) -> Result:
    """One submission, from its code to its verdicts."""
    drawn = [draw(check, key, f"{submission.student}/{submission.problem_set}") for check in checks]
    if submission.reason:
        found = {check.name: {"message": submission.reason} for check in checks}
        notes, reason, seconds, cpu = [], submission.reason, 0.0, 0.0
    else:
        order = job(submission, checks, [inputs for inputs, _ in drawn], key)
        outcome = worker.run(order, limits)
        if (
            outcome.reason == "lost"
        ):  # a sandbox can also be lost to the machine: once more, in a fresh one
            outcome = worker.run(order, limits)
        found, notes, reason = answers(checks, outcome)
        seconds, cpu = outcome.seconds, outcome.cpu
    verdicts = [
        judge(check, *both, found[check.name], alone(0))
        for check, both in zip(checks, drawn, strict=True)
    ]
    return Result(
        submission.student,
        submission.problem_set,
        submission.digest,
        verdicts,
        submission.notes + notes,
        reason,
        round(seconds, 2),
        round(cpu, 2),
        submission.source,
    )


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
                return grade_one(submission, wanted(submission, checks), key, worker, limits)
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
