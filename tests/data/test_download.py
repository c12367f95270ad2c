"""The papers' sets from an archive server on the loopback interface: resumed, verified, offline, killed, shared."""

import hashlib
import http.server
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest
from PIL import Image

from course_lib.data import download, open_dataset
from course_lib.data.download import fetch, open_download
from course_lib.errors import CourseError
from tests.data.test_unpack import make_zip, special, tar
from tests.data.test_unpack import tree as files
from tests.support.pictures import encoded, noise


def picture(value, width=16):
    return encoded(noise(width, 8, value), "JPEG")


def paired(name, width=16, **counts):
    """As the owners pack it: NAME.tar.gz with NAME/train/1.jpg ..., A left and B right."""
    members = [
        (special(name + part, tarfile.DIRTYPE), b"")
        for part in ("", *(f"/{split}" for split in counts))
    ]
    for number, (split, count) in enumerate(counts.items()):
        pictures = (picture(1000 * number + i, width) for i in range(1, count + 1))
        members += [(f"{name}/{split}/{i}.jpg", data) for i, data in enumerate(pictures, 1)]
    return tar(members, "gz")


def unpaired(name, a=12, b=11, top=True):
    """NAME.zip with NAME/trainA/n01_1.jpg ..., NAME/trainB, NAME/testA, NAME/testB."""
    members = []
    for number, (part, count) in enumerate(
        [("trainA", a), ("trainB", b), ("testA", 3), ("testB", 2)]
    ):
        folder = f"{name}/{part}" if top else part
        members += [
            (f"{folder}/", b""),
            (f"__MACOSX/{name}/{part}/._n0238_0.jpg", b"what macOS adds"),
        ]
        members += [(f"{folder}/n0238_{i}.jpg", picture(100 * number + i, 8)) for i in range(count)]
    return make_zip(members)


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files`` with Range; each request takes the next of ``faults``: a number cuts the body there."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults, self.log, self.version = {}, [], [], '"1"'
        self.ranges, self.delay, self.hold = True, 0.0, threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.log.append((self.path, wanted))
        assert (
            self.headers.get("Accept-Encoding") == "identity"
        )  # else a server may pack what is packed already
        time.sleep(server.delay)
        fault = server.faults.pop(0) if server.faults else None
        self.close_connection = True
        if fault == "drop":
            return
        if isinstance(fault, str) and fault.isdigit():
            return self.send_error(int(fault))
        data = server.files.get(self.path)
        if data is None:
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if self.headers.get("If-Range", server.version) != server.version:
            start = 0
        if wanted and start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            start += 7 * (fault == "shifted")
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        if server.version:
            self.send_header("ETag", server.version)
        self.end_headers()
        body = data[start:]
        if fault == 0.5:  # half of it, then nothing until the test says so
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            server.hold.wait(30)
            return
        self.wfile.write(body[: fault if isinstance(fault, int) else None])


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Server() as server:
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        server.files = {
            "/pix2pix/datasets/maps.tar.gz": paired("maps", train=20, val=5),
            "/pix2pix/datasets/facades.tar.gz": paired("facades", train=8, val=3, test=4),
            "/cyclegan/datasets/horse2zebra.zip": unpaired("horse2zebra"),
            "/cyclegan/datasets/maps.zip": unpaired("maps", top=False),
        }
        monkeypatch.setenv("COURSE_MIRROR", server.url)
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(download, "WAITS", (0, 0, 0))
        yield server
        server.hold.set()
        server.shutdown()


MAPS, HORSES = "/pix2pix/datasets/maps.tar.gz", "/cyclegan/datasets/horse2zebra.zip"


def refused(call, *arguments):
    with pytest.raises(CourseError) as caught:
        call(*arguments)
    assert "\n" not in caught.value.what + caught.value.where + caught.value.fix
    return caught.value


# --- what must work --------------------------------------------------------------------------------------------------


