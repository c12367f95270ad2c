"""One run per folder."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from course_lib.errors import CourseError


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Creates ``folder`` and holds it for this run. The lock dies with its process, also after kill -9.

    Raises CourseError, with the other's process id, if another run holds it, and if nothing can be written there.
    """
    note = folder / ".pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", blocking=False)
        lock.acquire()
        note.write_text(str(os.getpid()))
    except filelock.Timeout:
        pid = note.read_text() if note.exists() else "unknown"
        raise CourseError(
            f"process {pid} is writing to this folder", folder, "wait for it, or choose another"
        ) from None
    except OSError as error:
        raise CourseError(f"cannot write here: {error.strerror}", folder, "choose a folder you may write to") from error
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()
