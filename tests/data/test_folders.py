"""Folders of one's own images: layouts, held-out shares, pairs that stay pairs, and what is refused."""

import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import folders
from course_lib.data.augment import Augment
from course_lib.data.folders import PairedFolder, UnpairedFolder, open_folder
from tests.support.pictures import noise, refused

SPLITS = ("train", "val", "test")


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def side_by_side(a, b):
    return Image.fromarray(np.concatenate([np.asarray(a), np.asarray(b)], axis=1))


def colour(value, size=(8, 8)):
    return Image.new("RGB", size, value if isinstance(value, tuple) else (value,) * 3)


def level(tensor):
    """The grey level, 0..255, of a plain image."""
    assert tensor.shape[0] == 3 and tensor.min() == tensor.max()
    return round((float(tensor[0, 0, 0]) + 1) * 127.5)


def names(folder, **options):
    return {
        split: [item["name"] for item in open_folder(folder, split, 8, **options)]
        for split in SPLITS
    }


# --- layouts ---------------------------------------------------------------------------------------------------------


def test_side_by_side_splits(tmp_path):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for i in range(count):
            save(tmp_path / split / f"{i}.png", side_by_side(colour(10 + i), colour(200 + i)))
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        dataset = open_folder(tmp_path, split, 16)
        assert isinstance(dataset, PairedFolder) and dataset.paired and len(dataset) == count
        for i, item in enumerate(dataset):
            assert item.keys() == {"x", "y", "name"} and item["name"] == str(i)
            assert (
                item["x"].shape == item["y"].shape == (3, 16, 16)
                and item["x"].dtype == torch.float32
            )
            assert (level(item["x"]), level(item["y"])) == (10 + i, 200 + i)
    assert "4 train, 2 val, 3 test" in dataset.card and "held out" not in dataset.card
    assert str(tmp_path) in dataset.card and "\n" not in dataset.card


@pytest.mark.parametrize(
    "given",
    [{"train"}, {"train", "test"}, {"train", "val"}],
    ids=lambda given: " and ".join(sorted(given)),
)
@pytest.mark.slow
def test_missing_splits_are_held_out_of_train(tmp_path, given):
    for split in given:
        for i in range(100):
            save(tmp_path / split / f"{split}{i}.png", colour(i, (4, 2)))
    got = names(tmp_path)
    assert sum(len(got[split]) for split in SPLITS) == 100 * len(given)
    for split in set(SPLITS) - given:
        assert 3 <= len(got[split]) <= 20 and all(name.startswith("train") for name in got[split])
        assert not set(got[split]) & set(got["train"])
        assert f"{split}/" in PairedFolder(tmp_path, "train", 4).card.split("In place of")[1]
    for split in given - {"train"}:
        assert len(got[split]) == 100 and all(name.startswith(split) for name in got[split])


@pytest.mark.slow
def test_images_directly_in_the_folder_are_divided_80_10_10(tmp_path):
    for i in range(200):
        save(tmp_path / f"{i:03}.png", colour(i % 256, (2, 2)))
    before = names(tmp_path)
    sets = [set(before[split]) for split in SPLITS]
    assert len(set.union(*sets)) == 200 == sum(map(len, sets))  # disjoint, nothing lost
    assert 10 <= len(before["val"]) <= 32 and 10 <= len(before["test"]) <= 32
    assert all(before[split] == sorted(before[split]) for split in SPLITS)
    assert before == names(tmp_path)
    colour(1, (2, 2)).save(tmp_path / "new.png")
    after = names(tmp_path)
    assert all(set(before[split]) == set(after[split]) - {"new"} for split in SPLITS)


def test_smallest_folders_fill_every_split(tmp_path):
    for i in range(12):
        save(tmp_path / f"{i}.png", colour(i, (2, 2)))
        if i >= 2:
            got = names(tmp_path)
            assert all(got.values()) and sum(map(len, got.values())) == i + 1


@pytest.mark.parametrize("nested", [False, True])
def test_two_folders_with_equal_names(tmp_path, nested):
    for split in SPLITS if nested else ("",):
        for i in range(40):
            save(tmp_path / "A" / split / f"{i}.png", colour(i, (5, 9)))
            save(
                tmp_path / "B" / split / f"{i}.bmp", colour(200 + i, (30, 20))
            )  # other suffix, other size
    seen = 0
    for split in SPLITS:
        dataset = open_folder(tmp_path, split, 8)
        seen += len(dataset)
        assert dataset.paired
        for item in dataset:
            i = int(item["name"])
            assert (level(item["x"]), level(item["y"])) == (i, 200 + i)
            assert item["x"].shape == item["y"].shape == (3, 8, 8)
    assert seen == (120 if nested else 40)
    assert ("held out" in dataset.card) != nested


