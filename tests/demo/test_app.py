"""What the app shows, without a server: a tab for each thing, filled when it is opened; errors are seen."""

from pathlib import Path

import pytest
import torch

from course_lib import CourseError, runs
from course_lib.data.images import to_image
from course_lib.demo import app
from course_lib.methods.cyclegan import CycleGAN
from course_lib.methods.pix2pixhd import Pix2PixHD
from course_lib.widgets import back
from course_lib.widgets.show import data_url


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
    assert not torch.equal(
        back.there_and_back(model, image, "xy")[1], back.there_and_back(model, image, "yx")[1]
    )
    assert back.picture(model, image).size[0] == 3 * back.picture(model, image).size[1] + 4


def test_both_ways_shows_it_and_what_fails(model, monkeypatch):
    x, y = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    box = back.both_ways(model, x, y, ["a_car", "b"])
    chosen, way, message, panel = box.children
    assert chosen.options[0][0] == "a car" and way.options[1][0] == "y to x, and back"
    before, of_x = panel.value, chosen.options
    assert back.static(model, x, y).axes  # its paper twin
    way.value = "yx"
    assert [url for _, url in chosen.options] == [data_url(to_image(image)) for image in y]
    way.value, way.value = "xy", "yx"
    assert (
        chosen.options != of_x and panel.value != before and 'alt="the chosen image' in panel.value
    )
    monkeypatch.setattr(model, "translate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        chosen.value = 1
    assert "failed" in message.value


def test_tabs_are_filled_when_opened_and_show_their_errors(monkeypatch):
    filled = []
    monkeypatch.setattr(app, "_draw", lambda drawn: filled.append(list(drawn)) or [])
    monkeypatch.setattr(app, "_game", lambda named: 1 / 0)
    title, tabs = app.app(["shipped:edges-emoji"]).children
    assert [tabs.get_title(i) for i in range(3)] == ["Draw", "Real or fake?", "What D sees"]
    assert "guess" in title.value and "--accent: light-dark(#" in title.value  # the page's colours
    assert filled == [["outlines to emoji, one answer"]]
    with pytest.raises(ZeroDivisionError):
        tabs.selected_index = 1
    assert "division" in tabs.children[1].children[0].value
    tabs.selected_index = 0
    assert len(filled) == 1  # once


def test_tabs_are_named_in_words_and_never_hide_one_another(model, monkeypatch):
    settings = {"method": "cyclegan", "data": "facades:day-night", "direction": "yx"}
    ours = {name: (model, settings, Path("shipped:flat-3d")) for name in ("first", "second")}
    painter = Pix2PixHD(runs.make_config("pix2pixhd", "smoke"))
    pages = app._pages(ours | {"mine": (painter, settings | {"data": "facades"}, Path("mine"))})
    told = [
        "There and back: day and night",
        "There and back: day and night (second)",
        "Rebuild: mine",
    ]
    assert list(pages) == [*told, "Training: mine", "Real or fake?", "What D sees"]
    judged = []
    monkeypatch.setattr(app, "_choice", lambda named, *_: judged.extend(named) or [])
    pages["What D sees"]()
    assert judged == ["first", "second"]  # there is no lens for maps with instances
    said, box = pages[told[0]]()
    assert "Try first" in said.value and box.children[1].options[0][0] == "night to day, and back"
    assert box.children[0].options[0][0] == "number 1"
    assert len(pages["Rebuild: mine"]()[1].children[0].children[0].options) == app.SHOWN


def test_runs_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(CourseError, match="no readable run"):
        app.app([str(tmp_path)])
    with pytest.raises(CourseError, match="no shipped weights"):
        app.app(["shipped:nothing"])
