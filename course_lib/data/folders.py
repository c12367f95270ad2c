"""Your own images as a data set: A|B side by side, A/ and B/, or two unpaired sets."""

import copy
import hashlib
import math
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from course_lib.data.augment import item_generator, partner
from course_lib.data.base import TwoDomains
from course_lib.data.files import expanded
from course_lib.data.images import (
    entries,
    find_images,
    image_size,
    is_dead_end,
    printable,
    read_image,
    scaled,
    to_bytes,
    to_tensor,
)
from course_lib.errors import CourseError

SPLITS = ("train", "val", "test")
ALL = "all"  # in place of a split: every image of a folder, to score one that is for testing only
LONGEST = 32  # times as long as wide may an image be, of which squares are cut out
HELD_OUT = 0.1  # share of train that stands in for a missing val or test
CACHE_BYTES = 2**30  # decoded images that one data set keeps in memory
EAGER_PIXELS = 100_000_000  # a split of at most so many pixels, some seconds, is decoded at once
LAYOUTS = (
    "expected one of: train/ val/ test/ with A|B images side by side (without val/ or test/ a share"
    " of train is held out; all images may also lie directly in the folder); A/ and B/ with equal"
    " file names (or A/train B/train ...); trainA/ trainB/ testA/ testB/ for unpaired images"
)

DOMAINS = {split + side for split in SPLITS for side in "AB"}  # of two unpaired sets
PARTS = {"A", "B", *SPLITS, *DOMAINS}

Splits = dict[str, list[Path]]  # images by train, val and test


def side_by_side(folder: str | os.PathLike) -> bool:
    """Whether a folder has A|B images."""
    there = {part for part in PARTS if os.path.isdir(Path(folder) / part)}
    return "train" in there or there.isdisjoint({"A", "B"} | DOMAINS)


def own_splits(folder: str | os.PathLike) -> set[str]:
    """Which of train, val and test are parts of a folder: test/, A/test/ or testA/, for example."""
    parts = {split: (split, f"A/{split}", f"{split}A") for split in SPLITS}
    return {
        split
        for split, places in parts.items()
        if any(os.path.isdir(Path(folder) / place) for place in places)
    }


def images_by_split(folder: Path, side: str = "") -> Splits:
    """Images of train/, val/ and test/, or of trainA/ ... for side "A"; else all are train."""
    parts = {split: folder / (split + side) for split in SPLITS}
    if not side and not any(map(os.path.isdir, parts.values())):
        parts["train"] = folder
    return {split: find_images(p) if os.path.isdir(p) else [] for split, p in parts.items()}


def key_of(path: Path) -> str:
    """What makes two files partners: the name without suffix, however its accents are written."""
    return unicodedata.normalize("NFC", path.stem)


def matched(a: Splits, b: Splits, folder: Path) -> Splits:
    """The images of b in the order of their partners of equal name in a.

    Raises CourseError listing those of both sides that have no partner, or for two of one name.
    """
    partners: Splits = {}
    for split in SPLITS:
        by_key_a, by_key_b = _by_key(a[split]), _by_key(b[split])
        if by_key_a.keys() != by_key_b.keys():
            only_a, only_b = _only_in("A", by_key_a, by_key_b), _only_in("B", by_key_b, by_key_a)
            raise CourseError(
                f"A and B do not match in {split}; {only_a}; {only_b}",
                printable(folder),
                "give every image of A a partner of the same name in B, or remove the ones listed",
            )
        partners[split] = [by_key_b[key] for key in by_key_a]
    return partners


def _by_key(paths: list[Path]) -> dict[str, Path]:
    by_key: dict[str, Path] = {}
    for path in paths:
        if by_key.setdefault(key_of(path), path) != path:
            raise CourseError(
                "another image has the same name without suffix",
                printable(path),
                "names without suffix must differ within a folder: rename or remove one",
            )
    return by_key


