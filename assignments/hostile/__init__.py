"""Hostile and broken submissions to the toy problem set, each with the points it must get and the
reason it must see.

``CASES`` is the table, :func:`write` makes nbgrader's submitted tree of it.
"""

from pathlib import Path

from hostile.attacks import ATTACKS
from hostile.broken import BROKEN
from hostile.build import FULL, ODDITIES, Case, notebook

__all__ = ["CASES", "FULL", "ODDITIES", "Case", "notebook", "write"]

CASES: dict[str, Case] = {case.name: case for case in (*ATTACKS, *BROKEN)}


def write(course: Path, case: Case, student: str, **places: object) -> Path:
    """Hand in ``case`` as ``student``. ``places`` (course, port) are what an attacker might know of
    the machine.
    """
    folder = course / "submitted" / student / "toy"
    folder.mkdir(parents=True)
    for name, content in case.files(course=course, **places).items():
        if isinstance(content, Path):
            (folder / name).symlink_to(content)
        else:
            (folder / name).write_bytes(content)
    return folder
