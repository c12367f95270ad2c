"""There and back: an image through CycleGAN's two generators, both ways round."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.plotting.figures import stitch
from course_lib.widgets.show import Pictures, below, image_tag

LARGE = 256  # side of an image in the picture, in pixels


def there_and_back(
    method: Any, image: Float[Tensor, "3 s s"], direction: str = "xy"
) -> Float[Tensor, "3 3 s s"]:
    """The image, its translation in the direction ``direction``, and that one translated back."""
    there = method.translate(image[None], direction=direction)["fake_y"]
    back = method.translate(there, direction=direction[::-1])["fake_y"]
    return torch.cat([image[None], there.cpu(), back.cpu()])


def draw_back(method: Any, image: Float[Tensor, "3 s s"], direction: str = "xy") -> Image.Image:
    """:func:`there_and_back`, side by side."""
    zoom = max(1, LARGE // image.shape[-1])
    return Image.fromarray(stitch([there_and_back(method, image, direction)], zoom))


def both_ways(
    method: Any,
    x: Float[Tensor, "n 3 s s"],
    y: Float[Tensor, "n 3 s s"],
    names: Sequence[str] | None = None,
    domains: tuple[str, str] = ("x", "y"),
) -> w.VBox:
    """A choice of images and of the direction, in words ``domains``, and their :func:`draw_back`.

    An error of the model appears above the picture and is raised again.
    """
    images, (a, b) = {"xy": x, "yx": y}, domains
    chosen = Pictures(x, names)
    direction = w.ToggleButtons(
        options=[(f"{a} to {b}, and back", "xy"), (f"{b} to {a}, and back", "yx")]
    )

    def draw() -> tuple[str, str]:
        image = images[direction.value][chosen.value]
        alt = "the chosen image, its translation, and that one translated back"
        return image_tag(draw_back(method, image, direction.value), alt), ""

    direction.observe(lambda change: chosen.offer(images[change["new"]], names), "value")
    return below([chosen, direction], draw)
