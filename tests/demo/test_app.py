"""What the app shows, without a server: a tab for each thing, filled when it is opened; errors are seen."""

import pytest
import torch

from course_lib import CourseError, runs
from course_lib.demo import app
from course_lib.methods.cyclegan import CycleGAN
from course_lib.widgets import back


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CycleGAN(runs.make_config("cyclegan", "smoke"))  # 32 px


def test_there_and_back_is_both_generators(model):
    image = torch.rand(3, 32, 32) * 2 - 1
    for way in ("xy", "yx"):
        shown = back.there_and_back(model, image, way)
        there = model.translate(image[None], way)["fake_y"]
        assert torch.equal(shown[0], image) and torch.equal(shown[1], there[0])
        assert torch.equal(shown[2], model.translate(there, way[::-1])["fake_y"][0])
    assert not torch.equal(back.there_and_back(model, image, "xy")[1], back.there_and_back(model, image, "yx")[1])
    assert back.picture(model, image).size[0] == 3 * back.picture(model, image).size[1] + 4


def test_both_ways_shows_it_and_what_fails(model, monkeypatch):
    x, y = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    box = back.both_ways(model, x, y, ["a_car", "b"])
    chosen, way, message, panel = box.children
    assert chosen.options[0][0] == "a car"
    before = panel.value
    way.value = "yx"
    assert panel.value != before and 'alt="the chosen image' in panel.value
    monkeypatch.setattr(model, "translate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        chosen.value = 1
    assert "failed" in message.value


def test_paper_twin(model):
    figure = back.static(model, torch.zeros(2, 3, 32, 32), torch.zeros(2, 3, 32, 32))
    assert figure.axes


def test_tabs_are_filled_when_opened_and_show_their_errors(monkeypatch):
    filled = []
    monkeypatch.setattr(app, "_draw", lambda drawn: filled.append(list(drawn)) or [])
    monkeypatch.setattr(app, "_game", lambda named: 1 / 0)
    title, tabs = app.app(["shipped:edges-emoji"]).children
    assert tabs.titles == ("draw", "real or fake?", "what D sees") and "guess" in title.value
    assert filled == [["edges-emoji"]]
    with pytest.raises(ZeroDivisionError):
        tabs.selected_index = 1
    assert "division" in tabs.children[1].children[0].value
    tabs.selected_index = 0
    assert len(filled) == 1  # once


def test_runs_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(CourseError, match="no readable run"):
        app.app([str(tmp_path)])
    with pytest.raises(CourseError, match="no shipped weights"):
        app.app(["shipped:nothing"])
