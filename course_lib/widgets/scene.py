"""Edit a scene: change the label, the place or the style of an instance; see what G makes of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as w
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_lib.data.label_maps import Edit, drawn
from course_lib.errors import CourseError
from course_lib.houses.layout import CLASSES
from course_lib.plotting.figures import image_grid, stitch
from course_lib.runs.label_maps import photograph
from course_lib.widgets.show import Panel, Pictures

LARGE = 384  # side of each of the two pictures, in pixels, at most
LEAST = 12  # pixels of an instance that can be chosen
Scene = tuple[Tensor, Tensor]  # labels and instances, (s, s) each


def picture(method: Any, scene: Scene, edits: Mapping[int, Edit], seed: int = 0) -> Image.Image:
    """The edited label map, with the boundaries of its instances, beside G's photograph of it."""
    labels, instances, fake_y = photograph(method, *scene, edits, seed)
    zoom = max(1, LARGE // labels.shape[-1])
    return Image.fromarray(stitch([torch.stack([drawn(labels, instances), fake_y])], zoom))


def static(
    method: Any,
    scene: Scene,
    edits: Mapping[str, Mapping[int, Edit]],
    seed: int = 0,
    scale: float = 1.0,
) -> Figure:
    """What the widget shows, on paper: by caption the edited label maps, and G's photographs."""
    shown = [photograph(method, *scene, edit, seed) for edit in edits.values()]
    rows = {
        "label map": torch.stack([drawn(*maps) for *maps, _ in shown]),
        "generated": torch.stack([fake_y for *_, fake_y in shown]),
    }
    return image_grid(rows, list(edits), scale)


def objects(scene: Scene) -> list[tuple[str, int]]:
    """("window 3", its id) for each instance of 12 pixels or more, but the background; by class."""
    labels, instances = scene
    named, count = [], Counter()
    for number in instances.unique().tolist():
        inside = instances == number
        name = CLASSES[int(labels[inside][0])]
        if number and inside.sum() >= LEAST:
            count[name] += 1
            named.append((f"{name} {count[name]}", number))
    return named


def editor(
    method: Any, scenes: Sequence[Scene], names: Sequence[str] | None = None, seed: int = 0
) -> w.VBox:
    """A choice of scenes and instances, and for the chosen one its label, its place and its style.

    ``scenes`` are (labels, instances). Edits of several instances add up; *undo all* takes them
    back. ``seed`` chooses the styles before any edit. An error of the model appears above the
    picture and is raised again. Raises CourseError for a method that has learned from plain pairs:
    it knows no instances.
    """
    if not method.maps:
        raise CourseError(
            "this run has learned from pairs without labels",
            "editor()",
            "open one that knows facades",
        )
    edits: dict[int, Edit] = {}
    wide = {"description_width": "70px"}
    scene = Pictures(torch.stack([drawn(*maps) for maps in scenes]), names)

    def dropdown(name: str, options: Sequence[tuple[str, Any]]) -> w.Dropdown:
        return w.Dropdown(options=options, description=name, style=wide)

    def slider(name: str) -> w.IntSlider:
        reach = scenes[0][0].shape[-1] // 4
        options = {"description": name, "style": wide, "continuous_update": False}
        return w.IntSlider(0, min=-reach, max=reach, **options)

    centres = method.config.n_centres if method.config.use_features else 0
    instance = dropdown("instance", objects(scenes[0]))
    label = dropdown("label", [(name, i) for i, name in enumerate(CLASSES)])
    style_names = [f"centre {k + 1}" for k in range(centres)]
    style = dropdown("style", [("as drawn", None), *zip(style_names, range(centres), strict=True)])
    right, down = slider("right"), slider("down")
    undo = w.Button(description="undo all")

    def draw() -> tuple[Image.Image, str, str]:
        alt = "the edited label map, and the photograph that G paints from it"
        line = f"{len(edits)} instances changed"
        return picture(method, scenes[scene.value], edits, seed), alt, line

    panel = Panel(draw)

    def original_label() -> int:
        labels, instances = scenes[scene.value]
        return int(labels[instances == instance.value][0])

    def offer() -> None:
        """The controls show what is true of the chosen instance."""
        edit = edits.get(instance.value, Edit())
        label.value = original_label() if edit.label is None else edit.label
        right.value, down.value, style.value = edit.right, edit.down, edit.style

    def choose(_: Any) -> None:
        if not panel.moving:
            with panel.moving_controls():
                offer()

    def change(_: Any) -> None:
        if panel.moving:
            return
        new_label = None if label.value == original_label() else label.value
        edit = Edit(new_label, right.value, down.value, style.value)
        edits.pop(instance.value, None)
        if edit != Edit():
            edits[instance.value] = edit
        panel.show()

    def restart(_: Any = None) -> None:
        edits.clear()
        with panel.moving_controls():
            instance.options = objects(scenes[scene.value])
            offer()
        panel.show()

    for control in (label, right, down, style):
        control.observe(change, "value")
    instance.observe(choose, "value")
    scene.observe(restart, "value")
    undo.on_click(restart)
    restart()
    rows = [[scene, instance, undo], [label, style], [right, down]]
    return w.VBox([*map(w.HBox, rows), panel])
