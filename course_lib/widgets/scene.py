"""Edit a scene: change the label, the place or the style of an instance; see what G makes of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as w
import torch
from PIL import Image
from torch import Tensor

from course_lib.data.label_maps import Edit, hand_drawn
from course_lib.errors import ensure
from course_lib.houses.layout import CLASSES
from course_lib.plotting.figures import stitch
from course_lib.runs.label_maps import photograph
from course_lib.widgets.show import Panel, Pictures, image_tag

LARGE = 384  # side of each of the two pictures, in pixels, at most
LEAST = 12  # pixels of an instance that can be chosen
WIDE = {"description_width": "70px"}
Scene = tuple[Tensor, Tensor]  # labels and instances, (s, s) each


def draw_scene(method: Any, scene: Scene, edits: Mapping[int, Edit], seed: int = 0) -> Image.Image:
    """The edited label map, with the boundaries of its instances, beside G's photograph of it."""
    labels, instances, fake_y = photograph(method, *scene, edits, seed)
    zoom = max(1, LARGE // labels.shape[-1])
    return Image.fromarray(stitch([torch.stack([hand_drawn(labels, instances), fake_y])], zoom))


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


class editor(w.VBox):
    """A choice of scenes and instances, and for the chosen one its label, its place and its style.

    ``scenes`` are (labels, instances). Edits of several instances add up, by their ids in
    ``edits``; *undo all* takes them back. ``seed`` chooses the styles before any edit. An error of
    the model appears above the picture and is raised again. Raises CourseError for a method that
    has learned from plain pairs: it knows no instances.
    """

    def __init__(
        self,
        method: Any,
        scenes: Sequence[Scene],
        names: Sequence[str] | None = None,
        seed: int = 0,
    ):
        ensure(
            method.maps,
            "this run has learned from pairs without labels",
            "editor()",
            "open one that knows facades",
        )
        self.method, self.scenes, self.seed = method, scenes, seed
        self.edits: dict[int, Edit] = {}
        centres = range(method.config.n_centres if method.config.use_features else 0)
        styles = [("as drawn", None), *((f"centre {k + 1}", k) for k in centres)]
        self.scene = Pictures(torch.stack([hand_drawn(*maps) for maps in scenes]), names)
        self.instance = _dropdown("instance", objects(scenes[0]))
        reach = scenes[0][0].shape[-1] // 4
        self.fields = {  # those of an Edit
            "label": _dropdown("label", [(name, i) for i, name in enumerate(CLASSES)]),
            "right": _slider("right", reach),
            "down": _slider("down", reach),
            "style": _dropdown("style", styles),
        }
        undo, self.panel = w.Button(description="undo all"), Panel(self.draw)
        label, right, down, style = self.fields.values()
        rows = [[self.scene, self.instance, undo], [label, style], [right, down]]
        super().__init__([*map(w.HBox, rows), self.panel])
        for control in self.fields.values():
            control.observe(self.change, "value")
        self.instance.observe(self.choose, "value")
        self.scene.observe(self.restart, "value")
        undo.on_click(self.restart)
        self.restart()

    def draw(self) -> tuple[str, str]:
        shown = draw_scene(self.method, self.scenes[self.scene.value], self.edits, self.seed)
        alt = "the edited label map, and the photograph that G paints from it"
        return image_tag(shown, alt), f"{len(self.edits)} instances changed"

    def unedited(self) -> Edit:
        """What the controls show of the chosen instance as long as it is as it was."""
        labels, instances = self.scenes[self.scene.value]
        return Edit(label=int(labels[instances == self.instance.value][0]))

    def offer(self) -> None:
        """The controls show what is true of the chosen instance."""
        edit = self.edits.get(self.instance.value, self.unedited())
        for name, control in self.fields.items():
            control.value = getattr(edit, name)

    def choose(self, _: Any) -> None:
        if not self.panel.moving:
            with self.panel.moving_controls():
                self.offer()

    def change(self, _: Any) -> None:
        if self.panel.moving:
            return
        edit = Edit(**{name: control.value for name, control in self.fields.items()})
        self.edits.pop(self.instance.value, None)  # what is changed last lies on top
        if edit != self.unedited():
            self.edits[self.instance.value] = edit
        self.panel.show()

    def restart(self, _: Any = None) -> None:
        self.edits.clear()
        with self.panel.moving_controls():
            self.instance.options = objects(self.scenes[self.scene.value])
            self.offer()
        self.panel.show()


def _dropdown(name: str, options: Sequence[tuple[str, Any]]) -> w.Dropdown:
    return w.Dropdown(options=options, description=name, style=WIDE)


def _slider(name: str, reach: int) -> w.IntSlider:
    return w.IntSlider(
        0, min=-reach, max=reach, description=name, style=WIDE, continuous_update=False
    )
