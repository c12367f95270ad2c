"""Folders of one's own images: layouts, held-out shares, pairs that stay pairs, refusals."""

import os
from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import CourseError
from course_lib.data import folders, open_dataset
from course_lib.data.augment import Augment
from course_lib.data.folders import ImageFolder
from course_lib.data.images import read_image, to_tensor
from tests.support.archives import make_zip
from tests.support.pictures import encoded, noise, refused, turned

SPLITS = ("train", "val", "test")


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def beside(a, b):
    return Image.fromarray(np.concatenate([np.asarray(a), np.asarray(b)], axis=1))


def grey(value, size=(8, 8)):
    return Image.new("RGB", size, (value,) * 3)


def fill(folder, size=(8, 8), **counts):
    """Plain images: ``trainA=3`` makes trainA/0.png, 1.png, 2.png, of grey levels 0, 1, 2."""
    for part, count in counts.items():
        for i in range(count):
            save(folder / part / f"{i:03}.png", grey(i % 256, size))


def level(tensor):
    """The grey level, 0..255, of a plain image."""
    assert tensor.shape[0] == 3 and tensor.min() == tensor.max()
    return round((float(tensor[0, 0, 0]) + 1) * 127.5)


def names(folder):
    return {split: [item["name"] for item in ImageFolder(folder, split, 8)] for split in SPLITS}


# --- layouts


@pytest.mark.parametrize("layout", ["A/", "A/train", "A/train A/val A/test", "loose"])
def test_pairs_of_any_layout_stay_pairs(tmp_path, layout):
    """Two systems write an accent in two ways, and it is one name."""
    mine, parts = tmp_path / "mine", layout.replace("A/", "").split() or [""]
    for i in range(12):
        a, b = grey(10 * i, (24, 24)), grey(255 - 10 * i, (24, 24))
        if layout == "loose":
            save(mine / f"{i:02}.png", beside(a, b))
        else:
            part = parts[i % len(parts)]
            save(mine / "A" / part / f"caf\u00e9{i:02}.png", a)
            save(mine / "B" / part / f"cafe\u0301{i:02}.jpg", b)
    items = [item for split in SPLITS for item in ImageFolder(mine, split, 8)]
    assert [level(item["x"]) + level(item["y"]) for item in items] == [255] * 12


@pytest.mark.parametrize("given", [{"train"}, {"train", "test"}, {"train", "val"}])
def test_missing_splits_are_held_out_of_train(tmp_path, given):
    fill(tmp_path, (4, 2), **dict.fromkeys(given, 100))
    parts = names(tmp_path)
    assert sum(map(len, parts.values())) == 100 * len(given)
    for split in set(SPLITS) - given:
        assert 3 <= len(parts[split]) <= 20 and not set(parts[split]) & set(parts["train"])
        assert f"{split}/" in ImageFolder(tmp_path, "train", 4).card.split("In place of")[1]


def test_images_directly_in_the_folder_are_divided_80_10_10(tmp_path):
    """By their names alone, so a new file moves no other; and no split stays empty."""
    fill(tmp_path, (4, 2), **{".": 150})
    before = names(tmp_path)
    sets = [set(before[split]) for split in SPLITS]
    assert len(set.union(*sets)) == 150 == sum(map(len, sets))
    assert 7 <= len(before["val"]) <= 25 and 7 <= len(before["test"]) <= 25
    assert all(before[split] == sorted(before[split]) for split in SPLITS)
    grey(1, (4, 2)).save(tmp_path / "new.png")
    after = names(tmp_path)
    assert all(set(before[split]) == set(after[split]) - {"new"} for split in SPLITS)
    for count in range(3, 12):
        fill(tmp_path / f"{count}", (4, 2), **{".": count})
        few = names(tmp_path / f"{count}")
        assert all(few.values()) and sum(map(len, few.values())) == count


