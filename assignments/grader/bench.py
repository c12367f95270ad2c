"""``course bench grade``: how many submissions a minute the grader takes."""

import tempfile
from pathlib import Path

from assignments.grader import command, sandbox
from assignments.grader.sample import model_course
from course_lib.errors import CourseError
from course_lib.experiments import bench
from course_lib.training import profiles


def measure(problem_set: str = "ps2", count: int = 40, course: Path = Path("assignments"), only: str = "") -> dict:
    """Submissions a minute in each tier that works here: ``count`` copies of the model answer of ``course``, a fifth of
    them in containers, graded as ``course grade`` does it, its start included."""
    rows = []
    for tier in [only] if only else sandbox.TIERS:
        try:
            sandbox.choose_tier(tier)
        except CourseError:
            continue
        n = max(1, count // 5) if tier == "container" else count
        with tempfile.TemporaryDirectory() as folder:
            model_course(course, problem_set, n, Path(folder))
            took = bench.seconds_of(lambda: command.run(Path(folder), problem_set, tier=tier, progress=False))  # noqa: B023
        rows.append({"tier": tier, "submissions": n, "seconds": took, "per_minute": 60 * n / took})
    return {"title": f"grading of {problem_set}; {profiles.device_name()}", "rows": rows}