def _only_in(name: str, side: dict[str, Path], other: dict[str, Path]) -> str:
    orphans = [printable(path.name) for key, path in side.items() if key not in other]
    listed = ", ".join(orphans[:5]) + ", ..." * (len(orphans) > 5)
    return f"only in {name}: {len(orphans)} ({listed or 'none'})"


def hold_out(images: Splits, folder: Path, side: str = "") -> str:
    """Fill a missing val or test, in place, with some of train; returns a sentence for the card.

    It is about HELD_OUT of train. The SHA-256 of a name alone decides, so a new file moves no
    other, except where a share would have stayed empty: it takes the next name in the order of the
    hashes. Without train, what there is is left as it is. Raises CourseError if there are too few
    images.
    """
    pool, missing = images["train"], [split for split in ("test", "val") if not images[split]]
    if not pool and len(missing) < 2:
        return ""
    if len(pool) <= len(missing):
        raise CourseError(
            f"too few images: {len(pool)} for train{side}, at least {len(missing) + 1} needed",
            printable(folder),
            LAYOUTS,
        )
    hashes = [hashlib.sha256(os.fsencode(key_of(path))).hexdigest() for path in pool]
    fractions = {path: int(each, 16) / 2**256 for path, each in zip(pool, hashes, strict=True)}
    for count, split in enumerate(missing, 1):
        rest = sorted(images["train"], key=fractions.__getitem__)
        share = sum(fractions[path] < HELD_OUT * count for path in rest)
        most = len(rest) - 1 - len(missing) + count  # at least one each, train included
        taken = set(rest[: min(max(share, 1), most)])
        images[split] = [path for path in pool if path in taken]
        images["train"] = [path for path in images["train"] if path not in taken]
    names = " and ".join(f"{split}{side}/" for split in reversed(missing))
    each = " each" * (len(missing) > 1)
    share = f"about {HELD_OUT:.0%} of train{side}{each} is held out, by the SHA-256 of the name"
    return f" In place of {names} {share}." if missing else ""


