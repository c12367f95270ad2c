"""The papers' sets from a server on the loopback interface, and archives that are refused whole."""

import bz2
import gzip
import hashlib
import http.server
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from types import SimpleNamespace

import pytest

from course_lib.data import open_dataset
from course_lib.data import unpack as unpack_module
from course_lib.data.download import fetch, open_download
from course_lib.data.unpack import unpack
from tests.support.archives import make_zip as zipped
from tests.support.archives import snapshot, special, tar, tree
from tests.support.pictures import encoded, noise, refused

ZEROS = bytes(2**20)
GOOD = ("set/train/good.jpg", b"good")


def tgz(*members, **options):
    return tar(members, "gz", **options)


def odd(kind, link="", name="set/odd"):
    return special(name, kind, link), b""


def zip_member(mode):
    info = zipfile.ZipInfo("set/odd")
    info.external_attr = mode << 16
    return info, b"/etc/passwd"


def central(data, field, value, size=4):
    """A zip with one field of its last central directory entry changed."""
    start = data.rindex(b"PK\x01\x02") + field
    return data[:start] + value.to_bytes(size, "little") + data[start + size :]


def with_size(octal, kind=b"0"):
    """A tar.gz whose one header says any size, which may be a lie; its checksum is right."""
    block = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157], block[148:156] = octal, kind, b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return gzip.compress(bytes(block) + bytes(1024))


