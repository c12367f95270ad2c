"""What a run has painted becomes PNG files."""

import io
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from course_lib.data.files import replace_file
from course_lib.data.images import to_image
from course_lib.errors import CourseError


def make_folder(target: Path) -> None:
    """``target``, and what is above it. Raises CourseError if that cannot be."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write here: {error.strerror}", target, "choose a folder you may write to") from error


def write_pictures(target: Path, name: str, images: Float[Tensor, "k 3 s s"]) -> list[Path]:
    """NAME.png for the one image, or NAME_1.png, NAME_2.png ... for several; their paths."""
    written = []
    for number, image in enumerate(images.cpu(), start=1):
        written.append(target / (f"{name}.png" if len(images) == 1 else f"{name}_{number}.png"))
        to_image(image).save(png := io.BytesIO(), format="png")
        replace_file(written[-1], png.getvalue())
    return written
