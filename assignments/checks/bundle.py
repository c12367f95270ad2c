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


def bundle(ps: str, folder: Path) -> None:
    """Write the student's checks of a problem set into ``folder/checks``, which is made anew."""
    target = folder / "checks"
    if (target / f"{ps}.py").exists():
        raise ValueError(f"{target} holds the instructor's checks; choose another folder")
    texts = {name: (HERE / name).read_text("utf-8") for name in (*FILES, f"probes/{ps}.py")}
    texts[f"visible/{ps}.json"] = json.dumps(cases(ps)) + "\n"
    shutil.rmtree(target, ignore_errors=True)
    for name, text in texts.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")
