"""There and back: an image through CycleGAN's two generators, both ways round."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.plotting.figures import image_grid, stitch
from course_lib.widgets.pick import Pictures
from course_lib.widgets.show import image_tag

if TYPE_CHECKING:
    import matplotlib.figure

LARGE = 256  # side of an image in the picture, in pixels


def there_and_back(
    method: Any, image: Float[Tensor, "3 s s"], direction: str = "xy"
) -> Float[Tensor, "3 3 s s"]:
    """The image, its translation in the direction ``direction``, and that one translated back."""
    there = method.translate(image[None].to(method.device), direction)["fake_y"]
    back = method.translate(there, direction[::-1])["fake_y"]
    return torch.cat([image[None], there.cpu(), back.cpu()])


def picture(method: Any, image: Float[Tensor, "3 s s"], direction: str = "xy") -> Image.Image:
    """:func:`there_and_back`, side by side."""
    return Image.fromarray(
        stitch([there_and_back(method, image, direction)], max(1, LARGE // image.shape[-1]))
    )


def static(
    method: Any, x: Float[Tensor, "n 3 s s"], y: Float[Tensor, "n 3 s s"]
) -> "matplotlib.figure.Figure":
    """What the widget shows, on paper: all x with the way to y and back, and all y the other way."""
    rows = {}
    for images, direction, name in ((x, "xy", "x"), (y, "yx", "y")):
        shown = torch.stack([there_and_back(method, image, direction) for image in images], 1)
        other = {"x": "y", "y": "x"}[name]
        rows |= {name: shown[0], f"{name} to {other}": shown[1], f"and back to {name}": shown[2]}
    return image_grid(rows)


def both_ways(
    method: Any, x: Float[Tensor, "n 3 s s"], y: Float[Tensor, "n 3 s s"], names: Sequence[str] | None = None,
    domains: tuple[str, str] = ("x", "y"),
) -> w.VBox:  # fmt: skip
    """A choice of images and of the direction, in words ``domains``, and their :func:`picture`, or what failed."""
    chosen, (a, b) = Pictures(x, names), domains
    direction = w.ToggleButtons(
        options=[(f"{a} to {b}, and back", "xy"), (f"{b} to {a}, and back", "yx")]
    )
    message, panel = w.HTML(), w.HTML()

    def show(_: Any = None) -> None:
        try:
            shown = picture(
                method, {"xy": x, "yx": y}[direction.value][chosen.value], direction.value
            )
        except Exception as error:
            message.value = f"<b>the model failed</b>: {escape(str(error))}"
            raise
        panel.value = image_tag(
            shown, "the chosen image, its translation, and that one translated back"
        )
        message.value = ""

    chosen.observe(show, "value")
    direction.observe(
        lambda change: chosen.offer({"xy": x, "yx": y}[change["new"]], names), "value"
    )
    direction.observe(show, "value")
    show()
    return w.VBox([chosen, direction, message, panel])
