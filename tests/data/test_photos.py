"""The shipped photographs: whose they are, splits that share none, and what the tasks leave."""

import pickle
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.data import DATA_SETS, open_dataset, paintings, photos
from course_lib.data.images import to_image
from course_lib.data.photos import TASKS, entries
from tests import ROOT
from tests.support.processes import python

SPLITS = {"train": 231, "val": 9, "test": 24}
LANDSCAPES = {"train": 147, "val": 20, "test": 30}
# which stored pictures, tables and weights are of, and how many there were in all at first
FIRST = {"train": (45, 64), "val": (5, 9), "test": (10, 24)}
OPEN = {"public-domain", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}  # credit is enough
FREE = OPEN | {"GPL-2.0-or-later", "LGPL-3.0-only"}


SHIPPED = {  # who made a picture, its shorter side at least, and bytes of all at most
    photos: (("author", "licence"), 360, 8_000_000),
    paintings: (("artist", "year"), 351, 3_000_000),
}


@pytest.mark.parametrize("data", SHIPPED)
def test_every_picture_is_listed_with_its_makers_and_its_licence_has_a_text(data):
    makers, side, most = SHIPPED[data]
    name = data.__name__.rpartition(".")[2]
    listed = (ROOT / "LICENSES" / f"{name}.md").read_text(encoding="utf-8")
    files = {path.name: path.read_bytes() for path in data.FILES.glob("*.webp")}
    for path in data.FILES.glob("*.zip"):
        with ZipFile(path) as archive:
            files |= {name: archive.read(name) for name in archive.namelist()}
    assert sorted(Path(file).stem for file in files) == sorted(e["name"] for e in data.entries())
    assert len({sha256(content).digest() for content in files.values()}) == len(files)
    assert sum(path.stat().st_size for path in data.FILES.iterdir()) < most
    decode = photos.photograph if data is photos else paintings.painting
    for entry in data.entries():
        row = next(line for line in listed.splitlines() if line.startswith(f"| {entry['name']}."))
        told = [entry[key] for key in ("title", *makers, "package", "version", "path")]
        assert all(told) and all(word in row for word in told), row
        licence = entry.get("licence", "public-domain")
        assert licence in (OPEN if entry["split"] == "test" else FREE)
        text = ROOT / "LICENSES" / f"{licence}.txt"
        assert licence == "public-domain" or text.stat().st_size > 1000
        assert min(decode(entry["name"]).size) >= side
    assert data is photos or all(word in listed for word in ("WebMuseum", "GPL"))


@pytest.mark.parametrize(("task", "counts"), [("colour", SPLITS), ("flat", LANDSCAPES)])
def test_no_photograph_and_no_part_of_one_is_in_two_splits(monkeypatch, task, counts):
    """Every item is cut out of a photograph of its own split, and no file is there twice."""
    assert len({entry["name"] for entry in entries()}) == len(entries()) == 314
    cut, decode, seen = [], photos.photograph, {}
    monkeypatch.setattr(photos, "photograph", lambda name: cut.append(name) or decode(name))
    for split, count in counts.items():
        data = photos.Photos(split, 16, f"photos:{task}")
        cut.clear()
        items = [data[i]["name"] for i in range(len(data))]
        assert [entries()[group]["name"] for group in data.groups] == cut
        assert items == data.names and len(set(items)) == len(items)
        assert {entries()[group]["split"] for group in data.groups} == {split}
        assert len(set(cut[:count])) == len(set(cut)) == count  # the first show one each
        seen[split] = set(cut)
    assert not any(seen[a] & seen[b] for a in seen for b in seen if a < b)


def test_without_pairs_no_photograph_is_on_both_sides(monkeypatch):
    cut, decode = [], photos.photograph
    monkeypatch.setattr(photos, "photograph", lambda name: cut.append(name) or decode(name))
    data = photos.Photos("train", 16, "photos:flat:unpaired")
    assert not data.paired and len([data[i] for i in range(len(data))]) == len(cut) / 2 == 74 * 16
    assert len({*cut[::2]}) == 74 and len({*cut[1::2]}) == 73 and len({*cut}) == 147


def test_those_that_came_first_come_first():
    """Their items have kept their numbers, which notebooks and stored tables use."""
    for split, (count, then) in FIRST.items():
        shown = [entries()[i]["name"] for i in photos.numbers(split)]
        assert shown[:count] == sorted(shown[:count])
        assert shown[count:then] == sorted(shown[count:then])
        assert photos.Photos(split, 16).groups[:count] == [
            i for i, entry in enumerate(entries()[:60]) if entry["split"] == split
        ]


def test_views_of_one_place_are_not_in_two_splits():
    """In small and in grey, mirrored or not, photographs of two splits have little in common."""
    images = [photos.photograph(entry["name"]).convert("L").resize((16, 16)) for entry in entries()]
    small = torch.tensor(np.stack(images), dtype=torch.float32).flatten(1)
    small = F.normalize(small - small.mean(1, keepdim=True))
    alike = torch.maximum(small @ small.T, small @ small.view(-1, 16, 16).flip(-1).flatten(1).T)
    parts = [entry["split"] for entry in entries()]
    apart = torch.tensor([[a != b for a in parts] for b in parts])
    assert alike[apart].max() < 0.95 and torch.allclose(
        alike.diagonal(), torch.ones(314), atol=1e-5
    )


def digest() -> str:
    """Of some items of each split."""
    numbers = sha256()
    every = (*TASKS, *paintings.TASKS)
    for name, split in ((name, split) for name in every for split in SPLITS):
        data = open_dataset(name, split, 48, seed=3)
        data.set_epoch(2)
        for i in range(0, len(data), 97 if split == "train" else 5):
            numbers.update(data[i]["x"].numpy().tobytes() + data[i]["y"].numpy().tobytes())
    return numbers.hexdigest()


def test_the_same_bytes_in_two_processes():
    done = python("from tests.data.test_photos import digest; print(digest())")
    assert done.stdout == f"{digest()}\n", done.stderr


@pytest.mark.parametrize("split", SPLITS)
def test_training_is_cut_anew_and_the_rest_is_fixed(split):
    first, other = (photos.Photos(split, 32, "photos:colour", seed) for seed in (0, 1))
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
    first = "photos:flat" if "flat" in name else "photos:colour"
    test, same = (open_dataset(each, "test", size) for each in (name, first))
    test = pickle.loads(pickle.dumps(test))  # as workers get it where processes are not forked
    assert (
        name in DATA_SETS
        and test.paired
        and test.mirrors
        and len(test) == (150 if "flat" in name else 120)
    )
    for i in (0, 13, 26, 39):
        x, y = test[i]["x"], test[i]["y"]
        assert x.shape == y.shape == (3, size, size) and max(x.abs().max(), y.abs().max()) <= 1
        assert torch.equal(y, same[i]["y"]) and not torch.equal(x, y)
        if first == "photos:flat":
            assert torch.equal(x, same[i]["x"])
            assert {color for _, color in to_image(x).getcolors()} <= {*photos.PALETTE.values()}
        elif name == "photos:colour":
            assert torch.equal(x[0], x[2]) and (y[0] - y[2]).abs().max() > 0.05
            assert (x[0] - (0.299 * y[0] + 0.587 * y[1] + 0.114 * y[2])).abs().max() < 1e-6
        elif name == "photos:sharp":
            rough = (y - x).abs().mean()
            assert rough > 1.5 * (F.avg_pool2d(y, 4) - F.avg_pool2d(x, 4)).abs().mean() > 0
