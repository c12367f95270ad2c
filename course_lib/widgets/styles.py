"""Content by style: the content of one image in the style of another, as MUNIT paints it."""

import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data.images import read_image, to_tensor
from course_lib.plotting.figures import image_grid, stitch
from course_lib.widgets.pick import Pictures
from course_lib.widgets.show import image_tag

if TYPE_CHECKING:
    import matplotlib.figure

LARGE = 256  # side of an image in the picture, in pixels
LIMIT = 20_000_000  # bytes of an uploaded file


def restyle(
    method: Any,
    contents: Float[Tensor, "n 3 s s"],
    examples: Float[Tensor, "k 3 s s"],
    direction: str = "xy",
) -> Float[Tensor, "n k 3 s s"]:
    """Each content in the style of each example: [i, j] has the content of i and the style of j. On the CPU.

    With ``direction="xy"`` contents are images of x, examples of y, and outputs of y.
    """
    styles = method.encode(examples.to(method.device), direction=direction)
    x = contents.to(method.device)
    painted = [
        method.translate(x, z=z, direction=direction)["fake_y"].cpu() for z in styles.split(1)
    ]
    return torch.stack(painted, dim=1)


def picture(
    method: Any,
    content: Float[Tensor, "3 s s"],
    example: Float[Tensor, "3 s s"],
    direction: str = "xy",
) -> Image.Image:
    """The content, the example of the style, and what comes out, side by side."""
    painted = restyle(method, content[None], example[None], direction)[0, 0]
    shown = torch.stack([content.cpu(), example.cpu(), painted])
    return Image.fromarray(stitch([shown], max(1, LARGE // content.shape[-1])))


def static(
    method: Any,
    contents: Float[Tensor, "n 3 s s"],
    examples: Float[Tensor, "k 3 s s"],
    direction: str = "xy",
    scale: float = 0.6,
) -> "matplotlib.figure.Figure":
    """What the widget shows, on paper: a row for each content, a column for each style, the examples above.

    ``scale`` is that of ``plotting.image_grid``.
    """
    painted, blank = (
        restyle(method, contents, examples, direction),
        torch.ones_like(contents[:1].cpu()),
    )
    rows = {"style": torch.cat([blank, examples.cpu()])}
    for i, (content, row) in enumerate(zip(contents.cpu(), painted, strict=True), 1):
        rows[f"content {i}"] = torch.cat([content[None], row])
    return image_grid(rows, scale=scale)


def uploaded(content: bytes, name: str, size: int) -> Float[Tensor, "3 size size"]:
    """An image from the bytes of a file, as the course reads its own: see ``data.images.read_image``.

    Raises CourseError for what is no image, and ValueError over 20 MB.
    """
    if len(content) > LIMIT:
        raise ValueError(f"{name} has {len(content) / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        return to_tensor(read_image(path), size)


def mixer(
    method: Any,
    contents: Float[Tensor, "n 3 s s"],
    examples: Float[Tensor, "k 3 s s"],
    names: Sequence[str] | None = None,
    example_names: Sequence[str] | None = None,
    direction: str = "xy",
) -> w.VBox:
    """A choice of contents and one of styles, a button beside each to upload an image, and their :func:`picture`.

    An upload is shown at once, until something else is chosen. An error appears above the picture, and is raised.
    """
    given, message, panel = [contents[0], examples[0]], w.HTML(), w.HTML()

    def show() -> None:
        try:
            shown = picture(method, *given, direction)
        except Exception as error:
            message.value = f"<b>the model failed</b>: {escape(str(error))}"
            raise
        alt = "a content, an example of a style, and the content painted in that style"
        panel.value, message.value = image_tag(shown, alt), ""

    def part(which: int, title: str, images: Tensor, called: Sequence[str] | None) -> w.HBox:
        chosen = Pictures(images, called, title)
        upload = w.FileUpload(accept="image/*", description=f"own {title}")

        def choose(_: Any) -> None:
            if chosen.value is not None:
                given[which] = images[chosen.value]
                show()

        def take(_: Any) -> None:
            if not (files := upload.value):  # before ipywidgets 8 a dictionary, by name
                return
            name, file = (
                (files[0]["name"], files[0])
                if isinstance(files, tuple)
                else next(iter(files.items()))
            )
            try:
                given[which] = uploaded(bytes(file["content"]), name, contents.shape[-1])
            except Exception as error:
                message.value = f"<b>this file cannot be used</b>: {escape(str(error))}"
                raise
            chosen.value = None  # so that any of them can be chosen again
            show()

        chosen.observe(choose, "value")
        upload.observe(take, "value")
        return w.HBox([chosen, upload])

    parts = [part(0, "content", contents, names), part(1, "style", examples, example_names)]
    show()
    return w.VBox([*parts, message, panel])