ODD_NAMES = [
    *("../evil", "set/../../evil", "/tmp/evil", "//evil", "C:/evil", "..\\evil", "set/.."),
    *("set/nul", "set/CON.jpg", "set/dot.", "set/blank ", "set/a\nb", "set/" + "x" * 256),
]
SAME = [("a.jpg", "A.JPG"), ("a/b", "a"), ("a", "a/b"), ("caf\u00e9", "cafe\u0301")]
STORED = zipfile.ZIP_STORED
PLAIN = zipped(("a", b"0123456789" * 30))
OVERLAPPING = zipped(("a", os.urandom(500)), ("b", os.urandom(500)), compression=STORED)
REFUSED = {  # file name, bytes, what the error says
    **{f"zip {name!a:.20}": (".zip", zipped(GOOD, (name, b"x")), "") for name in ODD_NAMES},
    **{f"tar {name!a:.20}": (".tar.gz", tgz(GOOD, (name, b"x")), "") for name in ODD_NAMES},
    **{f"zip {same!a}": (".zip", zipped(*((n, b"x") for n in same)), "") for same in SAME},
    **{f"tar {same!a}": (".tar.gz", tgz(*((n, b"x") for n in same)), "") for same in SAME},
    "link": (".tar.gz", tgz(GOOD, odd(tarfile.SYMTYPE, "/etc/passwd")), "special"),
    "link within": (".tar.gz", tgz(GOOD, odd(tarfile.SYMTYPE, "train/good.jpg")), "special"),
    "hard link": (".tar.gz", tgz(GOOD, odd(tarfile.LNKTYPE, GOOD[0])), "special"),
    "pipe": (".tar.gz", tgz(GOOD, odd(tarfile.FIFOTYPE)), "special"),
    "device": (".tar.gz", tgz(GOOD, odd(tarfile.CHRTYPE)), "special"),
    "sparse": (".tar.gz", tgz(GOOD, odd(b"S")), "special"),
    "unknown": (".tar.gz", tgz(GOOD, odd(b"Z")), "special"),
    "past a link": (".tar.gz", tgz(odd(tarfile.SYMTYPE, "/tmp", "set"), GOOD), "special"),
    "zip link": (".zip", zipped(GOOD, zip_member(stat.S_IFLNK | 0o777)), "special"),
    "zip pipe": (".zip", zipped(GOOD, zip_member(stat.S_IFIFO | 0o777)), "special"),
    "zip nul": (".zip", zipped(("a.jpgX.exe", b"")).replace(b"jpgX", b"jpg\0"), ""),
    "zip bomb": (".zip", zipped(*((f"{i}.bmp", ZEROS) for i in range(3))), "1,048,576 bytes"),
    "tar bomb": (".tar.gz", tgz(*((f"{i}.bmp", ZEROS) for i in range(3))), "bomb"),
    "zeros behind": (".tar.gz", gzip.compress(tar([GOOD]) + 3 * ZEROS), "bomb"),
    "overlapping zip": (".zip", central(OVERLAPPING, 42, 0), ""),
    "zip that lies": (".zip", central(PLAIN, 24, 100), ""),
    "encrypted zip": (".zip", central(PLAIN, 8, 1, 2), "encrypted"),
    "lzma": (".zip", zipped(GOOD, compression=zipfile.ZIP_LZMA), "unknown way"),
    "negative size": (".tar.gz", with_size(b"\xff" * 11 + b"\0"), ""),
    "enormous size": (".tar.gz", with_size(b"\x80" + b"\x7f" * 11), ""),
    "beyond the end": (".tar.gz", with_size(b"00000004000\0"), ""),
    "name of 8 GB": (".tar.gz", with_size(b"77777777777\0", b"L"), ""),
    "two in one": (".tar.gz", gzip.compress(tar([GOOD]) + tar([GOOD])), "after its end"),
    "cut tar": (".tar.gz", tgz(GOOD)[:-9], ""),
    "damaged tar": (".tar.gz", tgz(GOOD)[:-6] + b"xxxxxx", ""),
    "cut zip": (".zip", PLAIN[:-9], ""),
    "damaged zip": (".zip", PLAIN[:40] + b"xxxx" + PLAIN[44:], ""),
    "html": (".tar.gz", b"<html>log in to this network</html>", ""),
    "nothing": (".zip", b"", ""),
    "bzip2": (".tar.gz", bz2.compress(tar([GOOD])), ""),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", REFUSED)
def test_archives_that_are_refused_whole(tmp_path, case):
    suffix, data, words = REFUSED[case]
    place = tmp_path / "outside" / "cache"
    place.mkdir(parents=True)
    archive = place / f"archive{suffix}"
    archive.write_bytes(data)
    before = snapshot(tmp_path)
    error = refused(unpack, archive, place / "new")
    assert error.where == str(archive) and words in error.what
    shutil.rmtree(place / "new", ignore_errors=True)
    assert snapshot(tmp_path) == before, "written outside"


@pytest.mark.parametrize("archive", [zipped, tgz])
@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_BYTES", "disk"])
def test_limits_of_count_bytes_and_disk(tmp_path, monkeypatch, archive, limit):
    path = tmp_path / ("a.zip" if archive is zipped else "a.tar.gz")
    path.write_bytes(archive(*((f"{i}", os.urandom(100)) for i in range(11))))
    if limit == "disk":
        monkeypatch.setattr(
            unpack_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000)
        )
    else:
        monkeypatch.setattr(unpack_module, limit, {"MAX_FILES": 10, "MAX_BYTES": 1000}[limit])
    assert "too much" in refused(unpack, path, tmp_path / "new").what
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("archive", [zipped, tgz])
def test_what_is_fine_is_unpacked_exactly(tmp_path, archive):
    path = tmp_path / ("a.zip" if archive is zipped else "a.tar.gz")
    wanted = {
        "set/train/1.jpg": b"one" * 500,
        "set/train/two words 😀.jpg": bytes(range(256)) * 40,
        "set/" + "deep/" * 25 + "file": b"",
        "set/inner.zip": b"PK\x03\x04 an archive inside is a file like any other",
    }
    path.write_bytes(archive(*wanted.items()))
    unpack(path, tmp_path / "new")
    assert tree(tmp_path / "new") == wanted


