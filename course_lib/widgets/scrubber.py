"""The scrubber: the previews that a run has saved, frame by frame, above its loss curves."""

import json
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
from PIL import Image

from course_lib.data.images import read_image
from course_lib.errors import CourseError
from course_lib.plotting.figures import loss_curves
from course_lib.widgets.show import image_tag


def frames(run_folder: Path | str) -> list[tuple[int, Path]]:
    """(step, PNG file) of each preview of a run, in order. Raises CourseError if there is none."""
    found = [
        path for path in (Path(run_folder) / "previews").glob("*.png") if path.stem.isdecimal()
    ]
    if not found:
        raise CourseError("no previews here", run_folder, "give the --out folder of course train")
    return sorted((int(path.stem), path) for path in found)


def history(run_folder: Path | str) -> list[dict]:
    """The rows of history.jsonl. Raises CourseError if it cannot be read, and for a line that is broken."""
    path, rows = Path(run_folder) / "history.jsonl", []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CourseError(
            f"no history: {error.strerror}", path, "give the --out folder of course train"
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
            rows[-1]["step"] + 0
        except (ValueError, TypeError, KeyError) as error:
            fix = "course train with --resume leaves damaged lines out; or delete this line"
            raise CourseError(f"line {number} of the history is damaged", path, fix) from error
    if not rows:
        raise CourseError("this run has not made a step yet", path, "train for longer")
    return rows


def picture(run_folder: Path | str, index: int) -> Image.Image:
    """The preview number ``index``, which may count from the end, and below it the curves, with a line at its step.

    Raises CourseError as :func:`frames` and :func:`history` do, and IndexError.
    """
    step, path = frames(run_folder)[index]
    figure = loss_curves(history(run_folder))
    for axes in figure.axes:
        axes.axvline(step, color="0.2", lw=1.5, zorder=5)
    figure.savefig(file := BytesIO(), format="png")
    parts = [np.asarray(read_image(path)), np.asarray(Image.open(file).convert("RGB"))]
    wide = max(part.shape[1] for part in parts)
    padded = [
        np.pad(part, ((8, 8), (0, wide - part.shape[1]), (0, 0)), constant_values=255)
        for part in parts
    ]
    return Image.fromarray(np.concatenate(padded))


def scrubber(run_folder: Path | str) -> w.VBox:
    """A slider over the previews, a button that plays them, and the :func:`picture`; errors appear above it, and raise.

    Each picture is drawn once. The first error, of a folder that is no run, is raised at once.
    """
    found = frames(run_folder)
    drawn = cache(lambda index: picture(run_folder, index))
    slider = w.SelectionSlider(
        options=[(str(step), i) for i, (step, _) in enumerate(found)], description="step"
    )
    play = w.Play(max=len(found) - 1, interval=700, repeat=False, description="play the previews")
    message, panel = w.HTML(), w.HTML()

    def show(_: Any = None) -> None:
        try:
            shown = drawn(slider.index)
        except Exception as error:
            message.value = f"<b>this frame cannot be shown</b>: {escape(str(error))}"
            raise
        alt = (
            f"translations of held-out images at step {found[slider.index][0]}, and the loss curves"
        )
        panel.value, message.value = image_tag(shown, alt), ""

    slider.observe(show, "index")
    w.link((play, "value"), (slider, "index"))
    show()
    return w.VBox([w.HBox([play, slider]), message, panel])
