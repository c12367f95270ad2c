"""The patch lens: move over an image; see the patch that D judges there, and its verdict."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets
from jaxtyping import Float
from torch import Tensor

from course_lib.plotting.patches import discriminators, field, patch, picture
from course_lib.widgets.show import Pictures, shown_errors

__all__ = ["Lens", "lens", "picture"]


class Lens(anywidget.AnyWidget):
    """The picture, over which a pointer or the arrow keys choose a ``cell`` of the map."""

    _esm = Path(__file__).with_name("lens.js")
    png, alt = traitlets.Bytes().tag(sync=True), traitlets.Unicode().tag(sync=True)
    cell = traitlets.List([-1, -1]).tag(sync=True)  # row, column
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
    """The :func:`picture` of the patch under the pointer; arrow keys and two sliders move it, too.

    For each of n pairs and each D it shows real images and those that G makes. An error appears
    above the picture and is raised again.
    """
    judges = discriminators(method)
    pair = Pictures(x, names)
    options = []
    for name in judges:
        options += [(f"{name} on a {kind} image", (name, kind)) for kind in ("real", "made")]
    chosen = w.Dropdown(options=options, description="D")
    row, col = (
        w.IntSlider(description=name, continuous_update=False) for name in ("row", "column")
    )
    view, message, moving = Lens(), w.HTML(), False

    @cache
    def images(i: int, name: str, kind: str) -> tuple[Tensor, Tensor]:
        if kind == "real":
            return x[i], y[i]
        batch = {"x": x[i : i + 1], "y": y[i : i + 1]}
        domain = judges[name][0]
        direction = "xy" if domain == "y" else "yx"
        fake = method.translate_batch(batch, direction)["fake_y"][0].cpu()
        return (fake, y[i]) if domain == "x" else (x[i], fake)

    def show(change: Any = None) -> None:
        nonlocal moving
        if moving:
            return
        moving = True  # this moves the sliders: one movement is one picture
        try:
            with shown_errors(message):
                draw(change)
        finally:
            moving = False

    def draw(change: Any) -> None:
        name, size = chosen.value[0], x.shape[-1]
        shown = images(pair.value, *chosen.value)
        rows, cols = patch(method, *shown, 0, 0, name)[2].shape[1:]
        row.max, col.max = rows - 1, cols - 1
        if change is None:
            row.value, col.value = rows // 2, cols // 2
        elif change["owner"] is view:
            row.value, col.value = view.cell
        figure = picture(method, *shown, row.value, col.value, name)
        figure.savefig(file := BytesIO(), format="png")
        _, stride, _ = field(*judges[name][1:])
        whole, _, chart, _ = figure.axes
        boxes = [axes.get_position() for axes in (whole, chart)]
        view.grid = [rows, cols, (1 - rows * stride / size) / 2, stride / size]
        view.places = [[box.x0, 1 - box.y1, box.width, box.height] for box in boxes]
        place = f"row {row.value}, column {col.value}"
        view.alt = f"the patch of {place}, enlarged, and the map of {name}"
        view.cell, view.png = [row.value, col.value], file.getvalue()
        message.value = ""

    for control in (pair, chosen, row, col):
        control.observe(show, "value")
    view.observe(show, "cell")
    show()
    return w.VBox([pair, chosen, w.HBox([row, col]), message, view])
