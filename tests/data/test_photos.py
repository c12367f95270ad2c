"""The shipped photographs: whose they are, splits that share none, and what the tasks leave."""

import pickle
from hashlib import sha256

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.data import DATA_SETS, open_dataset, paintings, photos
from course_lib.data.images import read_image
from course_lib.data.photos import TASKS, entries
from tests import ROOT
from tests.support.processes import python

SPLITS = {"train": 64, "val": 9, "test": 24}
FIRST = {"train": 45, "val": 5, "test": 10}  # which stored pictures, tables and weights are of
OPEN = {"public-domain", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}  # credit is enough
FREE = OPEN | {"GPL-2.0-or-later", "LGPL-3.0-only"}


SHIPPED = {  # who made a picture, its shorter side at least, and bytes of all at most
    photos: (("author", "licence"), 512, 6_000_000),
    paintings: (("artist", "year"), 351, 3_000_000),
}


@pytest.mark.parametrize("data", SHIPPED)
def test_every_picture_is_listed_with_its_makers_and_its_licence_has_a_text(data):
    makers, side, most = SHIPPED[data]
    name = data.__name__.rpartition(".")[2]
    listed = (ROOT / "LICENSES" / f"{name}.md").read_text(encoding="utf-8")
    files = [data.FILES / f"{entry['name']}.webp" for entry in data.entries()]
    assert {*data.FILES.iterdir()} == {data.FILES / f"{name}.json", *files}
    assert len({sha256(path.read_bytes()).digest() for path in files}) == len(files)
    assert sum(path.stat().st_size for path in data.FILES.iterdir()) < most
    for entry, path in zip(data.entries(), files, strict=True):
        row = next(line for line in listed.splitlines() if f"| {path.name} |" in line)
        told = [entry[key] for key in ("title", *makers, "package", "version", "path")]
        assert all(told) and all(word in row for word in told), row
        licence = entry.get("licence", "public-domain")
        assert licence in (OPEN if entry["split"] == "test" else FREE)
        text = ROOT / "LICENSES" / f"{licence}.txt"
        assert licence == "public-domain" or text.stat().st_size > 1000
        assert min(read_image(path).size) >= side
    assert data is photos or all(word in listed for word in ("WebMuseum", "GPL"))


def test_no_photograph_and_no_part_of_one_is_in_two_splits(monkeypatch):
    """Every item is cut out of a photograph of its own split, and no file is there twice."""
    assert len({entry["name"] for entry in entries()}) == len(entries()) == 97
    cut, decode, seen = [], photos.photograph, {}
    monkeypatch.setattr(photos, "photograph", lambda name: cut.append(name) or decode(name))
    for split, count in SPLITS.items():
        data = photos.Photos(split, 16)
        cut.clear()
        items = [data[i]["name"] for i in range(len(data))]
        assert [entries()[group]["name"] for group in data.groups] == cut
        assert items == data.names and len(set(items)) == len(items)
        assert {entries()[group]["split"] for group in data.groups} == {split}
        assert len(set(cut[:count])) == len(set(cut)) == count  # the first show one each
        seen[split] = set(cut)
    assert not any(seen[a] & seen[b] for a in seen for b in seen if a < b)


def test_those_that_came_first_come_first():
    """Their items have kept their numbers, which notebooks and stored tables use."""
    for split, count in FIRST.items():
        shown = [entry["name"] for entry in entries() if entry["split"] == split]
        assert shown[:count] == sorted(shown[:count]) and shown[count:] == sorted(shown[count:])
        assert photos.Photos(split, 16).groups[:count] == [
            i for i, entry in enumerate(entries()[:60]) if entry["split"] == split
        ]


def test_views_of_one_place_are_not_in_two_splits():
    """In small and in grey, mirrored or not, photographs of two splits have little in common."""
    images = [photos.photograph(entry["name"]).convert("L").resize((12, 12)) for entry in entries()]
    small = torch.tensor(np.stack(images), dtype=torch.float32).flatten(1)
    small = F.normalize(small - small.mean(1, keepdim=True))
    alike = torch.maximum(small @ small.T, small @ small.view(-1, 12, 12).flip(-1).flatten(1).T)
    parts = [entry["split"] for entry in entries()]
    apart = torch.tensor([[a != b for a in parts] for b in parts])
    assert alike[apart].max() < 0.95 and torch.allclose(alike.diagonal(), torch.ones(97), atol=1e-5)


def digest() -> str:
    """Of some items of each split."""
    numbers = sha256()
    every = (*TASKS, *paintings.TASKS)
    for name, split in ((name, split) for name in every for split in SPLITS):
        data = open_dataset(name, split, 48, seed=3)
        data.set_epoch(2)
        for i in range(0, len(data), 31 if split == "train" else 3):
            numbers.update(data[i]["x"].numpy().tobytes() + data[i]["y"].numpy().tobytes())
    return numbers.hexdigest()


def test_the_same_bytes_in_two_processes():
    done = python("from tests.data.test_photos import digest; print(digest())")
    assert done.stdout == f"{digest()}\n", done.stderr


@pytest.mark.parametrize("split", SPLITS)
def test_training_is_cut_anew_and_the_rest_is_fixed(split):
    first, other = (photos.Photos(split, 32, "photos:fill", seed) for seed in (0, 1))
    last = len(first) - 1
    before = first[last]
    assert torch.equal(first[last]["x"], before["x"])
    first.set_epoch(1)
    for data in (first, other):
        assert torch.equal(data[last]["y"], before["y"]) == (split != "train")
        assert torch.equal(data[last]["x"], before["x"]) == (split != "train")


@pytest.mark.parametrize("size", [32, 128, 256])
@pytest.mark.parametrize("name", TASKS)
def test_what_is_left_of_the_photograph(name, size):
    test, colour = (open_dataset(each, "test", size) for each in (name, "photos:colour"))
    test = pickle.loads(pickle.dumps(test))  # as workers get it where processes are not forked
    assert name in DATA_SETS and test.paired and test.mirrors and len(test) == 120
    holes = set()
    for i in (0, 13, 26, 39):
        x, y = test[i]["x"], test[i]["y"]
        assert x.shape == y.shape == (3, size, size) and max(x.abs().max(), y.abs().max()) <= 1
        assert torch.equal(y, colour[i]["y"]) and not torch.equal(x, y)
        if name == "photos:colour":
            assert torch.equal(x[0], x[2]) and (y[0] - y[2]).abs().max() > 0.05
            assert (x[0] - (0.299 * y[0] + 0.587 * y[1] + 0.114 * y[2])).abs().max() < 1e-6
        elif name == "photos:sharp":
            rough = (y - x).abs().mean()
            assert rough > 1.5 * (F.avg_pool2d(y, 4) - F.avg_pool2d(x, 4)).abs().mean() > 0
        elif name == "photos:fill":
            down, across = ((x == 0).all(0) & (y != 0).any(0)).nonzero().T.tolist()
            top, left, side = min(down), min(across), round(size / 3)
            hole = torch.zeros(size, size, dtype=torch.bool)
            hole[top : top + side, left : left + side] = True
            assert (x[:, hole] == 0).all() and torch.equal(x[:, ~hole], y[:, ~hole])
            holes.add((top, left))
    assert len(holes) == (4 if name == "photos:fill" else 0)
