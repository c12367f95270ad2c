"""Archives for tests, honest and hostile, and what lies in a folder before and after."""

import io
import os
import tarfile
import zipfile
from pathlib import Path


def tar(members, kind="", **options):
    """A tar of (name or TarInfo, contents) pairs; a TarInfo may say anything."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}", **options) as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_zip(*members, compression=zipfile.ZIP_DEFLATED):
    """A zip of (name or ZipInfo, contents) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def special(name, kind, link=""):
    """A member of a tar that is no regular file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def snapshot(folder):
    """Path below -> (mode, bytes); the lock that a refused download leaves is nobody's data."""
    entries = {}
    for root, folders, files in os.walk(folder):
        for path in (Path(root, name) for name in folders + files):
            if path.suffix != ".lock":
                data = path.read_bytes() if path.is_file() else None
                entries[os.path.relpath(path, folder)] = (path.lstat().st_mode, data)
    return entries


def tree(folder):
    """Path below -> bytes, of all files but locks."""
    return {name: data for name, (_, data) in snapshot(folder).items() if data is not None}
