"""What surrounds a training step: images a second, the widgets' pictures, the imports.

python tools/bench_around.py data|widgets|imports [--json]
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

import course_lib
from course_lib import runs, training
from course_lib.data import earth, emoji, open_dataset
from course_lib.data.augment import enlarged
from course_lib.data.base import View
from course_lib.data.facades import Facades
from course_lib.data.images import to_image
from course_lib.errors import CourseError
from course_lib.experiments.bench import alternate, here, ratios, table
from course_lib.training.loading import batches

# ---- the data

FOLDER = "a folder of A|B pairs"
SETS = (
    "emoji:edges",
    "emoji:twemoji-fluent",
    "facades",
    "facades:day-night",
    "earth:relief-aerial",
    FOLDER,
)
TURN = 16  # batches in a turn


def data(
    names: list[str] | None = None,
    size: int = 64,
    repeats: int = 7,
    batch_size: int = 16,
    count: int = 1280,
) -> dict[str, Any]:
    """Images per second (x and y are two) in batches as fit() makes them, in this process, of
    ``count`` pairs.

    ``first_per_core`` is the first pass, in which houses are drawn and files decoded (all of them
    where a data set is one file), for a second of one core. ``images`` are those of later passes,
    in turn with the three others: they come from memory, as far as they have been seen (the
    partners of unpaired houses are others each time). ``imagefolder`` is torchvision's, which
    decodes the same images from PNG files of that size in every pass, with transforms like the
    course's. ``in_memory`` is a TensorDataset of them and these transforms, on one image after the
    other, and ``by_batch`` the same on the whole batch, whose images are then all changed alike.
    ``ratio`` is the course's speed over ImageFolder's, the median of the turns, and
    ``to_in_memory`` and ``to_by_batch`` that over the tensors'. No loader has workers.
    """
    rows = []
    for name in names or SETS:
        with suppress(CourseError):  # of maps that are not installed
            rows.append(_images_per_second(name, size, repeats, batch_size, count))
    return {"title": f"images a second, {size} px, batches of {batch_size}; {here()}", "rows": rows}


class First(View):
    """The first ``count`` items of a dataset, or as many as there are."""

    def __init__(self, dataset: Any, count: int):
        super().__init__(dataset)
        self.count = min(count, len(dataset))

    def __len__(self) -> int:
        return self.count


def _images_per_second(
    name: str, size: int, repeats: int, batch_size: int, count: int
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files, pairs = Path(folder) / "files", Path(folder) / "pairs" / "train"
        shown = First(open_dataset("emoji:edges" if name == FOLDER else name, "train", size), count)
        for place in (files / "x", files / "y", pairs):
            place.mkdir(parents=True)
        for i in range(len(shown)):
            x, y = shown[i]["x"], shown[i]["y"]
            to_image(x).save(files / "x" / f"{i}.png")
            to_image(y).save(files / "y" / f"{i}.png")
            to_image(torch.cat([x, y], dim=2)).save(pairs / f"{i}.png")
        for decoded in (emoji.drawings, earth.maps, earth.patches):
            decoded.cache_clear()
        Facades.kept.clear()
        Facades.kept_bytes = 0
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # others would spin while they wait, and that is counted
        start = time.process_time()
        own = First(
            open_dataset(str(pairs.parent) if name == FOLDER else name, "train", size), count
        )
        config = SimpleNamespace(batch_size=batch_size, jitter="auto", flip="auto", image_size=size)
        feed = batches(own, SimpleNamespace(config=config, device=torch.device("cpu")))
        for _ in range(len(own) // batch_size):
            next(feed)
        first_pass = 2 * len(own) / (time.process_time() - start)
        torch.set_num_threads(threads)
        others = {
            "imagefolder": _image_folder(files, own, size, 2 * batch_size),
            "in_memory": _tensors(shown, own, size, batch_size, by_batch=False),
            "by_batch": _tensors(shown, own, size, batch_size, by_batch=True),
        }
        works = {"images": lambda: _take(feed)}
        works |= {name: lambda other=other: _take(other) for name, other in others.items()}
        seconds = alternate(works, repeats, warm=1)
    images = 2 * TURN * batch_size
    row = {"data": name, "first_per_core": first_pass}
    row |= {key: images / statistics.median(times) for key, times in seconds.items()}
    row |= ratios(seconds["imagefolder"], seconds["images"])
    for key in ("in_memory", "by_batch"):
        row[f"to_{key}"] = ratios(seconds[key], seconds["images"])["ratio"]
    return row


def _take(feed: Iterator) -> None:
    for _ in range(TURN):
        next(feed)


def _image_folder(files: Path, own: View, size: int, batch_size: int) -> Iterator:
    """Endless batches of torchvision's, with the transforms that :class:`course_lib.data.Augment`
    makes.
    """
    enlarge = [v2.Resize(enlarged(size))] if own.jitter == "resize" else []
    tensor = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    steps = [*enlarge, *_changes(own, size, InterpolationMode.BICUBIC), *tensor]
    transform = v2.Compose([*steps, v2.Normalize([0.5] * 3, [0.5] * 3)])
    dataset = ImageFolder(files, transform)
    while True:
        yield from DataLoader(dataset, batch_size, shuffle=True, drop_last=True)


def _tensors(shown: View, own: View, size: int, batch_size: int, by_batch: bool) -> Iterator:
    """Endless batches of tensors that lie in memory as they are needed: in [-1, 1], and enlarged.

    A pair's x and y are changed alike, as images of six channels. torchvision has no bicubic turns
    of tensors, so these are bilinear.
    """
    images = [torch.stack([shown[i][key] for i in range(len(shown))]) for key in "xy"]
    if own.jitter == "resize":
        images = [v2.functional.resize(each, [enlarged(size)]) for each in images]
    dataset = TensorDataset(*([torch.cat(images, 1)] if own.paired else images))
    order = BatchSampler(RandomSampler(dataset), batch_size, drop_last=True)
    steps = _changes(own, size, InterpolationMode.BILINEAR)
    change = v2.Compose(steps) if steps else v2.Identity()
    while True:
        for batch in DataLoader(dataset, sampler=order, batch_size=None):
            yield [
                change(each) if by_batch else torch.stack([change(one) for one in each])
                for each in batch
            ]


def _changes(own: View, size: int, mode: InterpolationMode) -> list[v2.Transform]:
    """Those of "resize" begin with images of the ``enlarged`` size."""
    jitter = {
        "resize": [v2.RandomCrop(size)],
        "affine": [v2.RandomAffine(5, (0.06, 0.06), (0.9, 1.1), interpolation=mode)],
        "none": [],
    }
    return jitter[own.jitter] + [v2.RandomHorizontalFlip()] * own.mirrors


# ---- the widgets, and the imports


def widgets(repeats: int = 15) -> dict[str, Any]:
    """Milliseconds that the kernel takes for one picture of each widget, with the shipped weights:
    median and worst.

    The way to the browser and back is not in it; on one machine it adds some 10 ms.
    """
    from course_lib.widgets import back, draw, latents, lens
    from course_lib.widgets.show import image_tag

    drawn, coded, turned = (
        runs.open_run(f"shipped:{name}")[0] for name in ("edges-emoji", "facades-many", "flat-3d")
    )
    emoji, houses = (open_dataset(name, "test", 128) for name in ("emoji:edges", "facades"))
    canvas = draw.draw(drawn)
    canvas.send = lambda *_: None
    asked = {"kind": "drawing", "seq": "0", "model": 0, "side": 128, "again": False}
    strokes = np.full((128, 128), 255, np.uint8)
    strokes[30:90, 30:34] = 0
    x, y = emoji[0]["x"], emoji[0]["y"]
    inputs = torch.stack([houses[i]["x"] for i in range(5)])
    pictures = {
        "draw: a stroke": lambda: canvas.answer(asked, [strokes.tobytes()]),
        "codes: a slider, 5 inputs": lambda: image_tag(
            latents.picture(coded, inputs, 0, coded.noise(1)[0]), ""
        ),
        "both ways: an image": lambda: image_tag(back.picture(turned, x), ""),
        "lens: a patch": lambda: lens.picture(drawn, x, y, 4, 4).savefig(BytesIO(), format="png"),
    }
    rows = []
    for name, make in pictures.items():
        times = alternate({name: make}, repeats, warm=1)[name]
        rows.append(
            {
                "picture": name,
                "median_ms": 1000 * statistics.median(times),
                "worst_ms": 1000 * max(times),
            }
        )
    return {"title": f"widgets, 128 px; {here()}, {repeats} repeats", "rows": rows}


def imports(repeats: int = 5) -> dict[str, Any]:
    """Seconds until a new process has done it: median and worst. ``beyond`` is what is added to
    importing torch.
    """
    named = [f"import {module.__name__}" for module in (torch, course_lib, training, runs)]
    commands = {statement: [sys.executable, "-c", statement] for statement in named}
    commands["course --help"] = [sys.executable, "-m", "course_lib.cli", "--help"]

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    seconds = alternate(
        {name: lambda c=command: run(c) for name, command in commands.items()}, repeats, warm=1
    )
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    rows = [
        {"process": name, "seconds": medians[name], "worst": max(times)}
        for name, times in seconds.items()
    ]
    for row in rows:
        row["beyond"] = row["seconds"] - medians["import torch"]
    return {
        "title": f"processes; {platform.machine()}, Python {platform.python_version()}",
        "rows": rows,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("data", "widgets", "imports"))
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    asked = parser.parse_args()
    facts = {"data": data, "widgets": widgets, "imports": imports}[asked.what]()
    print(json.dumps(facts) if asked.json else table(facts))
