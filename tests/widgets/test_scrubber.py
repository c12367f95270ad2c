"""The scrubber: the previews of a run in order, a line at the right step, and errors that say where."""

import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from course_lib import CourseError, runs
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.training.fit import fit
from course_lib.widgets import scrubber as module
from course_lib.widgets.scrubber import frames, picture, scrubber
from tests.widgets.test_widgets import seen


class Colours(Dataset):
    paired, card = True, "flat colours, and their negatives"

    def __len__(self):
        return 4

    def __getitem__(self, i):
        x = torch.full((3, 16, 16), i / 2 - 1)
        return {"x": x, "y": -x, "name": str(i)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    config = runs.make_config(
        "pix2pix", "smoke", 16, ["d_base_channels=4", "base_channels=4", "jitter=none", "flip=off"]
    )
    torch.manual_seed(0)
    fit(
        Pix2Pix(config),
        Colours(),
        steps=4,
        val=Colours(),
        out=out,
        previews=2,
        progress=False,
    )
    return out


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(
        made, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", ".*")
    )


def test_frames_come_in_order_of_their_steps(run):
    assert [step for step, _ in frames(run)] == [0, 2, 4]
    shutil.copy(
        frames(run)[0][1], run / "previews" / "100000000.png"
    )  # more digits than the others
    (run / "previews" / "notes.png").write_text("mine")
    found = frames(str(run))
    assert [step for step, _ in found] == [0, 2, 4, 100000000] and found[1][
        1
    ].name == "00000002.png"


def test_the_picture_is_the_preview_and_the_curves_with_a_line(run, monkeypatch):
    figures, real = [], module.loss_curves
    monkeypatch.setattr(
        module, "loss_curves", lambda rows: figures.append(real(rows)) or figures[-1]
    )
    image = picture(run, 1)
    preview = np.asarray(Image.open(frames(run)[1][1]).convert("RGB"))
    height, width = preview.shape[:2]
    assert (
        np.array_equal(np.asarray(image)[8 : 8 + height, :width], preview)
        and image.height > height + 300
    )
    assert len(figures[0].axes) == 2
    assert all(list(axes.lines[-1].get_xdata()) == [2, 2] for axes in figures[0].axes)
    picture(run, -1)
    assert list(figures[1].axes[0].lines[-1].get_xdata()) == [4, 4] and plt.get_fignums() == []
    with pytest.raises(IndexError):
        picture(run, 3)


@pytest.mark.slow
def test_slider_and_play_button_show_what_the_function_gives(run, monkeypatch):
    calls, real = [], module.picture
    monkeypatch.setattr(module, "picture", lambda *given: calls.append(given[1]) or real(*given))
    box = scrubber(run)
    (play, slider), panel = box.children[0].children, box.children[2]
    assert [label for label, _ in slider.options] == ["0", "2", "4"] and play.max == 2
    play.value = 2
    assert slider.index == 2 and "at step 4, and" in panel.value
    assert seen(panel.value).tobytes() == real(run, 2).tobytes()
    slider.index = 0
    assert play.value == 0 and calls == [0, 2]  # each is drawn once


def test_folders_that_are_no_run(run, tmp_path):
    with pytest.raises(CourseError, match="no previews here"):
        scrubber(tmp_path / "nowhere")
    shutil.rmtree(run / "previews")
    with pytest.raises(CourseError, match="no previews here"):
        frames(run)


@pytest.mark.parametrize(
    "line", ['{"step": 9, "g_l', "[1]", "7", '{"step": null}', '{"g_l1": 1}', "\xff"]
)
def test_a_broken_history_is_named_by_its_line(run, line):
    with open(run / "history.jsonl", "ab") as file:
        file.write(line.encode("latin-1"))
    with pytest.raises(CourseError, match="line 5 of the history is damaged") as caught:
        picture(run, 0)
    assert caught.value.where.endswith("history.jsonl") and "--resume" in caught.value.fix


def test_a_run_without_steps_or_history(run):
    (run / "history.jsonl").write_text("")
    with pytest.raises(CourseError, match="not made a step"):
        picture(run, 0)
    (run / "history.jsonl").unlink()
    with pytest.raises(CourseError, match="no history"):
        picture(run, 0)


@pytest.mark.slow
def test_the_scrubber_shows_errors_and_raises_them(run):
    box = scrubber(run)
    slider, message, panel = box.children[0].children[1], box.children[1], box.children[2]
    before, path = panel.value, frames(run)[1][1]
    data = path.read_bytes()
    path.write_bytes(b"<html>")
    with pytest.raises(CourseError):
        slider.index = 1
    assert (
        "cannot be shown" in message.value and "&lt;" not in message.value and panel.value == before
    )
    slider.index = 0
    path.write_bytes(data)
    slider.index = 1  # it works again
    assert message.value == "" and panel.value != before
