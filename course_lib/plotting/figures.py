"""Pictures for the notebooks: image grids, and scores over time.

Every function that draws returns a closed figure: a notebook shows it once, as the value of the
cell, and ``fig.savefig(path)`` writes it. Images are float tensors in [-1, 1]. Matplotlib's global
settings stay as they are.
"""

import contextlib
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.errors import expect

if TYPE_CHECKING:
    import matplotlib.figure

DPI = 120
WIDTH = 1100  # of a figure, in pixels as all sizes here; a notebook's column has about 1,000
GAP = 2  # between the images of a grid
# Okabe and Ito
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": DPI,
    "legend.frameon": False,
}


@contextlib.contextmanager
def new_figure(width: float, height: float, **kwargs):
    """A figure of so many pixels in the course's style; closed at the end: shown only once."""
    import matplotlib.pyplot as plt

    with plt.style.context(["default", STYLE]):
        fig = plt.figure(figsize=(width / DPI, height / DPI), **kwargs)
        try:
            yield fig
        finally:
            plt.close(fig)


def pixel_axes(
    fig: "matplotlib.figure.Figure", left: float, top: float, width: float, height: float
):
    """Axes at these pixels, from the left and from the top, without ticks or frame."""
    across, down = fig.get_size_inches() * DPI
    box = (left / across, 1 - (top + height) / down, width / across, height / down)
    axes = fig.add_axes(box, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


# Image grids


def image_grid(
    rows: Mapping[str, Float[Tensor, "_ 3 h w"]],
    columns: Sequence[str] | None = None,
    scale: float = 1.0,
    title: str | None = None,
) -> "matplotlib.figure.Figure":
    """Labelled rows of images, a column per item: ``{"outline": x, "output": fake_y, "truth": y}``.

    ``columns`` are captions above. Pixels are enlarged by a whole number, the largest with which
    the images are at most ``scale`` times 1,100 px wide; larger images are reduced to fit. Raises
    ValueError if the rows differ in size.
    """
    lines = list(rows.values())
    count = max(map(len, lines))
    widest = int(scale * WIDTH / count) - GAP
    tiles = stitch(lines, max(widest // lines[0].shape[-1], 1), widest)
    height, width = tiles.shape[:2]
    across, down = (width + GAP) / count, (height + GAP) / len(rows)  # from one image to the next
    wide = across > 90
    captions = [_wrap(caption, int(across / (8.5 if wide else 7.5))) for caption in columns or []]
    head = 32 if title else 0
    top = head + (18 * max(caption.count("\n") + 1 for caption in captions) + 6 if captions else 0)
    with new_figure(width, top + height) as fig:
        names = [fig.text(0, 0, name, ha="right", va="center") for name in rows]
        widest_name = max(name.get_window_extent().width for name in names)
        left = math.ceil(widest_name) + 12 if any(rows) else 0
        fig.set_size_inches((left + width) / DPI, (top + height) / DPI)
        pixel_axes(fig, left, top, width, height).imshow(
            tiles, interpolation="nearest", aspect="auto"
        )

        def at(x: float, y: float) -> dict:  # pixels from the left and from the top
            return {"x": x / (left + width), "y": 1 - y / (top + height)}

        for i, name in enumerate(names):
            name.update(at(left - 8, top + (i + 0.5) * down))
        for i, caption in enumerate(captions):
            fig.text(
                **at(left + (i + 0.5) * across, top - 5),
                s=caption,
                ha="center",
                va="bottom",
                size=9 if wide else 7.5,
                linespacing=1.1,
            )
        if title:
            fig.text(**at(left, 4), s=title, va="top", size=11, weight="bold")
    return fig


def stitch(
    rows: Sequence[Float[Tensor, "_ 3 h w"]], zoom: int = 1, widest: int | None = None
) -> np.ndarray:
    """Rows of images as one uint8 array (H, W, 3), white between them.

    Each pixel becomes ``zoom`` x ``zoom`` equal ones; images of more than ``widest`` px are reduced
    to them, smoothly. A row may be shorter than the others. Raises ValueError if the rows differ in
    image size.
    """
    height, width = rows[0].shape[-2:]
    shapes = [tuple(images.shape) for images in rows]
    expect(len({s[-2:] for s in shapes}) == 1, f"rows of one grid need one size, got {shapes}")
    count = max(len(images) for images in rows)
    lines = []
    for images in rows:
        images = images.detach().float().cpu().clamp(-1, 1)
        if widest is not None and width > widest:
            smaller = (max(round(height * widest / width), 1), max(widest, 1))
            images = F.interpolate(images, smaller, mode="bilinear", antialias=True)
        images = images.repeat_interleave(zoom, -1).repeat_interleave(zoom, -2)
        # (count, 3, h + gap, w + gap) -> (h + gap, count * (w + gap), 3)
        tiles = F.pad(images, (0, GAP, 0, GAP, 0, 0, 0, count - len(images)), value=1.0)
        lines.append(tiles.permute(2, 0, 3, 1).flatten(1, 2))
    return ((torch.cat(lines)[:-GAP, :-GAP] + 1) * 127.5).round().to(torch.uint8).numpy()


def _wrap(caption: str, letters: int) -> str:
    words = caption.replace("_", " ").split()
    words = [
        word if max(map(len, word.split("-"))) <= letters else word[: letters - 1] + "…"
        for word in words
    ]
    return "\n".join(textwrap.wrap(" ".join(words), letters, max_lines=3, placeholder="…"))


def score_over_time(
    steps: Sequence[int],
    scores: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    best: int,
    name: str,
) -> "matplotlib.figure.Figure":
    """Scores of held-out images, of which less is better, with 95 % intervals and the best step."""
    with new_figure(0.7 * WIDTH, 330, layout="constrained") as fig:
        axes = fig.add_subplot()
        axes.fill_between(steps, lows, highs, color=COLOURS[0], alpha=0.15, lw=0, label="95 %")
        axes.plot(steps, scores, "o-", color=COLOURS[0], lw=2, ms=4, label=f"{name} on val")
        axes.axvline(best, color=COLOURS[1], lw=1.5, ls="--", label=f"best, step {best}")
        axes.set(xlabel="step", ylabel=name, axisbelow=True)
        axes.grid(axis="y", color="0.92")
        axes.legend(ncols=3, columnspacing=1, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    return fig