def test_usual_oddities_of_a_tar_are_fine(tmp_path):
    """As tar -C, macOS and git write them; bits of a mode that give rights away do not count."""
    folder = odd(tarfile.DIRTYPE, name="./a")
    run = tarfile.TarInfo("./a/caf\udce9.jpg")
    run.mode = 0o6777
    members = (odd(tarfile.DIRTYPE, name="./"), folder, folder, (run, b"x"))
    path = tmp_path / "a.tar.gz"
    path.write_bytes(tgz(*members, pax_headers={"comment": "0123456789abcdef"}))
    unpack(path, tmp_path / "new")
    assert os.listdir(os.fsencode(tmp_path / "new" / "a")) == [b"caf\xe9.jpg"]
    (file,) = (tmp_path / "new" / "a").iterdir()
    assert file.stat().st_mode & 0o6022 == 0


# --- the server

MAPS, HORSES = "/pix2pix/datasets/maps.tar.gz", "/cyclegan/datasets/horse2zebra.zip"


def picture(value, width=16):
    return encoded(noise(width, 8, value), "JPEG")


def paired(name, **counts):
    """As the owners pack it: NAME.tar.gz with NAME/train/1.jpg ..., A left and B right."""
    members = [odd(tarfile.DIRTYPE, name=name)]
    for number, (split, count) in enumerate(counts.items()):
        for i in range(1, count + 1):
            members.append((f"{name}/{split}/{i}.jpg", picture(1000 * number + i)))
    return tgz(*members)


