"""A course's folder: its checks, its secret of the term, its solutions, and what was handed in."""

import contextlib
import hashlib
import importlib
import secrets
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from assignments.grader import notebook, safe
from course_lib.data.files import read_words, replace_file
from course_lib.errors import CourseError, ensure


def open_checks(course: Path, problem_set: str) -> ModuleType:
    """The package ``checks`` of this folder, in the place of any other that was imported.

    Its ``load(problem_set)`` gives the checks.
    """
    package = course / "checks" / "__init__.py"
    ensure(
        package.is_file(),
        "no checks in this course",
        package,
        "name the folder that holds checks/ with --course",
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


def checks_digest(course: Path) -> str:
    """Changes whenever a check does, so that finished submissions are graded again then."""
    digest = hashlib.sha256()
    for path in sorted((course / "checks").rglob("*.py")):
        digest.update(path.relative_to(course).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def term_key(course: Path) -> str:
    """The instructor's secret of the term, from which all random inputs follow; made at need."""
    path = course / "term_key.txt"
    if not path.is_file():
        replace_file(path, (secrets.token_hex(16) + "\n").encode())
        path.chmod(0o600)
    return read_words(path).strip()


def submitted(course: Path, problem_set: str, students: list[str] | None) -> dict[str, Path]:
    """The folders handed in, by student. Raises CourseError if there are none, or for a student
    who has none."""
    place = course / "submitted"
    handed_in = {path.name: path / problem_set for path in sorted(place.glob("[!.]*"))}
    handed_in = {name: path for name, path in handed_in.items() if may_be_folder(path)}
    chosen = set(map(plain, students or []))
    unknown = [name for name in students or [] if plain(name) not in map(plain, handed_in)]
    ensure(
        not unknown,
        f"nothing of {', '.join(unknown)} for {problem_set}",
        place,
        "see the names in that folder",
    )
    ensure(
        handed_in,
        f"nothing handed in for {problem_set}",
        place,
        f"nbgrader collect {problem_set}, or copy there",
    )
    return {name: path for name, path in handed_in.items() if not chosen or plain(name) in chosen}


def astray(course: Path, problem_set: str, sets: Iterable[str]) -> dict[str, str]:
    """Notebooks in submitted/ that belong to no STUDENT/SET, and so are graded for nobody, with
    what to do; those that another set's name is in are left to that.
    """
    place, found = course / "submitted", {}
    others = [name for name in map(plain, sets) if name != plain(problem_set)]
    for path in notebook.notebooks(place):
        where = path.relative_to(place)
        in_place = len(where.parts) > 2 and where.parts[1] in sets
        if not in_place and not any(name in plain(str(where)) for name in others):
            found[safe.line(str(where))] = f"lies in no STUDENT/{problem_set}/: move it there"
    return found


def plain(name: str) -> str:
    """What two spellings of one name share: composed letters, no capitals, no blanks around."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def may_be_folder(path: Path) -> bool:
    """Whether it is one, or lies where this user may not look: that is said when it is read."""
    try:
        return path.is_dir()
    except PermissionError:
        return True


def with_good_names(folders: dict[str, Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """The folders whose names can be written into a table and are one student's alone, and the
    others, with what to do about them.
    """
    times, wrong = Counter(map(plain, folders)), {}
    for name in folders:
        if name != safe.line(name):
            wrong[name] = "the folder's name is not UTF-8 or has control characters: rename it"
        elif times[plain(name)] > 1:
            wrong[name] = "two folders are named so, but for capitals or accents: make them one"
    good = {name: path for name, path in folders.items() if name not in wrong}
    return good, {safe.line(name): why for name, why in wrong.items()}


@contextlib.contextmanager
def put_down(left_out: dict[str, str], student: str) -> Iterator[None]:
    """What stops one student's files stops nobody else: the reason is put into ``left_out``."""
    try:
        yield
    except CourseError as error:
        left_out[student] = safe.line(f"{error.what}, {error.where}")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        left_out[student] = safe.line(f"{type(error).__name__}: {error}")
