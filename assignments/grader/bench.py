"""``course bench grade``: how many submissions a minute the grader takes."""

import shutil
import tempfile
from pathlib import Path

from assignments.grader import command, release, sandbox
from course_lib.errors import CourseError
from course_lib.experiments import bench
from course_lib.training import profiles


def measure(
    problem_set: str = "ps2", count: int = 40, course: Path = Path("assignments"), only: str = ""
) -> dict:
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
            took = bench.seconds_of(
                lambda: command.run(Path(folder), problem_set, tier=tier, progress=False)
            )  # noqa: B023
        rows.append({"tier": tier, "submissions": n, "seconds": took, "per_minute": 60 * n / took})
    return {"title": f"grading of {problem_set}; {profiles.device_name()}", "rows": rows}


def model_course(course: Path, problem_set: str, count: int, folder: Path) -> None:
    """``folder`` as after a release and ``count`` submissions, each the model answer. CourseError if none is there."""
    source = Path("source", problem_set)
    if not (course / source).is_dir():
        raise CourseError(
            f"no problem set {problem_set} here", course, "go to the folder that holds assignments/"
        )
    for part in ("checks", source):
        shutil.copytree(course / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "term_key.txt").write_text("bench\n")
    release.nbgrader(folder, "generate_assignment", problem_set)
    for student in range(count):
        shutil.copytree(
            course / source, folder / "submitted" / f"student{student:03d}" / problem_set
        )
