"""Edits of a scene: what they change and what they leave, and a widget that shows the same."""

from unittest.mock import Mock

import pytest
import torch

from course_lib.data.facades import Facades
from course_lib.data.label_maps import Edit, edited
from course_lib.houses.layout import CLASSES
from course_lib.runs.label_maps import photograph
from course_lib.widgets import scene as module
from tests.support.small import untrained
from tests.widgets.test_widgets import seen

WINDOW, DOOR, WALL = (CLASSES.index(name) for name in ("window", "door", "facade"))


@pytest.fixture(scope="module")
def model():
    method = untrained("pix2pixhd", 32)
    method.advance(1.0)
    method.styles.centres.copy_(torch.randn(12, 3, 3))
    method.styles.counts.fill_(3)
    return method


@pytest.fixture(scope="module")
def scenes():
    items = [Facades("test", 32)[i] for i in range(2)]
    return [(item["labels"], item["instances"]) for item in items]


def toy() -> tuple[torch.Tensor, torch.Tensor]:
    """A wall (1, id 4) with a window of 2 x 3 pixels (5, id 9) at row 2, column 2."""
    labels, ids = (
        torch.full((8, 8), WALL, dtype=torch.uint8),
        torch.full((8, 8), 4, dtype=torch.uint8),
    )
    labels[2:4, 2:5], ids[2:4, 2:5] = WINDOW, 9
    return labels, ids


def test_a_new_label_stays_in_its_place():
    labels, ids = toy()
    after, same = edited(labels, ids, {9: Edit(label=DOOR)})
    assert torch.equal(same, ids) and (after[2:4, 2:5] == DOOR).all() and (after == DOOR).sum() == 6
    assert (labels == WINDOW).sum() == 6  # what went in stays as it was
    assert all(
        torch.equal(a, b)
        for a, b in zip(edited(labels, ids, {7: Edit(label=3)}), (labels, ids), strict=True)
    )


def test_a_window_moves_and_the_wall_closes_behind_it():
    labels, ids = toy()
    after, moved = edited(labels, ids, {9: Edit(right=2, down=3)})
    expected = torch.full((8, 8), WALL)
    expected[5:7, 4:7] = WINDOW
    assert torch.equal(after.long(), expected) and torch.equal(moved == 9, expected == WINDOW)
    assert (moved[2:4, 2:4] == 4).all()
    cut, _ = edited(labels, ids, {9: Edit(right=4)})  # columns 6 and 7; the third is outside
    assert (cut == WINDOW).sum() == 4 and (cut[2:4, 6:] == WINDOW).all()
    both, _ = edited(labels, ids, {9: Edit(label=DOOR, right=-2)})
    assert (both[2:4, 0:3] == DOOR).all() and (both == DOOR).sum() == 6


def test_a_style_changes_its_instance_and_no_other(model, scenes, monkeypatch):
    monkeypatch.setattr(model, "translate", used := Mock(wraps=model.translate))
    labels, ids = scenes[0]
    window = int(ids[labels == WINDOW][0])
    for edits in ({}, *({window: Edit(style=style)} for style in (1, 4, 2))):
        photograph(model, labels, ids, edits, seed=3)
    plain, first, again, other = (call.args[1] for call in used.call_args_list)
    at = ids == window
    assert torch.equal(first, again) and torch.equal(
        first[0][:, at][:, 0], model.styles.centres[WINDOW, 1]
    )
    assert torch.equal(plain[0][:, ~at], first[0][:, ~at]) and not torch.equal(first, other)


def test_a_photograph_without_edits_is_the_translation(model, scenes):
    labels, ids = scenes[1]
    a, b, fake_y = photograph(model, labels, ids, seed=5)
    assert torch.equal(a, labels) and torch.equal(b, ids)
    assert torch.equal(
        fake_y, model.translate(None, labels=labels[None], instances=ids[None], seed=5)["fake_y"][0]
    )


# ---- the widget


def test_controls_show_what_the_function_gives(model, scenes):
    box = module.editor(model, scenes, ["first", "second"], seed=2)
    (scene, instance, undo), (label, style), (right, down) = [
        row.children for row in box.children[:3]
    ]
    panel = box.children[3]

    def expect(edits, i=0):
        shown = module.draw_scene(model, scenes[i], edits, 2)
        assert seen(panel.picture.value).tobytes() == shown.tobytes()

    expect({})
    names = dict(instance.options)
    instance.value = window = names["window 1"]
    assert label.value == WINDOW and style.value is None
    right.value, label.value, style.value = 3, DOOR, 1
    changed = {window: Edit(DOOR, 3, 0, 1)}
    expect(changed)
    instance.value = door = names["door 1"]
    assert (label.value, right.value, style.value) == (DOOR, 0, None)  # those of the door
    down.value = -2
    expect(changed | {door: Edit(down=-2)})
    instance.value = window
    right.value = 2
    assert [*box.edits] == [door, window]  # what is changed last is painted last
    undo.click()
    expect({})
    assert down.value == 0
    scene.value = 1
    expect({}, 1)
    assert instance.options == tuple(module.objects(scenes[1]))
