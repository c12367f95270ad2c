"""Bad input of every kind through the ``course`` command: status 2, three lines, no traceback,
nothing changed on disk.

What is bad is decided here, by how each variant was made, and not by asking the code under test: a
file that lost part of its pixel data, a PNG whose checksums do not hold, an archive with a member
that leads out of its folder.
"""

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from course_lib import runs
from course_lib.data.images import FORMATS, read_image
from course_lib.errors import CourseError
from tests.support.archives import make_zip, snapshot, special, tar
from tests.support.pictures import encoded, noise, png

KINDS = {
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "lzw.tif": ("TIFF", {"compression": "tiff_lzw"}),
}
KINDS |= {kind.lower(): (kind, {}) for kind in FORMATS}
LONG = "x" * 300

# the course itself ignores Pillow's remarks; pytest undoes that
pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:PIL\.")


def pairs(folder, count=1, width=64):
    """A good A|B folder: train, val and test."""
    for split in ("train", "val", "test"):
        (folder / split).mkdir(parents=True)
        for i in range(count):
            (folder / split / f"{i}.png").write_bytes(encoded(noise(width, 16, i), "PNG"))
    return folder


# --- row 12: damaged images and other files; row 21: bombs
# ----------------------------------------------------------- Each is (name in the folder, bytes).


def cut_images():
    """The last twentieth of a picture of noise is pixel data in every format: trailers have at most
    20 bytes.
    """
    for suffix, (kind, options) in KINDS.items():
        data = encoded(noise(), kind, **options)
        assert len(data) > 20 * 40
        for size in (0, 1, 10, *(int(len(data) * share) for share in (0.02, 0.2, 0.5, 0.8, 0.95))):
            yield f"{size}.{suffix}", data[:size]


def fuzzed_headers():
    """The first bytes say what a file is: without them it is no image, whatever its name."""
    for suffix, (kind, options) in KINDS.items():
        data = encoded(noise(), kind, **options)
        for i, start in enumerate(
            (bytes(16), b"\xff" * 16, os.urandom(4).hex().encode() + b"_" * 8)
        ):
            yield f"{i}.{suffix}", start + data[len(start) :]


def flipped_pngs():
    """Every byte of a PNG from its first chunk on is under a checksum or says where one is."""
    data = encoded(noise(), "PNG")
    for i in [*range(9, 33, 3), *np.linspace(34, len(data) - 6, 12).astype(int).tolist()]:
        yield f"flip{i}.png", data[:i] + bytes([data[i] ^ 16]) + data[i + 1 :]


def no_images():
    texts = {
        "page.jpg": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "data.png": b'{"error": "not found"}',
        "vector.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
        "paper.jpg": b"%PDF-1.7\n",
        "text.bmp": "\ufeffBM text".encode("utf-16"),
        "archive.png": make_zip([("a", b"b")]),
        "pickle.jpg": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.",
        "numpy.png": b"\x93NUMPY\x01\x00v\x00{'descr': '|u1'}",
        "signature.png": b"\x89PNG\r\n\x1a\n",
        "signature.jpg": b"\xff\xd8\xff\xe0",
        "ends.jpg": b"\xff\xd8\xff\xd9",
        "wide.png": png(64, 0),
        "high.png": png(0, 64),
        "short.png": png(64, 32, rows=bytes(100)),
        "plain.ppm": b"P3\n64 32\n255\n1 2 3\n",
        "words.ppm": b"P3\n2 1\n255\n1 2 3 four 5 6\n",
        "nan.tif": encoded(Image.fromarray(np.full((32, 64), np.nan, dtype=np.float32)), "TIFF"),
    }
    yield from texts.items()


