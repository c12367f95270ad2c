"""Files that are whole or not there, and folders that one run writes to at a time."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import filelock

from course_lib.errors import CourseError

ASIDE = ".writing-"  # prefix of what is not finished


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: readers see the old or the new bytes, never a part.

    Raises CourseError, with the old file as it was, if the disk refuses it.
    """
    aside = path.with_name(f"{ASIDE}{path.name}")
    with writing("a file", path, len(data)):
        try:
            write_durably(aside, data)
            os.replace(aside, path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise


def write_durably(path: Path, data: bytes) -> None:
    """Write and fsync ``data``."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def writing(what: str, path: Path, size: int) -> Iterator[None]:
    """Turns what the disk refuses into a CourseError that names ``path`` and ``size``, in bytes."""
    try:
        yield
    except OSError as error:
        amount = f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size} bytes"
        raise CourseError(
            f"cannot write {what} of {amount}: {error.strerror or error}",
            path,
            "free some space, or choose a folder you may write to; what was there is untouched",
        ) from error


def sweep(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for leftover in folder.glob(f"{ASIDE}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


HELD: ContextVar[Path | None] = ContextVar("HELD", default=None)  # by the code that calls


@contextlib.contextmanager
def only_run(folder: Path, part: bool = False) -> Iterator[None]:
    """Creates ``folder`` and holds it for this run; the lock dies with its process, however killed.

    A ``part`` of a run may be called by what holds the folder already. Raises CourseError, with the
    other's process id, if another run holds it, and if nothing can be written there.
    """
    if part and HELD.get() == folder:
        yield
        return
    note = folder / ".pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", blocking=False)
        lock.acquire()
        note.write_text(str(os.getpid()))
    except filelock.Timeout:
        pid = note.read_text() if note.exists() else "unknown"
        raise CourseError(
            f"process {pid} is writing here", folder, "wait for it, or choose another"
        ) from None
    except OSError as error:
        raise CourseError(
            f"cannot write here: {error.strerror}", folder, "choose a folder you may write to"
        ) from error
    token = HELD.set(folder)
    try:
        yield
    finally:
        HELD.reset(token)
        note.unlink(missing_ok=True)
        lock.release()
