"""Pictures for the notebooks: image grids, loss curves, patch maps, shape walks.

Every function that draws returns a closed figure: a notebook shows it once, as the value of the cell, and
``fig.savefig(path)`` writes it. Images are float tensors in [-1, 1]. Matplotlib's global settings stay as they are.
"""

import contextlib
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.plotting.shapes import ShapeWalk, shape_walk

__all__ = ["ShapeWalk", "image_grid", "loss_curves", "patch_map", "shape_walk", "stitch"]

if TYPE_CHECKING:
    import matplotlib.figure

DPI = 120
WIDTH = 1100  # of a figure, in pixels as all sizes here; a notebook's column has about 1,000
PANEL = 320  # side of a panel of a patch map, at most
GAP = 2  # between the images of a grid
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)  # Okabe and Ito
LINES = ("-", "--", ":", "-.")
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": DPI,
    "legend.frameon": False,
}


@contextlib.contextmanager
def _figure(width: float, height: float, **kwargs):
    """A figure of so many pixels in the course's style; closed when the block ends, so that it is shown only once."""
    import matplotlib.pyplot as plt

    with plt.style.context(["default", STYLE]):
        fig = plt.figure(figsize=(width / DPI, height / DPI), **kwargs)
        try:
            yield fig
        finally:
            plt.close(fig)


