"""What came out of a sandbox, judged: points and messages per check. Nothing a submission says is
trusted here.
"""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from assignments.grader import inbox, safe
from assignments.grader.sandbox import Outcome

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
MAX_NOTES = 100


@dataclass
class Graded:
    """One check of one submission."""

    name: str
    function: str
    title: str
    visible: bool
    points: float
    score: float
    message: str

    def __post_init__(self):
        self.message = safe.line(self.message)


@dataclass
class Result:
    """One submission: its checks, and what is to be said about the notebook."""

    student: str
    problem_set: str
    digest: str
    checks: list[Graded] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reason: str = ""  # why the submission as a whole could not be graded or was stopped
    seconds: float = 0.0  # by the clock
    cpu: float = 0.0  # of a core, in the sandbox
    source: str = ""  # digest of the file that was graded
    name: str = ""  # of the student, for reports; no record keeps it

    def __post_init__(self):
        self.notes = [safe.line(note) for note in self.notes[:MAX_NOTES]]
        self.reason = safe.line(self.reason)

    @property
    def score(self) -> float:
        return round(sum(check.score for check in self.checks), 4)

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)

    def with_new(self, checks: list[Graded]) -> "Result":
        """This result, with ``checks`` in place of those of the same names."""
        return replace(self, checks=[*{c.name: c for c in [*self.checks, *checks]}.values()])

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Result":
        """A record of the grade book, made safe: older ones hold texts as they came. Raises
        ValueError for others.
        """
        try:
            data = safe.data(json.loads(text))
            checks = [
                Graded(
                    str(check["name"]),
                    str(check["function"]),
                    str(check["title"]),
                    bool(check["visible"]),
                    finite(check["points"]),
                    finite(check["score"]),
                    str(check["message"]),
                )
                for check in data["checks"]
            ]
            return cls(
                str(data["student"]),
                str(data["problem_set"]),
                str(data["digest"]),
                checks,
                [str(note) for note in data["notes"]],
                str(data["reason"]),
                finite(data["seconds"]),
                finite(data.get("cpu", 0)),
                str(data.get("source", "")),
            )
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"this is no record of a grading: {type(error).__name__}") from error


def finite(value: float) -> float:
    """A number with which one can count. Raises ValueError for others."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of points")
    return float(value)


def judge(
    check: Any,
    inputs: dict,
    expectations: dict,
    answer: dict | bytes,
    alone: AbstractContextManager,
    labels: Mapping[int, str] = MappingProxyType({}),
) -> Graded:
    """The verdict on one answer, as it arrived or parsed. Not its shape is trusted, not its types,
    not its word.

    ``labels`` say what a person calls a cell. ``alone`` is held meanwhile: only one answer is
    parsed and judged at a time, as a large one takes much memory.
    """
    share = 0.0
    with alone:
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
    checks: Iterable, outcome: Outcome, labels: Mapping[int, str] = MappingProxyType({})
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
