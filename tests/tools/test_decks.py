"""Slides of a notebook: its figures, guesses and exercises, and the answers in the notes."""

import re

import pytest

from tests import ROOT
from tools import decks

pytestmark = pytest.mark.extra


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    plans = decks.PLANS.read_text(encoding="utf-8").split("\n## ")
    plan = next(plan for plan in plans if plan.startswith("00 · "))
    folder = tmp_path_factory.mktemp("decks") / "figures"
    folder.mkdir()
    (folder / "slide-01.png").touch()  # of an earlier check
    return decks.Deck(ROOT / "notebooks" / "00_start_here.ipynb", plan, folder)


def test_a_deck_has_each_figure_and_guess_and_keeps_answers_for_the_notes(deck):
    kinds = [slide.kind for slide in deck.slides]
    assert kinds[:2] == ["title", "figure"] and kinds[-3:] == ["question"] * 3
    figures = {path.stem for path in deck.folder.glob("figure-*")}
    assert figures == {f"figure-{k:02}" for k, kind in enumerate(kinds, 1) if kind == "figure"}
    assert (
        [slide.head for slide in deck.slides].count("Predict") == 4 == kinds.count("question") - 3
    )
    shown = " ".join(slide.body + slide.caption for slide in deck.slides)
    assert not re.search(r"return \(x \+ 1\) / 2|probably in \[0, 1\]|One evening", shown)
    assert "return (x + 1) / 2" in str(deck.slides) and "probably in" in deck.slides[-3].notes[0]
    assert not re.search(r'src="(?!data:)', shown)