def test_accents_match_however_they_are_written(tmp_path):
    for i in range(3):
        save(tmp_path / "A" / f"caf\u00e9{i}.png", colour(1))
        save(tmp_path / "B" / f"cafe\u0301{i}.png", colour(2))
    assert len(open_folder(tmp_path, "train", 8)) == 1


def unpaired(folder, a=7, b=4, test=3):
    for name, count, base in (
        ("trainA", a, 0),
        ("trainB", b, 100),
        ("testA", test, 50),
        ("testB", test + 1, 150),
    ):
        for i in range(count):
            save(folder / name / f"{name}{i}.png", colour(base + i, (6 + i, 9)))


def test_unpaired(tmp_path):
    unpaired(tmp_path, a=30, b=20)
    train, val, test = (open_folder(tmp_path, split, 8, seed=3) for split in SPLITS)
    assert isinstance(train, UnpairedFolder) and not train.paired and not test.paired
    assert len(test) == 4 and len(train) == max(len(train.x), len(train.y))
    assert len(train.x) + len(val.x) == 30 and len(train.y) + len(val.y) == 20
    assert [(level(item["x"]), level(item["y"])) for item in test] == [
        (50, 150),
        (51, 151),
        (52, 152),
        (50, 153),
    ]
    train_x = {level(item["x"]) for item in train}
    assert not train_x & {level(item["x"]) for item in val} and all(value < 50 for value in train_x)
    assert "3 and 4 test" in train.card and "valA/" in train.card and "valB/" in train.card


def test_unpaired_partner_is_drawn_per_epoch_and_repeats(tmp_path):
    unpaired(tmp_path, a=40, b=30)

    def order(seed, epoch, split="train"):
        dataset = UnpairedFolder(tmp_path, split, 8, seed)
        dataset.set_epoch(epoch)
        return [level(item["y"]) for item in dataset]

    first = order(0, 0)
    assert first == order(0, 0)
    assert first != order(0, 1) and first != order(1, 0)
    assert len(set(first)) > 10
    assert order(0, 0, "test") == order(1, 5, "test")


def test_unpaired_with_own_validation_folders(tmp_path):
    unpaired(tmp_path)
    for i in range(2):
        save(tmp_path / "valA" / f"{i}.png", colour(80))
        save(tmp_path / "valB" / f"{i}.png", colour(180))
    val = open_folder(tmp_path, "val", 8)
    assert [(level(item["x"]), level(item["y"])) for item in val] == [(80, 180)] * 2
    assert len(open_folder(tmp_path, "train", 8).x) == 7 and "held out" not in val.card


# --- refused ---------------------------------------------------------------------------------------------------------