def test_unpaired(tmp_path):
    fill(tmp_path, trainA=30, trainB=20, testA=3, testB=4)
    train, val, test = (ImageFolder(tmp_path, split, 8, seed=3) for split in SPLITS)
    assert not train.paired and not test.paired
    assert len(test) == 4 and len(train) == max(len(train.x), len(train.y))
    assert len(train.x) + len(val.x) == 30 and len(train.y) + len(val.y) == 20
    levels = [(level(item["x"]), level(item["y"])) for item in test]
    assert levels == [(0, 0), (1, 1), (2, 2), (0, 3)]
    assert test.groups == [0, 1, 2, 0], "who starts over is a relative, and no new draw"
    assert not {level(item["x"]) for item in train} & {level(item["x"]) for item in val}
    assert "3 and 4 test" in train.card and "valA/" in train.card and "valB/" in train.card
    fill(tmp_path, valA=2, valB=2)
    assert len(ImageFolder(tmp_path, "train", 8).x) == 30
    assert "held out" not in ImageFolder(tmp_path, "val", 8).card


def test_unpaired_partner_is_drawn_per_epoch_and_repeats(tmp_path):
    fill(tmp_path, trainA=40, trainB=30, testA=3, testB=4)

    def order(seed, epoch, split="train"):
        dataset = ImageFolder(tmp_path, split, 8, seed)
        dataset.set_epoch(epoch)
        return [level(item["y"]) for item in dataset]

    first = order(0, 0)
    assert first == order(0, 0) and len(set(first)) > 10
    assert first != order(0, 1) and first != order(1, 0)
    assert order(0, 0, "test") == order(1, 5, "test")


@pytest.mark.parametrize("part", ["test", "A/test B/test", "testA testB"])
def test_a_folder_for_testing_alone_opens_whole_or_as_test(tmp_path, part):
    for place in part.split():
        fill(tmp_path / "parts", (16, 8), **{place: 5})
    assert folders.own_splits(tmp_path / "parts") == {"test"}
    assert len(open_dataset(str(tmp_path / "parts"), "test", 8)) == 5
    assert "no images for train" in refused(open_dataset, str(tmp_path / "parts"), "train", 8).what
    fill(tmp_path / "flat", (16, 8), **{".": 20})
    assert folders.own_splits(tmp_path / "flat") == set()
    for name in ("flat", "parts"):
        whole = open_dataset(str(tmp_path / name), "all", 8)
        count = {"flat": 20, "parts": 5}[name]
        assert len(whole) == count and f"{count} in all" in whole.card
    assert "unknown split" in refused(open_dataset, "facades", "all", 16).what


# --- what is not taken is counted and named


def with_split(folder, name, inner=""):
    fill(folder, (16, 8), **{f"train{inner}": 5, f"{name}{inner}": 4})


READ_BY_CONTENT = {
    "no suffix": ("",),
    "some without": ("", ".png"),
    "an unknown suffix": (".image",),
    "a hash with a dot": (".9c1e", ".d41d"),
    "of a web page": (".jpg_large", ".png~"),
}


@pytest.mark.parametrize("case", READ_BY_CONTENT)
def test_images_without_a_known_suffix_are_read_by_their_content(tmp_path, case, notes):
    suffixes = READ_BY_CONTENT[case]
    for i in range(9):
        (tmp_path / f"{i}f0a{suffixes[i % len(suffixes)]}").write_bytes(
            encoded(noise(32, 16, i), "png")
        )
    (tmp_path / "LICENSE").write_text("mine")
    whole = open_dataset(str(tmp_path), "all", 16)
    assert len(whole) == 9 == len({*whole.names}) and not notes()


