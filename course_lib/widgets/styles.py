"""Content by style: the content of one image in the style of another, as MUNIT paints it."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.images import to_tensor
from course_lib.plotting.figures import stitch
from course_lib.widgets.show import Chooser, below, image_tag

LARGE = 256  # side of an image in the picture, in pixels


def draw_styles(
    method: Any, content: Float[Tensor, "3 s s"], example: Float[Tensor, "3 s s"]
) -> Image.Image:
    """The content, an x, the example of the style, a y, and what comes out, a y, side by side."""
    fake_y = method.translate(content[None], z=method.encode(example[None]))["fake_y"][0]
    shown = torch.stack([content.cpu(), example.cpu(), fake_y.cpu()])
    return Image.fromarray(stitch([shown], max(1, LARGE // content.shape[-1])))


def mixer(
    method: Any,
    contents: Float[Tensor, "n 3 s s"],
    examples: Float[Tensor, "k 3 s s"],
    names: Sequence[str] | None = None,
    example_names: Sequence[str] | None = None,
) -> w.VBox:
    """A choice of contents and one of styles, each with a button to upload an image.

    Below is their :func:`draw_styles`. An upload is shown at once, until something else is chosen.
    An error appears above the picture, and is raised again: CourseError for what is no image.
    """
    content = Chooser(contents, names, "content", "own content")
    style = Chooser(examples, example_names, "style", "own style")

    def chosen(images: Tensor, value: int | Image.Image) -> Tensor:
        return images[value] if isinstance(value, int) else to_tensor(value, contents.shape[-1])

    def draw() -> tuple[str, str]:
        shown = chosen(contents, content.value), chosen(examples, style.value)
        alt = "a content, an example of a style, and the content painted in that style"
        return image_tag(draw_styles(method, *shown), alt), ""

    return below([content, style], draw)
