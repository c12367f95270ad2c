"""What a run has painted becomes PNG files."""

import io
from pathlib import Path

from PIL import Image

from course_lib.data.files import replace_file
from course_lib.errors import CourseError


def make_folder(target: Path) -> None:
    """``target``, and what is above it. Raises CourseError if that cannot be."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"cannot write here: {error.strerror}", target, "choose a folder you may write to"
        ) from error


def write_pictures(target: Path, name: str, images: list[Image.Image]) -> list[Path]:
    """NAME.png for the one image, or NAME_1.png, NAME_2.png ... for several; their paths."""
    written = []
    for number, image in enumerate(images, start=1):
        written.append(target / (f"{name}.png" if len(images) == 1 else f"{name}_{number}.png"))
        image.save(png := io.BytesIO(), format="png")
        replace_file(written[-1], png.getvalue())
    return written
