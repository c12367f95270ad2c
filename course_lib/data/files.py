"""Files that are whole or not there, and folders that one run writes to at a time."""

import codecs
import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from course_lib.errors import CourseError, ensure, telling

ASIDE = ".writing-"  # prefix of what is not finished
MARK = "written by course_lib"  # in pictures, pages and exports: these alone are written again
MARKS = {  # of the longest first: UTF-32's begins as UTF-16's does
    codecs.BOM_UTF8: "utf-8-sig",
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def expanded(path: Path | str) -> Path:
    """``path``, with the home folder for a leading ``~``. (As it is where nobody is called so.)"""
    return Path(os.path.expanduser(path))


def read_words(path: Path | str) -> str:
    """What a person has written into a small file, on whatever system; its lines end in ``\\n``.

    It is UTF-8 with or without a mark, UTF-16 or UTF-32, as Windows writes them, else Windows' own
    letters (Latin-1 and a few more). Raises OSError for what cannot be read.
    """
    data = Path(path).read_bytes()
    found = [kind for mark, kind in MARKS.items() if data.startswith(mark)]
    if not found and b"\0" in data[:2]:
        found = ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    try:
        text = data.decode(found[0] if found else "utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def aside_of(path: Path, end: str = "") -> Path:
    """Where ``path`` is written before it is whole: a hidden name beside it, never too long."""
    name = f"{ASIDE}{path.name}{end}"
    if len(os.fsencode(name)) > 255:
        name = f"{ASIDE}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}{end}"
    return path.with_name(name)


def check_outputs(outputs: Iterable[Path], read: Iterable[Path] = ()) -> None:
    """Raises CourseError if ``outputs`` would replace anything but earlier files of the course.

    That is what is ``read``, by whatever name or link, and each file without MARK. It also raises
    for two outputs of one name; capitals and the way accents are written do not tell two names
    apart, since on many disks they don't.
    """
    given, taken = set().union(*map(_names, read)), set()
    for path in outputs:
        names = _names(path)
        ensure(
            names.isdisjoint(taken),
            "two of the images would become this one file",
            path,
            "rename one of them, or translate them into two folders",
        )
        taken |= names
        ensure(
            names.isdisjoint(given),
            "this would overwrite what is read",
            path,
            "choose another output",
        )
        if os.path.lexists(path) and not _holds(path, MARK):
            raise CourseError(
                f"this would overwrite {what_lies_at(path)} that is not the course's",
                path,
                "choose another output, or move that away",
            )


def check_apart(folder: Path, read: Path) -> None:
    """Raises CourseError if ``folder``, to write to, is or lies in the folder that is ``read``."""
    inner = Path(os.path.realpath(folder))
    around = [place for place in (inner, *inner.parents) if os.path.exists(place)]
    if os.path.isdir(read) and any(os.path.samefile(place, read) for place in around):
        raise CourseError(
            "the output would lie among what is read", folder, f"choose a folder outside {read}"
        )


def check_fresh(folder: Path, note: str, mark: str) -> None:
    """Raises CourseError if ``folder`` is neither empty, hidden files aside, nor the course's.

    The course knows its own by a file ``note``, a name or a pattern of names, that holds ``mark``.
    """
    held = os.listdir(folder) if os.path.isdir(folder) else []
    ensure(
        all(name.startswith(".") for name in held)
        or any(_holds(path, mark) for path in folder.glob(note)),
        "this folder holds something else",
        folder,
        "name a new folder, or one that this command has written before",
    )


def what_lies_at(path: str | os.PathLike) -> str:
    """What lies at a path, in words for an error."""
    if os.path.islink(path) and not os.path.exists(path):
        return "a link to a place that is not there,"
    if not os.path.isfile(path):
        return "a folder" if os.path.isdir(path) else "nothing"
    is_archive = Path(path).suffix.lower() in ARCHIVES
    is_archive = is_archive or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    return "an archive" if is_archive else "a file"


def _names(path: Path) -> set:
    """By what a file is known: its path, and its number on its disk if it is there."""
    name = unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
    found = os.stat(path) if os.path.exists(path) else None
    return {name, (found.st_dev, found.st_ino)} if found else {name}


def _holds(path: Path, mark: str) -> bool:
    return os.path.isfile(path) and mark.encode() in path.read_bytes()


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: readers see the old or the new bytes, never a part.

    Raises CourseError, with the old file as it was, if the disk refuses it.
    """
    aside = aside_of(path)
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
        fix = "free some space, or choose a folder you may write to; what was there is untouched"
        if error.errno == errno.ENAMETOOLONG:
            fix = "this disk takes no such name: shorten that of the input, or name the output"
        told = f"cannot write {what} of {amount}: {error.strerror or error}"
        raise CourseError(told, path, fix) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for leftover in folder.glob(f"{ASIDE}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Creates ``folder`` and holds it for this run; the lock dies with its process, however killed.

    Raises CourseError, with the other's process id, if another run holds it, and if nothing can be
    written there.
    """
    note = folder / ".pid"
    with telling(OSError, "cannot write here", folder, "choose a folder you may write to"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            pid = note.read_text() if note.exists() else "unknown"
            raise CourseError(
                f"process {pid} is writing here", folder, "wait for it, or choose another"
            ) from None
        note.write_text(str(os.getpid()))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def commit() -> str:
    """The commit of this code, with a + where files differ from it; empty outside a checkout.

    There COURSE_COMMIT in the environment says it.
    """
    command = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    with contextlib.suppress(OSError):
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
        return done.stdout.strip() or os.environ.get("COURSE_COMMIT", "")
    return ""
