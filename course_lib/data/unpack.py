"""Archives from elsewhere: a zip or tar.gz is read through as a whole first, then unpacked.

``zipfile`` and ``tarfile`` do the work. Some of what they let pass is refused here: links, names
that leave the folder or that some systems cannot keep, two names for one file, and bombs.
"""

import gzip
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from course_lib.data.images import printable
from course_lib.errors import expect, telling

MAX_FILES, MAX_BYTES, MAX_RATIO = 500_000, 64 * 2**30, 100  # the ratio is unpacked to packed
SMALL = 2**20  # up to so many bytes any ratio will do; no more are decompressed at once
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\:]|[. ]$|^(con|prn|aux|nul|(com|lpt)\d) *(\.|$)", re.I)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .zip or .tar.gz into the empty ``folder``; writes nowhere else.

    Raises CourseError for an archive that is damaged, cut off or encrypted, for a member that is no
    regular file or folder or has an odd name, and for more than the limits above or the disk hold.
    """
    with telling(
        Exception,  # the parsers raise nearly anything on bytes that are not theirs
        "archive refused, nothing of it is kept",
        printable(archive),
        "fetch it again; if it still is refused, unpack it yourself and give the folder",
    ):
        limit = min(
            MAX_BYTES,
            shutil.disk_usage(archive.parent).free,
            max(SMALL, MAX_RATIO * archive.stat().st_size),
        )
        (_unzip if archive.suffix == ".zip" else _untar)(archive, folder, limit)


def _unzip(archive: Path, folder: Path, limit: int) -> None:
    members = []
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            is_plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
            is_read = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            members.append(
                (info.orig_filename, info.is_dir(), is_plain and is_read, info.file_size)
            )
        _check(members, limit)
        file.extractall(folder)


class _Gzip(gzip.GzipFile):
    limit = SMALL

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > self.limit or not 0 <= size <= SMALL:
            raise ValueError("a header is damaged, or this is a zip bomb")
        return super().read(size)


def _untar(archive: Path, folder: Path, limit: int) -> None:
    with _Gzip(archive) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as file:
        unpacked.limit = max(SMALL, limit)
        plain = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
        _check(((m.name, m.isdir(), m.type in plain, m.size) for m in file), limit)
        while rest := unpacked.read(SMALL):  # to the end, where gzip compares its checksum
            if rest.strip(b"\0"):
                raise ValueError("there is something after its end")
        file.extractall(folder, filter="data")  # refused, too, by Python before 3.11.4


def _check(members: Iterable[tuple[str, bool, bool, int]], limit: int) -> None:
    """Raises ValueError for the first of (name, is a folder, is plain, bytes) that must not be."""
    total, folders = 0, {}  # folders: which paths are, as seen by a system that ignores case
    for name, is_folder, is_plain, size in members:
        total += size
        path = unicodedata.normalize("NFC", str(PurePosixPath(name))).casefold()
        reason = ""
        if not is_plain or size < 0:
            reason = "is a link, a device, another special file, or packed in an unknown way"
        elif name.startswith("/") or any(map(ODD.search, PurePosixPath(name).parts)):
            reason = "leaves the folder, or has a name that some systems cannot keep"
        elif path in folders and not (is_folder and folders[path]):
            reason = "could be the same file as another one on some systems"
        elif len(folders) >= MAX_FILES or total > limit:
            reason = f"is too much for {MAX_FILES:,} files, {limit:,} bytes or the free space"
        expect(not reason, f"{ascii(name)[:120]} {reason}")
        folders[path] = is_folder
