"""Your own images as a dataset: A|B side by side, A/ and B/ with equal names, or two unpaired sets of images."""

import copy
import hashlib
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from course_lib.data.augment import item_generator, partner
from course_lib.data.base import TwoDomains
from course_lib.data.images import (
    entries,
    find_images,
    image_header,
    is_dead_end,
    printable,
    read_image,
    scaled,
    to_bytes,
    to_tensor,
)
from course_lib.errors import CourseError

REVISION = 1  # raised when a change of the code changes the images
SPLITS = ("train", "val", "test")
LONGEST = 32  # times as long as wide may an image be, of which squares are cut out
HELD_OUT = 0.1  # share of train that stands in for a missing val or test
CACHE_BYTES = 2**30  # decoded images that one dataset keeps in memory
EAGER_PIXELS = 100_000_000  # a split of at most so many pixels (one to three seconds) is decoded when it is opened
LAYOUTS = (
    "expected one of: train/ val/ test/ with A|B images side by side (without val/ or test/ a share of train is held"
    " out; all images may also lie directly in the folder); A/ and B/ with equal file names (or A/train B/train ...);"
    " trainA/ trainB/ testA/ testB/ for unpaired images"
)

Found = dict[
    str, list[tuple[Path, ...]]
]  # split -> items; an item is one file, or its A file and its B file


def existing(folder: str | os.PathLike) -> Path:
    """The folder as a path; CourseError if it is none, a warning for stray links beside the parts of a layout."""
    folder = Path(folder)
    if not os.path.isdir(folder):  # Path.is_dir raises for what it may not look at
        raise CourseError("there is no such folder", printable(folder), LAYOUTS)
    parts = {
        folder / name for name in ("A", "B", *SPLITS, *(s + side for s in SPLITS for side in "AB"))
    }
    if any(map(os.path.isdir, parts)):
        for path in sorted(set(entries(folder)) - parts):
            is_dead_end(path)
    return folder


def side_by_side(folder: str | os.PathLike) -> bool:
    """Whether a folder has A|B images."""
    parts = ("A", "B", "trainA", "trainB")
    return os.path.isdir(Path(folder) / "train") or not any(
        os.path.isdir(Path(folder) / part) for part in parts
    )


def images_by_split(folder: Path, side: str = "") -> Found:
    """Images of train/, val/ and test/ (of trainA/ ... for side "A"); without such folders all images are train."""
    parts = {split: folder / (split + side) for split in SPLITS}
    if not side and not any(map(os.path.isdir, parts.values())):
        parts = {"train": folder}
    return {
        s: [(p,) for p in find_images(parts[s])] if s in parts and os.path.isdir(parts[s]) else []
        for s in SPLITS
    }


def key_of(item: tuple[Path, ...]) -> str:
    """What makes two files partners: the name without its suffix, in one Unicode form (macOS decomposes accents)."""
    return unicodedata.normalize("NFC", item[0].stem)


def match(found_a: Found, found_b: Found, folder: Path) -> Found:
    """Partners of equal name, in the order of A. Raises CourseError listing the orphans of both sides, or doubles."""
    found: Found = {}
    for split in SPLITS:
        a, b = ({key_of(item): item for item in side[split]} for side in (found_a, found_b))
        for by_key, items in ((a, found_a[split]), (b, found_b[split])):
            for (path,) in (item for item in items if by_key[key_of(item)] != item):
                fix = "names without suffix must differ within a folder: rename or remove one"
                raise CourseError(
                    "another image has the same name without suffix", printable(path), fix
                )
        if a.keys() != b.keys():
            orphans = [
                [printable(side[k][0].name) for k in side if k not in other]
                for side, other in ((a, b), (b, a))
            ]
            texts = [
                ", ".join(names[:5]) + ", ..." * (len(names) > 5) or "none" for names in orphans
            ]
            what = "; ".join(
                f"only in {s}: {len(n)} ({t})" for s, n, t in zip("AB", orphans, texts, strict=True)
            )
            fix = "give every image of A a partner of the same name in B, or remove the ones listed"
            raise CourseError(f"A and B do not match in {split}; {what}", printable(folder), fix)
        found[split] = [item + b[key] for key, item in a.items()]
    return found


