"""What the app shows, without a server: which networks a tab offers, and errors in place."""

from pathlib import Path

import pytest

from course_lib.demo import app
from course_lib.widgets import real_or_fake
from tests.support.small import untrained


def made(name: str, data: str, folder: str, direction: str = "xy", **look) -> app.Translator:
    colouring = data == "photos:colour"
    usual = {"beside": False, "grey": ["x"] * colouring, "same_luminance": colouring}
    settings = {"method": name, "data": data, "direction": direction, "look": usual | look}
    return app.Translator(untrained(name), settings, Path(folder))  # 32 px


def test_a_tab_that_cannot_be_filled_says_so(monkeypatch):
    """Tabs that are filled and played with: test_browser.py."""
    monkeypatch.setattr(real_or_fake, "Game", lambda *_, **__: 1 / 0)
    _, tabs = app.app(["shipped:lines-emoji"]).children
    assert "One moment" in tabs.children[1].children[0].value  # it is filled when it is opened
    with pytest.raises(ZeroDivisionError):
        tabs.selected_index = 1
    assert "this page failed" in tabs.children[1].children[0].value


def test_each_kind_of_thing_to_play_with_has_one_tab_with_a_choice_of_models(monkeypatch):
    night = made("cyclegan", "facades:day-night", "shipped:day-night", "yx")
    munit = made("munit", "emoji:twemoji-fluent", "borrowed")
    hd = made("pix2pixhd", "facades", "mine")
    colour = made("pix2pix", "photos:colour", "shipped:photos-colour")
    flat = made("pix2pix", "photo:red_panda", "panda", palette=[(0, 0, 0), (250, 240, 230)])
    models = {"first": night, "second": night, "borrowed": munit, "mine": hd, "grey": colour}
    pages = app._pages(models | {"flat": flat})
    assert list(pages) == [kind for kind in app.HINTS if kind != "Draw"]
    assert pages["Paint"]().models[0]["palette"] == ["#000000", "#faf0e6"]
    model, message, place = pages["There and back"]().children
    assert model.options == ("first", "second") and message.value == ""
    chosen, direction, _ = place.children[0].children
    assert direction.options[0][0] == "night to day, and back"
    assert chosen.options[0][0] == "number 1" and len(chosen.options) == app.SHOWN
    box = pages["Photograph"]()
    photographs = box.chosen.pictures.options
    assert photographs[0][0] == "red panda" and len(photographs) == 24
    assert [way.caption for way in box.ways] == ["colours guessed from grey"]
    lens = pages["What D sees"]()
    # none for maps with instances
    assert lens.children[0].options == ("first", "second", "borrowed", "grey", "flat")
    monkeypatch.setattr(app, "CODES", 4)
    assert pages["Many answers"]().children  # of the eight numbers of a style
    assert pages["Borrowed looks"]().children


def test_photographs_go_to_networks_that_have_learned_from_some(tmp_path):
    mine = str(tmp_path)
    models = (
        made("cut", "photos:van-gogh", "shipped:photo-van-gogh"),
        made("cyclegan", "photos:van-gogh", "paintings to photographs", "yx"),
        made("cyclegan", mine, "horses"),
        made("pix2pix", "facades", "houses"),
        made("pix2pixhd", mine, "maps"),
        made("pix2pix", mine, "from outlines", grey=["x"]),
        made("pix2pix", mine, "A|B", beside=True),
        made("pix2pix", "photos:sharp", "sharp"),
    )
    ways = app._pages({str(run.folder): run for run in models})["Photograph"]().ways
    assert [way.caption for way in ways] == ["as a Van Gogh", "horses"]
