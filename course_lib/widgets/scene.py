"""Edit a scene: change the label, the place or the style of one instance, and see what G makes of it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import torch
from PIL import Image
from torch import Tensor

from course_lib.data.facade_layout import CLASSES
from course_lib.data.scenes import Edit, drawn
from course_lib.errors import CourseError
from course_lib.plotting.figures import image_grid, stitch
from course_lib.runs.label_maps import photograph
from course_lib.widgets.pick import Pictures
from course_lib.widgets.show import image_tag

if TYPE_CHECKING:
    import matplotlib.figure

LARGE = 384  # side of each of the two pictures, in pixels, at most
Scene = tuple[Tensor, Tensor]  # labels and instances, (s, s) each


def picture(method: Any, scene: Scene, edits: Mapping[int, Edit], seed: int = 0) -> Image.Image:
    """The edited label map, with the boundaries of its instances, and G's photograph of it, side by side."""
    labels, instances, fake_y = photograph(method, *scene, edits, seed)
    zoom = max(1, LARGE // labels.shape[-1])
    return Image.fromarray(stitch([torch.stack([drawn(labels, instances), fake_y])], zoom))


def static(
    method: Any,
    scene: Scene,
    edits: Mapping[str, Mapping[int, Edit]],
    seed: int = 0,
    scale: float = 1.0,
) -> "matplotlib.figure.Figure":
    """What the widget shows, on paper: for each caption the edited label map, and below it G's photograph."""
    shown = [photograph(method, *scene, edit, seed) for edit in edits.values()]
    rows = {"label map": torch.stack([drawn(*maps) for *maps, _ in shown])}
    return image_grid(
        rows | {"photograph": torch.stack([fake for *_, fake in shown])}, list(edits), scale
    )


def objects(scene: Scene, least: int = 12) -> list[tuple[str, int]]:
    """("window 3", its id) for each instance of ``least`` pixels or more, without the background; numbered by class."""
    labels, instances = scene
    found, seen = [], dict.fromkeys(CLASSES, 0)
    for number in instances.unique().tolist():
        at = instances == number
        name = CLASSES[int(labels[at][0])]
        if number and at.sum() >= least:
            seen[name] += 1
            found.append((f"{name} {seen[name]}", number))
    return found


def editor(
    method: Any, scenes: Sequence[Scene], names: Sequence[str] | None = None, seed: int = 0
) -> w.VBox:
    """A choice of scenes and of their instances, and for the chosen one its label, its place and its style.

    ``scenes`` are (labels, instances). Edits of several instances add up; *undo all* takes them back. ``seed`` chooses
    the styles before any edit. An error of the model appears above the picture and is raised again. Raises CourseError
    for a method that has learned from plain pairs: it knows no instances.
    """
    if not method.maps:
        raise CourseError(
            "this run has learned from pairs without labels",
            "editor()",
            "open one that knows facades",
        )
    edits: dict[int, Edit] = {}
    busy = False  # the program moves the controls
    wide = {"description_width": "70px"}
    scene = Pictures(torch.stack([drawn(*maps) for maps in scenes]), names)
    one = w.Dropdown(options=objects(scenes[0]), description="instance", style=wide)
    label = w.Dropdown(
        options=[(name, i) for i, name in enumerate(CLASSES)], description="label", style=wide
    )
    reach = scenes[0][0].shape[-1] // 4
    right, down = (
        w.IntSlider(0, min=-reach, max=reach, description=name, style=wide, continuous_update=False)
        for name in ("right", "down")
    )
    known = method.config.n_centres if method.config.use_features else 0
    options = [("as drawn", None), *((f"centre {k + 1}", k) for k in range(known))]
    style = w.Dropdown(options=options, description="style", style=wide)
    undo, message, panel = w.Button(description="undo all"), w.HTML(), w.HTML()
    controls = (label, right, down, style)

    def show() -> None:
        try:
            shown = picture(method, scenes[scene.value], edits, seed)
        except Exception as error:
            message.value = f"<b>the model failed</b>: {escape(str(error))}"
            raise
        panel.value = image_tag(
            shown, "the edited label map, and the photograph that G paints from it"
        )
        message.value = f"{len(edits)} instances changed"

    def offer(_: object = None) -> None:
        """The controls show what is true of the chosen instance."""
        nonlocal busy
        labels, instances = scenes[scene.value]
        edit, busy = edits.get(one.value, Edit()), True
        try:
            own = int(labels[instances == one.value][0])
            values = (own if edit.label is None else edit.label, edit.right, edit.down, edit.style)
            for control, value in zip(controls, values, strict=True):
                control.value = value
        finally:
            busy = False

    def changed(_: object) -> None:
        if busy:
            return
        labels, instances = scenes[scene.value]
        own = int(labels[instances == one.value][0])
        edit = Edit(
            None if label.value == own else label.value, right.value, down.value, style.value
        )
        edits.pop(one.value, None)
        if edit != Edit():
            edits[one.value] = edit
        show()

    def restart(_: object = None) -> None:
        nonlocal busy
        edits.clear()
        busy = True
        try:
            one.options = objects(scenes[scene.value])
        finally:
            busy = False
        offer()
        show()

    for control in controls:
        control.observe(changed, "value")
    one.observe(lambda _: None if busy else offer(), "value")
    scene.observe(restart, "value")
    undo.on_click(restart)
    restart()
    return w.VBox(
        [w.HBox([scene, one, undo]), w.HBox([label, style]), w.HBox([right, down]), message, panel]
    )