def test_paired_set_with_three_splits(server, tmp_path):
    sizes = {split: len(open_download("facades", split, 8)) for split in ("train", "val", "test")}
    assert sizes == {"train": 8, "val": 3, "test": 4}
    assert len(server.log) == 1
    item = open_download("facades", "test", 8)[0]
    left = Image.open(io.BytesIO(picture(2001))).crop((0, 0, 8, 8))
    assert item["name"] == "1" and item["x"].shape == item["y"].shape == (3, 8, 8)
    assert np.array_equal(
        ((item["x"] + 1) * 127.5).round().numpy().transpose(1, 2, 0), np.asarray(left)
    )


def test_val_of_the_archive_is_only_reported_on(server, tmp_path):
    """maps has train and val: what papers report on becomes test, and choices are made on a part of train."""
    parts = {split: open_dataset("download:maps", split, 8) for split in ("train", "val", "test")}
    assert (
        len(parts["test"]) == 5
        and len(parts["train"]) + len(parts["val"]) == 20
        and len(parts["val"]) > 0
    )
    folder = tmp_path / "data" / "pix2pix" / "maps"
    assert sorted(os.listdir(folder)) == ["test", "train"]
    assert (folder / "test" / "1.jpg").read_bytes() == picture(1001)
    assert "In place of val/" in parts["val"].card and parts["val"].card.startswith("download:maps")


def test_unpaired_sets(server, tmp_path):
    train, test = (
        open_dataset("download:horse2zebra", split, 8, seed=1) for split in ("train", "test")
    )
    assert not train.paired and len(test.x) == 3 and len(test.y) == 2 and len(train.x) < 12
    assert (
        len(open_download("maps:unpaired", "test", 8)) == 3
    )  # an archive without a top folder, and its own place
    assert sorted(os.listdir(tmp_path / "data/cyclegan/maps")) == [
        "testA",
        "testB",
        "trainA",
        "trainB",
    ]
    assert not (tmp_path / "data" / "pix2pix").exists()


def test_hash_is_recorded_as_sha256sum_reads_it(server, tmp_path):
    fetch("maps")
    archive = tmp_path / "data" / "pix2pix" / "maps.tar.gz"
    digest = hashlib.sha256(server.files[MAPS]).hexdigest()
    assert archive.with_name("maps.tar.gz.sha256").read_text() == f"{digest}  maps.tar.gz\n"
    left = {path.name for path in archive.parent.iterdir()}
    assert left == {".maps.lock", "maps", archive.name, archive.name + ".sha256"}


def test_second_time_needs_no_network(server, monkeypatch):
    fetch("maps")
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    assert fetch("maps").is_dir() and len(server.log) == 1


def test_archive_put_there_by_hand(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    error = refused(fetch, "maps")
    place = error.fix.split("put it at ")[1].split(",")[0]
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "wb") as file:
        file.write(server.files[MAPS])
    assert len(open_dataset("download:maps", "test", 8)) == 5 and not server.log
    assert os.path.exists(place + ".sha256")


def test_every_set_has_an_address_of_its_own():
    """No two sets may share an archive: of each family and each name in it there is one."""
    places = [(name in download.PAIRED, name.partition(":")[0]) for name in download.names()]
    assert len(set(places)) == len(places) == len(download.SOURCES) >= 17
    assert all(direction in ("xy", "yx") for _, direction, _, _ in download.SOURCES.values())


# --- dropped connections ---------------------------------------------------------------------------------------------


def test_body_cut_three_times_is_resumed_where_it_ended(server):
    data = server.files[MAPS]
    server.faults = [100, "drop", 2000]
    fetch("maps")
    assert [wanted for _, wanted in server.log] == [None, "bytes=100-", "bytes=100-", "bytes=2100-"]
    assert len(data) > 2100


