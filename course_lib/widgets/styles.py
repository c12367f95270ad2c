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
from course_lib.widgets.show import Panel, Pictures, read_upload, shown_errors

LARGE = 256  # side of an image in the picture, in pixels


def picture(
    method: Any, content: Float[Tensor, "3 s s"], example: Float[Tensor, "3 s s"]
) -> Image.Image:
    """The content, an x, the example of the style, a y, and what comes out, a y, side by side."""
    z = method.encode(example[None].to(method.device))
    fake_y = method.translate(content[None].to(method.device), z=z)["fake_y"][0]
    shown = torch.stack([content.cpu(), example.cpu(), fake_y.cpu()])
    return Image.fromarray(stitch([shown], max(1, LARGE // content.shape[-1])))


def mixer(
    method: Any,
    contents: Float[Tensor, "n 3 s s"],
    examples: Float[Tensor, "k 3 s s"],
    names: Sequence[str] | None = None,
    example_names: Sequence[str] | None = None,
) -> w.VBox:
    """A choice of contents and one of styles, with a button beside each to upload an image.

    Below is their :func:`picture`. An upload is shown at once, until something else is chosen. An
    error appears above the picture, and is raised again: CourseError for what is no image.
    """
    chosen = [contents[0], examples[0]]
    alt = "a content, an example of a style, and the content painted in that style"
    panel = Panel(lambda: (picture(method, *chosen), alt, ""))

    def part(place: int, title: str, images: Tensor, captions: Sequence[str] | None) -> w.HBox:
        offered = Pictures(images, captions, title)
        upload = w.FileUpload(accept="image/*", description=f"own {title}")

        def choose(_: Any) -> None:
            if offered.value is not None:
                chosen[place] = images[offered.value]
                panel.show()

        def take(_: Any) -> None:
            if not upload.value:
                return
            # before ipywidgets 8 a dictionary, by name
            files = upload.value if isinstance(upload.value, tuple) else [*upload.value.values()]
            content = bytes(files[0]["content"])
            with shown_errors(panel.message, "this file cannot be used"):
                chosen[place] = to_tensor(read_upload(content), contents.shape[-1])
            offered.value = None  # so that any of them can be chosen again
            panel.show()

        offered.observe(choose, "value")
        upload.observe(take, "value")
        return w.HBox([offered, upload])

    panel.show()
    parts = [part(0, "content", contents, names), part(1, "style", examples, example_names)]
    return w.VBox([*parts, panel])
