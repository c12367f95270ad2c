"""What a student gets of the checks: the visible ones as prepared numbers, and no code that
computes an answer.

With ``checks/`` beside a notebook, ``from checks import check`` works.
"""

import json
import shutil
from pathlib import Path

from checks.student import cases

HERE = Path(__file__).resolve().parent
FILES = (
    "__init__.py",
    "contract.py",
    "judges.py",
    "student.py",
    "probes/__init__.py",
    "probes/tools.py",
)


def bundle(ps: str, folder: Path) -> list[Path]:
    """Write the student's checks of a problem set into ``folder/checks``, which is made anew.

    Returns the files.
    """
    target = folder / "checks"
    if (target / f"{ps}.py").exists():
        raise ValueError(f"{target} holds the instructor's checks; choose another folder")
    shutil.rmtree(target, ignore_errors=True)
    written = []
    for name in (*FILES, f"probes/{ps}.py"):
        written.append(target / name)
        written[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / name, written[-1])
    written.append(target / "visible" / f"{ps}.json")
    written[-1].parent.mkdir()
    written[-1].write_text(json.dumps(cases(ps)) + "\n", encoding="utf-8")
    return written
