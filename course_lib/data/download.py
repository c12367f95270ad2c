"""The papers' own data sets, fetched once into a cache: ``download:maps`` and others.

``CACHE/pix2pix/maps.tar.gz`` becomes ``CACHE/pix2pix/maps/``. An archive put there by hand is used
as if it had been fetched. COURSE_MIRROR names another host with the same paths, for a class.
"""

import os
import shutil
import sys
from pathlib import Path

import filelock
import pooch

from course_lib.data.files import expanded, replace_file
from course_lib.data.folders import ImageFolder
from course_lib.data.images import printable
from course_lib.data.unpack import unpack
from course_lib.errors import CourseError, ensure, telling

HOST = "https://efrosgans.eecs.berkeley.edu"
RETRIES = 4  # after the first try; pooch waits a second longer before each
pooch.get_logger().setLevel("ERROR")  # the progress bar and the errors say enough
# What their owners' page says of the sets.
# Archives differ from it, so the counts are shown and never relied on. MB: of the archive.
PAIRED = {
    "facades": "photo | labels (CMP Facades), usually yx; 400 train, 100 val, 106 test; 31 MB",
    "maps": "aerial photo | map (Google Maps), 600 px; 1096 train, 1098 val; 246 MB",
    "edges2shoes": "edges | photo (UT Zappos50K); about 50,000 train, 200 val; 2200 MB",
    "edges2handbags": "edges | photo (Amazon); about 137,000 train, 200 val; 8600 MB",
    "night2day": "night | day (Transient Attributes); about 20,000 train, val, test; 2000 MB",
}
UNPAIRED = {
    "horse2zebra": "horses, zebras (ImageNet); 939 and 1177 train; 117 MB",
    "apple2orange": "apples, oranges (ImageNet); 996 and 1020 train",
    "summer2winter_yosemite": "summer, winter in Yosemite (Flickr); 1273 and 854 train",
    "monet2photo": "paintings (WikiArt), photos (Flickr); 1074 and 6853 train",
    "cezanne2photo": "paintings (WikiArt), photos (Flickr); 584 and 6853 train",
    "ukiyoe2photo": "prints (WikiArt), photos (Flickr); 1433 and 6853 train",
    "vangogh2photo": "paintings (WikiArt), photos (Flickr); 401 and 6853 train",
    "iphone2dslr_flower": "flowers by telephone, by camera (Flickr); 1813 and 3316 train",
    "maps:unpaired": "aerial photos, maps (Google Maps); 1096 and 1096 train",
    "facades:unpaired": "photos, labels (CMP Facades), usually yx; 400 and 400 train",
    "mini": "two domains to try things out; a few",
    "mini_pix2pix": "pairs to try things out; a few",
}
CITYSCAPES = (
    "get gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip from www.cityscapes-dataset.com,"
    " put photos into A/train and A/val, colour labels of the same names into B/train and B/val,"
    " and give that folder"
)
SOURCES = PAIRED | UNPAIRED
NOT_OFFERED = {  # what is wrong, and what to do
    "cityscapes": ("Cityscapes may no longer be passed on, only by its owner", CITYSCAPES),
    "ae_photos": ("it holds test photographs only", "give its pictures to course translate"),
    "mini_colorization": ("it holds single photographs", "make pairs: A/ grey, B/ in colour"),
}


def cache_folder() -> Path:
    """Where archives and their contents are kept: COURSE_DATA, else the user's cache."""
    return expanded(os.environ.get("COURSE_DATA") or pooch.os_cache("gan-translation-course"))


def open_download(
    name: str, split: str, size: int, seed: int = 0, load: str = "square", jitter: str = "auto"
) -> ImageFolder:
    """The ``split`` of a set as ``ImageFolder`` gives it; x is always domain A. Errors as there."""
    jitter = "resize" if jitter == "auto" else jitter  # the papers' augmentation
    dataset = ImageFolder(fetch(name), split, size, seed, load, jitter)
    origin = f"download:{name}, for research, see its owners' terms: {SOURCES[name]}."
    dataset.card = f"{origin} {dataset.card}"
    dataset.jitter = "resize"
    return dataset