def hold_out(found: Found, folder: Path, side: str = "") -> str:
    """Fill a missing val or test, in place, with about HELD_OUT of train; returns a sentence about it for the card.

    The SHA-256 of a name alone decides, so a new file moves no other, except where a share would have stayed empty: it
    takes the next name in the order of the hashes. Raises CourseError if there are too few images.
    """
    pool, missing = found["train"], [split for split in ("test", "val") if not found[split]]
    place = {
        key: int(hashlib.sha256(os.fsencode(key)).hexdigest(), 16) / 2**256
        for key in map(key_of, pool)
    }
    if len(place) <= len(missing):
        what = f"too few images: {len(place)} for train{side}, at least {len(missing) + 1} needed"
        raise CourseError(what, printable(folder), LAYOUTS)
    order, split_of, start = sorted(place, key=place.__getitem__), dict.fromkeys(place, "train"), 0
    for count, split in enumerate(missing, 1):
        stop = sum(fraction < HELD_OUT * count for fraction in place.values())
        stop = min(
            max(stop, start + 1), len(order) - 1 - len(missing) + count
        )  # at least one each, train included
        split_of.update(dict.fromkeys(order[start:stop], split))
        start = stop
    for split in ("train", *missing):
        found[split] = [item for item in pool if split_of[key_of(item)] == split]
    names, each = (
        " and ".join(f"{split}{side}/" for split in reversed(missing)),
        " each" * (len(missing) > 1),
    )
    note = f" In place of {names} about {HELD_OUT:.0%} of train{side}{each} is held out, by the SHA-256 of the name."
    return note if missing else ""


