"""Your own images as a data set, in one of these layouts.

    A|B images side by side, twice as wide as high, in train/ val/ test/ or directly in the folder;
        those of other shapes in AB/ or AB/train ...
    pairs in A/ and B/ with equal file names, or A/train B/train ...
    unpaired images in trainA/ trainB/ valA/ valB/ testA/ testB/

Without val or test a share of train is held out.
"""

import hashlib
import math
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from course_lib.data.augment import loaded_size
from course_lib.data.base import TwoDomains, item_generator
from course_lib.data.files import expanded
from course_lib.data.images import (
    IMAGES,
    Size,
    attempt,
    find_images,
    folder_below,
    image_size,
    list_folder,
    listed,
    note_dead_links,
    note_frames,
    note_left_out,
    printable,
    read_image,
    refusal,
    scaled,
    stem_of,
    to_bytes,
    to_tensor,
)
from course_lib.errors import CourseError, ensure, note_once

SPLITS = ("train", "val", "test")
ALL = "all"  # in place of a split: every image of a folder, to score one that is for testing only
LONGEST = 32  # times as long as wide may an image be, of which squares are cut out
HELD_OUT = 0.1  # share of train that stands in for a missing val or test
CACHE_BYTES = 2**30  # decoded images that one data set keeps in memory
EAGER_PIXELS = 100_000_000  # a split of at most so many pixels, some seconds, is decoded at once
MANY = 10_000  # files of other splits: beyond that their headers are not read
LAYOUTS = (
    "put pairs into A/ and B/ with equal names, or A|B images of any shape into AB/, or two domains"
    " without pairs into trainA/, trainB/"
)

AB = "AB"  # a part whose images are A|B, whatever their shape
DOMAINS = {split + side for split in SPLITS for side in "AB"}  # of two unpaired sets
PARTS = {"A", "B", AB, *SPLITS, *DOMAINS}

Splits = dict[str, list[Path]]  # images by train, val and test


def layout_of(folder: Path) -> tuple[str, Splits, Splits, bool, bool]:
    """Which layout a folder has: how its card begins; its images of A, or A|B, and of B by
    split, before any is held out; whether they are pairs; and whether in one file (A|B).

    Raises CourseError for partners that are missing.
    """
    there = {part for part in PARTS if os.path.isdir(folder / part)}
    if there.isdisjoint(DOMAINS) and ({AB, "train"} & there or not {"A", "B"} & there):
        images = images_by_split(folder / AB if AB in there else folder)
        return "Pairs in A|B images side by side", images, images, True, True
    if there & DOMAINS:
        a, b = images_by_split(folder, "A"), images_by_split(folder, "B")
        return "Unpaired images", a, b, False, False
    a, b = images_by_split(folder / "A"), images_by_split(folder / "B")
    empty, other = "AB" if any(b.values()) else "BA"
    ensure(
        any(a.values()) == any(b.values()),
        f"there are images in {other}/ and none in {empty}/",
        printable(folder),
        f"put the partner of each image of {other}/ into {empty}/, under the same name",
    )
    if strangers(a, b):
        return "Unpaired images in A/ and B/, with no name in common,", a, b, False, False
    return "Pairs in A/ and B/ with equal names", a, matched(a, b, folder), True, False


def own_splits(folder: str | os.PathLike) -> set[str]:
    """Which of train, val and test are parts of a folder: test/, A/test/ or testA/, for example."""
    parts = {split: (split, f"AB/{split}", f"A/{split}", f"{split}A") for split in SPLITS}
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
    return unicodedata.normalize("NFC", stem_of(path))


def matched(a: Splits, b: Splits, folder: Path) -> Splits:
    """The images of b in the order of their partners of equal name in a.

    Raises CourseError listing those of both sides that have no partner, or for two of one name.
    """
    partners: Splits = {}
    for split in SPLITS:
        by_key_a, by_key_b = _by_key(a[split]), _by_key(b[split])
        ensure(
            by_key_a.keys() == by_key_b.keys(),
            f"A and B do not match in {split}; {_only_in('A', by_key_a, by_key_b)}; "
            + _only_in("B", by_key_b, by_key_a),
            printable(folder),
            "give every image of A a partner of the same name in B, or remove the ones listed;"
            " to learn without pairs, call the folders trainA/ and trainB/",
        )
        partners[split] = [by_key_b[key] for key in by_key_a]
    return partners


