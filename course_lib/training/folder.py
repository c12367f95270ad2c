"""The folder of a run, before anything is written into it: may this training go there?"""

from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.training import checkpoint


def check_folder(
    out: Path,
    settings: dict[str, Any],
    resume: bool,
    accept_changes: bool = False,
    old: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
) -> None:
    """Raises CourseError if ``out`` already holds a run and ``resume`` is off, or if that run's settings were others.

    ``old`` are the settings that the run in ``out`` tells of itself, by the names of ``settings``; None if there is
    none to go on with; a setting that it does not know yet has its value in ``defaults``. A run that has not finished
    its first step is no run yet.
    """
    if not resume and any(checkpoint.steps(out / "checkpoints")):  # step 0 alone does not count
        raise CourseError("this folder already holds a run", out, "add --resume to go on, or choose another --out")
    changes = configs.differences(old, settings, defaults) if old is not None else []
    if changes and not accept_changes:
        fix = "repeat the first command with --resume, or add --accept-changes (in Python accept_changes=True)"
        raise CourseError(f"settings differ from the run's: {'; '.join(changes)}", out, fix)
