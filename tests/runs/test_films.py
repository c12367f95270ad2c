"""A film is translated frame by frame: its size, its speed, one code, and on after a kill."""

import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from PIL import ExifTags, Image

from course_lib.data import films, open_dataset
from course_lib.data.files import only_run
from course_lib.data.images import to_image
from course_lib.houses.films import film
from tests.support.archives import tree
from tests.support.killing import ONE_THREAD
from tests.support.pictures import noise

MANY = ("translate", "--run", "shipped:letters-many", "--device", "cpu")
SPEED = [40, 120, 80, 200]


def letter(width, height, i):
    """The plain letter number i, which a network of letters can answer."""
    return to_image(open_dataset("letters:many", "test", 64)[i]["x"]).resize((width, height))


def written(path, sides=(40, 30), speed=SPEED, frame=noise):
    """A film whose frames differ; its path."""
    first, *others = (frame(*sides, i) for i in range(len(speed)))
    first.save(path, save_all=True, append_images=others, duration=speed, loop=0)
    return path


def shown(path):
    pictures, speed = zip(*films.frames(path), strict=True)
    return np.stack([np.asarray(picture) for picture in pictures]).astype(int), list(speed)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_a_film_becomes_a_film_of_its_size_and_speed(tmp_path, course, suffix):
    source = written(tmp_path / f"walk{suffix}", frame=letter)
    said = course(*MANY, "--input", source, "--output", tmp_path / "out", "--samples", 2)
    assert said[:2] == (0, f"wrote 2 images to {tmp_path / 'out'}\n")
    names = [f"walk_{k}{suffix}" for k in (1, 2)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for k, name in enumerate(names, 1):
        pictures, speed = shown(tmp_path / "out" / name)
        assert pictures.shape == (4, 30, 40, 3) and speed == SPEED
        # a frame is what its picture alone would become, with the same code
        letter(40, 30, 2).save(tmp_path / "alone.png")
        course(*MANY, "--input", tmp_path / "alone.png", "--output", tmp_path / "s", "--samples", 2)
        alone = np.asarray(Image.open(tmp_path / "s" / f"alone_{k}.png")).astype(int)
        of_others = np.abs(pictures - alone).mean((1, 2, 3))
        assert of_others[2] < 2 < 10 < np.delete(of_others, 2).min()
    glass = course(*MANY, "--input", source, "--output", tmp_path / "g", "--keep-alpha")
    assert "films are not transparent" in glass[2] and not (tmp_path / "g").exists()
    assert course(*MANY, "--input", source, "--output", tmp_path / "still.png")[0] == 0
    assert getattr(Image.open(tmp_path / "still.png"), "n_frames", 1) == 1  # its first frame


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_frames_that_look_alike_keep_their_time(tmp_path, suffix):
    """30 a second, and GIF tells hundredths; alike, they may be one frame that lasts longer."""
    colours = ["red", "red", "teal", "teal", "teal", "red"]
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for path, colour in zip(paths, colours, strict=True):
        Image.new("RGB", (24, 16), colour).save(path)
    (target := tmp_path / f"a{suffix}").write_bytes(
        films.to_film(target, map(Image.open, paths), [100 / 3] * 6, (24, 16))
    )
    speed = shown(target)[1]
    assert 3 <= len(speed) <= 6 and sum(speed) == 200
    blocks = [Image.new("RGB", (24, 16), colour) for colour in ("red", "teal")]
    target.write_bytes(films.to_film(target, blocks, [5, 2e7], (24, 16)))
    assert shown(target)[1] == ([20, 655_350] if suffix == ".gif" else [11, 2**24 - 1])


def test_a_film_that_was_held_upright_is_read_upright(tmp_path):
    (exif := Image.Exif())[ExifTags.Base.Orientation] = 6
    first, second = noise(40, 30), noise(40, 30, 1)
    told = {"save_all": True, "append_images": [second], "duration": [5, 50], "lossless": True}
    first.save(tmp_path / "a.webp", exif=exif, **told)
    pictures, speed = shown(tmp_path / "a.webp")
    turned = [np.asarray(one.transpose(Image.Transpose.ROTATE_270)) for one in (first, second)]
    assert (pictures == turned).all() and speed == [100, 50]  # as browsers show 5 ms


def test_killed_it_goes_on_where_it_was(tmp_path, course):
    first, *others = map(Image.fromarray, film(64, 8, seed=1).days)
    source = tmp_path / "walk.webp"
    first.save(source, save_all=True, append_images=others, duration=40, lossless=True)
    command = [
        *(sys.executable, "-m", "course_lib.cli", "translate", "--device", "cpu"),
        *("--run", "shipped:day-night", "--input", str(source), "--output"),
    ]
    quiet = {"env": ONE_THREAD, "stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}

    def made():
        return sorted((tmp_path / "out").glob(".writing-*/*_0.png"))

    process = subprocess.Popen([*command, str(tmp_path / "out")], **quiet)
    while len(made()) < 3 and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in made()}
    assert 3 <= len(kept) < 8 and not (tmp_path / "out" / "walk.webp").exists()
    process, seen = subprocess.Popen([*command, str(tmp_path / "out")], **quiet), {}
    while process.poll() is None:
        with suppress(FileNotFoundError):  # the frames go when the film is there
            seen |= {path: path.stat().st_mtime_ns for path in made()}
        time.sleep(0.01)
    assert process.returncode == 0
    assert [path for path in list(kept)[1:] if seen.get(path, kept[path]) != kept[path]] == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["walk.webp"]
    words = [*command[3:], tmp_path / "peace"]
    assert course(*words)[0] == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "peace")