def _by_key(paths: list[Path]) -> dict[str, Path]:
    by_key: dict[str, Path] = {}
    for path in paths:
        ensure(
            by_key.setdefault(key_of(path), path) == path,
            "another image has the same name without suffix",
            printable(path),
            "names without suffix must differ within a folder: rename or remove one",
        )
    return by_key


def _only_in(name: str, side: dict[str, Path], other: dict[str, Path]) -> str:
    orphans = [path.name for key, path in side.items() if key not in other]
    return f"only in {name}: {len(orphans)} ({listed(orphans, 5) or 'none'})"


def hold_out(images: Splits, folder: Path, side: str = "") -> str:
    """Fill a missing val or test, in place, with some of train; returns a sentence for the card.

    It is about HELD_OUT of train. The SHA-256 of a name alone decides, so a new file moves no
    other, except where a share would have stayed empty: it takes the next name in the order of the
    hashes. Without train, what there is is left as it is. Raises CourseError if there are too few
    images.
    """
    pool, missing = images["train"], [split for split in ("test", "val") if not images[split]]
    if not (missing and pool):
        return ""
    ensure(
        len(pool) > len(missing),
        f"too few images: {len(pool)} for train{side}, at least {len(missing) + 1} needed",
        printable(folder),
        f"add some; {IMAGES} files are read",
    )
    hashes = {path: hashlib.sha256(os.fsencode(key_of(path))).hexdigest() for path in pool}
    fractions = {path: int(digits, 16) / 2**256 for path, digits in hashes.items()}
    order, start = sorted(pool, key=fractions.__getitem__), 0
    for count, split in enumerate(missing, 1):
        end = sum(fractions[path] < HELD_OUT * count for path in pool)
        most = len(pool) - 1 - len(missing) + count  # at least one each, train included
        end = min(max(end, start + 1), most)
        taken, start = {*order[start:end]}, end
        images[split] = [path for path in pool if path in taken]
        images["train"] = [path for path in images["train"] if path not in taken]
    names = " and ".join(f"{split}{side}/" for split in reversed(missing))
    share = f"{HELD_OUT:.0%} of train{side}{' each' if len(missing) > 1 else ''}"
    return f" In place of {names} about {share} is held out, by the SHA-256 of the name."


def strangers(a: Splits, b: Splits) -> bool:
    """Whether no image of a has the name of one of b: two domains rather than pairs."""
    names = [{key_of(path) for path in chain(*side.values())} for side in (a, b)]
    return all(names) and names[0].isdisjoint(names[1])


