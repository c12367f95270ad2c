"""Archives: what must be unpacked exactly, and what must be refused whole, with nothing changed on disk."""

import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.data import unpack as module
from course_lib.data.unpack import check, unpack
from course_lib.errors import CourseError

TREE = {
    "set/train/1.jpg": b"one" * 500,
    "set/train/two words 😀.jpg": bytes(range(256)) * 40,
    "set/test/" + "long " * 40 + "name.jpg": b"",
    "set/" + "deep/" * 25 + "file": b"deep",
    "set/inner.zip": b"PK\x03\x04 an archive inside is a file like any other",
}


def tar(members, kind="", **options):
    """A tar of (name or TarInfo, contents) pairs; a TarInfo may say anything."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}", **options) as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_zip(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_member(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def snapshot(folder):
    """Kind, mode and bytes of all below; a lock that a refused download leaves behind is nobody's data."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(root, name)
            if not name.endswith(".lock"):
                data = (
                    path.read_bytes()
                    if path.is_file()
                    else os.readlink(path)
                    if path.is_symlink()
                    else None
                )
                found[os.path.relpath(path, folder)] = (path.lstat().st_mode, data)
    return found


def tree(folder):
    """The files below a folder, with their bytes."""
    return {name: data for name, (_, data) in snapshot(folder).items() if data is not None}