def test_missing_empty_or_unknown_folder_shows_the_layouts(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        error = refused(open_folder, folder, "train", 8)
        assert error.where == str(folder)
        for word in ("train/", "A|B", "A/", "trainA/", "testB/"):
            assert word in error.fix
    save(tmp_path / "cats" / "0.png", colour(0))
    assert "trainA/" in refused(open_folder, tmp_path, "train", 8).fix
    (tmp_path / "file.png").write_bytes(b"")
    refused(open_folder, tmp_path / "file.png", "train", 8)


def test_too_few_images_says_how_many_are_needed(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", colour(i))
        error = refused(open_folder, tmp_path, "train", 8)
        assert f"{i + 1} for train, at least 3 needed" in error.what
    unpaired(tmp_path / "u", a=5, b=1)
    assert (
        "1 for trainB, at least 2 needed" in refused(open_folder, tmp_path / "u", "train", 8).what
    )
    for i in range(3):
        save(tmp_path / "half" / "trainA" / f"{i}.png", colour(0))
    assert "0 for trainB" in refused(open_folder, tmp_path / "half", "train", 8).what


def test_odd_width_counts_after_turning(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(3):
        colour(i, (9, 16)).save(tmp_path / f"{i}.png", exif=exif)  # shown as 16 x 9
    assert len(open_folder(tmp_path, "train", 8)) == 1
    colour(0, (16, 9)).save(tmp_path / "3.png", exif=exif)
    assert refused(open_folder, tmp_path, "train", 8).where.endswith("3.png")


def test_orphans_of_both_sides_are_listed(tmp_path):
    for i in range(3):
        save(tmp_path / "A" / f"{i}.png", colour(i))
    for i in range(1, 5):
        save(tmp_path / "B" / f"{i}.png", colour(i))
    error = refused(open_folder, tmp_path, "train", 8)
    assert "only in A: 1 (0.png)" in error.what and "only in B: 2 (3.png, 4.png)" in error.what
    for i in range(1, 5):
        (tmp_path / "B" / f"{i}.png").unlink()
    (tmp_path / "B").rmdir()
    assert (
        "only in A: 3 (0.png, 1.png, 2.png); only in B: 0 (none)"
        in refused(open_folder, tmp_path, "train", 8).what
    )


def test_many_orphans_are_shortened(tmp_path):
    for i in range(20):
        save(tmp_path / "A" / f"{i:02}.png", colour(i))
    save(tmp_path / "B" / "00.png", colour(0))
    what = refused(open_folder, tmp_path, "train", 8).what
    assert "only in A: 19 (01.png, 02.png, 03.png, 04.png, 05.png, ...)" in what


def test_two_partners_for_one_image(tmp_path):
    for i in range(3):
        save(tmp_path / "A" / f"{i}.png", colour(i))
        save(tmp_path / "B" / f"{i}.png", colour(i))
    save(tmp_path / "B" / "1.jpg", colour(9))
    assert refused(open_folder, tmp_path, "train", 8).where == str(tmp_path / "B" / "1.jpg")


def test_damage_in_a_large_folder_is_named_by_check_and_by_the_item(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "EAGER_PIXELS", 0)
    unpaired(tmp_path)
    bad = tmp_path / "testA" / "testA1.png"
    noise(64, 64).save(bad)
    bad.write_bytes(bad.read_bytes()[:-1000])
    dataset = open_folder(tmp_path, "test", 8)
    assert dataset[0]["name"] == "testA0"
    assert refused(dataset.__getitem__, 1).where == str(bad)
    assert refused(dataset.check).where == str(bad)


# --- must work -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_both_sides_alike(tmp_path, orientation):
    """The same photograph in A as stored by a turned camera and in B upright: equal after reading."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # Image.Transpose that a viewer's turn takes back
    for i in range(3):
        upright = noise(20, 12, i)
        stored = upright if orientation == 1 else upright.transpose(undo[orientation])
        for folder, image, options in (("A", stored, {"exif": exif}), ("B", upright, {})):
            (tmp_path / folder).mkdir(exist_ok=True)
            image.save(tmp_path / folder / f"{i}.png", **options)
    item = open_folder(tmp_path, "train", 16)[0]
    assert torch.equal(item["x"], item["y"])


def test_halves_do_not_bleed_into_each_other(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", side_by_side(colour(0, (100, 50)), colour(255, (100, 50))))
    item = open_folder(tmp_path, "train", 7)[0]
    assert level(item["x"]) == 0 and level(item["y"]) == 255


@pytest.mark.parametrize("place", ["root", "part"])
def test_symlink_loop_ends_with_a_warning(tmp_path, place):
    for split in SPLITS:
        save(tmp_path / split / "0.png", colour(0))
    try:
        (tmp_path / ("loop" if place == "root" else "train/loop")).symlink_to(
            tmp_path, target_is_directory=True
        )
    except OSError:
        pytest.skip("no symbolic links here")
    with pytest.warns(UserWarning, match="loop"):
        assert len(open_folder(tmp_path, "train", 8)) == 1


def test_linked_split_folder_is_read(tmp_path):
    for split in SPLITS:
        save(tmp_path / "elsewhere" / split / "0.png", colour(0))
    (tmp_path / "data").mkdir()
    try:
        for split in SPLITS:
            (tmp_path / "data" / split).symlink_to(
                tmp_path / "elsewhere" / split, target_is_directory=True
            )
    except OSError:
        pytest.skip("no symbolic links here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(open_folder(tmp_path / "data", "train", 8)) == 1


def test_names_with_spaces_emoji_and_other_bytes(tmp_path):
    raw = [b"one space.png", "😀.png".encode(), b"caf\xe9.png"]
    for side, value in ((b"A", 10), (b"B", 20)):
        folder = os.path.join(os.fsencode(tmp_path), "my data 😀".encode(), side)
        os.makedirs(folder)
        for i, name in enumerate(raw):
            try:
                with open(os.path.join(folder, name), "wb") as file:
                    colour(value + i).save(file, "PNG")
            except OSError:
                pytest.skip("this file system only takes UTF-8 names")
    datasets = [open_folder(tmp_path / "my data 😀", split, 8) for split in SPLITS]
    items = [item for dataset in datasets for item in dataset]
    assert sorted(item["name"] for item in items) == ["caf\\xe9", "one space", "😀"]
    assert all(level(item["y"]) == level(item["x"]) + 10 for item in items)
    assert all(item["name"].encode() for item in items) and datasets[0].card.encode()


def test_cache_respects_its_budget(tmp_path, monkeypatch):
    for i in range(12):
        save(tmp_path / "train" / f"{i:02}.png", side_by_side(colour(i), colour(100 + i)))
    for split in ("val", "test"):
        save(tmp_path / split / "0.png", colour(0))
    monkeypatch.setattr(folders, "CACHE_BYTES", 5 * 2 * 3 * 8 * 8)
    dataset = open_folder(tmp_path, "train", 8)
    for _ in range(2):
        assert [(level(item["x"]), level(item["y"])) for item in dataset] == [
            (i, 100 + i) for i in range(12)
        ]
    assert len(dataset.store.kept) == 5
    copy = pickle.loads(pickle.dumps(dataset))  # as a worker process of a DataLoader gets it
    assert torch.equal(copy[3]["x"], dataset[3]["x"])


def test_items_do_not_share_memory_with_the_cache(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", noise(16, 8, i))
    dataset = open_folder(tmp_path, "train", 8)
    before = dataset[0]["x"].clone()
    dataset[0]["x"].zero_()
    assert torch.equal(dataset[0]["x"], before)


def test_files_are_decoded_once(tmp_path, monkeypatch):
    for i in range(3):
        save(tmp_path / f"{i}.png", noise(16, 8, i))
    dataset = open_folder(tmp_path, "train", 8)
    monkeypatch.setattr(folders, "read_image", lambda path: pytest.fail("decoded again"))
    assert len([item for _ in range(3) for item in dataset]) == 3


# --- augmentation ----------------------------------------------------------------------------------------------------


def test_unpaired_sides_are_augmented_apart(tmp_path):
    for side in "AB":
        for split in ("train", "test"):
            for i in range(40 if split == "train" else 3):
                save(
                    tmp_path / f"{split}{side}" / f"{i:02}.png", noise(24, 24, 0)
                )  # the same picture everywhere
    dataset = Augment(UnpairedFolder(tmp_path, "train", 16), seed=5)
    assert torch.equal(dataset.dataset[0]["x"], dataset.dataset[0]["y"])
    equal = sum(torch.equal(dataset[i]["x"], dataset[i]["y"]) for i in range(len(dataset)))
    assert equal <= len(dataset) // 4


def test_partner_and_crop_are_drawn_independently(tmp_path):
    """With 9 crops and 9 partners, one common random number would tie each partner to one crop."""
    for side in "AB":
        for name, count in (("train", 9), ("val", 1), ("test", 1)):
            for i in range(count):
                save(tmp_path / f"{name}{side}" / f"{i}.png", colour(20 * i, (64, 64)))
    rows = np.arange(64, dtype=np.uint8)[:, None, None].repeat(64, 1).repeat(3, 2)
    for i in range(9):
        Image.fromarray(rows * 4).save(tmp_path / "trainA" / f"{i}.png")
    dataset = Augment(UnpairedFolder(tmp_path, "train", 64), seed=0)
    seen = set()
    for epoch in range(30):
        dataset.set_epoch(epoch)
        for i in range(9):
            item = dataset[i]
            seen.add((round(float(item["x"][0, 0, 0]), 4), round(float(item["y"].mean()), 2)))
    assert len(seen) > 40


# --- load="crop" -----------------------------------------------------------------------------------------------------


def ramp(width, height):
    """Red tells how far across a pixel is, green how far down, of 255."""
    down, across = np.mgrid[:height, :width]
    pixels = np.stack([across * 255 / (width - 1), down * 255 / (height - 1), 0 * down], -1)
    return Image.fromarray(pixels.round().astype(np.uint8))


SHAPES = [(90, 30), (30, 70), (33, 33), (64, 20), (20, 21)]


@pytest.mark.parametrize("layout", ["side by side", "two folders"])
def test_pairs_of_mixed_sizes_are_cropped_together(tmp_path, layout):
    for i, (width, height) in enumerate(SHAPES * 2):
        image = ramp(width, height)
        if layout == "side by side":
            save(tmp_path / "train" / f"{i}.png", side_by_side(image, image))
        else:
            save(tmp_path / "A" / f"{i}.png", image)
            save(
                tmp_path / "B" / f"{i}.png", ramp(2 * width + 1, 2 * height)
            )  # another size, nearly the same shape
    train, val = (
        open_folder(tmp_path, split, 16, seed=1, load="crop") for split in ("train", "val")
    )
    seen = set()
    for epoch in range(8):
        train.set_epoch(epoch)
        for item in train:
            assert item["x"].shape == item["y"].shape == (3, 16, 16)
            assert (item["x"] - item["y"]).abs().mean() < 0.05  # the same window
            seen.add((item["name"], round(float(item["x"].mean()), 2)))
    assert len(seen) > 2 * len(train)
    again = open_folder(tmp_path, "train", 16, seed=1, load="crop")
    again.set_epoch(7)
    assert all(torch.equal(a["x"], b["x"]) for a, b in zip(train, again, strict=True))
    for item in val:
        assert abs(float(item["x"][:2].mean())) < 0.1  # the middle
        assert torch.equal(item["x"], val[val.names.index(item["name"])]["x"])


def test_crops_keep_the_aspect_and_the_whole_shorter_side(tmp_path):
    for i in range(9):
        save(tmp_path / "trainA" / f"{i}.png", ramp(96, 32))
        save(tmp_path / "trainB" / f"{i}.png", ramp(32, 80))
    data = open_folder(tmp_path, "train", 32, load="crop")
    shown = [
        (item["x"], item["y"]) for epoch in range(6) for item in (data.set_epoch(epoch), *data)[1:]
    ]
    for x, y in shown:
        assert (
            x[1].min() == -1 and x[1].max() == 1
        )  # nothing of the height is lost, and of the width two thirds
        assert x[0].max() - x[0].min() == pytest.approx(2 * 31 / 95, abs=0.03)
        assert y[0].min() == -1 and y[0].max() == 1
    across, down = (
        torch.stack([image[k].min() for image in part])
        for k, part in enumerate(zip(*shown, strict=True))
    )
    assert across.min() < -0.7 and across.max() > 0.1 and len(across.unique()) > 9  # everywhere
    assert abs(torch.corrcoef(torch.stack([across, down]))[0, 1]) < 0.5  # each side for itself
    squeezed = open_folder(tmp_path, "train", 32)
    assert squeezed[0]["x"][0].min() < -0.9 and squeezed[0]["x"][0].max() > 0.9


@pytest.mark.parametrize("kind", ["resize", "affine"])
def test_jitter_of_crops_comes_from_larger_images_and_stays_sharp(tmp_path, kind):
    stripes = np.zeros((320, 640, 3), np.uint8)
    stripes[:, ::20] = stripes[:, 1::20] = stripes[:, 2::20] = stripes[:, 3::20] = (
        255  # of 4 px in 20
    )
    for i in range(3):
        save(tmp_path / "A" / f"{i}.png", Image.fromarray(stripes))
        save(tmp_path / "B" / f"{i}.png", Image.fromarray(stripes))

    def sharpness(load):
        data = Augment(
            open_folder(tmp_path, "train", 64, load=load), seed=0, kind=kind, flip=False, size=64
        )
        assert data[0]["x"].shape == (3, 64, 64) and torch.equal(data[0]["x"], data[0]["y"])
        total = 0.0
        for epoch in range(12):
            data.set_epoch(epoch)
            total += data[0]["x"].diff(dim=-1).abs().mean().item()
        return total, data

    total, data = sharpness("crop")
    plain = open_folder(tmp_path, "train", 64, load="crop")[0]["x"].diff(dim=-1).abs().mean().item()
    assert total / 12 > 0.7 * plain
    assert data.dataset.store.size == 72  # larger than what comes out
    if kind == "affine":
        inside = Augment(open_folder(tmp_path, "train", 64), seed=0, kind=kind, flip=False, size=64)
        assert inside.dataset.store.size == 64  # squeezed ones are as they were


def test_grey_files_are_told_by_their_headers(tmp_path):
    for i in range(4):
        save(tmp_path / "A" / f"{i}.png", noise(9, 8, i).convert("L"))
        save(tmp_path / "B" / f"{i}.png", noise(9, 8, i))
    assert all(open_folder(tmp_path, split, 8).channels == (1, 3) for split in SPLITS)
    noise(9, 8).save(tmp_path / "A" / "0.png")
    assert open_folder(tmp_path, "train", 8).channels == (3, 3)