def _pixel_axes(
    fig: "matplotlib.figure.Figure", left: float, top: float, width: float, height: float
):
    """Axes at these pixels, from the left and from the top, without ticks or frame."""
    full_width, full_height = fig.get_size_inches() * DPI
    box = (
        left / full_width,
        1 - (top + height) / full_height,
        width / full_width,
        height / full_height,
    )
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
    """Labelled rows of images, one column per item: ``{"outline": x, "output": fake_y, "truth": y}``.

    ``columns`` are captions above. Pixels are enlarged by a whole number, the largest with which the images are at most
    ``scale`` times 1,100 px wide; larger images are reduced to fit. Raises ValueError if the rows differ in size.
    """
    count = max(len(images) for images in rows.values())
    widest = int(scale * WIDTH / count) - GAP
    tiles = stitch(
        list(rows.values()), max(widest // next(iter(rows.values())).shape[-1], 1), widest
    )
    height, width = tiles.shape[:2]
    across, down = (width + GAP) / count, (height + GAP) / len(rows)  # from one image to the next
    wide = across > 90
    captions = [_wrap(caption, int(across / (8.5 if wide else 7.5))) for caption in columns or []]
    head = 32 if title else 0
    top = head + (18 * max(caption.count("\n") + 1 for caption in captions) + 6 if captions else 0)
    with _figure(width, top + height) as fig:
        names = [fig.text(0, 0, name, ha="right", va="center") for name in rows]
        left = (
            math.ceil(max(name.get_window_extent().width for name in names)) + 12
            if any(rows)
            else 0
        )
        fig.set_size_inches((left + width) / DPI, (top + height) / DPI)
        _pixel_axes(fig, left, top, width, height).imshow(
            tiles, interpolation="nearest", aspect="auto"
        )

        def at(x: float, y: float) -> dict:  # pixels from the left and from the top
            return {"x": x / (left + width), "y": 1 - y / (top + height)}

        for i, name in enumerate(names):
            name.update(at(left - 8, top + (i + 0.5) * down))
        style = {"ha": "center", "va": "bottom", "size": 9 if wide else 7.5, "linespacing": 1.1}
        for i, caption in enumerate(captions):
            fig.text(**at(left + (i + 0.5) * across, top - 5), s=caption, **style)
        if title:
            fig.text(**at(left, 4), s=title, va="top", size=11, weight="bold")
    return fig


def stitch(
    rows: Sequence[Float[Tensor, "_ 3 h w"]], zoom: int = 1, widest: int | None = None
) -> np.ndarray:
    """Rows of images as one uint8 array (H, W, 3), white between them.

    Each pixel becomes ``zoom`` x ``zoom`` equal ones; images of more than ``widest`` px are reduced to them, smoothly.
    A row may be shorter than the others. Raises ValueError if the rows differ in image size.
    """
    height, width = rows[0].shape[-2:]
    if any(images.shape[-2:] != (height, width) for images in rows):
        raise ValueError(
            f"rows of one grid need one size, got {[tuple(images.shape) for images in rows]}"
        )
    count = max(len(images) for images in rows)
    lines = []
    for images in rows:
        images = images.detach().float().cpu().clamp(-1, 1)
        if widest is not None and width > widest:
            smaller = (max(round(height * widest / width), 1), max(widest, 1))
            images = F.interpolate(images, smaller, mode="bilinear", antialias=True)
        images = images.repeat_interleave(zoom, -1).repeat_interleave(zoom, -2)
        tiles = F.pad(
            images, (0, GAP, 0, GAP, 0, 0, 0, count - len(images)), value=1.0
        )  # (count, 3, h + gap, w + gap)
        lines.append(tiles.permute(2, 0, 3, 1).flatten(1, 2))  # (h + gap, count * (w + gap), 3)
    canvas = torch.cat(lines)[:-GAP, :-GAP]
    return ((canvas + 1) * 127.5).round().to(torch.uint8).numpy()


def _wrap(caption: str, letters: int) -> str:
    words = caption.replace("_", " ").split()
    words = [
        word if max(map(len, word.split("-"))) <= letters else word[: letters - 1] + "…"
        for word in words
    ]
    return "\n".join(textwrap.wrap(" ".join(words), letters, max_lines=3, placeholder="…"))


# Loss curves

NOT_LOSSES = {"step", "epoch", "time", "seconds", "lr"}
ADVERSARIAL = {"d", "gan", "adv", "real", "fake"}
PREFIXES = {"g", "val", "train", "loss"}


def loss_curves(
    history: Sequence[Mapping],
    keys: Sequence[str] | None = None,
    smooth: int = 25,
    reference: Mapping[str, float] | None = None,
) -> "matplotlib.figure.Figure":
    """The terms of a history of rows ``{"step": 12, "d_real": 0.61, "l1": 0.2}``: thin as they are, thick their running
    mean over the last ``smooth`` steps.

    Each kind of term has a panel, so that scales do not mix: the adversarial terms together (those with d, gan, real or
    fake in their names), every other by its name (``l1`` and ``val_l1`` share one). ``keys`` chooses terms; by default
    all numbers but step, epoch, time, seconds, lr and rates. A row may lack a key. ``reference`` draws dashed lines,
    ``{"D at chance": 1.386}``, in the panel of the key or kind that the label names, else in the first. Raises
    ValueError if there is nothing to draw.
    """
    keys = list(keys) if keys is not None else _terms(history)
    panels: dict[str, list[str]] = {}
    for key in keys:
        panels.setdefault(_family(key), []).append(key)
    panels = dict(sorted(panels.items(), key=lambda item: item[0] != "adversarial"))
    if not panels:
        raise ValueError("no loss terms in this history")
    lines: dict[str, list] = {family: [] for family in panels}
    for label, value in (reference or {}).items():
        words = set(re.split(r"\W+", label.lower()))
        named = [
            family
            for family, terms in panels.items()
            if words & {family, *(term.lower() for term in terms)}
        ]
        lines[(named or list(panels))[0]].append((label, value))

    across = 2 if len(panels) == 4 else min(len(panels), 3)
    down = math.ceil(len(panels) / across)
    with _figure(WIDTH if across > 1 else 0.7 * WIDTH, 330 * down, layout="constrained") as fig:
        for i, (family, terms) in enumerate(panels.items()):
            axes = fig.add_subplot(down, across, i + 1)
            top = [value for _, value in lines[family]]
            for j, key in enumerate(terms):
                step, value = _series(history, key)
                mean = _running_mean(step, value, smooth)
                style = {"color": COLOURS[j % len(COLOURS)]}
                axes.plot(step, value, lw=0.6, alpha=0.3, zorder=2, **style)
                alone = {"marker": "o"} if len(value) == 1 else {}
                axes.plot(
                    step,
                    mean,
                    lw=2,
                    ls=LINES[j % len(LINES)],
                    label=key,
                    zorder=3,
                    **style,
                    **alone,
                )
                if len(value):
                    top += [
                        mean.max(),
                        np.quantile(value, 0.99),
                    ]  # a spike must not flatten the rest
            for label, value in lines[family]:
                axes.axhline(value, color="0.35", lw=1, ls=(0, (5, 3)))
                text = f"{label} {value:.3f}"
                where = {
                    "xytext": (0, 4),
                    "textcoords": "offset points",
                    "ha": "right",
                    "size": 8.5,
                    "zorder": 4,
                }
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5}
                axes.annotate(
                    text, (1, value), xycoords=("axes fraction", "data"), bbox=box, **where
                )
            if top and min(top) >= 0 and max(top) > 0:
                axes.set_ylim(0, 1.12 * max(top))
            axes.set(xlabel="step", ylabel="loss")
            axes.grid(axis="y", color="0.92")
            axes.set_axisbelow(True)
            style = {
                "ncols": 4 if across < 3 else 2,
                "borderpad": 0,
                "handlelength": 2.6,
                "columnspacing": 1,
            }
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), **style)
    return fig


