"""Small text files as people write them on any system, long names, and notes."""

import os
import subprocess
import sys

import pytest

from course_lib.cli.runner import _load
from course_lib.data.files import read_words, replace_file
from course_lib.errors import CourseError
from course_lib.experiments.claims import read_claims
from course_lib.experiments.grids import read_grid
from course_lib.experiments.sweep import table
from course_lib.runs.folder import read_settings
from tests.support.pictures import noise

GRID = """method = 'pix2pix'
data = 'emoji:edges'
profile = 'smoke'
steps = 1
seeds = [0]
[rows.'Grün']
"""
WAYS = {  # how other systems write a text
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16-BE without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "Windows": lambda text: text.replace("\n", "\r\n").encode("cp1252"),
    "Windows, UTF-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "an old Mac": lambda text: text.replace("\n", "\r").encode(),
}
RUN = '{"method": "pix2pix", "data": "Grün", "direction": "xy", "config": {}, "look": null}\n'
NOTEBOOK = '{"cells": [], "metadata": {"of": "Grün"}, "nbformat": 4, "nbformat_minor": 5}\n'
READ = {  # who reads a file that a person may write, its name, what is in it, and what comes out
    "a text": ("a.txt", "Grün\n", lambda path: read_words(path).strip()),
    "a sweep": ("g.toml", GRID, lambda path: read_grid(path)[0].row),
    "claims": ("c.toml", "claim = [] # Grün\n", lambda path: read_claims(path) or "Grün"),
    "a table": ("t.csv", "row,seed,steps\nGrün,0,1\n", lambda path: table(path)[0]["row"]),
    "a run": ("run.json", RUN, lambda path: read_settings(path.parent)["data"]),
    "a notebook": ("n.ipynb", NOTEBOOK, lambda path: _load(path, {}).metadata["of"]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", READ)
def test_text_of_any_system_is_read(tmp_path, kind, way):
    name, text, read = READ[kind]
    (tmp_path / name).write_bytes(WAYS[way](text))
    assert read(tmp_path / name) == "Grün"


@pytest.mark.parametrize("name", ["x" * 255, "x" * 251 + ".png", "ü" * 127, "x" * 247])
def test_a_name_that_the_disk_takes_is_written(tmp_path, name):
    for content in (b"old", b"new"):
        replace_file(tmp_path / name, content)
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == b"new"


@pytest.mark.parametrize("name", ["x" * 256, "ü" * 128])
def test_a_name_that_is_too_long_is_called_so(tmp_path, name):
    with pytest.raises(CourseError, match="name too long") as caught:
        replace_file(tmp_path / name, b"new")
    assert "shorten" in caught.value.fix and not os.listdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["error", "ignore"])
def test_notes_are_no_warnings(tmp_path, value):
    noise().save(tmp_path / "1.png")
    (tmp_path / "film.mp4").touch()
    code = "import sys; from course_lib.data import images\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print(len(images.find_images(sys.argv[1])))", tmp_path],
        env=os.environ | {"PYTHONWARNINGS": value},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1\n" and done.stderr.startswith("note: left out 1 of 2 files"), done
