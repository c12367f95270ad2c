"""What a submission got: points and messages per check, as reports and grade book keep them."""

import json
import math
from dataclasses import asdict, dataclass, field

from assignments.grader import safe
from course_lib.errors import expect

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
    cpu: float = 0.0  # seconds of a core, in the sandbox
    # for reports, and kept in no record: the student's name, and when this was handed in
    name: str = ""
    time: str = ""

    def __post_init__(self):
        if (more := len(self.notes) - MAX_NOTES) > 0:
            self.notes = [*self.notes[: MAX_NOTES - 1], f"and {more + 1} more remarks"]
        self.notes = [safe.line(note) for note in self.notes]
        self.reason = safe.line(self.reason)

    @property
    def score(self) -> float:
        return round(sum(check.score for check in self.checks), 4)

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)

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
                finite(data.get("cpu", 0)),
            )
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"this is no record of a grading: {type(error).__name__}") from error


def finite(value: float) -> float:
    """A number with which one can count. Raises ValueError for others."""
    expect(math.isfinite(value), f"{value} is no number of points")
    return float(value)