def fetch(name: str) -> Path:
    """The folder with a set; its archive is downloaded and unpacked if it is not there yet.

    The SHA-256 is recorded at first and must match from then on. A kill or a second process does no
    harm. Raises CourseError for a set that is not offered, without a network (saying which file
    goes where), and for an archive that is refused or of another hash.
    """
    base = name.partition(":")[0]
    if base in NOT_OFFERED:
        raise CourseError(NOT_OFFERED[base][0], f"download:{name}", NOT_OFFERED[base][1])
    ensure(
        name in SOURCES,
        f"unknown data set {name!r}",
        "download:NAME",
        f"choose from {', '.join(SOURCES)}",
    )
    folder = cache_folder() / ("pix2pix" if name in PAIRED else "cyclegan") / base
    archive = folder.with_name(base + (".tar.gz" if name in PAIRED else ".zip"))
    with telling(
        OSError,
        "cannot read or write here",
        printable(folder.parent),
        "set COURSE_DATA to another folder",
    ):
        if not os.path.isdir(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder.with_name(f".{base}.lock")):
                if not folder.is_dir():  # else another process has just brought it
                    _install(name, archive, folder)
    return folder


def _install(name: str, archive: Path, folder: Path) -> None:
    """Put ``folder`` there in one step when all is well, and the ``archive`` if it was missing."""
    aside, record = archive.with_name(f".{archive.name}.part"), Path(f"{archive}.sha256")
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
    (aside / "contents").mkdir(parents=True)
    try:
        source = archive if archive.exists() else _download(name, archive, aside)
        digest = pooch.file_hash(str(source))
        expected = record.read_text(errors="replace").split() if record.exists() else []
        if expected and expected[0].lower() != digest:
            raise CourseError(
                f"wrong SHA-256: expected {expected[0]}, got {digest}",
                printable(archive),
                f"fetch it again; if its owners have replaced it, remove {printable(record)}",
            )
        unpack(source, aside / "contents")
        contents = arranged(aside / "contents", archive)
        replace_file(record, f"{digest}  {archive.name}\n".encode())  # what sha256sum -c reads
        os.replace(source, archive)
        os.rename(contents, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _download(name: str, archive: Path, aside: Path) -> Path:
    host = (os.environ.get("COURSE_MIRROR") or HOST).rstrip("/")
    address = f"{host}/{archive.parent.name}/datasets/"
    headers = {"Accept-Encoding": "identity"}  # else a server may pack what is packed already
    downloader = pooch.HTTPDownloader(sys.stderr.isatty(), 2**16, timeout=30, headers=headers)
    files = pooch.create(aside, address, registry={archive.name: None}, retry_if_failed=RETRIES)
    try:
        return Path(files.fetch(archive.name, downloader=downloader))
    except (OSError, ValueError) as error:
        while error.__context__:  # "Connection refused" rather than the wrappings around it
            error = error.__context__
        url = f"{address}{archive.name}"
        raise CourseError(
            f"cannot download {name} ({SOURCES[name]}): {' '.join(str(error).split())}",
            url,
            f"fetch {url} in another way, put it at {printable(archive)}, and repeat this",
        ) from None


def arranged(folder: Path, archive: Path) -> Path:
    """The folder in which train/, or trainA/ and trainB/, lie; val/ becomes test/ if there is none.

    ``folder`` has the contents of ``archive``. Some have no test images: then those of val, which
    papers report on, are the test split. Raises CourseError if it holds something else.
    """
    shutil.rmtree(folder / "__MACOSX", ignore_errors=True)
    inner = [path for path in folder.iterdir() if path.is_dir()]
    folder = inner[0] if len(inner) == 1 and inner[0].name != "train" else folder
    names = {path.name for path in folder.iterdir()}
    ensure(
        "train" in names or {"trainA", "trainB"} <= names,
        f"no train/, no trainA/ and trainB/ in this archive, but {sorted(names)[:5]!a}",
        printable(archive),
        "remove it and fetch the right one",
    )
    for side in ("", "A", "B"):
        if f"val{side}" in names and f"test{side}" not in names:
            os.rename(folder / f"val{side}", folder / f"test{side}")
    return folder
