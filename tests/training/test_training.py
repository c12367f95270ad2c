"""fit(): what it learns, shows and counts, and its batches. Its faults: test_survival.py."""

import json
import time

import pytest
import torch
from torch.utils.data import Subset

from course_lib import CourseError
from course_lib.data import Swapped, open_dataset
from course_lib.data.augment import Augment
from course_lib.data.emoji import outlines
from course_lib.methods.base import lr_factor
from course_lib.metrics import sharpness_ratio
from course_lib.training import loading
from course_lib.training.checkpoint import snapshot
from course_lib.training.fit import fit
from tests.support.killing import Toy, equal, make


@pytest.mark.parametrize(
    ("progress", "decay_from", "factor"),
    [(0, 0.5, 1), (0.5, 0.5, 1), (0.75, 0.5, 0.5), (1, 0.5, 0), (1, 1, 1), (0.5, 0, 0.5)],
)
def test_schedule(progress, decay_from, factor):
    assert lr_factor(progress, decay_from) == factor


@pytest.mark.parametrize(
    ("flip", "sided", "mirrored"), [("auto", 0, 1), ("auto", 1, 0), ("on", 1, 1), ("off", 0, 0)]
)
def test_images_with_a_left_and_a_right_are_not_mirrored_unless_asked(flip, sided, mirrored):
    data = Toy(8)
    data.mirrors = not sided
    batches = loading.batches(data, make(jitter="none", flip=flip))
    seen = torch.cat([next(batches)["x"] for _ in range(8)])
    known = {tuple(x.flatten().tolist()) for x in data.x}
    assert any(tuple(x.flatten().tolist()) not in known for x in seen) == mirrored


def test_a_data_set_without_items_is_refused():
    with pytest.raises(CourseError, match="no items to train on"):
        fit(make(), Toy(0), steps=1, progress=False)


@pytest.mark.slow
def test_fit_learns_and_reports(tmp_path):
    method = make(lambda_gan=0.0, lr=2e-3)
    result = fit(method, Toy(), steps=60, val=Toy(6), out=tmp_path, previews=3, progress=False)
    values = [row["g_l1"] for row in result.history]
    assert result.steps == 60 and result.stopped == "finished" and values[-1] < 0.8 * values[0]
    stored = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert stored == result.history and [row["step"] for row in stored] == list(range(1, 61))
    assert sum("val_l1" in row for row in stored) == 3
    assert len(list((tmp_path / "previews").glob("*.png"))) == 4  # the untrained output too
    assert not (tmp_path / ".pid").exists()


def test_previews_do_not_change_training():
    a, b = make(dropout=0.5), make(dropout=0.5)
    fit(a, Toy(), steps=6, val=Toy(5), previews=6, progress=False)
    fit(b, Toy(), steps=6, progress=False)
    assert equal(snapshot(a), snapshot(b))


def test_every_epoch_sees_every_item_once():
    method, data, seen, epochs_told = make(batch_size=5), Toy(15), [], []
    method.step = lambda batch: seen.append(batch["name"]) or {"g_l1": 1.0}
    data.set_epoch = epochs_told.append
    fit(method, data, steps=6, progress=False)
    assert epochs_told == [0, 1, 2]  # once each; of the third a batch is read ahead
    epochs = [sorted(name for names in seen[i : i + 3] for name in names) for i in (0, 3)]
    assert epochs == [sorted(f"picture {i}" for i in range(15))] * 2 and seen[:3] != seen[3:]


@pytest.mark.parametrize(
    "arguments", [{}, {"steps": 1, "minutes": 1.0}, {"steps": -1}, {"minutes": 0.0}]
)
def test_length_must_be_said_once(arguments):
    with pytest.raises(CourseError):
        fit(make(), Toy(), progress=False, **arguments)


@pytest.mark.slow
def test_minutes_are_wall_clock_and_decay_follows_them():
    method = make()
    start = time.monotonic()
    result = fit(method, Toy(), minutes=0.02, progress=False)
    assert 1.1 < time.monotonic() - start < 10 and result.seconds == pytest.approx(1.2, abs=1)
    assert method.opt_G.param_groups[0]["lr"] < 0.5 * method.config.lr


@pytest.mark.parametrize("kind", ["resize", "affine", "none"])
def test_augmentation_keeps_pairs_and_shape(kind):
    for i in range(12):
        item = Augment(Toy(), seed=i, kind=kind)[i]
        assert item["x"].shape == (3, 16, 16) and item["x"].abs().max() <= 1
        assert torch.allclose(item["x"], -item["y"], atol=1e-6)
    own = Subset([Toy()[0] | {"place": None}], [0])
    assert Augment(own, kind=kind)[0]["place"] is None
    unchanged = [
        torch.equal(Augment(Toy(), seed=i, kind=kind, flip=False)[i]["x"], Toy()[i]["x"])
        for i in range(12)
    ]
    assert all(unchanged) if kind == "none" else not any(unchanged)


@pytest.mark.parametrize("name", ["facades", "facades:day-night", "emoji:twemoji-fluent"])
def test_images_are_loaded_larger_and_then_cropped(name):
    """A crop of an image loaded larger is as sharp as the image; one enlarged afterwards is not."""
    data = Swapped(open_dataset(name, "train", 32))
    items = [data[i] for i in range(24)]
    photographs = torch.stack([item["x"] for item in items])
    kept = []
    for size in (None, 32):
        batch = Augment(data, kind="resize", flip=False, size=size).batch(list(range(24)))
        assert batch["x"].shape == batch["y"].shape == (24, 3, 32, 32)
        kept.append(sharpness_ratio(batch["x"], photographs))
    assert kept[0] < 0.95 <= kept[1] < 1.15
    assert torch.equal(data[3]["x"], items[3]["x"])  # the data set itself stays as it was


def test_outlines_are_redrawn_after_augmentation():
    """Outlines of the changed picture, not a changed picture of outlines: crisp, both ways."""
    for direction, x, y in (("xy", "x", "y"), ("yx", "y", "x")):
        item = Augment(open_dataset("emoji:edges", "val", 32, direction), kind="affine")[3]
        assert set(item[x].unique().tolist()) == {-1.0, 1.0}
        assert torch.equal(item[x], outlines(item[y][None], 0.7)[0])