@pytest.fixture
def place(tmp_path):
    """A folder with something in it, around and beside the target."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("outside")
    return tmp_path


def refused(place, data, words=""):
    archive = place / "work" / "archive"
    archive.write_bytes(data)
    before = snapshot(place)
    with pytest.raises(CourseError) as caught:
        unpack(archive, place / "work" / "target")
    assert snapshot(place) == before
    error = caught.value
    assert error.where == str(archive) and words in error.what, error.what
    assert "\n" not in error.what + error.fix and error.what.isprintable() and len(error.what) < 600
    return error


ARCHIVES = {
    "zip": lambda members: make_zip(members),
    "stored zip": lambda members: make_zip(members, zipfile.ZIP_STORED),
    "gnu tar": lambda members: tar(members, format=tarfile.GNU_FORMAT),
    "pax tar": lambda members: tar(members, format=tarfile.PAX_FORMAT),
    "tar.gz": lambda members: tar(members, "gz"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_unpacks_exactly(place, kind):
    (place / "archive").write_bytes(ARCHIVES[kind](TREE.items()))
    unpack(place / "archive", place / "work" / "new" / "target")
    assert tree(place / "work" / "new" / "target") == TREE
    assert sorted(os.listdir(place / "work" / "new")) == ["target"]
    files = [mode for mode, data in snapshot(place / "work" / "new").values() if data is not None]
    plain = (place / "outside.txt").stat().st_mode
    assert files and set(files) == {plain}  # whatever modes the archive asks for


def test_modes_of_the_archive_do_not_count(place):
    info = tarfile.TarInfo("a/run")
    info.mode = 0o6777
    shut = tarfile.TarInfo("b/none")
    shut.mode = 0
    (place / "archive").write_bytes(
        tar([(special("b", tarfile.DIRTYPE), b""), (info, b"x"), (shut, b"y")])
    )
    unpack(place / "archive", place / "target")
    modes = {
        stat.S_IMODE(mode) for mode, data in snapshot(place / "target").values() if data is not None
    }
    assert modes == {stat.S_IMODE((place / "outside.txt").stat().st_mode)}


def test_usual_oddities_are_fine(place):
    """As tar -C and macOS write them: ./ before names, folders listed twice, names in bytes that are not UTF-8."""
    folder = special("./a", tarfile.DIRTYPE)
    members = [(special("./", tarfile.DIRTYPE), b""), (folder, b""), (folder, b""), ("./a/x", b"x")]
    (place / "archive").write_bytes(tar(members))
    unpack(place / "archive", place / "target")
    assert tree(place / "target") == {"a/x": b"x"}
    (place / "archive").write_bytes(tar([("caf\udce9.jpg", b"x")], format=tarfile.GNU_FORMAT))
    unpack(place / "archive", place / "second")
    assert os.listdir(os.fsencode(place / "second")) == [b"caf\xe9.jpg"]


def test_git_writes_a_comment_for_all(place):
    (place / "archive").write_bytes(tar([("a", b"x")], pax_headers={"comment": "0123456789abcdef"}))
    unpack(place / "archive", place / "target")
    assert tree(place / "target") == {"a": b"x"}


GOOD = ("set/train/good.jpg", b"good")
ESCAPES = [
    "../evil",
    "set/../../evil",
    "/tmp/evil",
    "//evil",
    "C:/evil",
    "C:evil",
    "..\\evil",
    "set\\..\\..\\evil",
]
ESCAPES += ["\\\\server\\evil", "set/evil.jpg:stream", "set/.."]
ODD = [
    "set/nul",
    "set/CON.jpg",
    "aux/x.jpg",
    "set/com1.tar.gz",
    "set/dot.",
    "set/blank ",
    "set/a\nb",
    "set/\x1b[2J",
]
ODD += ["set/" + "x" * 256, "set/" + "é" * 128, "d/" * 40 + "x", ".", "./."]
COLLISIONS = [
    ("a.jpg", "a.jpg"),
    ("a.jpg", "A.JPG"),
    ("train/1", "Train/2"),
    ("a", "a/b"),
    ("a/b", "a"),
]
COLLISIONS += [("caf\u00e9", "cafe\u0301"), ("a/b", "a//b"), ("a", "./a"), ("straße", "STRASSE")]


@pytest.mark.parametrize("kind", ["zip", "gnu tar", "tar.gz"])
def test_names_that_are_refused(place, kind):
    """Whole: the good files before and after the bad one are not unpacked either."""
    for name in ESCAPES + ODD:
        error = refused(place, ARCHIVES[kind]([GOOD, (name, b"evil"), ("later", b"good")]))
        assert ascii(name)[:100] in error.what
    assert not os.path.exists("/tmp/evil")


@pytest.mark.parametrize("kind", ["zip", "pax tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_names_for_one_file(place, kind):
    for names in COLLISIONS:
        refused(
            place,
            ARCHIVES[kind]([GOOD, *((name, b"x") for name in names)]),
            "could be the same file",
        )


def test_special_files_in_a_tar(place):
    for info in [
        special("set/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("set/link", tarfile.SYMTYPE, "train/good.jpg"),
        special("set/link", tarfile.LNKTYPE, "set/train/good.jpg"),
        special("set/link", tarfile.LNKTYPE, "../../outside.txt"),
        special("set/pipe", tarfile.FIFOTYPE),
        special("set/char", tarfile.CHRTYPE),
        special("set/block", tarfile.BLKTYPE),
        special("set/contiguous", tarfile.CONTTYPE),
        special("set/unknown", b"Z"),
        special("set/sparse", tarfile.GNUTYPE_SPARSE),
    ]:
        for kind in ("", "gz"):
            refused(place, tar([GOOD, (info, b""), ("later", b"x")], kind), "special file")


def test_link_then_file_through_it(place):
    """The usual escape: a link to the outside, then a file below the link."""
    members = [(special("set", tarfile.SYMTYPE, str(place)), b""), ("set/outside.txt", b"changed")]
    refused(place, tar(members), "special file")


def test_special_files_in_a_zip(place):
    for kind in (
        stat.S_IFLNK,
        stat.S_IFIFO,
        stat.S_IFCHR,
        stat.S_IFBLK,
        stat.S_IFSOCK,
        stat.S_IFDIR,
    ):
        refused(
            place,
            make_zip([GOOD, (zip_member("set/x", kind | 0o777), b"/etc/passwd")]),
            "special file",
        )


def test_nul_in_a_name(place):
    """zipfile cuts the name there, others do not."""
    data = make_zip([GOOD, ("set/a.jpgX.exe", b"x")]).replace(b"a.jpgX.exe", b"a.jpg\0.exe")
    refused(place, data, "cannot be kept")
    pax = tarfile.TarInfo("x")
    pax.pax_headers = {"path": "set/a\0b"}
    refused(place, tar([GOOD, (pax, b"")], format=tarfile.PAX_FORMAT), "cannot be kept")


# --- bombs and lies --------------------------------------------------------------------------------------------------


def test_bombs(place, monkeypatch):
    zeros = bytes(2**20)
    error = refused(place, make_zip([(f"{i}.bmp", zeros) for i in range(3)]), "zip bomb")
    assert "1,048,576" in error.what
    refused(place, tar([(f"{i}.bmp", zeros) for i in range(3)], "gz"), "zip bomb")
    refused(place, gzip.compress(tar([GOOD]) + bytes(3 * 2**20)), "zip bomb")  # zeros after the end
    long = special("x", tarfile.GNUTYPE_LONGNAME)
    long.size = 50_000
    refused(place, gzip.compress(tar([(long, bytes(50_000))] * 40)), "zip bomb")  # headers alone
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    for kind in ("stored zip", "pax tar"):
        refused(place, ARCHIVES[kind]([("noise", os.urandom(2000))]), "more than 1,000")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_too_many_members(place, monkeypatch, kind):
    monkeypatch.setattr(module, "MAX_FILES", 10)
    refused(place, ARCHIVES[kind]([(f"{i}", b"") for i in range(11)]), "10 members")
    (place / "good").write_bytes(ARCHIVES[kind]([(f"{i}", b"") for i in range(10)]))
    assert len(check(place / "good").files) == 10


def central(data, field, value, size=4):
    """A zip with one field of its last central directory entry changed."""
    start = data.rindex(b"PK\x01\x02") + field
    return data[:start] + value.to_bytes(size, "little") + data[start + size :]


def test_overlapping_members(place):
    """The better zip bomb: one kernel of data, many entries that point to it."""
    data = make_zip([("a", os.urandom(500)), ("b", os.urandom(500))], zipfile.ZIP_STORED)
    refused(place, central(data, 42, 0))  # the second entry points to the first member
    quoted = make_zip(
        [("a", make_zip([("b", b"x" * 50)], zipfile.ZIP_STORED)), ("b", b"x" * 50)],
        zipfile.ZIP_STORED,
    )
    refused(
        place, central(quoted, 42, 31), "shares bytes"
    )  # ... to a whole member inside the first


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_sizes_that_lie(place, compression):
    """Field 16 is the CRC, 20 the packed, 24 the unpacked size."""
    data = make_zip([("a", b"0123456789" * 30)], compression)
    for field, change in [
        (20, 1),
        (20, -5),
        (20, 10**6),
        (24, 1),
        (24, -1),
        (24, -100),
        (24, 10**6),
        (16, 1),
    ]:
        start = data.rindex(b"PK\x01\x02") + field
        old = int.from_bytes(data[start : start + 4], "little")
        refused(place, central(data, field, old + change))


def test_zip_with_a_crc_for_the_part_it_admits(place):
    """A header that declares the first half, with the right CRC for it: zipfile alone is content."""
    data = make_zip([("a", b"0123456789")], zipfile.ZIP_STORED)
    half = central(central(data, 24, 5), 16, zipfile.crc32(b"01234"))
    with zipfile.ZipFile(io.BytesIO(half)) as archive:
        assert archive.testzip() is None and archive.read("a") == b"01234"
    refused(place, half)


def test_zip_that_needs_a_password_or_another_method(place):
    data = make_zip([("a", b"0123456789" * 30)])
    refused(place, central(data, 8, 1, 2), "encrypted")
    refused(place, make_zip([("a", b"0123456789" * 30)], zipfile.ZIP_LZMA), "compressed in a way")
    refused(place, data.replace(b"PK\x03\x04", b"PK\x03\x05"))


def header(**changes):
    """One tar header block with raw bytes put in: (offset, bytes) by name; the checksum is made right again."""
    block = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    for offset, raw in changes.values():
        block[offset : offset + len(raw)] = raw
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)


LIES = [
    header(size=(124, b"\xff" * 11 + b"\x00")) + END,  # negative
    header(size=(124, b"\x80" + b"\x7f" * 11)) + END,  # enormous
    header(size=(124, b"00000001000\0")) + b"x" * 100,  # more than there is
    header(size=(124, b"nonsense\0\0\0\0")) + END,
    header(kind=(156, b"5"), size=(124, b"00000001000\0"))
    + bytes(512)
    + header()
    + END,  # a folder with contents
    header(kind=(156, b"L"), size=(124, b"77777777777\0")) + END,  # a name of 8 GB
    header(kind=(156, b"x"), size=(124, b"\xff" * 12)) + END,
    header(kind=(156, b"x"), size=(124, b"00000000012\0"))
    + b"9999999 path=a\n".ljust(512, b"\0")
    + header()
    + END,
    header(kind=(156, b"x"), size=(124, b"00000000012\0"))
    + b"-9 path=a\n".ljust(512, b"\0")
    + header()
    + END,
    header(kind=(156, b"L"), size=(124, b"00000000002\0"))
    + b"b\0".ljust(512, b"\0")
    + END,  # a name for nothing
    header(kind=(156, b"g"), size=(124, b"00000000013\0"))
    + b"11 path=b/\n".ljust(512, b"\0")
    + header()
    + END,
    header() + header()[:300],
    header() + b"x" * 512 + END,  # not a header
    header() + END + header() + END,  # a second archive behind the first
    header(),  # no end
    END,
    END * 10,
]


def test_tar_headers_that_lie(place):
    for data in LIES:
        refused(place, data)
        refused(place, gzip.compress(data))
    (place / "fine").write_bytes(header() + END)  # so it is the lie that is refused
    unpack(place / "fine", place / "target")
    assert tree(place / "target") == {"a": b""}


def test_pax_size_beyond_the_file(place):
    info = tarfile.TarInfo("a")
    info.pax_headers = {"size": "100000"}
    refused(place, tar([(info, b"x")], format=tarfile.PAX_FORMAT), "cut off")


def test_pax_sparse_file(place):
    info = tarfile.TarInfo("a")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "99999999",
    }
    refused(place, tar([(info, b"1\n0\n0\n")], format=tarfile.PAX_FORMAT), "special file")


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<html>404</html>" * 99, b"PK\x03\x04", b"PK\x05\x06" + bytes(18)]
)
def test_no_archive(place, data):
    refused(place, data)
    refused(place, gzip.compress(data))


def test_missing_file_folder_and_pipe(place):
    for name in ("nowhere", "work"):
        with pytest.raises(CourseError, match="no such file"):
            check(place / name)
    if hasattr(os, "mkfifo"):
        os.mkfifo(place / "pipe")
        with pytest.raises(CourseError, match="no such file"):
            check(place / "pipe")


@pytest.mark.parametrize("kind", ARCHIVES)
def test_cut_anywhere_or_flipped_is_refused_or_harmless(place, kind):
    """Judged by the outcome: either nothing is unpacked, or every file is as it was."""
    members = {"set/train/1.jpg": os.urandom(700), "set/test/2.jpg": b"text " * 100}
    data = ARCHIVES[kind](members.items())
    cuts = [data[:n] for n in range(0, len(data), max(1, len(data) // 25))] + [
        data[:-n] for n in range(1, 12)
    ]
    flips = [
        bytes([*data[:n], data[n] ^ 4, *data[n + 1 :]])
        for n in range(0, len(data), max(1, len(data) // 25))
    ]
    caught = 0
    for i, bad in enumerate(cuts + flips):
        (place / "archive").write_bytes(bad)
        before = snapshot(place)
        try:
            unpack(place / "archive", place / "target")
        except CourseError:
            caught += 1
            assert snapshot(place) == before
        else:
            got = tree(place / "target")
            shutil.rmtree(place / "target")
            if kind.endswith(
                " tar"
            ):  # a plain tar has checksums for its headers, none for contents
                got = {
                    name: members.get(name)
                    for name, data in got.items()
                    if len(data) == len(members[name])
                }
            assert got == members, f"variant {i} was taken silently"
    assert caught >= len(cuts) * 0.5


def test_target_in_use_is_left_alone(place):
    (place / "archive").write_bytes(make_zip([GOOD]))
    before = snapshot(place)
    with pytest.raises(CourseError, match="already there"):
        unpack(place / "archive", place / "work")
    assert snapshot(place) == before


def test_disk_too_small(place, monkeypatch):
    (place / "archive").write_bytes(make_zip([GOOD]))
    before = snapshot(place)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    with pytest.raises(CourseError, match=r"of 4 bytes: .*free space"):
        unpack(place / "archive", place / "target")
    assert snapshot(place) == before


def test_failure_in_the_middle_leaves_nothing(place, monkeypatch):
    (place / "archive").write_bytes(tar(TREE.items()))
    contents, before = check(place / "archive"), snapshot(place)
    data = tar([(name, b"x" + data) for name, data in TREE.items()])
    (place / "archive").write_bytes(
        data[: len(data) // 2]
    )  # changed between the look and the unpacking
    with pytest.raises(CourseError, match="changed"):
        module.write(place / "archive", contents, place / "target")
    (place / "archive").write_bytes(tar(TREE.items()))
    assert snapshot(place) == before


def test_header_of_a_crafted_zip_is_what_the_test_thinks():
    """The offsets used above, checked against zipfile."""
    data = make_zip([("a", b"0123456789")], zipfile.ZIP_STORED)
    start = data.rindex(b"PK\x01\x02")
    crc, packed, size = struct.unpack("<III", data[start + 16 : start + 28])
    assert (crc, packed, size) == (zipfile.crc32(b"0123456789"), 10, 10)
    assert struct.unpack("<I", data[start + 42 : start + 46]) == (0,)