LEFT_OUT = {  # how the folder is made, how many images are left out, and one of their names
    "sorted into folders": (lambda f: fill(f, (16, 8), **{".": 5, "cats": 2, "cats/old": 1}), 3),
    "a part of another name": (lambda f: with_split(f, "valid"), 4),
    "capitals": (lambda f: with_split(f, "Test"), 4),
    "beside the parts": (lambda f: with_split(f, "."), 4),
    "folders in a part": (lambda f: with_split(f, "train/more"), 4),
    "beside A and B": (lambda f: fill(f, A=4, B=4, C=2), 2),
    "below A": (lambda f: fill(f, A=4, B=4, **{"A/night": 2}), 2),
    "beside two domains": (lambda f: fill(f, trainA=4, trainB=4, testA=1, testB=1, A=3), 3),
    "with blanks": (lambda f: fill(f, (16, 8), **{".": 5, "my cats 😀": 2}), 2),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_images_in_folders_that_are_not_read_are_counted_and_named(tmp_path, case, notes):
    make, count = LEFT_OUT[case]
    make(tmp_path / "mine")
    for split in ("train", "val", "test"):
        with suppress(CourseError):
            open_dataset(str(tmp_path / "mine"), split, 8)
    (said,) = notes()
    assert said.startswith(f"left out {count} images in") and "000.png" in said


def test_hidden_folders_and_those_of_a_mac_need_no_word(tmp_path, notes):
    fill(tmp_path, (16, 8), **{".": 5, ".cache": 2, "__MACOSX": 2})
    assert len(open_dataset(str(tmp_path), "all", 8)) == 5
    assert not any("left out" in text for text in notes())


@pytest.mark.parametrize("below", ["mine", "mine/pairs", "my photos"])
@pytest.mark.parametrize("parts", ["A B", "train", "trainA trainB", "."])
def test_an_unpacked_archive_with_a_folder_in_it_is_named(tmp_path, below, parts):
    fill(tmp_path, (16, 8), **{f"{below}/{part}": 4 for part in parts.split()})
    fix = refused(open_dataset, str(tmp_path), "train", 8).fix
    assert fix.startswith(f"give {tmp_path / below}, or ")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif", ""])
def test_of_what_moves_the_first_frame_is_taken_and_that_is_said(tmp_path, suffix, notes):
    fill(tmp_path, (16, 8), **{".": 5})
    kind = {"": "gif", ".tif": "tiff"}.get(suffix, suffix[1:])
    more = {"save_all": True, "append_images": [noise(16, 8, 1)]}
    noise(16, 8).save(tmp_path / f"moving{suffix}", kind, **more)
    assert len(open_dataset(str(tmp_path), "all", 8)) == 6
    (said,) = notes()
    assert "first frame, or page, of 1 files" in said and f"moving{suffix}" in said


def test_of_two_domains_a_method_of_one_gets_the_names_of_its_images(tmp_path):
    fill(tmp_path, trainA=3, testA=2)
    for part, count in (("trainB", 5), ("testB", 3)):
        for i in range(count):
            save(tmp_path / part / f"b{i}.png", grey(100 + i))
    for split, side, direction in (("train", "b", "xy"), ("test", "b", "xy"), ("train", "", "yx")):
        data = open_dataset(str(tmp_path), split, 8, direction, single=True)
        assert len({item["name"] for item in data}) == len(data) == len(data.names)
        for item in data:
            number = int(item["name"].removeprefix(side or "00"))
            wanted = 100 + number if side else number
            assert level(item["y"]) == level(item["x"]) == wanted


# --- refused


def odd_width(folder):
    fill(folder / "AB", (8, 8), train=3)
    exif, train = turned(6), folder / "AB" / "train"
    grey(0, (9, 16)).save(train / "fine.png", exif=exif)  # shown as 16 x 9
    grey(0, (16, 9)).save(train / "odd.png", exif=exif)


def orphans(folder):
    fill(folder, A=20)
    fill(folder, B=2)
    save(folder / "B" / "999.png", grey(0))


def doubles(folder):
    fill(folder, A=3, B=3)
    save(folder / "B" / "001.jpg", grey(9))


def broken(folder):
    fill(folder, trainA=3, trainB=3, valA=1, valB=1, testA=1, testB=1)
    path = folder / "trainA" / "001.png"
    noise(64, 64).save(path)
    path.write_bytes(path.read_bytes()[:-1000])


REFUSED = {  # how the folder is made, where the error is, what it says and what it advises
    "missing": (lambda folder: None, "", "no such folder", "check the path"),
    "empty": (lambda folder: folder.mkdir(), "", "no images for train here", "A|B images"),
    "unknown": (lambda folder: fill(folder, cats=2), "", "no images for train", "trainA/"),
    "a file": (lambda folder: folder.write_text(""), "", "this is a file", "in which it lies"),
    "an archive": (lambda f: f.write_bytes(make_zip()), "", "this is an archive", "unpack it"),
    "too few": (lambda f: fill(f, (16, 8), train=2), "", "2 for train, at least 3", "add some"),
    "few in B": (lambda folder: fill(folder, trainA=5, trainB=1), "", "1 for trainB", "add some"),
    "no trainA": (lambda folder: fill(folder, trainB=5), "", "for trainA here", "into trainA/;"),
    "no trainB": (lambda folder: fill(folder, trainA=5), "", "for trainB here", "into trainB/;"),
    "no A": (lambda folder: fill(folder, B=3), "", "images in B/ and none in A/", "partner"),
    "no B": (lambda folder: fill(folder, A=3), "", "images in A/ and none in B/", "partner"),
    "orphans": (
        orphans,
        "",
        "only in A: 18 (002.png, 003.png, 004.png, 005.png, 006.png and 13 more); only in B: 1",
        "partner",
    ),
    "doubles": (doubles, "B/001.png", "same name", "rename"),
    "odd width": (odd_width, "AB/train/odd.png", "even width, this one is 9 x 16", "cut it"),
    "broken": (broken, "trainA/001.png", "cannot read", "save the file again"),
    "thin": (lambda f: fill(f / "AB", (2, 80), train=3), "", "too long and thin", "--load square"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_folders_that_are_refused(tmp_path, case):
    make, where, what, fix = REFUSED[case]
    folder = tmp_path / "data"
    make(folder)
    error = refused(ImageFolder, folder, "train", 8, 0, "crop" if case == "thin" else "square")
    assert error.where.startswith(str(folder / where)) and what in error.what and fix in error.fix
    assert len(error.fix.replace(str(folder), "")) < 200


def test_damage_in_a_large_folder_is_named_by_the_item(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "EAGER_PIXELS", 0)
    broken(tmp_path)
    dataset = ImageFolder(tmp_path, "train", 8)
    assert dataset[0]["name"] == "000"
    assert refused(dataset.__getitem__, 1).where == str(tmp_path / "trainA" / "001.png")


def test_only_what_is_twice_as_wide_as_high_or_lies_in_ab_is_cut_into_pairs(tmp_path, notes):
    for i in range(20):
        save(tmp_path / "squares" / f"{i:02}.png", noise(16, 16, i))
        save(tmp_path / "mixed" / "train" / f"{i:02}.png", noise(16 + 16 * (i > 0), 16, i))
        save(tmp_path / "photographs" / "AB" / "train" / f"{i:02}.png", noise(48, 16, i))
    error = refused(open_dataset, str(tmp_path / "squares"), "train", 16)
    assert "20 of 20 images are not twice as wide as high" in error.what
    assert "07.png, 08.png, 09.png and 10 more" in error.what and "10.png" not in error.what
    assert "A/ and B/" in error.fix and "into AB/" in error.fix and "trainA/" in error.fix
    assert "1 of 20" in (error := refused(ImageFolder, tmp_path / "mixed", "train", 16)).what
    assert error.what.endswith(": train/00.png")
    item = ImageFolder(tmp_path / "photographs", "train", 24)[0]
    path = tmp_path / "photographs" / "AB" / "train" / f"{item['name']}.png"
    assert torch.equal(item["y"], to_tensor(read_image(path).crop((24, 0, 48, 16)), 24))
    for name in ("squares", "mixed"):  # of which a method without pairs takes all, and whole
        item = open_dataset(str(tmp_path / name), "train", 16, single=True)[0]
        path = next((tmp_path / name).rglob(f"{item['name']}.png"))
        assert torch.equal(item["y"], to_tensor(read_image(path), 16))
    (tmp_path / "mixed" / "train" / "00.png").unlink()
    notes()
    item = open_dataset(str(tmp_path / "mixed"), "train", 16, single=True)[0]
    assert "twice as wide as high" in notes()[0]
    path = tmp_path / "mixed" / "train" / f"{item['name']}.png"
    assert torch.equal(item["y"], to_tensor(read_image(path).crop((16, 0, 32, 16)), 16))


def test_two_domains_in_a_and_b_need_no_equal_names(tmp_path):
    fill(tmp_path, **{"A": 20, "B/train": 0})
    for i in range(12):
        save(tmp_path / "B" / f"photo{i}.png", grey(200 + i))
    train = ImageFolder(tmp_path, "train", 8)
    assert not train.paired and "no name in common" in train.card
    assert len(train) == len(train.x) > len(train.y) and "of trainB each is held out" in train.card
    assert 0 <= level(train[0]["x"]) < 20 and level(train[0]["y"]) >= 200
    save(tmp_path / "B" / "003.png", grey(3))  # one pair: has the rest lost its partners?
    assert "trainA/ and trainB/" in refused(ImageFolder, tmp_path, "train", 8).fix


@pytest.mark.parametrize("count", [3, 12])
def test_all_damaged_files_are_named_at_once(tmp_path, count):
    """Whatever is wrong with them, and in whatever split they have come to lie."""
    for i in range(20):
        save(tmp_path / f"{i:02}.png", noise(64, 32, i))
    for path in sorted(tmp_path.iterdir())[:count]:
        path.write_bytes(b"" if path.stem == "01" else path.read_bytes()[:-1000])
    error = refused(ImageFolder, tmp_path, "train", 16)
    assert error.where == str(tmp_path) and error.what.startswith(f"{count} files cannot be used:")
    named = "00.png, 01.png, 02.png" if count == 3 else "08.png, 09.png and 2 more; the first"
    assert named in error.what and "save the file again" in error.fix


# --- must work


@pytest.mark.parametrize("place", ["loop", "train/loop"])
def test_symlink_loop_ends_with_a_note(tmp_path, place, notes):
    fill(tmp_path, (16, 8), train=1, val=1, test=1)
    (tmp_path / place).symlink_to(tmp_path)
    assert len(ImageFolder(tmp_path, "train", 8)) == 1
    assert "loop" in notes()[0]


def test_linked_split_folder_is_read(tmp_path, notes):
    for split in SPLITS:
        save(tmp_path / "elsewhere" / split / "0.png", noise(16, 8))
    (tmp_path / "data").mkdir()
    for split in SPLITS:
        (tmp_path / "data" / split).symlink_to(tmp_path / "elsewhere" / split)
    assert len(ImageFolder(tmp_path / "data", "train", 8)) == 1 and not notes()


def test_names_with_spaces_emoji_and_other_bytes(tmp_path):
    raw = [b"one space.png", "😀.png".encode(), b"caf\xe9.png"]
    for side, value in ((b"A", 10), (b"B", 20)):
        folder = os.path.join(os.fsencode(tmp_path), "my data 😀".encode(), side)
        os.makedirs(folder)
        for i, name in enumerate(raw):
            try:
                with open(os.path.join(folder, name), "wb") as file:
                    grey(value + i).save(file, "PNG")
            except OSError:
                pytest.skip("this file system only takes UTF-8 names")
    datasets = [ImageFolder(tmp_path / "my data 😀", split, 8) for split in SPLITS]
    items = [item for dataset in datasets for item in dataset]
    assert sorted(item["name"] for item in items) == ["caf\\xe9", "one space", "😀"]
    assert all(level(item["y"]) == level(item["x"]) + 10 for item in items)
    assert all(item["name"].encode() for item in items) and datasets[0].card.encode()


def test_who_changes_an_item_changes_no_later_one(tmp_path):
    fill(tmp_path, (16, 8), train=12, val=1, test=1)
    dataset = ImageFolder(tmp_path, "train", 8)
    for _ in range(2):
        assert [level(item["x"]) for item in dataset] == list(range(12))
        dataset[1]["x"].zero_()


# --- augmentation


def test_unpaired_sides_are_augmented_apart(tmp_path):
    for part, count in {"trainA": 40, "trainB": 40, "testA": 3, "testB": 3}.items():
        for i in range(count):
            save(tmp_path / part / f"{i:02}.png", noise(24, 24, 0))  # one picture everywhere
    dataset = Augment(ImageFolder(tmp_path, "train", 16), seed=5)
    assert torch.equal(dataset.dataset[0]["x"], dataset.dataset[0]["y"])
    equal = sum(torch.equal(dataset[i]["x"], dataset[i]["y"]) for i in range(len(dataset)))
    assert equal <= len(dataset) // 4


# --- load="crop"


def ramp(width, height):
    """Red tells how far across a pixel is, green how far down, of 255."""
    down, across = np.mgrid[:height, :width]
    pixels = np.stack([across * 255 / (width - 1), down * 255 / (height - 1), 0 * down], -1)
    return Image.fromarray(pixels.round().astype(np.uint8))


SHAPES = [(90, 30), (30, 70), (33, 33), (64, 20), (20, 21)]


@pytest.mark.parametrize("layout", ["side by side", "two folders"])
def test_pairs_of_mixed_sizes_are_cropped_together(tmp_path, monkeypatch, layout):
    for i, (width, height) in enumerate(SHAPES * 2):
        image = ramp(width, height)
        if layout == "side by side":
            save(tmp_path / "AB" / f"{i}.png", beside(image, image))
        else:
            save(tmp_path / "A" / f"{i}.png", image)  # in B another size, nearly the same shape
            save(tmp_path / "B" / f"{i}.png", ramp(2 * width + 1, 2 * height))
    train, val = (ImageFolder(tmp_path, split, 16, 1, "crop") for split in ("train", "val"))
    seen = set()
    for epoch in range(8):
        train.set_epoch(epoch)
        for item in train:
            assert item["x"].shape == item["y"].shape == (3, 16, 16)
            assert (item["x"] - item["y"]).abs().mean() < 0.05  # the same window
            seen.add((item["name"], round(float(item["x"].mean()), 2)))
    assert len(seen) > 2 * len(train)
    for item in val:
        assert abs(float(item["x"][:2].mean())) < 0.1  # the middle
        assert torch.equal(item["x"], val[val.names.index(item["name"])]["x"])


@pytest.mark.parametrize("kind", ["resize", "affine"])
def test_jitter_of_crops_comes_from_larger_images_and_stays_sharp(tmp_path, kind):
    stripes = np.zeros((320, 640, 3), np.uint8)
    stripes[:, np.arange(640) % 20 < 4] = 255
    for i in range(6):
        save(tmp_path / "AB"[i % 2] / f"{i // 2}.png", Image.fromarray(stripes))
    plain = ImageFolder(tmp_path, "train", 64, load="crop")
    data = Augment(plain, seed=0, kind=kind, flip=False, size=64)
    assert data[0]["x"].shape == (3, 64, 64) and torch.equal(data[0]["x"], data[0]["y"])
    edges = []
    for epoch in range(12):
        data.set_epoch(epoch)
        edges.append(data[0]["x"].diff(dim=-1).abs().mean())
    assert torch.stack(edges).mean() > 0.7 * plain[0]["x"].diff(dim=-1).abs().mean()
    assert data.dataset.size == 72  # larger than what comes out