def test_frames_of_another_film_or_another_code_are_not_taken(
    tmp_path, course, refusal, monkeypatch
):
    source, out = written(tmp_path / "a.webp"), tmp_path / "a[1].webp"
    source.rename(source := tmp_path / "source.webp")
    monkeypatch.setattr("course_lib.data.films.to_film", lambda *_: 1 / 0)
    for seed in (0, 1):
        with pytest.raises(ZeroDivisionError):
            course(*MANY, "--input", source, "--output", out, "--seed", seed)
    monkeypatch.undo()
    (aside,) = tmp_path.glob(".writing-*")
    with only_run(aside):  # another run makes this film
        said = refusal(*MANY, "--input", source, "--output", out, "--seed", 1)
    assert "is writing here" in said[0] and len([*aside.glob("*.png")]) == 8
    for name in (out, tmp_path / "peace.webp"):
        assert course(*MANY, "--input", source, "--output", name, "--seed", 1)[0] == 0
    assert out.read_bytes() == (tmp_path / "peace.webp").read_bytes()
    assert not [*tmp_path.glob(".writing-*")]


def test_films_that_are_refused(tmp_path, refusal, monkeypatch):
    source = written(tmp_path / "a.webp")
    (tmp_path / "cut.gif").write_bytes(written(tmp_path / "b.gif").read_bytes()[:2000])
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.mp4").write_bytes(b"no film")
    before = tree(tmp_path)
    for given, target, said in [
        (source, tmp_path / "a.tiff", "cannot write .tiff"),
        (tmp_path / "a.mp4", tmp_path / "out", "a package that is missing: av"),
    ]:
        assert said in refusal(*MANY, "--input", given, "--output", target)[0]
    assert tree(tmp_path) == before
    assert "cannot read" in refusal(*MANY, "--input", tmp_path / "cut.gif", "--output", "x")[0]


@pytest.mark.parametrize("speed", [[40] * 4, SPEED])
def test_mp4_by_the_extra(tmp_path, course, refusal, speed):
    pytest.importorskip("av", reason="the extra film is not installed")
    paths, source = [tmp_path / f"{i}.png" for i in range(len(speed))], tmp_path / "walk.mp4"
    for i, path in enumerate(paths):
        noise(64, 48, i).save(path)
    source.write_bytes(films.to_film(source, map(Image.open, paths), speed, (64, 48)))
    for target in (tmp_path / "out.mp4", tmp_path / "out.gif"):
        assert course(*MANY, "--input", source, "--output", target)[0] == 0
        pictures, found = shown(target)
        assert pictures.shape == (len(speed), 48, 64, 3) and found == speed
    content = source.read_bytes()
    middle, end = content.index(b"mdat") + 2000, content.index(b"moov")
    source.write_bytes(content[:middle] + bytes(end - middle) + content[end:])
    before = tree(tmp_path)
    said = refusal(*MANY, "--input", source, "--output", tmp_path / "x")[0]
    assert "cannot read" in said and tree(tmp_path) == before
