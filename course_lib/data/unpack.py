"""Archives from elsewhere: read through as a whole first, then unpacked beside the target and moved there at once.

An archive may hold regular files and folders, nothing else. What ``tarfile`` and ``zipfile`` let pass and this does
not: a cut tar (taken for a shorter one), links, absolute paths, ``..``, two names for one file, members that share
bytes.
"""

import gzip
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path, PurePosixPath

from course_lib.data.files import writing
from course_lib.data.images import printable
from course_lib.errors import CourseError

MAX_FILES = 500_000
MAX_BYTES = 64 * 2**30  # of all members together
MAX_RATIO, SMALL = 100, 2**20  # unpacked to packed; no ratio counts up to SMALL bytes
MAX_NAME, MAX_DEPTH = 255, 32  # bytes of one part of a path; parts
MAX_HEADER = 2**16  # bytes of a header that holds a long name
CHUNK = 2**20
RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(port + digit for port in ("COM", "LPT") for digit in "0123456789"),
}
SPECIAL = "is a link, a device or another special file"

Entry = tuple[
    str, bool, Iterator[bytes]
]  # name, whether it is a folder, contents (to be read before the next entry)


@dataclass(frozen=True)
class Contents:
    """The files of an archive: their names in it, where they go below the target, and their bytes together."""

    files: dict[str, PurePosixPath]
    size: int


class Refused(Exception):
    """A member that this course does not unpack, or a lie in a header."""

    def __init__(self, name: str, reason: str):
        super().__init__(f"{ascii(name)[:120]} {reason}")


def unpack(archive: str | os.PathLike, target: str | os.PathLike) -> None:
    """Unpack a zip, tar or tar.gz, told by content, into the new folder ``target``. Errors as in check and write."""
    write(archive, check(archive), target)


def check(archive: str | os.PathLike) -> Contents:
    """Read an archive from end to end without writing anything.

    Raises CourseError for what is no zip, tar or tar.gz, is damaged, cut off, empty or encrypted; for members that are
    no regular files or folders, whose names leave the folder or cannot be kept apart on every system; for more than
    MAX_FILES, MAX_BYTES or MAX_RATIO. Archives inside it are files like any other.
    """
    files: dict[str, PurePosixPath] = {}
    # path as a system that ignores case sees it -> how it is written, whether it is a folder, number of the member
    spelled: dict[str, tuple[str, bool, int]] = {}
    size = 0
    try:
        for count, (name, folder, chunks) in enumerate(_entries(Path(archive))):
            if count >= MAX_FILES:
                raise Refused(
                    name, f"is one more than the {MAX_FILES:,} members that an archive may have"
                )
            path = _path(name)
            for depth in range(1, len(path.parts) + 1):
                shown, inner = "/".join(path.parts[:depth]), depth < len(path.parts) or folder
                key = unicodedata.normalize("NFC", shown).casefold()
                known = spelled.setdefault(key, (shown, inner, count))
                if known[:2] != (shown, inner) or (not inner and known[2] != count):
                    raise Refused(
                        name, f"and {ascii(known[0])[:120]} could be the same file on some systems"
                    )
            size += sum(len(chunk) for chunk in chunks)
            if not folder:
                if not path.parts:
                    raise Refused(name, "is no name of a file")
                files[name] = path
        if not files:
            raise ValueError("there is no file in it")
    except Exception as error:  # the parsers raise nearly anything on bytes that are not theirs
        missing = isinstance(error, OSError) and error.errno is not None
        reason = error.strerror if missing else " ".join(str(error).split()) or type(error).__name__
        what = (
            f"cannot read this archive: {reason}"
            if missing
            else f"archive refused, nothing was unpacked: {reason}"
        )
        fix = "fetch it again; if it still is refused, unpack it yourself and give the folder"
        raise CourseError(what, printable(archive), fix) from None
    return Contents(files, size)


