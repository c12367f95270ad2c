"""What a run's data look like decides how it translates, also when the data are gone."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.support.killing import write_pairs
from tests.support.pictures import photograph, saved
from tests.support.small import trained, translated


def two_folders(place, a, b):
    """Pairs of one picture each, as ``a`` and ``b`` change it."""
    for side, change in (("A", a), ("B", b)):
        saved(place / "data" / side, (change(photograph(40, 32, seed=i)) for i in range(4)))
    return place / "data"


def test_a_picture_is_translated_alike_after_the_data_were_moved(tmp_path, course):
    data = write_pairs(tmp_path / "data", count=4)
    run, wide = trained(tmp_path / "run", data), tmp_path / "wide.png"
    photograph(64, 32).save(wide)
    translate = ["translate", "--run", run, "--input", wide, "--device", "cpu", "--output"]
    status, _, said = course(*translate, tmp_path / "before.png")
    assert status == 0 and "took the left half" in said and "1 of 1 images; --whole" in said
    data.rename(tmp_path / "elsewhere")
    assert course(*translate, tmp_path / "after.png")[0] == 0
    before, after = ((tmp_path / f"{name}.png").read_bytes() for name in ("before", "after"))
    assert before == after and Image.open(tmp_path / "after.png").size == (32, 32)
    assert course(*translate, tmp_path / "whole.png", "--whole")[::2] == (0, "")
    assert Image.open(tmp_path / "whole.png").size == (64, 32)


def test_grey_to_colour_keeps_the_lines_of_the_photograph(tmp_path):
    data = two_folders(tmp_path, lambda photo: photo.convert("L"), lambda photo: photo)
    lines = np.zeros((120, 160), np.uint8)
    lines[::3] = 200
    Image.fromarray(lines).save(tmp_path / "lines.png")
    run, source = trained(tmp_path / "run", data), tmp_path / "lines.png"
    out = Image.open(translated(run, source, tmp_path / "out"))
    luminance = np.asarray(out.convert("L")).astype(int)
    assert abs(luminance - lines).mean() < 2 and np.ptp(np.asarray(out), -1).max() > 0
    run = trained(tmp_path / "run-yx", data, direction="yx")
    back = Image.open(translated(run, source, tmp_path / "back"))
    assert np.ptp(np.asarray(back), -1).max() == 0 and np.asarray(back).std() > 0


@pytest.mark.parametrize("other", ["a sketch", "grey"])
def test_grey_stays_grey_and_a_sketch_is_no_luminance(other, tmp_path):
    sketch = other == "a sketch"
    data = two_folders(
        tmp_path,
        lambda photo: photo.convert("L").point(lambda v: 255 * (v > 99) if sketch else v),
        lambda photo: photo if sketch else photo.convert("L"),
    )
    photograph(160, 120).save(tmp_path / "photo.png")
    run = trained(tmp_path / "run", data)
    out = np.asarray(Image.open(translated(run, tmp_path / "photo.png", tmp_path / "out")))
    assert (np.ptp(out, -1).max() > 0) == sketch
    blurred = abs(np.diff(np.asarray(Image.fromarray(out).convert("L")).astype(int))).mean()
    assert blurred < abs(np.diff(np.asarray(photograph(160, 120).convert("L")).astype(int))).mean()


def test_what_is_given_in_place_of_an_image_or_a_run_is_named(tmp_path, refusal):
    place = tmp_path / "photos"
    (place / "more").mkdir(parents=True)
    photograph(20, 16).save(place / "more" / "a.png")
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", place)
    shutil.make_archive(str(tmp_path / "photos"), "gztar", place)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "run.json").write_text("{")
    image, run, to = place / "more" / "a.png", "shipped:letters-many", ["--output", tmp_path / "o"]
    for given, what, fix in [
        (["--run", run, "--input", image, "--style", place], "it is a folder", "one of its images"),
        (["--run", run, "--input", image, "--style", archive], "it is an archive", "unpack it"),
        (["--run", run, "--input", archive], "it is an archive", "unpack it"),
        (["--run", run, "--input", tmp_path / "photos.tar.gz"], "it is an archive", "unpack it"),
        (["--run", run, "--input", place], "no images here", f"give {place / 'more'}"),
        (["--run", archive, "--input", image], "it is an archive", "unpack it"),
        (["--run", tmp_path / "runs", "--input", image], "No such file", "runs/mine"),
        (["--run", tmp_path / "runs" / "mine" / "run.json", "--input", image], "a file", "/mine"),
    ]:
        error, _, mend = refusal("translate", *given, *to)
        assert what in error and fix in mend, (error, mend)
    assert not (tmp_path / "o").exists()


def test_all_damaged_inputs_are_named_before_anything_is_written(tmp_path, refusal):
    (tmp_path / "in").mkdir()
    for i in range(5):
        photograph(20, 16, i).save(path := tmp_path / "in" / f"{i}.png")
        if i % 2:
            path.write_bytes(path.read_bytes()[:-200])
    inputs, to = ["--input", tmp_path / "in"], ["--output", tmp_path / "o"]
    error, where, _ = refusal("translate", "--run", "shipped:letters-many", *inputs, *to)
    assert "2 files cannot be used: 1.png, 3.png" in error and where.endswith(str(tmp_path / "in"))
    assert not (tmp_path / "o").exists()


def test_a_painter_gets_a_photograph_as_large_as_those_it_saw_squares_of(tmp_path):
    run = trained(tmp_path / "run", "photos:van-gogh", "cut", 32)
    photograph(160, 120).save(tmp_path / "photo.png")
    by_itself, told, small = (
        translated(run, tmp_path / "photo.png", tmp_path / f"{scale}.png", scale=scale)
        for scale in (None, 32 / 0.45 / 120, 32 / 120)
    )
    assert Image.open(by_itself).size == (160, 120)
    assert by_itself.read_bytes() == told.read_bytes() != small.read_bytes()
