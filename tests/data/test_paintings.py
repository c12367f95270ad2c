"""The shipped paintings: whose they are, what is held out, and squares of strokes of one size."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import open_dataset, paintings
from course_lib.data.paintings import TASKS, Paintings, entries, half

COUNTS = {"van-gogh": 9, "ukiyo-e": 7}


def test_the_halves_of_a_picture_share_no_pixel_and_leave_none_out():
    for shape in ((7, 4), (4, 7), (6, 6)):
        pixels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
        parts = [
            set(np.asarray(half(Image.fromarray(pixels), second)).flat) for second in (False, True)
        ]
        assert not parts[0] & parts[1] and len(parts[0]) == len(parts[1])
        assert len(parts[0] | parts[1]) >= pixels.size - min(shape)


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_no_photograph_and_no_painting(task):
    painter = TASKS[task][0]
    works = [entry for entry in entries() if entry["painter"] == painter]
    assert len(works) == COUNTS[painter]
    (held_out,) = [entry["name"] for entry in works if entry["split"] != "train"]
    data = {split: Paintings(split, 32, task) for split in ("train", "val", "test")}
    learned = {id(picture) for picture in data["train"].paintings}
    assert learned == {id(paintings.painting(e["name"])) for e in works if e["split"] == "train"}
    for split, second in (("val", False), ("test", True)):
        (picture,) = data[split].paintings
        assert picture.tobytes() == half(paintings.painting(held_out), second).tobytes()
    groups = [set(each.groups) for each in data.values()]
    assert len(set().union(*groups)) == sum(map(len, groups)) == 264
    assert not any(each.paired for each in data.values())
    assert f"{len(works) - 1} " in data["train"].card and "LICENSES/" in data["train"].card


def test_squares_of_every_painting_keep_the_size_of_strokes(monkeypatch):
    asked, cut = [], Paintings.cut
    monkeypatch.setattr(Paintings, "cut", lambda *given: asked.append(given[1:]) or cut(*given))
    train = open_dataset("photos:ukiyo-e", "train", 48, seed=1)
    items = [train[i] for i in range(0, len(train), 8)]
    cut_from = {id(picture) for picture, *_ in asked}
    assert cut_from > {id(picture) for picture in train.paintings}  # each is learned from
    shares = torch.tensor([share for _, share, *_ in asked])
    assert 0.3 <= shares.min() < 0.32 and 0.58 < shares.max() <= 0.6
    assert max(item[key].abs().max() for item in items for key in "xy") <= 1
    assert items[0]["x"].shape == items[0]["y"].shape == (3, 48, 48)
