"""The patch lens: move over an image, and see the patch that D judges there, its verdict, and the map of all."""

from collections.abc import Sequence
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as w
import torch
import traitlets
from jaxtyping import Float
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib.plotting.figures import COLOURS, patch_map, stitch
from course_lib.plotting.patches import discriminators, field, patch, sees_both
from course_lib.widgets.pick import Pictures

__all__ = ["Lens", "lens", "patch", "picture"]

if TYPE_CHECKING:
    import matplotlib.figure


def picture(
    method: Any,
    x: Float[Tensor, "3 s s"],
    y: Float[Tensor, "3 s s"],
    row: int,
    col: int,
    name: str = "",
) -> "matplotlib.figure.Figure":
    """What D judges with the patch framed; the patch enlarged, below that of x if D sees both; the map. As patch()."""
    (left, top, right, bottom), logit, logits = patch(method, x, y, row, col, name)
    found = discriminators(method)
    domain, D, scale = found[name or next(iter(found))]
    side, stride, _ = field(D, scale)
    squares = method.least_squares  # D's output is then itself near 0 or 1
    image = {"x": x, "y": y}[domain].cpu()
    fig = patch_map(
        image, torch.logit(logits.clamp(0.01, 0.99)) if squares else logits, stride=stride
    )
    whole, chart, near, _ = fig.axes
    middle = chart.get_position()
    chart.set_position(near.get_position())  # beside its scale
    near.set_position(middle)
    near.clear()
    near.set_axis_off()
    both = sees_both(D, scale, len(x) + len(y))
    seen = [x.cpu(), image] if both else [image]
    near.imshow(
        stitch([one[None, :, top:bottom, left:right] for one in seen]), interpolation="nearest"
    )
    share = 100 * logits[0, row, col].sigmoid()
    said = f"{logit:.2f}, real is 1" if squares else f"logit {logit:+.2f}, {share:.0f} % real"
    near.set_title(said)
    whole.set_title(
        f"{domain}: {side} x {side} px"
        + ", cut off" * ((right - left, bottom - top) != (side, side))
    )
    chart.set_title(f"row {row}, column {col}")
    start = chart.images[1].get_extent()
    cell = (start[0] + col * stride, start[3] + row * stride, stride, stride)
    for axes, box in ((whole, (left - 0.5, top - 0.5, right - left, bottom - top)), (chart, cell)):
        for colour, width in (("white", 3.5), (COLOURS[1], 1.8)):
            axes.add_patch(
                Rectangle(box[:2], *box[2:], fill=False, edgecolor=colour, linewidth=width)
            )
    return fig


class Lens(anywidget.AnyWidget):
    """The picture, over which a pointer or the arrow keys choose a ``cell`` of the map."""

    _esm = Path(__file__).with_name("lens.js")
    png, alt = traitlets.Bytes().tag(sync=True), traitlets.Unicode().tag(sync=True)
    cell = traitlets.List([-1, -1]).tag(sync=True)  # row, column
    places = traitlets.List().tag(
        sync=True
    )  # left, top, width, height of image and map, as shares of the picture
    grid = traitlets.List([1, 1, 0.0, 1.0]).tag(
        sync=True
    )  # rows, columns; start and stride as shares of an image


def lens(
    method: Any,
    x: Float[Tensor, "n 3 s s"],
    y: Float[Tensor, "n 3 s s"],
    names: Sequence[str] | None = None,
) -> w.VBox:
    """The :func:`picture` of the patch under the pointer; the arrow keys and two sliders move it, too.

    For each of n pairs and each D it shows real images and those that G makes. An error appears above the picture and
    is raised again.
    """
    pair = Pictures(x, names)
    asked = [(name, made) for name in discriminators(method) for made in (False, True)]
    options = [
        (f"{name} on {('a real', 'a made')[made]} image", (name, made)) for name, made in asked
    ]
    chosen = w.Dropdown(options=options, description="D")
    row, col = (
        w.IntSlider(description=name, continuous_update=False) for name in ("row", "column")
    )
    view, message, busy = Lens(), w.HTML(), False

    @cache
    def images(i: int, name: str, made: bool) -> tuple[Tensor, Tensor]:
        if not made:
            return x[i], y[i]
        pair, domain = {"x": x[i : i + 1], "y": y[i : i + 1]}, discriminators(method)[name][0]
        fake = method.translate_batch(pair, {"y": "xy", "x": "yx"}[domain])["fake_y"][0].cpu()
        return (fake, y[i]) if domain == "x" else (x[i], fake)

    def show(change: Any = None) -> None:
        nonlocal busy
        if busy:
            return
        busy = True  # this moves the sliders: one movement is one picture
        try:
            (name, made), size = chosen.value, x.shape[-1]
            shown = images(pair.value, name, made)
            rows, cols = patch(method, *shown, 0, 0, name)[2].shape[1:]
            row.max, col.max = rows - 1, cols - 1
            if change is None or change["owner"] is view:
                row.value, col.value = view.cell if change else (rows // 2, cols // 2)
            fig = picture(method, *shown, row.value, col.value, name)
            stride = field(*discriminators(method)[name][1:])[1]
            view.grid = [rows, cols, (1 - rows * stride / size) / 2, stride / size]
            boxes = [axes.get_position() for axes in (fig.axes[0], fig.axes[1])]
            view.places = [[box.x0, 1 - box.y1, box.width, box.height] for box in boxes]
            fig.savefig(file := BytesIO(), format="png")
            view.alt = (
                f"the patch of row {row.value}, column {col.value}, enlarged, and the map of {name}"
            )
            view.cell, view.png, message.value = [row.value, col.value], file.getvalue(), ""
        except Exception as error:
            message.value = f"<b>the lens failed</b>: {escape(str(error))}"
            raise
        finally:
            busy = False

    for one in (pair, chosen, row, col):
        one.observe(show, "value")
    view.observe(show, "cell")
    show()
    return w.VBox([pair, chosen, w.HBox([row, col]), message, view])
