"""The shipped emoji: pairs that are pairs, domains that share no emoji, outlines as described."""

import pytest
import torch
import torch.nn.functional as F

from course_lib import CourseError
from course_lib.data import names, open_dataset
from course_lib.data.emoji import EmojiEdges, EmojiStyles, drawings, entries, outlines


@pytest.mark.slow
def test_every_named_set_opens_in_every_split():
    emoji = [name for name in names() if name.startswith("emoji:")]
    assert len(emoji) == 13
    for name in emoji:
        for split in ("train", "val", "test"):
            dataset = open_dataset(name, split, 16)
            item = dataset[len(dataset) - 1]
            assert item["x"].shape == item["y"].shape == (3, 16, 16) and item["name"]
            assert min(item["x"].min(), item["y"].min()) >= -1 and max(item["x"].max(), item["y"].max()) <= 1
            pairs = name == "emoji:edges" or name.endswith(":paired") or split != "train"
            assert "1,599" in dataset.card and dataset.paired == pairs


@pytest.mark.slow
def test_paired_styles_show_the_same_emoji_in_training():
    pairs, other = (
        open_dataset("emoji:noto-fluent:paired", "train", 16),
        open_dataset("emoji:fluent-noto:paired", "train", 16),
    )
    halves = open_dataset("emoji:noto-fluent", "train", 16)
    assert len(pairs) == len(halves.x) + len(halves.y) == len(other)
    assert torch.equal(pairs[7]["x"], other[7]["y"]) and pairs[7]["name"] == other[7]["name"]


def test_edges_are_the_outlines_of_y():
    dataset = EmojiEdges("test")
    x, y = dataset.x, dataset.y
    assert set(x.unique().tolist()) == {-1.0, 1.0} and torch.equal(x, outlines(y))
    assert 0.05 < (x[:, 0] < 0).float().mean() < 0.35  # lines, not areas
    assert (EmojiEdges("test", threshold=1.0).x < 0).sum() < (x < 0).sum()


def test_outline_by_hand():
    """A black-to-white step of height h has a Sobel magnitude of 4 h beside it."""
    image = torch.full((1, 3, 8, 8), -1.0)
    image[..., 4:] = -1 + 2 * 0.1  # luminance 0 to 0.1: magnitude 0.4
    lines = outlines(image, 0.35)[0, 0] < 0
    assert lines[:, 3:5].all() and lines.sum() == 16
    assert not (outlines(image, 0.45) < 0).any()


def test_white_was_under_the_transparency():
    """Corners are white in nearly all drawings; hidden colours would show there."""
    for style in ("noto", "twemoji", "fluent"):
        corners = drawings(style)[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].float().mean(1)
        assert (corners > 250).float().mean() > 0.93


def test_unpaired_training_never_shows_a_pair():
    train = EmojiStyles("train", ("twemoji", "fluent"), 16)
    x_rows = {i for i, e in enumerate(entries()) if e["split"] == "train_a"}
    y_rows = {i for i, e in enumerate(entries()) if e["split"] == "train_b"}
    assert not x_rows & y_rows
    assert len(train) == len(x_rows) == 640
    partners = [tuple(train[i]["y"].flatten()[:200].tolist()) for i in range(40)]
    train.set_epoch(1)
    assert partners != [tuple(train[i]["y"].flatten()[:200].tolist()) for i in range(40)]  # drawn anew
    train.set_epoch(0)
    assert partners == [tuple(train[i]["y"].flatten()[:200].tolist()) for i in range(40)]  # yet determined


def test_true_pairs_are_known_at_test():
    """The same emoji in two styles is closer than two different ones, nearly always."""
    test = EmojiStyles("test", ("noto", "fluent"), 32)
    x, y = F.avg_pool2d(test.x, 4).flatten(1), F.avg_pool2d(test.y, 4).flatten(1)
    own = (x - y).abs().mean(1)
    other = (x - y.roll(7, 0)).abs().mean(1)
    assert (own < other).float().mean() > 0.9


def test_direction_swaps_the_domains():
    a, b = open_dataset("emoji:edges", "val", 32), open_dataset("emoji:edges", "val", 32, "yx")
    assert torch.equal(a[5]["x"], b[5]["y"]) and torch.equal(a[5]["y"], b[5]["x"]) and len(a) == len(b)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("emoji:fluent-fluent", "train"), "unknown data set"),
        (("emoji:edges", "training"), "unknown split"),
        (("emoji:edges", "val", 32, "yxy"), "unknown direction"),
        (("facade", "val"), "folder"),
    ],
)
def test_wrong_names_say_what_there_is(arguments, what):
    with pytest.raises(CourseError, match=what):
        open_dataset(*arguments)