def bombs():
    for width, height in [
        (8001, 8001),
        (12_000, 12_000),
        (20_000, 20_000),
        (2_000_000_000, 2),
        (2, 2_000_000_000),
    ]:
        if width * height > 64_000_000:
            yield f"{width}x{height}.png", png(width, height)
    yield "bomb.bmp", patched(encoded(noise(), "BMP"), 18, struct.pack("<ii", 60_000, 60_000))
    yield "bomb.gif", patched(encoded(noise(), "GIF"), 6, struct.pack("<HH", 65_000, 65_000))
    jpeg = encoded(noise(), "JPEG")
    yield "bomb.jpg", patched(jpeg, jpeg.index(b"\xff\xc0") + 5, struct.pack(">HH", 65_000, 65_000))
    yield "bomb.ppm", b"P6\n100000 100000\n255\n" + bytes(99)
    tiff = encoded(noise(), "TIFF")
    for tag in (256, 257):
        at = max(tiff.find(struct.pack("<HHI", tag, kind, 1)) for kind in (3, 4)) + 8
        tiff = patched(patched(tiff, at - 6, struct.pack("<H", 4)), at, struct.pack("<I", 90_000))
    yield "bomb.tif", tiff


def patched(data, at, raw):
    return data[:at] + raw + data[at + len(raw) :]


def bad_image(name, data):
    def build(place):
        folder = pairs(place / "data")
        (folder / "train" / name).write_bytes(data)
        return ["--data", folder], name

    return build


# --- rows 18, 19, 20: folders
# ----------------------------------------------------------------------------------------


def odd_width(split, width):
    def build(place):
        (pairs(place / "data") / split / "odd.png").write_bytes(encoded(noise(width, 16), "PNG"))
        return ["--data", place / "data"], "odd.png"

    return build


def two_sides(a, b, split=""):
    def build(place):
        for side, names in (("A", a), ("B", b)):
            (place / "data" / side / split).mkdir(parents=True)
            for name in names:
                (place / "data" / side / split / name).write_bytes(encoded(noise(16, 16), "PNG"))
        return ["--data", place / "data"], "data"

    return build