class ImageStore:
    """Decoded images: a file is read once, resized, and kept as uint8 while the kept ones fit into CACHE_BYTES.

    The headers of all files are checked at once, the pixels of the split too if they are few (EAGER_PIXELS). With
    ``side_by_side`` a file holds two images; an odd width raises CourseError. With ``load="crop"`` the shorter side
    gets ``size``, and each item is a square cut out of that.
    """

    def __init__(
        self,
        found: list[Found],
        split: str,
        size: int,
        side_by_side: bool = False,
        load: str = "square",
    ):
        self.size, self.side_by_side, self.load = size, side_by_side, load
        self.own, self.kept = [path for part in found for item in part[split] for path in item], {}
        self.grey, self.shapes, pixels = set(), {}, {}
        for path, x in (
            (path, item[0]) for s in SPLITS for part in found for item in part[s] for path in item
        ):
            (width, height), grey = image_header(path)
            pixels[path] = self.pixels(path, width, height)
            self.grey |= {path} if grey else set()
            # that of x for both partners: they are cropped together
            self.shapes[path] = self.shapes.get(x, (width // (1 + side_by_side), height))
        if sum(pixels[path] for path in self.own) <= EAGER_PIXELS:
            self.check()

    def pixels(self, path: Path, width: int, height: int) -> int:
        if self.side_by_side and width % 2:
            what = f"an A|B image needs an even width, this one is {width} x {height}"
            raise CourseError(
                what, printable(path), "cut it so that both halves are equally wide, or remove it"
            )
        return width * height

    def check(self) -> None:
        """Decode every file of this split; raises CourseError for the first that is damaged."""
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(self.read, self.own):
                pass

    def read(self, path: Path) -> UInt8[Tensor, "n 3 h w"]:
        """The one image in this file, or both halves of an A|B image."""
        if path in self.kept:
            return self.kept[path]
        image = read_image(path)
        self.pixels(path, *image.size)
        columns = (
            [(0, image.width // 2), (image.width // 2, image.width)]
            if self.side_by_side
            else [(0, image.width)]
        )
        parts = [image.crop((left, 0, right, image.height)) for left, right in columns]
        shape = self.shapes[path]
        if self.load == "crop" and max(shape) > LONGEST * min(shape):
            what = f"too long and thin to cut squares out of it: {shape[0]} x {shape[1]}"
            raise CourseError(
                what, printable(path), "cut it into pieces, remove it, or take --load square"
            )
        size = scaled(shape, self.size / min(shape)) if self.load == "crop" else self.size
        out = to_bytes(torch.stack([to_tensor(part, size) for part in parts]))
        if (len(self.kept) + 1) * out.nbytes <= CACHE_BYTES:
            self.kept[path] = out
        return out

    def at(self, size: int) -> "ImageStore":
        """The same files, at another size; their headers are known to be good."""
        other = copy.copy(self)
        other.size, other.kept = size, {}
        return other

    def item(self, *paths: Path, at: list[list[float]]) -> dict:
        """x and y, each cut out ``at`` shares in [0, 1) of the way down and across."""
        item, images = (
            {"name": printable(paths[0].stem)},
            [image for path in paths for image in self.read(path)],
        )
        for key, image, shares in zip("xy", images, at, strict=True):
            top, left = (
                int(k * (side - self.size + 1))
                for k, side in zip(shares, image.shape[1:], strict=True)
            )
            item[key] = image[:, top : top + self.size, left : left + self.size] / 127.5 - 1
        return item


class Stored(TwoDomains):
    """Images in an ImageStore, called ``store``."""

    store: ImageStore
    drawn: bool  # in training: the windows and, without pairs, the partners

    def windows(self, i: int) -> list[list[float]]:
        """Where x and y are cut out of their images: anywhere, or of held-out ones in the middle."""
        if not (self.cropped and self.drawn):
            return [[0.5, 0.5], [0.5, 0.5]]
        x, y = torch.rand(2, 2, generator=item_generator(self.seed, self.epoch, i, 2)).tolist()
        return [x, x if self.paired else y]

    def at(self, size: int) -> "Stored":
        other = copy.copy(self)
        other.store = self.store.at(size)
        return other


class PairedFolder(Stored):
    """Pairs from a folder, in one of the first two LAYOUTS: x from A (the left half), y from B (the right half).

    Items: x, y (3, size, size) in [-1, 1], resized without keeping the aspect ratio; ``name``, without suffix. With
    ``load="crop"`` it is kept, and x and y are the same window of both images: per (seed, epoch, index) in training,
    else the middle. Raises CourseError for a wrong layout, orphans, too few images and bad files. Damaged pixels in a
    large folder show only when an item is read: ``check()`` decodes the whole split at once.
    """

    mirrors = False  # unknown images may have a left and a right: see Config.flip

    def __init__(
        self,
        folder: str | os.PathLike,
        split: str,
        size: int = 64,
        seed: int = 0,
        load: str = "square",
    ):
        folder, self.seed, self.drawn = existing(folder), seed, split == "train"
        if beside := side_by_side(folder):
            found = images_by_split(folder)
        else:
            found = match(images_by_split(folder / "A"), images_by_split(folder / "B"), folder)
        held_out = hold_out(found, folder)
        how = "A|B images side by side" if beside else "A/ and B/ with equal names"
        counts = ", ".join(f"{len(items)} {part}" for part, items in found.items())
        self.card = f"Pairs from the folder {printable(folder)}, {how}: {counts}.{held_out}"
        self.items, self.cropped = found[split], load == "crop"
        self.names = [printable(item[0].stem) for item in self.items]
        self.store = ImageStore([found], split, size, beside, load)
        self.check = self.store.check
        files = [[item[k] for s in SPLITS for item in found[s]] for k in (0, -1)]
        self.channels = tuple(1 if self.store.grey.issuperset(side) else 3 for side in files)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> dict:
        return self.store.item(*self.items[i], at=self.windows(i))


class UnpairedFolder(Stored):
    """Two sets of images, trainA/ trainB/ testA/ testB/ (and valA/ valB/): x from A, y from B, not paired.

    Items and errors as in PairedFolder, ``name`` that of x. The length is that of the larger set, the smaller starts
    over. In training y is drawn at random per (seed, epoch, index), see ``set_epoch``; in val and test it is fixed.
    """

    paired, mirrors = False, False

    def __init__(
        self,
        folder: str | os.PathLike,
        split: str,
        size: int = 64,
        seed: int = 0,
        load: str = "square",
    ):
        folder = existing(folder)
        a, b = found = [images_by_split(folder, side) for side in "AB"]
        held_out = hold_out(a, folder, "A") + hold_out(b, folder, "B")
        counts = ", ".join(f"{len(a[part])} and {len(b[part])} {part}" for part in SPLITS)
        self.card = (
            f"Unpaired images from the folder {printable(folder)}, A and B: {counts}.{held_out}"
        )
        self.x, self.y = a[split], b[split]
        self.names = [
            printable(self.x[i % len(self.x)][0].stem) for i in range(max(len(self.x), len(self.y)))
        ]
        self.seed, self.drawn, self.cropped = seed, split == "train", load == "crop"
        self.store = ImageStore(found, split, size, load=load)
        self.check = self.store.check

    def __len__(self) -> int:
        return max(len(self.x), len(self.y))

    def __getitem__(self, i: int) -> dict:
        if i >= len(self):
            raise IndexError(i)
        j = i % len(self.y)
        if self.drawn:
            j = partner(len(self.y), self.seed, self.epoch, i)
        return self.store.item(*self.x[i % len(self.x)], *self.y[j], at=self.windows(i))


def open_folder(
    folder: str | os.PathLike, split: str, size: int = 64, seed: int = 0, load: str = "square"
) -> Stored:
    """The dataset in a folder of any of the LAYOUTS; ``seed`` draws partners and windows. Errors as in the classes."""
    unpaired = any(os.path.isdir(Path(folder) / part) for part in ("trainA", "trainB"))
    return (UnpairedFolder if unpaired else PairedFolder)(folder, split, size, seed, load)
