"""One submission: its inputs are drawn, its code goes through a sandbox, and what comes out of
there is judged. Nothing that it says is trusted here.
"""

import contextlib
import hashlib
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from assignments.grader import inbox
from assignments.grader.notebook import Submission
from assignments.grader.sandbox import Limits, Outcome, Worker
from assignments.grader.verdicts import Graded, Result

ONE_AT_A_TIME = threading.RLock()  # prepare and judge share torch's global random state
ENDED = {
    "time": "it took too long: is there an endless loop?",
    "processes": "no process could be started for this check:"
    " did the notebook start too many threads?",
    "exit": "the code ended the whole process (os._exit?) in place of returning a value",
}
STOPPED = {
    "time": "the submission as a whole took too long",
    "memory": "the submission took more memory than it may",
    "processes": "the submission started more processes than it may",
    "output": "the submission wrote more output than it may",
    "lost": "the submission broke its sandbox, and was ended",
}


@contextlib.contextmanager
def alone(seed: int) -> Iterator[None]:
    """Only one prepare or judge at a time, with torch's global random state its own."""
    import torch

    with ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        yield


def seed_of(*keys: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(keys).encode()).digest()[:16], "big")


def draw(check: Any, key: str, submission: str) -> tuple[dict, dict]:
    """A check's inputs and expectations: the same for the same key, submission and check, whenever
    it is graded.
    """
    seed = seed_of(key, submission, check.name)
    with alone(seed):
        return check.prepare(np.random.default_rng(seed))


def grade_one(
    submission: Submission,
    checks: list,
    key: str,
    worker: Worker,
    limits: Limits,
) -> Result:
    """One submission, from its code to its verdicts."""
    result = Result(
        submission.student,
        submission.problem_set,
        submission.digest,
        notes=submission.notes,
        reason=submission.reason,
    )
    whose = f"{submission.student}/{submission.problem_set}"
    drawn = {check.name: (check, *draw(check, key, whose)) for check in checks}
    if submission.reason:
        answer = {"message": submission.reason}
        result.checks = [judge(*three, answer, submission.labels) for three in drawn.values()]
        return result

    job = {
        "cells": submission.cells,
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
    outcome = worker.run(job, limits)
    cpu = outcome.cpu
    if outcome.reason == "lost":  # which the machine can cause, too: once more, in a fresh one
        outcome = worker.run(job, limits)
        cpu += outcome.cpu
    found, notes, reason = judged(drawn.values(), outcome, submission.labels)
    notes = submission.notes + notes
    return replace(result, checks=found, notes=notes, reason=reason, cpu=round(cpu, 2))


def judged(
    drawn: Iterable[tuple[Any, dict, dict]], outcome: Outcome, labels: Mapping[int, str]
) -> tuple[list[Graded], list[str], str]:
    """The verdicts on all that came out of a sandbox for checks with their inputs and expectations,
    remarks on the notebook's cells, and why the submission ended early, if it did.
    """
    drawn = list(drawn)
    found, notes, reason = answers([check for check, _, _ in drawn], outcome, labels)
    return [judge(*three, found[three[0].name], labels) for three in drawn], notes, reason


def judge(
    check: Any,
    inputs: dict,
    expectations: dict,
    answer: dict | bytes,
    labels: Mapping[int, str],
) -> Graded:
    """The verdict on one answer, as it arrived or parsed. Not its shape is trusted, not its types,
    not its word.

    ``labels`` say what a person calls a cell. Only one answer is parsed and judged at a time, as a
    large one takes much memory.
    """
    share = 0.0
    with alone(0):
        answer = inbox.opened(answer) if isinstance(answer, bytes) else answer
        raw = answer.get("raw")
        if isinstance(raw, dict) and isinstance(raw.get("error"), str):
            answer = raw
        if isinstance(answer.get("error"), str):
            message = error_text(answer, labels)
        elif "raw" in answer:
            try:
                verdict = check.judge(inputs, expectations, raw)
                share, message = float(verdict.share), str(verdict.message)
            except Exception:  # forged or garbled: a judge has met something that no probe returns
                share, message = 0.0, "the result is not of the expected form"
        elif answer:
            message = str(answer.get("message") or "no result arrived")
        else:
            message = "the result cannot be read"
    share = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    return Graded(
        check.name,
        check.function,
        check.title,
        check.visible,
        float(check.points),
        round(share * check.points, 4),
        message,
    )


def cell_of(number: Any, labels: Mapping[int, str]) -> str:
    """What a person calls a cell of this number, which may be forged."""
    return labels.get(number, "a cell") if isinstance(number, int) else "a cell"


def error_text(answer: dict, labels: Mapping[int, str]) -> str:
    at, line = answer.get("at"), answer.get("line")
    where = [cell_of(at, labels)] if isinstance(at, int) else []
    where += [f"line {line}"] if isinstance(line, int) else []
    said = answer["error"][:300].rstrip(": ")
    return ("Not written yet" if said == "NotImplementedError" else said) + (
        f" ({', '.join(where)})" if where else ""
    )


def answers(
    checks: Iterable, outcome: Outcome, labels: Mapping[int, str]
) -> tuple[dict[str, dict | bytes], list[str], str]:
    """Per check what arrived for it, remarks on the notebook's cells, and why the submission ended
    early, if it did.
    """
    said = outcome.said
    found: dict[str, dict | bytes] = dict(said.answers)
    found |= {name: {"error": "more than one result arrived for this check"} for name in said.twice}
    notes, cells_done = [], said.raised is not None
    for trouble in said.raised or []:
        if isinstance(trouble, dict) and isinstance(trouble.get("error"), str):
            here = isinstance(trouble.get("line"), int) and trouble.get("at") == trouble.get("cell")
            where = cell_of(trouble.get("cell"), labels) + f", line {trouble.get('line')}" * here
            notes.append(f"{where}: {trouble['error'][:300]}")
    reason = STOPPED.get(outcome.reason, "")
    if not reason and not said.end:
        where = (
            f"while {said.begun} was checked" if cells_done else f"in {cell_of(said.cell, labels)}"
        )
        late = said.status in (-24, -9)  # SIGXCPU and SIGKILL, which Windows does not name
        what = (
            "the code took too long and could not be stopped"
            if late
            else "the code ended its own process or crashed it"
        )
        reason = f"{what}, {where}"
    elif reason and not cells_done:
        reason += f", in {cell_of(said.cell, labels)}"
    for check in checks:
        if check.name not in found:
            how = said.ended.get(check.name, "")
            found[check.name] = {
                "message": ENDED.get(how, f"the code crashed ({how})" if how else reason)
            }
    return found, notes, reason
