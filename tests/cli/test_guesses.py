"""What a class hands in besides solutions: ``course guesses``, from copies of the course's own
notebooks, and ``course gallery``.
"""

import nbformat
import pytest

from course_lib import CourseError
from course_lib.cli import guesses
from tests import ROOT
from tests.support.pictures import photograph
from tools.tracked import tracked

NOTEBOOK = ROOT / "notebooks" / "00_start_here.ipynb"


def handed_in(folder, *answers):
    """A copy of a notebook whose first predictions are answered: (guess, sure, right)."""
    folder.mkdir(parents=True)
    notebook = nbformat.read(NOTEBOOK, 4)
    cells = [cell for cell in notebook.cells if "prediction" in cell.metadata.get("tags", [])]
    for cell, (guess, sure, right) in zip(cells, answers, strict=False):
        head, _, tail = cell.source.partition(": ")
        tail = (
            tail.partition("\n")[2]
            .replace("%: ...", f"%: {sure}")
            .replace("no): ...", f"no): {right}")
        )
        cell.source = f"{head}: {guess}\n{tail}"
    nbformat.write(notebook, folder / NOTEBOOK.name)
    return folder


def test_a_learner_sees_how_often_sure_was_right(tmp_path):
    folder = handed_in(tmp_path / "mine", ("up", 90, "no"), ("down", 95, "yes"), ("so", 60, "yes"))
    assert guesses.report(folder).splitlines() == [
        "3 guesses, 3 of them with 'how sure' and 'right' filled in",
        "60 to 69 % sure: right 1 of 1 times",
        "90 to 100 % sure: right 1 of 2 times",
    ]


def test_a_class_shows_its_wrong_guesses_and_no_names(tmp_path):
    for name, guess, right in (("ann", "Up", "no"), ("bob", "up", "no"), ("cat", "down", "yes")):
        handed_in(tmp_path / name, (guess, 80, right))
    handed_in(tmp_path / "dan")  # answered nothing
    handed_in(tmp_path / "eve", ("sideways", 70, "not sure"))
    (tmp_path / "dan" / "broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.warns(UserWarning, match="broken"):
        told = guesses.report(tmp_path)
    assert "1 of 3 right, 78 % sure on average" in told and "## up" in told
    assert not any(name in told for name in ("ann", "bob", "cat", "dan"))


def test_untouched_notebooks_hold_no_guesses_and_every_prediction_can_be_read(tmp_path, course):
    status, out, _ = course("guesses", str(ROOT / "notebooks"))
    assert status == 0 and out.startswith("0 guesses")
    for path in tracked("notebooks/*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            if "**Your guess**" in cell.source:
                assert guesses.CELL.search(cell.source), (path.name, cell.source)
    with pytest.raises(CourseError, match="no notebooks"):
        guesses.report(tmp_path)


def test_a_gallery_shows_runs_and_pictures_with_what_their_authors_say(tmp_path, course, refusal):
    made, page = tmp_path / "class" / "b" / "run", tmp_path / "page.html"
    options = ["--profile", "smoke", "--steps", "2", "--device", "cpu"]
    course("train", "pix2pix", "--data", "emoji:edges", "--out", made, *options)
    (made / "about.txt").write_text("my <first> run\nBea", encoding="utf-8")
    a = tmp_path / "class" / "a"
    (a / ".ipynb_checkpoints").mkdir(parents=True)
    for name in ("garden.jpg", "pond.jpg", ".ipynb_checkpoints/pond.jpg"):
        photograph(2000, 900).save(a / name)
    (a / "garden.txt").write_text("\ufeffour garden\n\nat noon\nAnn & Al", encoding="utf-8")
    (a / "about.txt").write_text("of Ann", encoding="utf-8")
    (a / "cut off.jpg").write_bytes((a / "pond.jpg").read_bytes()[:999])
    status, out, notes = course("gallery", tmp_path / "class", "--out", page)
    html = page.read_text("utf-8")
    assert status == 0 and "3 entries" in out and html.count("data:image/webp") == 3
    assert "our garden<br>at noon<br>Ann &amp; Al<br>" in html and html.count("of Ann<br>") == 1
    assert notes.count("note: ") == 1 and "left out" in notes and "cut off.jpg" in notes
    assert "my &lt;first&gt; run<br>Bea" in html and "pix2pix on emoji:edges, 0 minutes" in html
    assert str(tmp_path) not in html and len(html) < 500_000
    (tmp_path / "empty").mkdir()
    assert "nothing to show" in refusal("gallery", tmp_path / "empty")[0]
