"""The papers' own data sets, fetched once into a cache folder: ``download:maps``, ``download:horse2zebra`` ...

The cache is the folder in the environment variable COURSE_DATA, else one of the user's; ``CACHE/pix2pix/maps.tar.gz``
becomes ``CACHE/pix2pix/maps/``. An archive put there by hand is used as if it had been fetched. COURSE_MIRROR names
another host with the same paths, for a class that shares one copy.
"""

import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import filelock
import pooch
import requests
import urllib3
from tqdm import tqdm

from course_lib.data import unpack
from course_lib.data.files import replace_file
from course_lib.data.folders import Stored, open_folder
from course_lib.data.images import printable
from course_lib.errors import CourseError

HOST = "https://efrosgans.eecs.berkeley.edu"
WAITS = (
    1,
    2,
    4,
    8,
    16,
)  # seconds before another try; a try that brought PROGRESS starts the list again
PROGRESS, CHUNK = 2**20, 2**16  # bytes
TIMEOUT = 30  # seconds without a byte


# name: megabytes of the archive (0: unknown), usual direction, domains A and B, images as the owners' page counts them.
# Archives differ from that page, so the counts are shown and never relied on.
PAIRED = {
    "facades": (31, "yx", "photo | labels (CMP Facades)", "400 train, 100 val, 106 test"),
    "maps": (246, "xy", "aerial photo | map (Google Maps), 600 px", "1096 train, 1098 val"),
    "edges2shoes": (2200, "xy", "edges | photo (UT Zappos50K)", "about 50,000 train, 200 val"),
    "edges2handbags": (8600, "xy", "edges | photo (Amazon)", "about 137,000 train, 200 val"),
    "night2day": (
        2000,
        "xy",
        "night | day (Transient Attributes)",
        "about 20,000 train, val, test",
    ),
}
UNPAIRED = {
    "horse2zebra": (117, "xy", "horses, zebras (ImageNet)", "939 and 1177 train"),
    "apple2orange": (0, "xy", "apples, oranges (ImageNet)", "996 and 1020 train"),
    "summer2winter_yosemite": (
        0,
        "xy",
        "summer, winter in Yosemite (Flickr)",
        "1273 and 854 train",
    ),
    "monet2photo": (0, "xy", "paintings (WikiArt), photos (Flickr)", "1074 and 6853 train"),
    "cezanne2photo": (0, "xy", "paintings (WikiArt), photos (Flickr)", "584 and 6853 train"),
    "ukiyoe2photo": (0, "xy", "prints (WikiArt), photos (Flickr)", "1433 and 6853 train"),
    "vangogh2photo": (0, "xy", "paintings (WikiArt), photos (Flickr)", "401 and 6853 train"),
    "iphone2dslr_flower": (
        0,
        "xy",
        "flowers by a telephone, by a camera (Flickr)",
        "1813 and 3316 train",
    ),
    "maps:unpaired": (0, "xy", "aerial photos, maps (Google Maps)", "1096 and 1096 train"),
    "facades:unpaired": (0, "yx", "photos, labels (CMP Facades)", "400 and 400 train"),
    "mini": (0, "xy", "two domains to try things out", "a few"),
    "mini_pix2pix": (0, "xy", "pairs to try things out", "a few"),
}
SOURCES = PAIRED | UNPAIRED
NOT_OFFERED = {  # what is wrong, and what to do
    "cityscapes": (
        "Cityscapes may no longer be passed on and has to come from its owner",
        "get gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip from www.cityscapes-dataset.com, put photos into"
        " A/train and A/val, colour labels of the same names into B/train and B/val, and give that folder",
    ),
    "ae_photos": (
        "it holds test photographs only",
        "fetch it by hand, and give its pictures to course translate",
    ),
    "mini_colorization": (
        "it holds single photographs",
        "make pairs of your own: A/ grey, B/ in colour",
    ),
}


def names() -> list[str]:
    """The data sets that can be fetched, without ``download:``."""
    return list(SOURCES)