def test_progress_gives_new_tries(server, monkeypatch):
    monkeypatch.setattr(download, "PROGRESS", 50)
    server.faults = [60] * 12 + ["drop"]
    fetch("maps")
    assert len(server.log) == 14 and server.log[-1][1] == "bytes=720-"


def test_server_that_ignores_range(server):
    server.ranges, server.faults = False, [1000]
    fetch("maps")
    assert [wanted for _, wanted in server.log] == [None, "bytes=1000-"]


def test_server_that_answers_with_other_bytes(server):
    server.faults = [1000, "shifted"]
    fetch("maps")
    assert [wanted for _, wanted in server.log] == [None, "bytes=1000-", None]


def test_new_version_on_the_server_is_not_glued_to_the_old(server, tmp_path):
    server.faults = [1000, *["drop"] * 3]
    assert "1,000 bytes are kept" in refused(fetch, "maps").what
    server.files[MAPS], server.version = paired("maps", train=9, val=4), '"2"'
    assert len(open_download("maps", "test", 8)) == 4
    assert (tmp_path / "data/pix2pix/maps.tar.gz").read_bytes() == server.files[MAPS]


@pytest.mark.parametrize(("complete", "partial"), [(True, [True]), (False, [True, False])])
def test_a_part_that_is_complete_is_used_and_one_longer_than_the_file_starts_again(
    server, tmp_path, complete, partial
):
    part = tmp_path / "data" / "pix2pix" / "maps.tar.gz.part"
    part.parent.mkdir(parents=True)
    data = server.files[MAPS]
    part.write_bytes(data if complete else b"x" * (len(data) + 1))
    fetch("maps")
    assert [bool(wanted) for _, wanted in server.log] == partial and not part.exists()


@pytest.mark.parametrize(
    "faults, tries, words", [(["404"], 1, "404"), (["503"] * 4, 4, "503"), (["drop"] * 4, 4, "")]
)
def test_no_answer_ends_in_instructions(server, tmp_path, faults, tries, words):
    server.faults = faults
    error = refused(fetch, "maps")
    assert len(server.log) == tries and words in error.what and "cannot download maps" in error.what
    assert error.where == server.url + MAPS
    archive = tmp_path / "data" / "pix2pix" / "maps.tar.gz"
    assert f"fetch {error.where} (246 MB)" in error.fix and f"put it at {archive}," in error.fix
    assert files(tmp_path) == {}


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:9", "nonsense", "ftp://127.0.0.1"])
def test_offline(server, tmp_path, monkeypatch, mirror):
    monkeypatch.setenv("COURSE_MIRROR", mirror)
    error = refused(fetch, "horse2zebra")
    assert error.where == f"{mirror}/cyclegan/datasets/horse2zebra.zip"
    assert (
        str(tmp_path / "data" / "cyclegan" / "horse2zebra.zip") in error.fix
        and "117 MB" in error.fix
    )
    assert files(tmp_path) == {}


def test_cut_at_the_end_of_all_tries_keeps_what_came(server, tmp_path):
    server.faults = [500, 600, 700, 800]
    error = refused(fetch, "maps")
    assert "2,600 bytes are kept" in error.what
    fetch("maps")
    assert server.log[-1][1] == "bytes=2600-"


# --- refused archives ------------------------------------------------------------------------------------------------


def test_wrong_hash(server, tmp_path):
    record = tmp_path / "data" / "pix2pix" / "maps.tar.gz.sha256"
    record.parent.mkdir(parents=True)
    record.write_text("0" * 64 + "  maps.tar.gz\n")
    before = files(tmp_path)
    error = refused(fetch, "maps")
    assert (
        "expected " + "0" * 64 in error.what
        and hashlib.sha256(server.files[MAPS]).hexdigest() in error.what
    )
    assert files(tmp_path) == before  # the partial file is gone, the record is not
    record.write_text(hashlib.sha256(server.files[MAPS]).hexdigest().upper())
    assert fetch("maps").is_dir()


