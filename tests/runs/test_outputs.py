"""No command writes over what a person has: photographs, notebooks, whole folders."""

import json
import os
import shutil

import pytest
from PIL import Image

from course_lib.cli import gallery
from tests.support.archives import tree
from tests.support.killing import write_pairs
from tests.support.pictures import noise

TRANSLATE = ("translate", "--run", "shipped:photos-colour", "--device", "cpu")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Photographs, links to them under other names, and a sketch that is not to be lost."""
    (tmp_path / "photos").mkdir()
    for i, name in enumerate(("a.png", "b.jpg")):
        noise(20, 16, i).save(tmp_path / "photos" / name)
    (tmp_path / "linked").symlink_to("photos")
    for name in ("twin", "sketches", "empty"):
        (tmp_path / name).mkdir()
    os.link(tmp_path / "photos" / "a.png", tmp_path / "twin" / "a.png")
    noise(8, 8).save(tmp_path / "sketches" / "b.png")
    (tmp_path / "empty" / "a.png").symlink_to("gone.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("photos", "photos", "among what is read"),
        ("photos", "linked/", "among what is read"),
        ("linked", "./sketches/../photos", "among what is read"),
        ("photos", "photos/new", "among what is read"),
        ("photos", "twin", "overwrite what is read"),  # a hard link
        ("photos/a.png", "photos", "overwrite what is read"),
        ("photos/b.jpg", "linked/b.jpg", "overwrite what is read"),
        ("photos", "PHOTOS", "overwrite what is read"),  # one folder, on many disks
        ("photos/b.jpg", "photos/a.png", "not the course's"),
        ("photos", "sketches", "not the course's"),
        ("photos/b.jpg", "sketches/b.png", "not the course's"),
        ("photos", "empty", "overwrite a link to a place that is not there"),
        ("photos/a.png", "new/a.gif", "cannot write .gif files"),
        ("photos", "all.png", "cannot write several images as one file"),
    ],
)
def test_translating_overwrites_nothing_of_a_person(place, source, target, said, refusal):
    before = tree(place)
    assert said in refusal(*TRANSLATE, "--input", source, "--output", target)[0]
    assert tree(place) == before


@pytest.mark.parametrize(
    "names", [("a.png", "a.jpg", "a_png.png"), ("b.png", "B_jpg.png", "b.jpg")]
)
def test_two_images_never_become_one_file(place, names, refusal):
    (place / "many").mkdir()
    for name in names:
        noise(20, 16).save(place / "many" / name)
    before = tree(place)
    assert "become this one file" in refusal(*TRANSLATE, "--input", "many", "--output", "out")[0]
    assert tree(place) == before


def test_a_translation_may_be_made_again(place, course):
    (place / "photos" / "A.jpg").write_bytes((place / "photos" / "b.jpg").read_bytes())
    for _ in range(2):
        said = course(*TRANSLATE, "--input", "photos", "--output", "out")
        assert said[:2] == (0, "wrote 3 images to out\n")
        assert sorted(path.name for path in (place / "out").iterdir()) == [
            "A_jpg.png",
            "a_png.png",
            "b.png",
        ]
    assert course(*TRANSLATE, "--input", "photos/a.png", "--output", "photos/new.png")[0] == 0
    several = (*TRANSLATE, "--run", "shipped:letters-many", "--samples", "2")
    said = course(*several, "--input", "photos/a.png", "--output", "new/x.png")
    assert said[:2] == (0, "wrote 2 images to new\n")
    assert sorted(path.name for path in (place / "new").iterdir()) == ["x_1.png", "x_2.png"]


def test_an_output_is_of_the_kind_that_its_name_says(place, course, refusal):
    image = noise(20, 16)
    image.putalpha(image.getchannel("R"))
    image.save(place / "glass.png")
    Image.new("RGB", (20_000, 8)).save(place / "wide.png")
    for name, kind in {"x.png": "PNG", "x.jpg": "JPEG", "y.JPEG": "JPEG", "x.webp": "WEBP"}.items():
        for _ in range(2):  # what the course wrote is known again
            said = course(*TRANSLATE, "--input", "photos/b.jpg", "--output", name)
            assert said[:2] == (0, f"wrote {name}\n")
        with Image.open(name) as written:
            assert (written.format, written.size, written.mode) == (kind, (20, 16), "RGB")
    glass = (*TRANSLATE, "--keep-alpha", "--input", "glass.png", "--output")
    assert course(*glass, "glass.webp")[0] == 0 and Image.open("glass.webp").mode == "RGBA"
    before = tree(place)
    for words in ((*glass, "g.jpg"), (*TRANSLATE, "--input", "wide.png", "--output", "w.webp")):
        error, _, fix = refusal(*words)
        assert "cannot be a" in error and fix == "fix: give NAME.png"
    assert tree(place) == before


def test_training_and_other_commands_leave_a_folder_of_something_else_alone(place, refusal):
    data = write_pairs(place / "pairs")
    shutil.copy(place / "photos" / "a.png", place / "over_time.png")
    (place / "page.html").write_text("<p>mine")
    (place / "pairs.toml").write_text(
        "method = 'pix2pix'\ndata = 'pairs'\nprofile = 'smoke'\n"
        "steps = 1\nseeds = [0]\n[rows.one]\n"
    )
    (place / "work").mkdir()
    for name in ("mine.ipynb", "work/mine.ipynb"):
        (place / name).write_text(
            '{"cells": [{"cell_type": "code", "id": "a", "execution_count": null, "outputs": [],'
            ' "metadata": {"tags": ["parameters"]}, "source": "profile = 1"}],'
            ' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        )
    train = ["train", "pix2pix", "--data", data, "--profile", "smoke", "--steps", "1", "--out"]
    export = ["export", "shipped:photos-colour", "--onnx"]
    before = tree(place)
    for words, said in [
        ([*train, place], "holds something else"),
        ([*train, "photos"], "holds something else"),
        ([*train, data / "run"], "among what is read"),
        ([*train, data / ".." / "pairs" / "train"], "among what is read"),
        ([*export, "photos/a.png"], "not the course's"),
        (["gallery", "photos", "--out", "photos/a.png"], "not the course's"),
        (["gallery", "photos", "--out", "page.html"], "not the course's"),
        (["demo", "shipped:photos-colour", "--static", "photos"], "holds something else"),
        (["evaluate", "--run", ".", "--data", data, "--over-time"], "not the course's"),
        (["sweep", "pairs.toml"], "among what is read"),
        (["sweep", "pairs.toml", "--out", "photos"], "holds something else"),
        (["run", "mine.ipynb", "--out", "work"], "holds something else"),
        (["run", "mine.ipynb", "--out", "work/.."], "overwrite the notebook"),
    ]:
        assert said in refusal(*words)[0], words
        assert tree(place) == before, words


@pytest.mark.parametrize(
    "hidden", [".trash/run", ".run", "class/.Trash-1000/files/run", ".ipynb_checkpoints"]
)
@pytest.mark.parametrize("kind", ["run", "picture"])
def test_a_gallery_leaves_out_what_is_hidden(tmp_path, hidden, kind):
    for place in ("mine", hidden):
        folder = tmp_path / place / ("previews" * (kind == "run"))
        folder.mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(folder / "00000001.png")
        if kind == "run":
            settings = {"method": "pix2pix", "data": "facades", "direction": "xy"}
            settings |= {"config": {}, "look": {}}
            (tmp_path / place / "run.json").write_text(json.dumps(settings))
            (tmp_path / place / "history.jsonl").write_text("")
    assert gallery.write(tmp_path, tmp_path / "page.html") == 1