class ImageFolder(TwoDomains):
    """The images of a folder in any of the layouts: x from A (or the left half), y from B.

    Items: x, y (3, size, size) in [-1, 1], resized without keeping the aspect ratio; ``name``,
    that of x without suffix. With ``load="crop"`` the aspect ratio is kept and a square cut out, of
    pairs the same: per (seed, epoch, index) in training, else the middle. The length of unpaired
    sets is that of the larger, the smaller starts over; in training y is drawn at random per (seed,
    epoch, index), see ``set_epoch``, else it is fixed. A/ and B/ without one name in common are
    unpaired, too. With ``single``, images that are no pairs are both x and y, whole; of two domains
    they are those of B, or of A if it is "x".

    A file is decoded once, for the training with this ``jitter`` as well (see ``Augment``), and
    kept as uint8 as far as CACHE_BYTES go. Raises CourseError for a wrong layout, orphans, too few
    images and bad files, of which it names all: the headers are read at once, those of other splits
    if there are at most MANY, and the pixels of the split if they are few (EAGER_PIXELS), else with
    their item.
    """

    mirrors = False  # unknown images may have a left and a right: see Config.flip

    def __init__(
        self,
        folder: str | os.PathLike,
        split: str,
        size: int = 64,
        seed: int = 0,
        load: str = "square",
        jitter: str = "resize",
        single: bool | str = False,
    ):
        folder = expanded(folder)
        note_dead_links(path for path in list_folder(folder) if path.name not in PARTS)
        self.size, self.seed, self.cropped = size, seed, load == "crop"
        self.random = split == "train"  # in training: windows and, without pairs, the partners
        about, x, y, self.paired, self.beside = layout_of(folder)
        if single and not self.paired:  # of the one domain each image is its own partner
            x = y = x if single == "x" else y
            self.paired = True
        all_x, all_y = [*chain(*x.values())], [*chain(*y.values())]
        if split == ALL:
            x, y = {ALL: all_x}, {ALL: all_y}
        note_left_out(folder, {*all_x, *all_y})
        held_out = self._take(split, x, y, folder)
        wanted, files = {*self.x, *self.y}, dict.fromkeys(all_x + all_y)
        if len(files) - len(wanted) > MANY:
            files = [path for path in files if path in wanted]
        note_frames(files)
        bad = self._measure(files, folder, single)
        self.card = self._described(about, x, y, folder) + held_out
        if self.paired:  # partners are cropped together
            self.shapes |= {
                y: self.shapes[x]
                for x, y in zip(all_x, all_y, strict=True)
                if self.shapes.keys() >= {x, y}
            }
        self.kept: dict[int, dict[Path, Tensor]] = defaultdict(dict)  # by size
        bad |= self._decode_few(wanted, self.jitter if jitter == "auto" else jitter)
        if bad:
            raise refusal(bad, folder)

    def _take(self, split: str, x: Splits, y: Splits, folder: Path) -> str:
        """Hold out what is missing, in place, and take the images of ``split``, or ALL.

        Returns a sentence for the card. Raises CourseError if there are none.
        """
        held_out = ""
        if split != ALL:  # of pairs the same names
            sides = zip((x, y), ("", "") if self.paired else ("A", "B"), strict=True)
            held_out = "".join(
                dict.fromkeys([hold_out(images, folder, side) for images, side in sides])
            )
        self.x, self.y = x[split], y[split]
        part = split if self.paired else f"{split}{'B' if self.x else 'A'}"
        fix = f"put some into {part}/" if part in DOMAINS else LAYOUTS
        fix = f"{fix}; {IMAGES} files are read"
        if not any([*x.values(), *y.values()]) and (below := folder_below(folder, PARTS)):
            fix = f"give {printable(below)}, or {LAYOUTS}"
        ensure(self.x and self.y, f"no images for {part} here", printable(folder), fix)
        self.names = [printable(stem_of(self.x[i % len(self.x)])) for i in range(len(self))]
        if not self.paired and len(self.x) != len(self.y):
            # an image that is taken a second time is its own relative
            self.groups = [i % min(len(self.x), len(self.y)) for i in range(len(self))]
        return held_out

    def _described(self, about: str, x: Splits, y: Splits, folder: Path) -> str:
        """The first sentence of the card: what there is, how much of it, and where."""
        about = "Single images" if self.x == self.y and not self.beside else about
        counts = []
        for name in x:
            count = f"{len(x[name])}" if self.paired else f"{len(x[name])} and {len(y[name])}"
            counts.append(f"{count} in all" if name == ALL else f"{count} {name}")
        return f"{about} from the folder {printable(folder)}: {', '.join(counts)}."

    def _decode_few(self, wanted: set[Path], jitter: str) -> dict[Path, CourseError]:
        """Decode those that are ``wanted``, if they are few; what is wrong with which file."""
        sides = {self.size}
        if self.random:
            sides.add(loaded_size(self.size, jitter, self.cropped))
        here = [path for path in self.shapes if path in wanted]
        others = self.shapes.keys() - wanted
        bad: dict[Path, CourseError] = {}
        if self._are_few(here):
            bad = attempt(lambda path: self._decode(path, sides), here)[1]
            if bad and self._are_few(others):  # so that those of other splits are named as well
                bad |= attempt(read_image, others)[1]
        return bad

    def _measure(
        self, files: Iterable[Path], folder: Path, single: bool | str
    ) -> dict[Path, CourseError]:
        """From the headers: ``beside``, and ``shapes``, (width, height) of each image or half.

        Returns what is wrong with which file.
        Raises CourseError for images that are no pairs A|B, unless they may be ``single``.
        """
        sizes, bad = attempt(image_size, files)
        if self.beside and not os.path.isdir(folder / AB):
            odd = [path for path, (w, h) in sizes.items() if abs(w - 2 * h) > 0.02 * h]
            if odd and not single:
                if bad:
                    raise refusal(bad, folder)
                names = listed([os.path.relpath(path, folder) for path in odd])
                raise CourseError(
                    f"{len(odd)} of {len(sizes)} images are not twice as wide as high, as pairs"
                    f" A|B are: {names}",
                    printable(folder),
                    f"{LAYOUTS}; remove what does not belong there",
                )
            if single and not odd:
                note_once(
                    f"the images in {printable(folder)} are twice as wide as high, so each is taken"
                    " for a pair A|B and cut in two"
                )
            self.beside = not odd
        self.shapes, odd = attempt(lambda path: self._shape(path, sizes[path]), sizes)
        return bad | odd

    def _shape(self, path: Path, size: Size) -> Size:
        """(width, height) of each image in a file of this size, which must be even for two."""
        width, height = size
        ensure(
            not (self.beside and width % 2),
            f"an A|B image needs an even width, this one is {width} x {height}",
            printable(path),
            "cut it so that both halves are equally wide, or remove it",
        )
        width //= 1 + self.beside
        ensure(
            not self.cropped or max(width, height) <= LONGEST * min(width, height),
            f"too long and thin to cut squares out of it: {width} x {height}",
            printable(path),
            "cut it into pieces, remove it, or take --load square",
        )
        return width, height

    def _are_few(self, paths: Iterable[Path]) -> bool:
        return sum(math.prod(self.shapes[path]) for path in paths) <= EAGER_PIXELS

    def _read(self, path: Path) -> UInt8[Tensor, "n 3 h w"]:
        """The one image in this file, or both halves of an A|B image, in the size of this set."""
        kept = self.kept[self.size]
        return kept[path] if path in kept else self._decode(path, {self.size})[self.size]

    def _decode(self, path: Path, sides: set[int]) -> dict[int, UInt8[Tensor, "n 3 h w"]]:
        """The same for several sizes, and kept while there is room."""
        image, made = read_image(path), {}
        width, height = self._shape(path, image.size)
        halves = [
            image.crop((left, 0, left + width, height)) for left in range(0, image.width, width)
        ]
        shape = self.shapes[path]
        for side in sides:
            size = scaled(shape, side / min(shape)) if self.cropped else side
            made[side] = to_bytes(torch.stack([to_tensor(half, size) for half in halves]))
            if (len(self.kept[side]) + 1) * made[side].nbytes <= CACHE_BYTES:
                self.kept[side][path] = made[side]
        return made

    def __len__(self) -> int:
        return max(len(self.x), len(self.y))

    def __getitem__(self, i: int) -> dict:
        name = self.names[i]  # or IndexError, where a loop over items ends
        j = self.partner(i, len(self.y)) if self.random else i % len(self.y)
        corners = torch.full((2, 2), 0.5)  # shares of what is left, down and across: the middle
        if self.random and self.cropped:
            corners = torch.rand(2, 2, generator=item_generator(self.seed, self.epoch, i, 2))
        x = self._window(self._read(self.x[i % len(self.x)])[0], corners[0])
        y = self._window(self._read(self.y[j])[-1], corners[0 if self.paired else 1])
        return {"name": name, "x": x, "y": y}

    def _window(
        self, image: UInt8[Tensor, "3 h w"], corner: Float[Tensor, "2"]
    ) -> Float[Tensor, "3 size size"]:
        down, across = corner.tolist()
        top = int(down * (image.shape[1] - self.size + 1))
        left = int(across * (image.shape[2] - self.size + 1))
        return image[:, top : top + self.size, left : left + self.size] / 127.5 - 1