class ImageFolder(TwoDomains):
    """The images of a folder in any of the LAYOUTS: x from A (or the left half), y from B.

    Items: x, y (3, size, size) in [-1, 1], resized without keeping the aspect ratio; ``name``,
    that of x without suffix. With ``load="crop"`` the aspect ratio is kept and a square cut out, of
    pairs the same: per (seed, epoch, index) in training, else the middle. The length of unpaired
    sets is that of the larger, the smaller starts over; in training y is drawn at random per (seed,
    epoch, index), see ``set_epoch``, else it is fixed.

    A file is decoded once and kept as uint8 as far as CACHE_BYTES go. Raises CourseError for a
    wrong layout, orphans, too few images and bad files: the headers of all are read at once, the
    pixels of the split, too, if they are few (EAGER_PIXELS), else with their item.
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
        folder = expanded(folder)
        if not os.path.isdir(folder):  # Path.is_dir raises for what it may not look at
            raise CourseError(
                "there is no such folder", printable(folder), f"check the path; {LAYOUTS}"
            )
        folder, where = Path(folder), printable(folder)
        self.size, self.seed, self.cropped = size, seed, load == "crop"
        self.drawn = split == "train"  # in training: windows and, without pairs, the partners
        self.paired = not any(os.path.isdir(folder / part) for part in DOMAINS)
        self.beside = self.paired and side_by_side(folder)
        for path in entries(folder):
            if path.name not in PARTS:
                is_dead_end(path)
        sides = "" if self.paired else "AB"
        if self.beside:
            about = "Pairs in A|B images side by side"
            a = b = images_by_split(folder)
        elif self.paired:
            about = "Pairs in A/ and B/ with equal names"
            a, b = images_by_split(folder / "A"), images_by_split(folder / "B")
            b = matched(a, b, folder)
        else:
            about = "Unpaired images"
            a, b = images_by_split(folder, "A"), images_by_split(folder, "B")
        all_x, all_y = list(chain(*a.values())), list(chain(*b.values()))
        if split == ALL:
            a, b, held_out = {ALL: all_x}, {ALL: all_y}, ""
        else:
            held_out = hold_out(a, folder, sides[:1])
            if b is not a:  # of pairs the same names
                held_out += hold_out(b, folder, sides[1:]) * bool(sides)
        if not (a[split] and b[split]):
            raise CourseError(f"no images for {split} here", where, LAYOUTS)
        counts = [
            (f"{len(a[name])}" if self.paired else f"{len(a[name])} and {len(b[name])}")
            + f" {'in ' * (name == ALL)}{name}"
            for name in a
        ]
        self.card = f"{about} from the folder {where}: {', '.join(counts)}.{held_out}"
        self.x, self.y = a[split], b[split]
        self.names = [printable(self.x[i % len(self.x)].stem) for i in range(len(self))]
        paths = dict.fromkeys(all_x + all_y)
        self.shapes = {path: self._shape(path, image_size(path)) for path in paths}
        if self.paired:  # partners are cropped together
            self.shapes |= {y: self.shapes[x] for x, y in zip(all_x, all_y, strict=True)}
        self.kept: dict[Path, Tensor] = {}
        if sum(math.prod(self.shapes[path]) for path in self.x + self.y) <= EAGER_PIXELS:
            with ThreadPoolExecutor(4) as pool:
                for _ in pool.map(self._read, dict.fromkeys(self.x + self.y)):
                    pass

    def _shape(self, path: Path, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of each image in a file of this size, which must be even for two."""
        if self.beside and size[0] % 2:
            raise CourseError(
                f"an A|B image needs an even width, this one is {size[0]} x {size[1]}",
                printable(path),
                "cut it so that both halves are equally wide, or remove it",
            )
        return size[0] // (1 + self.beside), size[1]

    def _read(self, path: Path) -> UInt8[Tensor, "n 3 h w"]:
        """The one image in this file, or both halves of an A|B image."""
        if path in self.kept:
            return self.kept[path]
        image, shape, size = read_image(path), self.shapes[path], self.size
        width, height = self._shape(path, image.size)
        images = [image.crop((0, 0, width, height))]
        if self.beside:
            images.append(image.crop((width, 0, 2 * width, height)))
        if self.cropped:
            if max(shape) > LONGEST * min(shape):
                raise CourseError(
                    f"too long and thin to cut squares out of it: {shape[0]} x {shape[1]}",
                    printable(path),
                    "cut it into pieces, remove it, or take --load square",
                )
            size = scaled(shape, self.size / min(shape))
        out = to_bytes(torch.stack([to_tensor(each, size) for each in images]))
        if (len(self.kept) + 1) * out.nbytes <= CACHE_BYTES:
            self.kept[path] = out
        return out

    def at(self, size: int) -> "ImageFolder":
        other = copy.copy(self)
        other.size, other.kept = size, {}
        return other

    def __len__(self) -> int:
        return max(len(self.x), len(self.y))

    def __getitem__(self, i: int) -> dict:
        if i >= len(self):
            raise IndexError(i)
        j = i % len(self.y)
        if self.drawn and not self.paired:
            j = partner(len(self.y), self.seed, self.epoch, i)
        corners = torch.full((2, 2), 0.5)  # shares of what is left, down and across: the middle
        if self.drawn and self.cropped:
            corners = torch.rand(2, 2, generator=item_generator(self.seed, self.epoch, i, 2))
        x = self._window(self._read(self.x[i % len(self.x)])[0], corners[0])
        y = self._window(self._read(self.y[j])[-1], corners[0 if self.paired else 1])
        return {"name": self.names[i], "x": x, "y": y}

    def _window(
        self, image: UInt8[Tensor, "3 h w"], corner: Float[Tensor, "2"]
    ) -> Float[Tensor, "3 size size"]:
        down, across = corner.tolist()
        top = int(down * (image.shape[1] - self.size + 1))
        left = int(across * (image.shape[2] - self.size + 1))
        return image[:, top : top + self.size, left : left + self.size] / 127.5 - 1