def write(archive: str | os.PathLike, contents: Contents, target: str | os.PathLike) -> None:
    """Unpack the files of an archive that was checked into the new folder ``target``: all of them, or nothing is left.

    Raises CourseError if something is there already, the disk is too small, or it cannot be written.
    """
    target = Path(target)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    if os.path.lexists(target):
        raise CourseError(
            "something of this name is already there",
            printable(target),
            "remove it, or choose another",
        )
    with writing(f"the contents of {printable(Path(archive).name)}", target, contents.size):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if contents.size > shutil.disk_usage(target.parent).free:
                raise OSError("there is not enough free space")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            for name, _, chunks in _entries(Path(archive)):
                if name in contents.files:
                    path = aside.joinpath(*contents.files[name].parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open(path, "xb") as file:
                        file.writelines(chunks)
            os.rename(aside, target)
        except Exception as error:
            raise (
                error
                if isinstance(error, OSError)
                else OSError(f"the archive has changed: {error}")
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _path(name: str) -> PurePosixPath:
    """The name of a member as a path below the target. Raises Refused."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or "\\" in name or ":" in name or ".." in parts:
        raise Refused(name, "would lead out of the folder, or does on some systems")
    for part in parts:
        odd = part.endswith((".", " ")) or part.split(".")[0].rstrip().upper() in RESERVED
        if odd or any(unicodedata.category(char) == "Cc" for char in part):
            raise Refused(name, "is a name that cannot be kept on every system")
        if len(part.encode("utf-8", "surrogateescape")) > MAX_NAME:
            raise Refused(name, "is too long a name")
    if len(parts) > MAX_DEPTH:
        raise Refused(name, f"lies in more than {MAX_DEPTH} folders")
    return PurePosixPath(*parts)


class _Budget:
    """Reads that stop where an honest archive of this size would have ended long before."""

    def __init__(self, packed: int):
        self.packed, self.allowed = packed, min(MAX_BYTES, max(SMALL, MAX_RATIO * packed))
        self.left = self.allowed

    def spend(self, size: int, name: str = "it") -> None:
        self.left -= size
        if self.left < 0:
            what = f"unpacks {self.packed:,} bytes to more than {self.allowed:,}: this looks like a zip bomb"
            raise Refused(name, what)

    def exactly(self, file: BufferedIOBase, size: int) -> bytes:
        self.spend(size)
        data = file.read(size)
        if len(data) < size:
            raise EOFError("it is cut off")
        return data

    def chunks(self, file: BufferedIOBase, size: int) -> Iterator[bytes]:
        for start in range(0, size, CHUNK):
            yield self.exactly(file, min(CHUNK, size - start))


def _entries(archive: Path) -> Iterator[Entry]:
    if not archive.is_file():  # also keeps a named pipe from blocking
        raise FileNotFoundError(2, "there is no such file")
    budget = _Budget(archive.stat().st_size)
    with open(archive, "rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
        file.seek(0)
        if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from _zip(file, budget)
        elif head[:2] == b"\x1f\x8b":
            with gzip.open(file) as inner:
                yield from _tar(inner, budget)
        elif head[257:262] == b"ustar":
            yield from _tar(file, budget)
        else:
            raise ValueError("its content is no zip, tar or tar.gz, whatever its name says")


def _tar(file: BufferedIOBase, budget: _Budget) -> Iterator[Entry]:
    """Members in order; the end mark must be there and only zeros after it, so that a cut archive shows."""
    fields: dict[str, str] = {}  # what an extended header says about the next member
    while (block := budget.exactly(file, tarfile.BLOCKSIZE)) != bytes(tarfile.BLOCKSIZE):
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
            data = b"".join(_padded(file, info.size if info.size <= MAX_HEADER else -1, budget))
            if info.type == tarfile.GNUTYPE_LONGNAME:
                fields["path"] = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif info.type == tarfile.XHDTYPE:
                fields |= _pax(data)
            elif _pax(data).keys() - {"comment"}:
                raise ValueError("a header for all members that this course does not read")
            continue
        name, size, folder = (
            fields.get("path", info.name),
            int(fields.get("size", info.size)),
            info.isdir(),
        )
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or (
            folder and size
        ):
            raise Refused(name, SPECIAL)
        if any(key.startswith("GNU.sparse") for key in fields) or "linkpath" in fields:
            raise Refused(name, SPECIAL)
        fields, chunks = {}, _padded(file, size, budget)
        yield name, folder, chunks
        for _ in chunks:
            pass
    while rest := file.read(CHUNK):
        budget.spend(len(rest))
        if rest.strip(b"\0"):
            raise ValueError("there is something after its end")
    if fields:
        raise ValueError("its last header belongs to nothing")


def _padded(file: BufferedIOBase, size: int, budget: _Budget) -> Iterator[bytes]:
    """``size`` bytes, and on to the next block. Raises ValueError for a negative size."""
    if size < 0:
        raise ValueError("a header of it is damaged or much too long")
    yield from budget.chunks(file, size)
    budget.exactly(file, -size % tarfile.BLOCKSIZE)


def _pax(data: bytes) -> dict[str, str]:
    """The records ``LENGTH KEY=VALUE\\n`` of a pax header."""
    fields = {}
    while data:
        digits, _, _ = data.partition(b" ")
        record = data[: int(digits)] if digits.isdigit() else b""
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not (equals and record.endswith(b"\n")):
            raise ValueError("a header of it is damaged")
        fields[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[len(record) :]
    return fields


def _zip(file: BufferedIOBase, budget: _Budget) -> Iterator[Entry]:
    """Members in the order of the central directory, each checked against its own header and its CRC."""
    with zipfile.ZipFile(file) as archive:
        infos, stop = archive.infolist(), 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            file.seek(info.header_offset)
            lengths = struct.unpack(
                "<HH", budget.exactly(file, 30)[26:]
            )  # of the name and the extra field
            if info.header_offset < stop:
                raise Refused(
                    info.filename, "shares bytes with another member: this looks like a zip bomb"
                )
            stop = info.header_offset + 30 + sum(lengths) + info.compress_size
        if stop > archive.start_dir:
            raise ValueError("a member of it runs into the table of contents")
        for info in infos:
            name, size, folder = info.orig_filename, info.file_size, info.is_dir()
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG) or (folder and size):
                raise Refused(name, SPECIAL)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Refused(name, "is compressed in a way this course does not read")
            info.file_size += (
                1  # ask for a byte more than declared: more would mean that the header lies
            )
            with archive.open(info) as member:
                chunks = budget.chunks(member, size)
                yield name, folder, chunks
                for _ in chunks:
                    pass
                if member.read(1):  # at the end zipfile compares the CRC
                    raise Refused(name, "is longer than its header says")