def unpaired(top):
    """A zip with TOP/trainA/n0238_0.jpg ..., TOP/trainB, TOP/testA, TOP/testB."""
    members = []
    for part, count in (("trainA", 12), ("trainB", 11), ("testA", 3), ("testB", 2)):
        members += [(f"{top}{part}/", b""), (f"__MACOSX/{part}/._0.jpg", b"what macOS adds")]
        members += [(f"{top}{part}/n0238_{i}.jpg", picture(i, 8)) for i in range(count)]
    return zipped(*members)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``server.files``; each request takes the next of ``faults``."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, self.close_connection = self.server, True
        server.log.append(self.path)
        fault = server.faults.pop(0) if server.faults else None
        if fault == "drop":
            return
        data = server.files.get(self.path)
        if data is None or fault == "503":
            return self.send_error(503 if fault else 404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        if fault == "hold":  # half of it, then nothing until the test says so
            server.reached.set()
            server.go_on.wait(60)
        if fault != "cut":
            self.wfile.write(data[len(data) // 2 :])


@pytest.fixture
def server(tmp_path, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.log, server.faults = True, [], []
        server.reached, server.go_on = threading.Event(), threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.files = {
            MAPS: paired("maps", train=20, val=5),
            "/pix2pix/datasets/facades.tar.gz": paired("facades", train=8, val=3, test=4),
            HORSES: unpaired("horse2zebra/"),
            "/cyclegan/datasets/maps.zip": unpaired(""),
        }
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("COURSE_MIRROR", server.url)
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
        yield server
        server.go_on.set()
        server.shutdown()


def test_paired_sets(server, tmp_path):
    """What papers report on, val if there is no test, becomes test; choices are made on train."""
    sizes = {split: len(open_download("facades", split, 8)) for split in ("train", "val", "test")}
    assert sizes == {"train": 8, "val": 3, "test": 4} and len(server.log) == 1
    parts = {split: open_dataset("download:maps", split, 8) for split in ("train", "val", "test")}
    assert len(parts["test"]) == 5 and len(parts["train"]) + len(parts["val"]) == 20
    assert "In place of val/" in parts["val"].card
    cache = tmp_path / "data" / "pix2pix"
    assert (cache / "maps" / "test" / "1.jpg").read_bytes() == picture(1001)
    digest = hashlib.sha256(server.files[MAPS]).hexdigest()
    assert (cache / "maps.tar.gz.sha256").read_text() == f"{digest}  maps.tar.gz\n"
    left = {path.name for path in cache.iterdir() if path.name[0] == "." and path.suffix != ".lock"}
    assert not left and len(server.log) == 2


def test_unpaired_sets_and_a_second_time_without_a_network(server, tmp_path, monkeypatch):
    train = open_dataset("download:horse2zebra", "train", 8)
    assert not train.paired and 0 < len(train.x) < 12
    assert len(open_download("maps:unpaired", "test", 8)) == 3  # no top folder, a place of its own
    parts = sorted(os.listdir(tmp_path / "data/cyclegan/maps"))
    assert parts == ["testA", "testB", "trainA", "trainB"]
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    assert len(open_dataset("download:horse2zebra", "test", 8)) == 3 and len(server.log) == 2


def test_a_dropped_connection_is_tried_again(server):
    server.faults = ["cut", "drop", "503"]
    assert fetch("maps").is_dir() and len(server.log) == 4


@pytest.mark.parametrize("fault", ["cut", "drop", "503", "404", "no network", "nonsense"])
def test_no_answer_ends_in_instructions_that_work(server, tmp_path, monkeypatch, fault):
    archive = tmp_path / "data" / "pix2pix" / "maps.tar.gz"
    data = server.files[MAPS]
    server.faults = [fault] * 9
    if fault == "404":
        del server.files[MAPS]
    if fault in ("no network", "nonsense"):
        monkeypatch.setenv("COURSE_MIRROR", fault.replace("no network", "http://127.0.0.1:9"))
    error = refused(fetch, "maps")
    assert "cannot download maps" in error.what and "246 MB" in error.what
    assert error.where.endswith(MAPS) and f"fetch {error.where}" in error.fix
    assert f"put it at {archive}," in error.fix
    assert tree(tmp_path) == {}
    archive.write_bytes(data)
    assert len(open_dataset("download:maps", "test", 8)) == 5


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("record", ["0" * 64 + "  maps.tar.gz\n", "nonsense", "\xff" * 9])
def test_wrong_hash(server, tmp_path, record, by_hand):
    archive = tmp_path / "data" / "pix2pix" / "maps.tar.gz"
    archive.parent.mkdir(parents=True)
    archive.with_name("maps.tar.gz.sha256").write_text(record, encoding="latin-1")
    if by_hand:
        archive.write_bytes(server.files[MAPS])
    before = snapshot(tmp_path)
    what = refused(fetch, "maps").what
    assert "wrong SHA-256: expected" in what
    assert hashlib.sha256(server.files[MAPS]).hexdigest() in what
    assert snapshot(tmp_path) == before  # what was downloaded is gone, the record is not


def test_a_refused_download_leaves_nothing(server, tmp_path):
    server.files[MAPS] = paired("other", pictures=3)
    assert "no train/" in refused(fetch, "maps").what
    server.files[HORSES] = server.files[HORSES][:-50]
    assert "archive refused" in refused(fetch, "horse2zebra").what
    assert tree(tmp_path) == {}


def test_sets_that_are_not_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    assert "gtFine_trainvaltest.zip" in refused(open_dataset, "download:cityscapes", "train").fix
    for name in ("nope", "", "../maps", "maps:paired", "/etc/passwd"):
        assert "choose from facades" in refused(fetch, name).fix
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("cache", ["file", "/proc/nowhere"])
def test_cache_that_cannot_be_written(server, tmp_path, monkeypatch, cache):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / cache))
    assert "COURSE_DATA" in refused(fetch, "maps").fix


def test_two_at_once_download_once(server):
    server.faults, folders = ["hold"], []
    threads = [threading.Thread(target=lambda: folders.append(fetch("maps"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert server.reached.wait(60)
    server.go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(folders) == 3 and len(set(folders)) == 1 and len(server.log) == 1


@pytest.mark.slow
def test_a_killed_download_does_no_harm(server, tmp_path):
    server.faults = ["hold"]
    command = [sys.executable, "-c", "from course_lib.data.download import fetch; fetch('maps')"]
    child = subprocess.Popen(command)
    try:
        assert server.reached.wait(60)
    finally:
        child.kill()
        child.wait()
    cache = tmp_path / "data" / "pix2pix"
    assert not (cache / "maps").exists() and (cache / ".maps.tar.gz.part").exists()
    assert len(list((fetch("maps") / "train").iterdir())) == 20
    assert not (cache / ".maps.tar.gz.part").exists()