def folder_of(*paths, link=None):
    """A folder with these empty folders (ending in /), text files and images; or none at all."""

    def build(place):
        for path in map((place / "data").joinpath, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".png":
                path.write_bytes(encoded(noise(16, 16), "PNG"))
            elif path.suffix:
                path.write_text("text")
            else:
                path.mkdir(exist_ok=True)
        if link:
            (place / "data").symlink_to(link)
        return ["--data", place / "data"], "data"

    return build


def named(name):
    return lambda place: (["--data", name], "")


PNGS = [f"{i}.png" for i in range(4)]
FOLDERS = {
    **{
        f"18 {split} {width}": odd_width(split, width)
        for split in ("train", "val", "test")
        for width in (1, 63, 513)
    },
    "19 three against four": two_sides(PNGS[:3], PNGS),
    "19 four against three": two_sides(PNGS, PNGS[1:]),
    "19 other names": two_sides(PNGS, [f"b{name}" for name in PNGS]),
    "19 other case": two_sides(["a.png", *PNGS], ["A.png", *PNGS]),
    "19 nothing in B": two_sides(PNGS, []),
    "19 nothing in A": two_sides([], PNGS),
    "19 in train": two_sides(PNGS[:3], PNGS, "train"),
    "19 two partners": two_sides([*PNGS, "0.bmp"], PNGS),
    "20 missing": folder_of(),
    "20 empty": folder_of("."),
    "20 only text": folder_of("notes.txt", "0.txt"),
    "20 empty parts": folder_of("train", "test"),
    "20 only test": folder_of("test/0.png", "test/1.png"),
    "20 only A": folder_of("A/0.png", "A/1.png", "A/2.png"),
    "20 only trainA": folder_of("trainA/0.png", "trainA/1.png", "trainA/2.png"),
    "20 empty trainB": folder_of(
        "trainA/0.png", "trainA/1.png", "trainA/2.png", "trainB", "testA", "testB"
    ),
    "20 other names": folder_of("cats/0.png", "dogs/0.png"),
    "20 too few": folder_of("0.png", "1.png"),
    "20 hidden": folder_of(".0.png", ".1.png", ".2.png"),
    "20 link to nowhere": folder_of(link="nowhere"),
    "20 link to itself": folder_of(link="data"),
    "20 name too long": named(LONG),
    "20 path too long": named("x/" * 3000),
    "20 unknown": named("emoji:none"),
    "20 no name": named("download:"),
    "20 unknown set": named("download:none"),
    "20 withdrawn set": named("download:cityscapes"),
    "20 a file": named(__file__),
    "20 a device": named("/dev/null"),
}

# --- rows 22 to 25: archives, put where a download would be
# ----------------------------------------------------------


def archive(data, record=None):
    def build(place):
        folder = place / "cache" / "pix2pix"
        folder.mkdir(parents=True)
        (folder / "maps.tar.gz").write_bytes(data)
        if record is not None:
            (folder / "maps.tar.gz.sha256").write_text(record)
        return ["--data", "download:maps"], "maps.tar.gz"

    return build


GOOD = ("maps/train/1.jpg", encoded(noise(64, 32), "JPEG"))
ARCHIVED = {  # a few of each row: all that is wrong with archives is tried in test_download.py
    "22 out of the folder": (tar([GOOD, ("../evil", b"evil")], "gz"),),
    "22 a zip that leads out": (make_zip([GOOD, ("/tmp/evil", b"evil")]),),
    "22 a link": (
        tar([GOOD, (special("maps/train/9.jpg", tarfile.SYMTYPE, "/etc/passwd"), b"")], "gz"),
    ),
    "22 twice": (tar([GOOD, ("maps/a", b"x"), ("maps/A", b"x")], "gz"),),
    "23 a bomb": (make_zip([GOOD, ("maps/train/zeros.bmp", bytes(3 * 2**20))]),),
    "24 wrong hash": (tar([GOOD], "gz"), "0" * 64),
    "24 no hash": (tar([GOOD], "gz"), "a  b"),
    "25 cut off": (tar([GOOD], "gz")[:-40],),
    "25 no archive": (b"<html>404</html>",),
    "25 empty": (b"",),
    "25 another set": (tar([("other/pictures/1.jpg", b"x")], "gz"),),
}


def no_network(place):
    return ["--data", "download:edges2shoes"], "127.0.0.1"


# --- rows 28, 29: where to write
# -------------------------------------------------------------------------------------

OUTPUTS = {
    "28 below a file": lambda place: place / "mine.txt" / "out",
    "28 a file": lambda place: place / "mine.txt",
    "28 below a device": lambda place: "/dev/null/out",
    "28 system": lambda place: "/proc/out",
    "28 existing read-only": lambda place: "/proc",
    "28 name too long": lambda place: place / LONG,
    "28 path too long": lambda place: place / ("x/" * 3000),
    "28 link to itself": lambda place: place / "loop",
}


def output(path):
    def build(place):
        (place / "loop").symlink_to("loop")
        return ["--data", pairs(place / "data"), "--out", path(place)], ""

    return build


def row_of_images(row, made):
    return {f"{row} {name}": bad_image(name, data) for name, data in made}


@pytest.fixture(scope="module")
def variants():
    made = row_of_images("12", [*cut_images(), *no_images()])
    made |= {f"12 fuzzed {name}": bad_image(name, data) for name, data in fuzzed_headers()}
    made |= row_of_images("12", flipped_pngs()) | row_of_images("21", bombs()) | FOLDERS
    made |= {name: archive(*given) for name, given in ARCHIVED.items()}
    made["25 no network"] = no_network
    made |= {name: output(path) for name, path in OUTPUTS.items()}
    return made


def arguments_for(build, place):
    """The command for a variant, built in a folder that also holds something to lose."""
    (place / "mine.txt").write_text("mine")
    (place / "cache").mkdir()
    given, where = build(place)
    command = ["train", "pix2pix", "--profile", "smoke", "--size", "16", "--steps", "1", *given]
    return (command if "--out" in given else [*command, "--out", place / "out"]), where


def judge(status, out, err, where):
    """None if the error is as promised, else what is wrong with it."""
    lines = err.splitlines()
    heads = [line.partition(": ")[0] for line in lines]
    if (status, out, heads) != (2, "", ["error", "where", "fix"]) or not all(
        line.partition(": ")[2] for line in lines
    ):
        return f"status {status}, output {out!r}, errors {err[-300:]!r}"
    return None if where in lines[1] else f"{where} is not named: {lines[1]}"


def run_all(wanted, tmp_path, monkeypatch, course):
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr("course_lib.data.download.RETRIES", 0)
    wrong = {}
    for i, (name, build) in enumerate(wanted.items()):
        place = tmp_path / f"{i}"
        place.mkdir()
        monkeypatch.setenv("COURSE_DATA", str(place / "cache"))
        arguments, where = arguments_for(build, place)
        before = snapshot(place)
        try:
            complaint = judge(*course(*arguments), where)
        except Exception as error:
            complaint = f"traceback: {error!r}"
        after = snapshot(place)
        if name == "25 no network":
            after.pop("cache/pix2pix", None)  # an empty folder with the lock in it
        if complaint or after != before:
            wrong[name] = complaint or f"changed on disk: {sorted(before.keys() ^ after.keys())}"
        shutil.rmtree(place)
    assert not wrong, f"{len(wrong)} of {len(wanted)}: " + "\n".join(
        f"{k}: {v}" for k, v in wrong.items()
    )


@pytest.mark.parametrize("row", ["18", "19", "20", "21", "22", "23", "24", "25", "28"])
def test_refused(variants, row, tmp_path, monkeypatch, course):
    wanted = {name: build for name, build in variants.items() if name.startswith(row)}
    assert wanted
    run_all(wanted, tmp_path, monkeypatch, course)


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))]
)
def test_refused_of_the_long_row(variants, first, tmp_path, monkeypatch, course):
    """Row 12, a quarter of it at a time."""
    names = [name for name in variants if name.startswith("12")][first::4]
    run_all({name: variants[name] for name in names}, tmp_path, monkeypatch, course)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = runs.make_config("pix2pix", "smoke", 16)
    runs.train(
        "pix2pix",
        str(pairs(folder / "data")),
        folder / "out",
        config,
        steps=1,
        previews=0,
        progress=False,
    )
    return folder / "out"