def _terms(history: Sequence[Mapping]) -> list[str]:
    numbers = [
        k
        for row in history
        for k, v in row.items()
        if isinstance(v, (int, float)) and not isinstance(v, bool)
    ]
    return [
        key
        for key in dict.fromkeys(numbers)
        if not NOT_LOSSES & set(_words(key)) and "per_second" not in key
    ]


def _words(key: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", key.lower()) if word]


def _family(key: str) -> str:
    words = _words(key)
    if "l1" not in words and ADVERSARIAL & set(words):
        return "adversarial"
    return next((word for word in words if word not in PREFIXES), key)


def _series(history: Sequence[Mapping], key: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [
        (row.get("step", i), row[key]) for i, row in enumerate(history) if row.get(key) is not None
    ]
    steps, values = np.array(rows, dtype=float).reshape(-1, 2).T
    return steps[np.isfinite(values)], values[np.isfinite(values)]


def _running_mean(steps: np.ndarray, values: np.ndarray, window: int) -> np.ndarray:
    """Mean of the values of the last ``window`` steps; of a term that comes less often, the values themselves."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.searchsorted(steps, steps - window, side="right")
    return (total[end] - total[start]) / (end - start)


# What D sees


def patch_map(
    image: Float[Tensor, "3 H W"],
    logits: Float[Tensor, "1 h w"],
    title: str | None = None,
    stride: int | None = None,
) -> "matplotlib.figure.Figure":
    """D's verdict on each patch of one image: the image, sigmoid(logits), and both, with a scale from fake to real.

    A cell is drawn over the centre of the patch that it judges; the patch itself is larger. ``stride`` is the distance
    of two patches in px; by default that of a PatchGAN, whose map has image / stride - 2 rows (a PixelGAN's: all).
    """
    height, width = image.shape[-2:]
    rows, cols = logits.shape[-2:]
    stride = stride or (1 if rows == height else max(1, 2 ** round(math.log2(height / (rows + 2)))))
    probability = torch.sigmoid(logits.detach().float().cpu())[0].numpy()
    picture = stitch([image[None]])
    grey = np.repeat(picture.mean(2, keepdims=True), 3, 2) / 255
    left, top = (width - cols * stride) / 2 - 0.5, (height - rows * stride) / 2 - 0.5
    extent = (left, left + cols * stride, top + rows * stride, top)
    colours = {"cmap": "PuOr", "vmin": 0, "vmax": 1, "interpolation": "nearest", "extent": extent}

    zoom = PANEL // max(height, width) or PANEL / max(height, width)
    w, h, head = round(width * zoom), round(height * zoom), 60 if title else 30
    full_width, full_height = 3 * w + 144, head + h + 12
    with _figure(full_width, full_height) as fig:
        panels = [_pixel_axes(fig, 8 + i * (w + 12), head, w, h) for i in range(3)]
        captions = (
            "image",
            f"D's map, {rows} x {cols}, mean {probability.mean():.2f}",
            "map over image",
        )
        for axes, caption, under in zip(
            panels, captions, (picture, np.full_like(grey, 0.88), grey), strict=True
        ):
            axes.set_title(caption)
            axes.imshow(under, interpolation="nearest")
        shown = panels[1].imshow(probability, **colours)
        panels[2].imshow(probability, alpha=0.6, **colours)
        for axes in panels:
            axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        scale = fig.colorbar(shown, cax=_pixel_axes(fig, 3 * w + 62, head, 16, h))
        scale.ax.set_title("D thinks")
        scale.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["fake 0", "0.25", "0.5", "0.75", "real 1"])
        if title:
            fig.text(8 / full_width, 1 - 4 / full_height, title, va="top", size=11, weight="bold")
    return fig
