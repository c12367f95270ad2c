"""The small frozen networks: the segmenter learns and sees what is there; all weights are what their origin says."""

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from course_lib import CourseError
from course_lib.data.facades import Facades, photographs
from course_lib.metrics.scores import confusion, fcn_score, segmentation_scores
from course_lib.networks import frozen as networks
from course_lib.networks.frozen import FILES, Segmenter, load_segmenter, segment
from course_lib.training.frozen import train_segmenter
from tools import frozen
from tools.frozen import RECIPES

ORIGINS = {
    name: json.loads((FILES / f"{recipe.file}.json").read_text("utf-8"))
    for name, recipe in RECIPES.items()
}
LOADERS = {
    "segmenter": networks.load_segmenter,
    "features": networks.load_features,
    "factors": networks.load_reader,
}
ROWS = {32: "segmenter", 64: "segmenter", 96: "segmenter-128", 128: "segmenter-128"}


def two_colours(n=32, size=16, seed=0):
    """Blobs of class 1, reddish, on class 0, bluish, with noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = F.interpolate(
        (torch.rand(n, 1, 4, 4, generator=generator) > 0.5).float(), (size, size)
    )[:, 0]
    red = (2 * labels - 1) * 0.3
    dust = 0.2 * torch.randn(n, 3, size, size, generator=generator)
    return torch.stack([red, torch.zeros_like(red), -red], 1) + dust, labels.to(torch.uint8)


def test_every_size_fits_and_the_network_is_small():
    net = Segmenter().eval()
    for height, width in [(32, 32), (64, 40), (36, 50)]:
        assert net(torch.zeros(2, 3, height, width)).shape == (2, 12, height, width)
    assert sum(p.numel() for p in net.parameters()) == ORIGINS["segmenter"]["parameters"] < 150_000
    assert Segmenter(classes=2)(torch.zeros(2, 3, 16, 16)).shape == (2, 2, 16, 16)


def test_padding_changes_nothing_where_none_is_needed():
    net, photos = load_segmenter(), photographs("val", 36, range(2))[0]
    assert torch.equal(
        net(photos), net(F.pad(photos, (0, 4, 0, 4), mode="replicate"))[..., :36, :36]
    )


def test_training_learns_is_seeded_and_leaves_the_random_state():
    photos, labels = two_colours()
    state = torch.random.get_rng_state()
    net = train_segmenter(photos, labels, steps=30, batch_size=8, classes=2)
    assert torch.equal(state, torch.random.get_rng_state()) and not net.training
    unseen, truth = two_colours(seed=1)
    assert segmentation_scores(confusion(segment(net, unseen), truth, 2))["iou"] > 0.9
    assert not any(p.requires_grad for p in net.parameters())
    runs = [
        train_segmenter(photos, labels, steps=2, batch_size=4, classes=2, seed=seed)
        for seed in (0, 0, 1)
    ]
    first, again, other = (
        torch.cat([t.flatten().float() for t in run.state_dict().values()]) for run in runs
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.slow
def test_sets_of_several_sizes_are_all_used():
    (small, labels), (large, large_labels) = two_colours(), two_colours(size=24, seed=2)
    net = train_segmenter(
        [small, large], [labels, 1 - large_labels], steps=30, batch_size=8, classes=2
    )
    # the labels contradict each other, so only a network that saw both sizes is torn
    agreed = [
        (segment(net, p) == t).float().mean() for p, t in ((small, labels), (large, large_labels))
    ]
    alone = train_segmenter(small, labels, steps=30, batch_size=8, classes=2)
    both = [
        (segment(alone, p) == t).float().mean() for p, t in ((small, labels), (large, large_labels))
    ]
    assert min(both) > 0.9 and agreed[1] < 0.8


def test_training_refuses_what_does_not_fit():
    photos, labels = two_colours(4)
    for bad in [
        (photos, labels[:3]),
        (photos, labels[:, :8]),
        (photos[:0], labels[:0]),
        ([photos], [labels, labels]),
    ]:
        with pytest.raises((ValueError, TypeError)):
            train_segmenter(*bad, steps=1)


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_weights_are_those_of_their_origin(name):
    origin, recipe = ORIGINS[name], RECIPES[name]
    blob = (FILES / f"{recipe.file}.safetensors").read_bytes()
    assert hashlib.sha256(blob).hexdigest() == origin["sha256"] and len(blob) < 400_000
    assert origin["command"] == f"python tools/frozen.py {name}"
    assert (origin["seed"], origin["steps"], origin["what"]) == (
        recipe.seed,
        recipe.steps,
        recipe.what,
    )
    assert str(recipe.sets) in origin["data"]
    kind, _, large = name.partition("-")
    net = LOADERS[kind](int(large or 64))
    assert sum(p.numel() for p in net.parameters()) == origin["parameters"] < 150_000
    assert f"{origin['parameters']:,} parameters" in type(net).__doc__
    assert not net.training and not any(p.requires_grad for p in net.parameters())
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    if name.endswith("-128"):
        assert networks.SMALL < min(recipe.sets) < max(recipe.sets) == networks.LARGEST
    project = tomllib.loads(
        (Path(networks.__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert "frozen_files/*" in project["tool"]["setuptools"]["package-data"]["course_lib.networks"]


@pytest.mark.slow
@pytest.mark.parametrize("size", ROWS)
def test_ground_truth_rows_of_every_size(size):
    for split in ("val", "test"):
        found = fcn_score(*photographs(split, size, range(RECIPES[ROWS[size]].held_out))[:2])
        assert found == pytest.approx(
            ORIGINS[ROWS[size]]["ground_truth"][split][str(size)], abs=0.01
        )
        assert found["iou"] >= {32: 0.6, 64: 0.88, 96: 0.85, 128: 0.88}[size]


@pytest.mark.slow
def test_what_is_blurred_or_wrong_scores_lower():
    photos, labels, _ = photographs("test", 64, range(24))
    sharp = fcn_score(photos, labels)
    small = F.interpolate(photos, scale_factor=0.5, mode="area")
    blurred, flat = (
        F.interpolate(small, size=64, mode="bilinear"),
        photos.mean((2, 3), keepdim=True).expand_as(photos),
    )
    for worse in (blurred, flat, photos.roll(1, 0)):  # the last: of another house
        found = fcn_score(worse, labels)
        assert found["iou"] < sharp["iou"] - 0.2 and found["pixel"] < sharp["pixel"]


def test_large_photographs_are_shrunk_to_what_it_knows():
    photos, labels, _ = photographs("val", 256, range(4))
    assert fcn_score(photos, labels)["iou"] > 0.5
    with pytest.raises((ValueError, TypeError)):
        fcn_score(photos, labels[:, :128])


def test_fresh_styles_are_another_draw_of_the_same_houses():
    photos, labels, styles = photographs("train", 32, range(3))
    fresh, same, drawn = photographs("train", 32, range(3), "a key")
    assert (
        torch.equal(labels, same)
        and (photos - fresh).abs().mean() > 0.05
        and not torch.equal(styles, drawn)
    )
    assert torch.equal(fresh, photographs("train", 32, range(3), "a key")[0])
    assert torch.equal(
        photos, torch.stack([item["y"] for item in map(Facades("train", 32).__getitem__, range(3))])
    )
    seen, there = frozen._segmenter_set(32, 3)
    assert torch.equal(there, labels) and not torch.equal(seen, fresh)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_the_command_writes_weights_and_their_origin(tmp_path, monkeypatch, name):
    sizes = list(RECIPES[name].sets)[:2]
    quick = dataclasses.replace(
        RECIPES[name], steps=3, sets=dict(zip(sizes, (8, 4), strict=True)), held_out=2
    )
    monkeypatch.setitem(RECIPES, name, quick)
    state = torch.random.get_rng_state()
    origin = frozen.build(name, tmp_path / "made")
    assert torch.equal(state, torch.random.get_rng_state())
    assert json.loads((tmp_path / f"made/{quick.file}.json").read_text()) == json.loads(
        json.dumps(origin)
    )
    blob = (tmp_path / f"made/{quick.file}.safetensors").read_bytes()
    assert hashlib.sha256(blob).hexdigest() == origin["sha256"]
    found = "ground_truth" if name.startswith("segmenter") else "measured"
    assert (
        origin.keys() == ORIGINS[name].keys()
        and origin[found].keys() >= ORIGINS[name][found].keys()
    )


def test_there_is_no_other_frozen_network(tmp_path):
    with pytest.raises(CourseError, match="choose from segmenter, features, factors"):
        frozen.build("alexnet", tmp_path)


@pytest.mark.soak
def test_a_minute_of_one_core_makes_a_useful_segmenter():
    net = train_segmenter(*frozen._segmenter_set(64, 1000), steps=250)
    photos, labels, _ = photographs("val", 64, range(50))
    assert segmentation_scores(confusion(segment(net, photos), labels))["iou"] > 0.6
