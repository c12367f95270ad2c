"""The shipped emoji: pairs that are pairs, domains that share no emoji, outlines as described."""

import hashlib

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import Swapped, open_dataset
from course_lib.data.emoji import (
    STYLES,
    EmojiEdges,
    EmojiStyles,
    _rows,
    drawings,
    entries,
    outlines,
)
from tests.support.pictures import refused


@pytest.mark.slow
def test_paired_styles_show_the_same_emoji_in_training():
    styles = ("noto-fluent:paired", "fluent-noto:paired", "noto-fluent")
    pairs, other, halves = (open_dataset(f"emoji:{name}", "train", 16) for name in styles)
    assert len(pairs) == len(other) == 1280 and [*map(len, halves.drawings)] == [640, 517]
    assert torch.equal(pairs[7]["x"], other[7]["y"]) and pairs[7]["name"] == other[7]["name"]


# SHA-256 of the drawings, on which stored results rest.
AS_EVER = {
    "noto": "683380d0df701dd21476dc096bff8cd172f87a8cde8ee6cb189b7af217a912ca",
    "twemoji": "45d8cf9192d4f76775f452183405479331ba79411a608bd26674669070fa21b5",
    "fluent": "39b530b55efd7ea0e6553d6eab659beacf2d424de5f2f2503cfa9abe065f3a76",
}


@pytest.mark.parametrize("style", STYLES)
def test_drawings_are_what_they_were(style):
    """The pictures at 16 to 64 px are one batch of float drawings, resized, as they always were."""
    assert hashlib.sha256(drawings(style).numpy().tobytes()).hexdigest() == AS_EVER[style]
    floats = drawings(style)[EmojiEdges("val", 16).rows].float() / 127.5 - 1
    for size in (16, 48, 64):
        y = floats
        if size < 64:
            y = F.interpolate(floats, (size, size), mode="bilinear", antialias=True).clamp(-1, 1)
        dataset = EmojiEdges("val", size, style)
        for key, images in {"x": outlines(y, 0.35 * 64 / size), "y": y}.items():
            assert torch.equal(torch.stack([dataset[i][key] for i in range(len(dataset))]), images)
            assert torch.equal(getattr(dataset, key), images)


def test_what_no_teacher_would_show_is_learned_from_but_not_shown():
    train = EmojiEdges("train", 16)
    hidden = [train.names[i] for i in range(len(train)) if i not in train.presentable]
    assert "middle_finger" in hidden and "smoking" in hidden and len(hidden) == 10
    houses = Swapped(open_dataset("facades", "val", 16))
    assert Swapped(train).presentable == train.presentable and list(houses.presentable)[-1] == 199


def test_outline_by_hand():
    """A black-to-white step of height h has a Sobel magnitude of 4 h beside it."""
    image = torch.full((1, 3, 8, 8), -1.0)
    image[..., 4:] = -1 + 2 * 0.1  # luminance 0 to 0.1: magnitude 0.4
    lines = outlines(image, 0.35)[0, 0] < 0
    assert lines[:, 3:5].all() and lines.sum() == 16 and not (outlines(image, 0.45) < 0).any()


def near(ours, others, style):
    """Pairs of places (p, 2) in two lists of rows, drawn nearly alike: L1 in [-1, 1] below 0.05 at
    64 px. Means of 4 x 4 pixels, never further apart than the pixels, say where to look.
    """
    flat = drawings(style).float() / 127.5 - 1
    small = F.avg_pool2d(flat, 4).flatten(1)
    there = (torch.cdist(small[ours], small[others], p=1) < 0.05 * small.shape[1]).nonzero()
    a, b = flat[ours][there[:, 0]], flat[others][there[:, 1]]
    return there[(a - b).abs().mean((1, 2, 3)) < 0.05]


SIDES = [("train", "test"), ("train", "val"), ("val", "test"), ("train_a", "train_b")]


@pytest.mark.parametrize(("one", "other"), SIDES)
def test_no_emoji_has_a_relative_on_the_other_side(one, other):
    """Neither one of its group nor one that is drawn nearly alike, in any style."""
    ours, others = _rows(one), _rows(other)
    assert not {entries()[i]["group"] for i in ours} & {entries()[j]["group"] for j in others}
    assert not any(len(near(ours, others, style)) for style in STYLES)


def test_relatives_leave_what_is_scored_and_the_y_of_unpaired_training():
    """Paired training is whole: the 1,280 that every shipped network has seen, in their order."""
    train = EmojiEdges("train", 16)
    names = hashlib.sha256(" ".join(train.names).encode()).hexdigest()
    assert names == "a95240f9ae0e85f51c31a74d5e3e82c24db441b8906d9741facbe5869f833eef"
    assert [len(set(EmojiEdges(split, 16).groups)) for split in ("val", "test")] == [118, 117]
    apart = [i for i, entry in enumerate(entries()) if "relative" in entry]
    apart = [i for i in apart if entries()[i]["split"] in ("val", "test")]
    assert len(apart) == 84 and len(near(apart, train.rows, "twemoji")) >= 28
    x, y = EmojiStyles("train", ("twemoji", "fluent")).drawings
    assert torch.equal(x, drawings("twemoji")[_rows("train_a")])
    assert torch.equal(y, drawings("fluent")[_rows("train_b")])


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("emoji:edge", "val"), "did you mean emoji:edges? else choose from emoji:edges"),
        (("emoji:fluent-fluent", "train"), "unknown data set"),
        (("emoji:edges", "training"), "unknown split"),
        (("emoji:edges", "val", 32, "yxy"), "unknown direction"),
        (("facade", "val"), "folder"),
        (("emoji:edges", "val", 8), "8 px"),
        (("emoji:edges", "train", 128), "drawn at 64 px, and would be blurred at 128"),
        (("emoji:twemoji-fluent", "val", 65), "drawn at 64 px"),
        (("emoji:edges", "train", 5000), "5000 px"),
        (("earth:relief-aerial", "val", 0), "0 px"),
        (("photos:color", "test"), "did you mean photos:colour? else choose from emoji:edges"),
        (("photos:sharp", "test", 2000), "2000 px"),
    ],
)
def test_wrong_names_say_what_there_is(arguments, answer):
    error = refused(open_dataset, *arguments)
    assert answer in f"{error.what}; {error.fix}"
