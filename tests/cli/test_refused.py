"""Bad input of every kind through the ``course`` command: status 2, three lines, no traceback,
nothing changed on disk.

One of each kind, as a user meets it. All that can be wrong with an image, a folder or an archive is
tried where it is read, in ``tests/data``.
"""

import shutil

import pytest

from tests.support import small
from tests.support.archives import make_zip, snapshot
from tests.support.killing import write_pairs
from tests.support.pictures import encoded, noise, png, saved
from tests.support.processes import course

LONG = "x" * 300
PNG, WIDE = encoded(noise(), "PNG"), encoded(noise(64, 16), "PNG")


def untouched(data):
    pass


def image(content):
    """A folder in which one of the images for training has this content."""
    return lambda data: (data / "train" / "0.png").write_bytes(content)


def link_to_itself(data):
    shutil.rmtree(data)
    data.symlink_to(data.name)


def archive(content, record=None):
    """An archive where a download would be."""

    def make(data):
        folder = data.parent / "cache" / "pix2pix"
        folder.mkdir(parents=True)
        (folder / "maps.tar.gz").write_bytes(content)
        if record:
            (folder / "maps.tar.gz.sha256").write_text(record)

    return make


MAPS = {"--data": "download:maps"}
HOSTILE = make_zip(("maps/train/1.png", PNG), ("../evil", b"evil"))
TRAIN = {  # what is done to the data, the options that differ, and what the error names
    "an image cut off": (image(PNG[:-1000]), {}, "0.png"),
    "an image with a flipped bit": (image(PNG[:99] + b"\x00\x01" + PNG[101:]), {}, "0.png"),
    "a page in place of an image": (image(b"<!DOCTYPE html>404"), {}, "0.png"),
    "a bomb": (image(png(20_000, 20_000)), {}, "0.png"),
    "a folder that is a link to itself": (link_to_itself, {}, "data"),
    "no such folder": (untouched, {"--data": "nowhere"}, "nowhere"),
    "a name too long": (untouched, {"--data": LONG}, ""),
    "a path too long": (untouched, {"--data": "x/" * 3000}, ""),
    "a file as data": (untouched, {"--data": "mine.txt"}, "mine.txt"),
    "an unknown task": (untouched, {"--data": "emoji:none"}, ""),
    "a set that was withdrawn": (untouched, {"--data": "download:cityscapes"}, ""),
    "an archive that leads out": (archive(HOSTILE), MAPS, "maps.tar.gz"),
    "an archive with another hash": (archive(HOSTILE, "0" * 64), MAPS, "maps.tar.gz"),
    "no archive": (archive(b"<html>404</html>"), MAPS, "maps.tar.gz"),
    "no network": (untouched, {"--data": "download:edges2shoes"}, "127.0.0.1"),
    "an output that is a file": (untouched, {"--out": "mine.txt"}, "mine.txt"),
    "an output below a file": (untouched, {"--out": "mine.txt/out"}, "mine.txt"),
    "an output of the system": (untouched, {"--out": "/proc/out"}, "/proc"),
    "an output path too long": (untouched, {"--out": "x/" * 3000}, ""),
    "an output that is a link to itself": (untouched, {"--out": "loop"}, "loop"),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with pairs, and with something to lose."""
    for split in ("train", "val", "test"):
        saved(tmp_path / "data" / split, [noise(32, 16)])
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr("course_lib.data.download.RETRIES", 0)
    return tmp_path


def contents(folder):
    """What lies there, but for the empty folder of a download that failed."""
    return {name: entry for name, entry in snapshot(folder).items() if name.count("cache") == 0}


def training(options):
    given = {"--profile": "smoke", "--size": 16, "--steps": 1, "--data": "data", "--out": "out"}
    return ["train", "pix2pix", *(word for pair in (given | options).items() for word in pair)]


@pytest.mark.filterwarnings(r"ignore::Warning:PIL\.")  # as the course itself does
@pytest.mark.parametrize("case", TRAIN)
def test_training_is_refused(place, case, refusal):
    spoil, options, named = TRAIN[case]
    spoil(place / "data")
    before = contents(place)
    _, where, _ = refusal(*training(options))
    assert named in where and contents(place) == before


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return small.trained(folder / "out", write_pairs(folder / "data", 3))


OVER_TIME = "evaluate --run results --data emoji:edges --over-time"
GRID = (
    "method = 'pix2pix'\ndata = 'emoji:edges'\nprofile = 'smoke'\nsteps = 1\nseeds = [0]\n[rows.a]"
)


@pytest.mark.filterwarnings(r"ignore::Warning:PIL\.")
@pytest.mark.parametrize(
    ("content", "target", "named"),
    [
        *((content, "new", "0.png") for content in (PNG[:-1000], b"<html>", png(20_000, 20_000))),
        *((WIDE, target, target) for target in ("/proc", "/dev/null", "mine.txt", "mine.txt/out")),
    ],
    ids=["cut", "a page", "a bomb", "/proc", "/dev/null", "a file", "below a file"],
)
def test_translating_is_refused(trained, place, content, target, named, refusal):
    image(content)(place / "data")
    before = contents(place)
    for source in ("data/train/0.png", "data/train"):
        command = ["translate", "--run", trained, "--input", source, "--output", target]
        assert named in refusal(*command)[1] and contents(place) == before


@pytest.mark.parametrize(
    ("files", "command", "named"),
    [
        ({"run.json": '{"method": "pix2pix", "config": {}}'}, "demo results", "results"),
        ({"run.json": '{"method": "pix2pix", "config": {}}'}, "export results --onnx o", "results"),
        *(
            ({"scores.jsonl": f'{{"step": 1}}\n{{"step": 2, {row}}}'}, OVER_TIME, "scores.jsonl")
            for row in ('"score": 1', '"score": "1", "each": [1, 2], "groups": [0]')
        ),
        ({"g.toml": GRID, "g.csv": "row,seed,steps\na,0,1\n"}, "sweep results/g.toml", "g.csv"),
        ({"g.toml": GRID, "g.csv": "seed,steps\n0,1\n"}, "sweep results/g.toml", "g.csv"),
    ],
)
def test_files_that_others_wrote_and_are_not_whole_are_refused(
    place, files, command, named, refusal
):
    (place / "results").mkdir()
    for name, text in files.items():
        (place / "results" / name).write_text(text)
    error, where, _ = refusal(*command.split())
    assert named in where and "Error" not in error, error


NEVER = "train pix2pix --data openmoji:lines --out out --steps 1"


@pytest.mark.parametrize(
    ("command", "what", "fix"),
    [
        (f"{NEVER} --seed 1234567890123456789012", "seed", ""),
        (f"{NEVER} --seed -1", "seed", ""),
        (f"{NEVER} --workers -1", "workers", ""),
        ("train pix2pix --data my photos --out out", "extra argument", "quote"),
        ("translate --run r --input 1.jpg 2.jpg 3.jpg --output out", "extra", "give the folder"),
        ("translate --run r --input 1.jpg --output out --samples 0", "samples", ""),
        ("demo --port 0", "port", ""),
        ("run mine.txt --set profile=fast", "unknown profile 'fast'", "smoke"),
    ],
)
def test_options_that_cannot_be_are_refused(place, refusal, command, what, fix):
    error, _, advice = refusal(*command.split())
    assert what in error and fix in advice and not (place / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a page in place of an image", "no such folder"])
def test_a_real_process_is_refused(place, case):
    """Its streams and its status."""
    spoil, options, named = TRAIN[case]
    spoil(place / "data")
    done = course(*training(options), cwd=place)
    error, where, fix = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "") and named in where
    assert error.startswith("error: ") and fix.startswith("fix: ")
