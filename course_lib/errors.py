"""The one error a user of the course can cause."""

import functools
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

SMALLER = "choose a smaller batch_size or image size; the last checkpoint is kept"


class CourseError(Exception):
    """Something the user can mend: ``what`` is wrong, ``where`` it is, and how to ``fix`` it.

    The command line prints the three on a line each and exits with status 2.
    """

    def __init__(self, what: str, where: object, fix: str):
        self.what, self.where, self.fix = str(what), str(where), str(fix)
        super().__init__(f"{self.what}\n  where: {self.where}\n  fix: {self.fix}")


def note(text: str) -> None:
    """Tells a person what they have to know, on standard error, where a notebook shows it, too.

    It is no Python warning: PYTHONWARNINGS neither hides it nor makes an error of it.
    """
    print(f"note: {' '.join(text.split())}", file=sys.stderr, flush=True)


@functools.cache
def note_once(text: str) -> None:
    """The same, once a process: a folder is opened for each of its splits."""
    note(text)


def ensure(holds: object, what: str, where: object, fix: str) -> None:
    """Raises CourseError of these three unless ``holds``."""
    if not holds:
        raise CourseError(what, where, fix)


def expect(holds: object, what: str) -> None:
    """Raises ValueError, which only calls in Python can cause, unless ``holds``."""
    if not holds:
        raise ValueError(what)


def check_choice(name: str, value: object, choices: Collection) -> None:
    """Raises CourseError unless ``value`` is one of the ``choices`` for what is called ``name``."""
    ensure(
        value in choices,
        f"unknown {name} {value!r}",
        name,
        f"choose from {', '.join(map(str, choices))}",
    )


def need(extra: str, *modules: str) -> list[ModuleType]:
    """The modules, imported.

    Raises CourseError where one is missing: an ``extra`` of the course brings them.
    """
    try:
        return [import_module(name) for name in modules]
    except ImportError as error:
        packages = " ".join(name.partition(".")[0] for name in modules)
        raise CourseError(
            f"this needs a package that is missing: {error.name}",
            "this Python",
            f"pip install {packages}, which is the course's extra {extra}",
        ) from None


@contextmanager
def telling(errors: type | tuple[type, ...], what: str, where: object, fix: str) -> Iterator[None]:
    """Turns ``errors`` of these kinds into a CourseError, which adds to ``what`` what they say."""
    try:
        yield
    except errors as error:
        said = " ".join((getattr(error, "strerror", None) or str(error)).split())[:300]
        raise CourseError(f"{what}: {said or type(error).__name__}", where, fix) from error


@contextmanager
def explained(where: object, smaller: str = SMALLER) -> Iterator[None]:
    """Turns errors about memory, on a CPU torch's RuntimeErrors, into a CourseError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        from torch import OutOfMemoryError

        of_memory = isinstance(error, OutOfMemoryError | MemoryError)
        if not of_memory and "tried to allocate" not in str(error):
            raise
        raise CourseError("out of memory", where, smaller) from error