@pytest.mark.parametrize("record", ["", "nonsense", "\xff" * 9])
def test_wrong_hash_of_a_file_put_there_by_hand(server, tmp_path, record):
    archive = tmp_path / "data" / "pix2pix" / "maps.tar.gz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(server.files[MAPS])
    archive.with_name("maps.tar.gz.sha256").write_text(record, encoding="latin-1")
    if record:  # an empty record records nothing
        before = files(tmp_path)
        assert "wrong SHA-256" in refused(fetch, "maps").what
        assert files(tmp_path) == before and not server.log
    else:
        assert fetch("maps").is_dir()


@pytest.mark.parametrize(
    "data", [b"<html>log in to this network</html>", b"", paired("other", pictures=3)]
)
def test_answer_that_is_not_the_set(server, tmp_path, data):
    server.files[MAPS] = data
    error = refused(fetch, "maps")
    assert "archive" in error.what
    assert files(tmp_path) == {}


def test_refused_by_hand_leaves_no_trace(server, tmp_path):
    archive = tmp_path / "data" / "cyclegan" / "horse2zebra.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(server.files[HORSES][:-50])
    assert refused(fetch, "horse2zebra").where == str(archive)
    assert sorted(p.name for p in archive.parent.rglob("*")) == [archive.name] and not server.log


def test_withdrawn_and_unknown_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    error = refused(open_dataset, "download:cityscapes", "train")
    assert "gtFine_trainvaltest.zip" in error.fix and "leftImg8bit_trainvaltest.zip" in error.fix
    for name in ("cityscapes:unpaired", "ae_photos", "mini_colorization"):
        refused(fetch, name)
    for name in ("nope", "", "../maps", "maps:paired", "/etc/passwd"):
        assert "choose from facades" in refused(fetch, name).fix
    assert not (tmp_path / "data").exists()


def test_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    assert "COURSE_DATA" in refused(fetch, "maps").fix
    monkeypatch.setenv("COURSE_DATA", "/proc/nowhere")
    assert "COURSE_DATA" in refused(fetch, "maps").fix


# --- several processes, and killed ones ------------------------------------------------------------------------------


def test_two_at_once_download_once(server):
    server.delay, folders = 0.3, []
    with pytest.warns(UserWarning, match="waiting"):
        threads = [threading.Thread(target=lambda: folders.append(fetch("maps"))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(folders) == 3 and len(set(folders)) == 1 and len(server.log) == 1


def process(name="maps"):
    code = f"from course_lib.data.download import fetch; print(fetch({name!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_kill_in_the_download_then_resume(server, tmp_path):
    part = tmp_path / "data" / "pix2pix" / "maps.tar.gz.part"
    server.files[MAPS] = paired("maps", width=1600, train=20, val=5)
    assert len(server.files[MAPS]) > 3 * download.CHUNK
    server.faults = [0.5]
    child = process()
    try:
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
    server.hold.set()
    kept = part.stat().st_size
    assert 0 < kept < len(server.files[MAPS])
    out, err = process().communicate(timeout=120)
    assert out.strip() == str(part.parent / "maps"), err
    assert [wanted for _, wanted in server.log] == [None, f"bytes={kept}-"]
    assert (part.parent / "maps.tar.gz").read_bytes() == server.files[MAPS] and not part.exists()


def test_kill_while_unpacking_leaves_no_folder_that_looks_complete(server, tmp_path):
    """What a kill leaves is a hidden folder beside; the next try sweeps it and unpacks again without the network."""
    fetch("maps")
    folder = tmp_path / "data" / "pix2pix" / "maps"
    os.rename(folder, folder.with_name(".maps.12345"))
    (folder.with_name(".maps.12345") / "train" / "1.jpg").write_bytes(b"half")
    assert fetch("maps") == folder and (folder / "train" / "1.jpg").read_bytes() == picture(1)
    assert not folder.with_name(".maps.12345").exists() and len(server.log) == 1
