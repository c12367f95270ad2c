"""The scrubber: the previews that a run has saved, frame by frame, above its loss curves."""

from functools import cache
from io import BytesIO
from pathlib import Path

import ipywidgets as w
from PIL import Image

from course_lib.data.files import expanded
from course_lib.data.images import read_image, to_png
from course_lib.errors import CourseError, ensure
from course_lib.plotting.figures import loss_curves
from course_lib.training.run import read_history
from course_lib.widgets.show import Panel, image_tag


def frames(run_folder: Path | str) -> list[tuple[int, Path]]:
    """(step, PNG file) of each preview of a run, in order. Raises CourseError if there is none."""
    paths = (expanded(run_folder) / "previews").glob("*.png")
    if numbered := sorted((int(path.stem), path) for path in paths if path.stem.isdecimal()):
        return numbered
    raise CourseError("no previews here", run_folder, "give the --out folder of course train")


def draw_moment(run_folder: Path | str, index: int) -> tuple[Image.Image, Image.Image]:
    """The preview number ``index``, and the loss curves, with a line at its step.

    Raises CourseError if there is no preview, a preview cannot be read, or there is no history yet.
    """
    previews = frames(run_folder)
    step, path = previews[index]
    rows = read_history(expanded(run_folder) / "history.jsonl", previews[-1][0])
    ensure(rows, "this run has no history of a step yet", run_folder, "train for longer")
    figure = loss_curves(rows)
    for axes in figure.axes:
        axes.axvline(step, color="0.2", lw=1.5, zorder=5)
    return read_image(path), Image.open(BytesIO(to_png(figure))).convert("RGB")


def scrubber(run_folder: Path | str) -> w.VBox:
    """A slider over the previews, a button that plays them, and the :func:`draw_moment`.

    Each picture is drawn once. Errors appear above it and are raised again; the first error, of a
    folder that is no run, is raised at once.
    """
    steps = [step for step, _ in frames(run_folder)]
    drawn = cache(lambda index: draw_moment(run_folder, index))
    slider = w.SelectionSlider(
        options=[(str(step), i) for i, step in enumerate(steps)], description="step"
    )
    play = w.Play(max=len(steps) - 1, interval=700, repeat=False, description="play the previews")

    def draw() -> tuple[str, str]:
        preview, curves = drawn(slider.index)
        alt = f"translations of held-out images at step {steps[slider.index]}"
        return image_tag(preview, alt) + "<br>" + image_tag(curves, "loss curves up to there"), ""

    panel = Panel(draw, slider)
    w.link((play, "value"), (slider, "index"))
    panel.show()
    return w.VBox([w.HBox([play, slider]), panel])
