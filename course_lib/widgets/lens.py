"""The patch lens: move over an image; see the patch that D judges there, and its verdict."""

import itertools
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import to_png
from course_lib.plotting.patches import discriminators, draw_patches, field, patch
from course_lib.widgets.show import Pictures, shown_errors


class Lens(anywidget.AnyWidget):
    """The picture, over which a pointer or the arrow keys choose a ``cell`` of the map."""

    _esm = Path(__file__).with_name("lens.js")
    png, alt = traitlets.Bytes().tag(sync=True), traitlets.Unicode().tag(sync=True)
    cell = traitlets.List([3, 3]).tag(sync=True)  # row, column
    # left, top, width, height of image and map, as shares of the picture
    places = traitlets.List().tag(sync=True)
    # rows, columns; start and stride as shares of an image
    grid = traitlets.List([1, 1, 0.0, 1.0]).tag(sync=True)


def lens(
    method: Any,
    x: Float[Tensor, "n 3 s s"],
    y: Float[Tensor, "n 3 s s"],
    names: Sequence[str] | None = None,
) -> w.VBox:
    """The :func:`draw_patches` of the patch under the pointer; the arrow keys move it, too.

    For each of n pairs and each D it shows real images and those that G makes. D judges the n
    real ones, or the n generated ones, as one batch, as it does in training. An error appears
    above the picture and is raised again.
    """
    judges = discriminators(method)
    pair, view, message = Pictures(x, names), Lens(), w.HTML()
    options = [
        (f"{name} on a {kind} image", (name, kind))
        for name, kind in itertools.product(judges, ("real", "made"))
    ]
    chosen = w.Dropdown(options=options, description="D")

    @cache
    def images(i: int, name: str, kind: str) -> tuple[Tensor, Tensor]:  # all n, this one first
        batch, domain = {"x": x.roll(-i, 0), "y": y.roll(-i, 0)}, judges[name][0]
        if kind == "made":
            made = method.translate_batch(batch, "xy" if domain == "y" else "yx")
            batch[domain] = made["fake_y"].cpu()
        return batch["x"], batch["y"]

    def show(_: Any = None) -> None:
        with shown_errors(message):
            name, size = chosen.value[0], x.shape[-1]
            shown = images(pair.value, *chosen.value)
            rows, cols = patch(method, *shown, 0, 0, name)[2].shape[1:]
            row, col = min(view.cell[0], rows - 1), min(view.cell[1], cols - 1)
            if [row, col] != view.cell:  # another D has a smaller map
                view.cell = [row, col]  # which comes back here
                return
            figure = draw_patches(method, *shown, row, col, name)
            boxes = [figure.axes[k].get_position() for k in (0, 2)]  # the whole, and the map
            _, stride, _ = field(*judges[name][1:])
            view.grid = [rows, cols, (1 - rows * stride / size) / 2, stride / size]
            view.places = [[box.x0, 1 - box.y1, box.width, box.height] for box in boxes]
            view.alt = f"the patch of row {row}, column {col}, enlarged, and the map of {name}"
            view.png, message.value = to_png(figure), ""

    for control, trait in ((pair, "value"), (chosen, "value"), (view, "cell")):
        control.observe(show, trait)
    show()
    return w.VBox([pair, chosen, message, view])