def cache_folder() -> Path:
    """Where archives and their contents are kept: COURSE_DATA, else the user's cache."""
    return Path(os.environ.get("COURSE_DATA") or pooch.os_cache("gan-translation-course"))


def open_download(
    name: str, split: str, size: int = 64, seed: int = 0, load: str = "square"
) -> Stored:
    """The ``split`` of one of the papers' sets as ``open_folder`` gives it, fetched and unpacked where that is needed.

    Where an archive has no test images (maps, the edges sets), its val images, on which the papers report, are the
    test split, and val is held out of train: no choice is made on what is reported. x is always domain A, the left
    half. Raises CourseError as ``fetch`` and ``open_folder`` do.
    """
    dataset = open_folder(fetch(name), split, size, seed, load)
    _, direction, domains, counts = SOURCES[name]
    about = f"download:{name}: {domains}, usually translated {direction}; documented: {counts}."
    dataset.card = f"{about} For research, see its owners' terms. {dataset.card}"
    dataset.jitter = "resize"  # the papers' augmentation
    return dataset


def fetch(name: str) -> Path:
    """The folder with the contents of a set; its archive is downloaded, checked and unpacked if it is not there yet.

    The archive's SHA-256 is recorded beside it the first time; a file that is recorded must match from then on. Safe
    against being killed and against a second process. Raises CourseError for an unknown or withdrawn set, without a
    network (saying which file goes where), for a wrong hash, and for an archive that ``unpack.check`` refuses.
    """
    base = name.partition(":")[0]
    if base in NOT_OFFERED:
        raise CourseError(NOT_OFFERED[base][0], f"download:{name}", NOT_OFFERED[base][1])
    if name not in SOURCES:
        raise CourseError(
            f"unknown data set {name!r}", "download:NAME", f"choose from {', '.join(names())}"
        )
    family, file = ("pix2pix", f"{base}.tar.gz") if name in PAIRED else ("cyclegan", f"{base}.zip")
    folder = cache_folder() / family / base
    archive, part = folder.with_name(file), folder.with_name(f"{file}.part")
    if os.path.isdir(folder):
        return folder
    try:
        # an archive put there by hand is refused before anything is written
        digest, contents = _verified(archive) if archive.exists() else ("", None)
        with _one_at_a_time(folder):
            if folder.is_dir():  # the other process was faster
                return folder
            for stale in folder.parent.glob(f".{folder.name}.[0-9]*"):
                shutil.rmtree(stale)
            if contents is None and not archive.exists():
                url = f"{(os.environ.get('COURSE_MIRROR') or HOST).rstrip('/')}/{family}/datasets/{file}"
                _download(name, url, part)
                try:
                    digest, contents = _verified(part)
                except CourseError:
                    part.unlink()
                    raise
                os.replace(part, archive)
            elif contents is None:
                digest, contents = _verified(archive)
            replace_file(_record(archive), f"{digest}  {archive.name}\n".encode())
            unpack.write(archive, contents, folder)
    except OSError as error:
        what, fix = (
            f"cannot read or write here: {error.strerror or error}",
            "set COURSE_DATA to another folder",
        )
        raise CourseError(what, printable(folder.parent), fix) from error
    return folder


def _record(archive: Path) -> Path:
    return archive.with_name(
        archive.name.removesuffix(".part") + ".sha256"
    )  # what sha256sum -c reads