@pytest.mark.slow
def test_translate_refuses_the_same_files(trained, tmp_path, course):
    (tmp_path / "in").mkdir()
    wrong = {}
    page = tmp_path / "in" / "page.jpg"
    page.write_text("<html>")
    (tmp_path / "mine.txt").write_text("mine")
    for target in ("/proc", "/dev/null", tmp_path / "mine.txt", tmp_path / "mine.txt" / "out"):
        command = [
            "translate",
            "--run",
            trained,
            "--input",
            trained.parent / "data" / "test",
            "--output",
            target,
        ]
        wrong |= {target: why} if (why := judge(*course(*command), str(target))) else {}
    page.unlink()
    for name, data in [
        *list(cut_images())[::7],
        *list(fuzzed_headers())[::7],
        *no_images(),
        *bombs(),
    ]:
        path = tmp_path / "in" / name
        path.write_bytes(data)
        for given in (path, tmp_path / "in"):
            command = [
                "translate",
                "--run",
                trained,
                "--input",
                given,
                "--output",
                tmp_path / "out",
            ]
            complaint = judge(*course(*command), name)
            if complaint or (tmp_path / "out").exists():
                wrong[name, given == path] = complaint
        path.unlink()
    assert not wrong, wrong


@pytest.mark.slow
def test_a_cut_that_loses_no_pixel_is_no_bad_file(tmp_path):
    """The other side of the rule: what is read from a cut file is the whole picture, or there is an
    error.
    """
    for suffix, (kind, options) in KINDS.items():
        data = encoded(noise(24, 16), kind, **options)
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(data)
        whole = np.asarray(read_image(path))
        for size in [*range(len(data) - 40, len(data)), *range(0, len(data) - 40, 97)]:
            path.write_bytes(data[:size])
            with contextlib.suppress(CourseError):
                assert np.array_equal(np.asarray(read_image(path)), whole), (
                    suffix,
                    size,
                    len(data),
                )


@pytest.mark.slow
@pytest.mark.parametrize("row", ["12", "20", "22", "28"])
def test_real_processes(variants, row, tmp_path):
    """One of each kind as a user meets it: a process, its streams and its status."""
    arguments, where = arguments_for(
        next(build for name, build in variants.items() if name.startswith(row)), tmp_path
    )
    before = snapshot(tmp_path)
    settings = {
        "COURSE_DATA": str(tmp_path / "cache"),
        "COURSE_MIRROR": "ftp://nowhere",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "course_lib.cli", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | settings, timeout=200
    )
    assert (
        judge(done.returncode, done.stdout, done.stderr, where) is None
        and snapshot(tmp_path) == before
    )
