"""One photograph is a data set: the picture, its flat colours, and warps of both."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import runs
from course_lib.data import open_dataset
from course_lib.errors import CourseError
from tests.data.test_contract import check
from tests.support.pictures import photograph
from tests.support.small import trained, translated


@pytest.fixture
def photo(tmp_path):
    photograph(96, 96).save(path := tmp_path / "my cat.png")
    return path


def test_one_photograph_keeps_the_promises_of_data_sets(photo):
    check(lambda split, size, direction: open_dataset(str(photo), split, size, direction))


def test_x_has_the_eight_colours_of_the_palette_and_is_warped_as_y(photo):
    data = open_dataset(str(photo), "test", 64)
    colours = {tuple(colour) for colour in data.palette}
    assert len(colours) == len(data.palette) == 8
    for i in range(len(data)):
        item = data[i]
        pixels = ((item["x"] + 1) * 127.5).round().int().flatten(1).T.tolist()
        assert {tuple(pixel) for pixel in pixels} <= colours
        assert (item["x"] - item["y"]).abs().mean() < 0.2  # of two that are apart it is 0.5
    # held-out warps are stronger
    middle = torch.stack([data.warp(i)[0, 32, 32] for i in range(16)]).abs().mean()
    train = open_dataset(str(photo), "train", 64)
    assert middle > torch.stack([train.warp(i)[0, 32, 32] for i in range(64)]).abs().mean()


PHOTO = photograph(96, 96)
GLASS = Image.merge("RGBA", (*PHOTO.split(), Image.linear_gradient("L").resize(PHOTO.size)))
FEW = Image.fromarray(np.asarray(PHOTO) // 128 * 200 * np.uint8([1, 1, 0]))
MOVES = {"save_all": True, "append_images": [photograph(96, 96, 1)]}


@pytest.mark.parametrize(
    ("image", "name", "how", "told"),
    [
        (PHOTO, "a.gif", MOVES, "first frame"),
        (GLASS, "a.png", {}, "white stands there"),
        (FEW, "a.png", {}, "only 3 colours"),
    ],
)
def test_what_is_odd_about_a_photograph_is_said(tmp_path, image, name, how, told, notes):
    image.save(path := tmp_path / name, **how)
    assert len(open_dataset(str(path), "val", 64)) == 8
    assert told in " ".join(notes())


@pytest.mark.parametrize(
    "case, told",
    [
        (photograph(63, 63), "63 x 63 px"),
        (Image.new("RGB", (90, 90), "teal"), "of one colour"),
        (photograph(96, 96).point(lambda value: 120 + value // 32), "of one colour"),
        (Image.new("1", (10_000, 10_000)), "too large"),
    ],
    ids=["small", "flat", "faint", "100 megapixels"],
)
def test_photographs_that_are_refused(tmp_path, case, told):
    case.save(path := tmp_path / "a.png")
    with pytest.raises(CourseError, match=told):
        open_dataset(str(path), "train", 64)


def test_a_painted_png_is_brought_to_the_colours_of_the_training(photo, tmp_path):
    """Colours that are a little off, as after a JPEG, make no other picture."""
    run = trained(tmp_path / "run", photo, size=32)
    palette = runs.read_settings(run)["look"]["palette"]
    painted = np.repeat(np.uint8(palette), 12, axis=0)[None].repeat(96, axis=0)
    made = []
    for name, by in (("a", 0), ("b", 2)):
        off = np.clip(painted.astype(int) + by, 0, 255).astype(np.uint8)
        Image.fromarray(off).save(tmp_path / f"{name}.png")
        path = translated(run, tmp_path / f"{name}.png", tmp_path / "out")
        made.append(path.read_bytes())
    assert made[0] == made[1]