def _verified(archive: Path) -> tuple[str, unpack.Contents]:
    """SHA-256 and contents, laid out as ``open_folder`` expects. Raises CourseError for anything wrong with it."""
    record = _record(archive)
    expected = record.read_text(errors="replace").split()[:1] if record.exists() else []
    digest = pooch.file_hash(str(archive))
    if expected and expected[0].lower() != digest:
        what = f"wrong SHA-256: expected {expected[0]}, got {digest}"
        fix = f"fetch it again; if its owners have replaced it, remove {printable(record)}"
        raise CourseError(what, printable(archive), fix)
    contents = unpack.check(archive)
    files = {name: path for name, path in contents.files.items() if path.parts[0] != "__MACOSX"}
    if len({path.parts[0] for path in files.values()}) == 1 and all(
        len(p.parts) > 1 for p in files.values()
    ):
        files = {name: path.relative_to(path.parts[0]) for name, path in files.items()}
    parts = {path.parts[0] for path in files.values()}
    if not ("train" in parts or {"trainA", "trainB"} <= parts):
        what = f"no train/, no trainA/ and trainB/ in this archive, but {', '.join(sorted(map(ascii, parts))[:5])}"
        raise CourseError(what, printable(archive), "remove it and fetch the right one")
    moves = {
        "val" + s: "test" + s
        for s in ("", "A", "B")
        if "val" + s in parts and "test" + s not in parts
    }
    files = {
        name: PurePosixPath(moves.get(p.parts[0], p.parts[0]), *p.parts[1:])
        for name, p in files.items()
    }
    return digest, unpack.Contents(files, contents.size)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Holds the lock of this data set; waits, saying so, while another process has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        warnings.warn(
            f"another process is fetching {printable(folder)}: waiting for it", stacklevel=4
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(name: str, url: str, part: Path) -> None:
    """Bring ``part`` to full length, from where it ends, with several tries. Raises CourseError saying what to do."""
    waits = iter(WAITS)
    while True:
        before = _size(part)
        try:
            return _transfer(url, part, before)
        except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
            if _size(part) >= before + PROGRESS:
                waits = iter(WAITS)
            reason, wait = _innermost(error), next(waits, None)
        except requests.RequestException as error:  # a second try would end alike
            reason, wait = str(error), None
        if wait is None:
            kept = (
                f" ({_size(part):,} bytes are kept, the next try goes on there)"
                if _size(part)
                else ""
            )
            amount = f" ({SOURCES[name][0]} MB)" if SOURCES[name][0] else ""
            fix = f"fetch {url}{amount} in another way, put it at {printable(part.with_suffix(''))}, and repeat this"
            raise CourseError(f"cannot download {name}: {reason}{kept}", url, fix)
        time.sleep(wait)


def _transfer(url: str, part: Path, have: int) -> None:
    """One request for what follows the first ``have`` bytes of ``part``.

    Raises requests.ConnectionError where another try may help, requests.HTTPError where it will not.
    """
    note = part.with_name(
        part.name + ".version"
    )  # that of the bytes in part, so that two versions are never mixed
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | (
            {"If-Range": note.read_text()} if note.exists() else {}
        )
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        status, span = answer.status_code, answer.headers.get("Content-Range", "")
        if (
            have and status == 416 and span == f"bytes */{have}"
        ):  # nothing follows: a kill came between the last byte and here
            return note.unlink(missing_ok=True)
        if status == 416 or (status == 206 and not span.startswith(f"bytes {have}-")):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError(f"the server cannot go on after {have:,} bytes")
        if status not in (200, 206):
            final = 400 <= status < 500 and status not in (408, 425, 429)
            raise (requests.HTTPError if final else requests.ConnectionError)(
                f"{status} {answer.reason}"
            )
        if status == 200:  # the server does not resume, or has another version by now
            have, tag = 0, answer.headers.get("ETag", "")
            version = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
            part.unlink(
                missing_ok=True
            )  # first: a kill must not leave old bytes with a new version
            note.write_text(version) if version else note.unlink(missing_ok=True)
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        bar = tqdm(
            total=total,
            initial=have,
            desc=part.stem,
            unit="B",
            unit_scale=True,
            disable=None,
            file=sys.stderr,
        )
        with open(part, "ab") as file, bar:
            for data in answer.raw.stream(CHUNK, decode_content=False):
                file.write(data)
                bar.update(len(data))
    if total is not None and _size(part) < total:
        raise requests.ConnectionError(
            f"the connection ended after {_size(part):,} of {total:,} bytes"
        )
    note.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _innermost(error: BaseException) -> str:
    """``Connection refused`` rather than the five wrappings around it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__
