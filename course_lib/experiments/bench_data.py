"""``course bench data``: images per second that reach a training step, against torchvision's ImageFolder."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from course_lib.data import open_dataset
from course_lib.data.facades import Facades
from course_lib.data.images import to_image
from course_lib.errors import CourseError
from course_lib.experiments import bench
from course_lib.training.loading import batches

FOLDER = "a folder of A|B pairs"
SETS = ("emoji:edges", "emoji:twemoji-fluent", "facades", "facades:day-night", "earth:relief-aerial", FOLDER)
COUNT = 256  # items that are measured of a set
TURN = 16  # batches in a turn


class First(Dataset):
    """The first COUNT items of a dataset, or as many as there are."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __len__(self) -> int:
        return min(COUNT, len(self.dataset))

    def __getitem__(self, i: int) -> dict:
        return self.dataset[i]

    def __getattr__(self, name: str) -> Any:  # paired, mirrors, jitter, redraw, set_epoch
        if name in ("dataset", "names"):
            raise AttributeError(name)
        return getattr(self.dataset, name)


def data(names: list[str] | None = None, size: int = 64, repeats: int = 7, batch_size: int = 16) -> dict[str, Any]:
    """Images per second (x and y are two) in batches as fit() makes them, in this process.

    ``imagefolder`` is torchvision's, over the same images as PNG files of that size, with the same transforms, in a
    DataLoader without workers; ``ratio`` is the median over alternating turns. ``first_per_core`` is the first pass, in
    which houses are drawn and files decoded, for a second of one core; afterwards they come from memory, as far as they
    have been seen: the partners of unpaired houses are others each time.
    """
    rows = []
    for name in names or SETS:
        with suppress(CourseError):  # of maps that are not installed
            rows.append(_measure(name, size, repeats, batch_size))
    return {"title": f"images a second, {size} px, batches of {batch_size}; {bench.here()}", "rows": rows}


def _measure(name: str, size: int, repeats: int, batch_size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files, pairs = Path(folder) / "files", Path(folder) / "pairs" / "train"
        shown = First(open_dataset("emoji:edges" if name == FOLDER else name, "train", size))
        for place in (files / "x", files / "y", pairs):
            place.mkdir(parents=True)
        for i in range(len(shown)):
            x, y = shown[i]["x"], shown[i]["y"]
            to_image(x).save(files / "x" / f"{i}.png")
            to_image(y).save(files / "y" / f"{i}.png")
            to_image(torch.cat([x, y], dim=2)).save(pairs / f"{i}.png")
        Facades.kept.clear()
        Facades.kept_bytes = 0
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # others would spin while they wait, and that is counted
        start = time.process_time()
        own = First(open_dataset(str(pairs.parent) if name == FOLDER else name, "train", size))
        config = SimpleNamespace(batch_size=batch_size, jitter="auto", flip="auto")
        feed = batches(own, SimpleNamespace(config=config, device=torch.device("cpu")))
        for _ in range(len(own) // batch_size):
            next(feed)
        first = 2 * len(own) / (time.process_time() - start)
        torch.set_num_threads(threads)
        kind, flip = getattr(own, "jitter", "affine"), getattr(own, "mirrors", True)
        other = _image_folder(files, size, kind, flip, 2 * batch_size)
        works = {"ours": lambda: _take(feed), "theirs": lambda: _take(other)}
        seconds = bench.alternate(works, repeats, warm=1)
    images = 2 * TURN * batch_size
    row = {"data": name, "first_per_core": first, "images": images / statistics.median(seconds["ours"])}
    row |= {"imagefolder": images / statistics.median(seconds["theirs"])}
    return row | bench.ratios(seconds["theirs"], seconds["ours"])


def _take(feed: Iterator) -> None:
    for _ in range(TURN):
        next(feed)


def _image_folder(files: Path, size: int, kind: str, flip: bool, batch_size: int) -> Iterator:
    """Endless batches of torchvision's, with the transforms that :class:`course_lib.data.Augment` makes."""
    bilinear, bicubic = transforms.InterpolationMode.BILINEAR, transforms.InterpolationMode.BICUBIC
    jitter = {
        "resize": [transforms.Resize(round(size * 286 / 256), bilinear), transforms.RandomCrop(size)],
        "affine": [transforms.RandomAffine(5, (0.06, 0.06), (0.9, 1.1), interpolation=bicubic)],
        "none": [],
    }[kind]
    mirror = [transforms.RandomHorizontalFlip()] if flip else []
    steps = [*jitter, *mirror, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    dataset = ImageFolder(files, transforms.Compose(steps))
    while True:
        yield from DataLoader(dataset, batch_size, shuffle=True, drop_last=True)
