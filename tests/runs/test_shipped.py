"""The shipped weights: small, what their origin says, usable wherever a run is, and trained again by command."""

import dataclasses
import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.data import open_dataset
from course_lib.methods import configs
from course_lib.plotting.patches import patch
from course_lib.runs import moments, shipped, shipping
from course_lib.training import checkpoint
from tests import ROOT
from tests.support.killing import ONE_THREAD

NAMES = list(shipped.RECIPES)


def test_sizes():
    sizes = {name: (shipped.FILES / f"{name}.safetensors").stat().st_size for name in NAMES}
    assert max(sizes.values()) < shipping.LIMIT and sum(sizes.values()) < 70_000_000, sizes
    assert {path.name.partition(".")[0] for path in shipped.FILES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_origin(name):
    origin, recipe = shipped.about(name), shipped.RECIPES[name]
    run = origin["run"]
    assert (run["method"], run["data"], run["seed"], run["steps"]) == (
        recipe.method,
        recipe.data,
        0,
        origin["steps"],
    )
    wanted = runs.make_config(recipe.method, "cpu", recipe.size, list(recipe.settings))
    assert (
        configs.defaults(type(wanted)) | run["config"] == configs.as_dict(wanted)
        and origin["steps"] == recipe.steps
    )
    assert origin["seconds"] > 60 and run["device"] and run["versions"]["torch"] and origin["card"]
    assert origin["scores"]["test"]["l1"] < 0.9 * origin["scores"]["test"].get(
        "baseline_mean_l1", 1
    )
    assert "tmp" not in json.dumps(origin) and "/" not in origin["run"]["data"]


@pytest.mark.parametrize("name", shipping.GALLERY)
def test_the_gallery_has_pictures_of_each_of_its_runs(name):
    folder, recipe = ROOT / "notebooks" / "gallery", shipping.GALLERY[name]
    origin = shipped.about(name, folder)
    run = origin["run"]
    assert (run["method"], run["data"], run["direction"]) == (
        recipe.method,
        recipe.data,
        recipe.direction,
    )
    assert origin["steps"] == recipe.steps and origin["seconds"] > 60 and origin["scores"]["test"]
    taken = ["in_channels=1"] * (recipe.data == "emoji:colour")  # from the data
    wanted = runs.make_config(recipe.method, "cpu", recipe.size, [*recipe.settings, *taken])
    assert configs.defaults(type(wanted)) | run["config"] == configs.as_dict(wanted)
    rows = moments.rows_of(folder / f"{name}.webp", recipe.size)
    assert all(row.shape[1:] == (3, recipe.size, recipe.size) for row in rows) and len(rows) in (
        3,
        4,
    )
    assert all(
        (folder / f"{name}.{kind}.webp").stat().st_size < 1_000_000 for kind in ("strip", "film")
    )


@pytest.mark.parametrize("name", NAMES)
def test_it_translates_and_its_d_judges(name):
    method, settings = runs.open_run(f"shipped:{name}", "cpu")
    item = open_dataset(settings["data"], "test", size := method.config.image_size)[3]
    fake = method.translate(item["x"][None])["fake_y"][0]
    assert fake.shape == (3, size, size) and fake.std() > 0.1
    if method.discriminators():  # those that the lens holds
        assert torch.isfinite(patch(method, item["x"], fake, 2, 2)[2]).all()
    for network, net in method.networks.items():  # the averaged weights, twice
        if average := method.networks.get(f"{network}_average"):
            assert all(
                torch.equal(p, q)
                for p, q in zip(net.parameters(), average.parameters(), strict=True)
            )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.soak] * (n in ("facades-many", "facades-hd")))
        for n in NAMES
    ],
)
def test_scores_and_data_are_what_the_origin_says(name):
    origin, recipe = shipped.about(name), shipped.RECIPES[name]
    train = open_dataset(recipe.data, "train", recipe.size, recipe.direction, shipped.SEED)
    assert shipping.data_hash(train) == origin["data_sha256"] and len(train) == origin["images"]
    method, _ = runs.open_run(f"shipped:{name}", "cpu")
    batches = runs.translate_batches(method, open_dataset(recipe.data, "test", recipe.size))
    l1 = (batches["fake_y"] - batches["y"]).abs().mean().item()
    assert l1 == pytest.approx(origin["scores"]["test"]["l1"], rel=0.02)


def test_damaged_weights_are_noticed(tmp_path):
    for suffix in ("json", "safetensors"):
        data = (shipped.FILES / f"edges-emoji.{suffix}").read_bytes()
        (tmp_path / f"edges-emoji.{suffix}").write_bytes(data)
    shipped.load("edges-emoji", "cpu", tmp_path)
    (tmp_path / "edges-emoji.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CourseError, match="damaged"):
        shipped.load("edges-emoji", "cpu", tmp_path)


def test_the_commands(tmp_path, course, refusal):
    status, out, _ = course("weights")
    assert status == 0 and all(name in out for name in NAMES)
    status, out, _ = course("weights", "facades-many")
    assert status == 0 and json.loads(out) | {"curves": 0} == shipped.about("facades-many") | {
        "curves": 0
    }
    for words in ("weights nothing", "translate --run shipped:nothing --input a --output b"):
        assert "no shipped weights are called 'nothing'" in refusal(*words.split())[0]
    from course_lib.data.images import to_image

    to_image(open_dataset("emoji:edges", "test")[0]["x"]).save(tmp_path / "x.png")
    arguments = [
        "--run",
        "shipped:edges-emoji",
        "--input",
        tmp_path / "x.png",
        "--output",
        tmp_path / "out",
    ]
    status, _, err = course("translate", *arguments)
    assert status == 0 and (tmp_path / "out" / "x.png").exists(), err


@pytest.mark.slow
def test_they_are_made_again_by_command(monkeypatch, tmp_path, course):
    recipe = shipped.Recipe(
        "a test", "bicyclegan", "emoji:edges", 32, ("base_channels=8", "e_base_channels=8"), 6
    )
    monkeypatch.setitem(shipped.RECIPES, "tiny", recipe)
    blobs = []
    for out in ("first", "second", "first"):  # the last time nothing is left to train
        status, printed, err = course("weights", "tiny", "--out", tmp_path / out)
        assert status == 0 and "tiny.json" in printed, err
        blobs.append((tmp_path / out / "tiny.safetensors").read_bytes())
    assert blobs[0] == blobs[1] == blobs[2]
    origin = shipped.about("tiny", tmp_path / "first")
    assert origin["steps"] == 6 and set(origin["scores"]) == {"val", "test"}
    assert origin["curves"]["step"] == [1, 2, 3, 4, 5, 6] and origin["curves"]["val_l1"][-1] > 0
    strip = Image.open(tmp_path / "first" / "tiny.strip.webp")
    assert strip.height > 9 * 32  # input, untrained, six steps, truth
    with Image.open(tmp_path / "first" / "tiny.film.webp") as film:
        assert 2 <= film.n_frames <= 7 and film.size == (6 * 34 - 2, 3 * 34 - 2)
    monkeypatch.setitem(shipped.RECIPES, "tiny", dataclasses.replace(recipe, steps=7))
    with pytest.raises(CourseError, match="6 of 7 steps"):
        shipping.pack("tiny", tmp_path / "first", tmp_path)
    with pytest.raises(CourseError, match="bicyclegan run on emoji:edges"):
        shipping.pack("edges-emoji", tmp_path / "first", tmp_path)


FEWER_STEPS = """
import dataclasses, sys
from pathlib import Path
from course_lib.runs import shipped, shipping
from course_lib.training import state
name, steps, out = sys.argv[1:]
shipped.RECIPES[name] = dataclasses.replace(shipped.RECIPES[name], steps=int(steps))
state.CHECKPOINT_SECONDS = 0
shipping.score_run = lambda *args: {}  # minutes, and other tests see to it
shipping.train(name, Path(out))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_and_started_again_the_command_gives_the_same_bytes(tmp_path):
    def start(out):
        return subprocess.Popen(
            [sys.executable, "-c", FEWER_STEPS, "edges-emoji", "24", out], env=ONE_THREAD
        )

    assert start(tmp_path / "whole").wait() == 0
    with start(tmp_path / "killed") as process:
        while (
            process.poll() is None
            and max(checkpoint.steps(tmp_path / "killed/checkpoints"), default=0) < 8
        ):
            time.sleep(0.1)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.steps(tmp_path / "killed/checkpoints")[-1] < 24, (
        "it was not killed on the way"
    )
    assert start(tmp_path / "killed").wait() == 0
    for file in ("edges-emoji.safetensors", "edges-emoji.film.webp"):  # the strip tells minutes
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "direction"), [("pix2pix", "yx"), ("dcgan", "xy")])
def test_a_run_of_the_gallery_is_kept_as_pictures(
    method, direction, monkeypatch, tmp_path, course, data="emoji:edges"
):
    recipe = shipped.Recipe(
        "a test", method, data, 32, ("base_channels=8", "d_base_channels=8"), 2, direction
    )
    monkeypatch.setitem(shipping.GALLERY, "tiny", recipe)
    status, printed, err = course("weights", "tiny", "--out", tmp_path)
    assert status == 0 and "2 steps" in printed, err
    kept = {path.name.removeprefix("tiny.") for path in tmp_path.glob("tiny*")}
    assert kept == {"json", "webp", "strip.webp", "film.webp"}
    origin = shipped.about("tiny", tmp_path)
    assert (
        origin["run"]["direction"] == direction
        and origin["scores"]["test"]
        and "sha256" not in origin
    )
    assert Image.open(tmp_path / "tiny.webp").height > 3 * 32
    status, _, err = course("weights", "tiny")
    assert status == 2 and "--out RUN" in err


@pytest.mark.slow
def test_pix2pixhd_keeps_the_centres_of_its_styles(monkeypatch, tmp_path, course):
    settings = (
        "base_channels=8",
        "n_down=2",
        "n_blocks=1",
        "use_features=true",
        "cluster_images=8",
        "n_centres=3",
    )
    recipe = shipped.Recipe("a test", "pix2pixhd", "facades:touching", 32, settings, 4)
    monkeypatch.setattr(shipping, "score_run", lambda *_: {})
    monkeypatch.setattr(shipping, "data_hash", lambda _: "")  # minutes, and other tests see to both
    monkeypatch.setitem(shipped.RECIPES, "tiny", recipe)
    status, _, err = course("weights", "tiny", "--out", tmp_path)
    assert status == 0, err
    opened = runs.open_run(tmp_path, "cpu"), shipped.load("tiny", "cpu", tmp_path)
    styles, kept = (method.networks["styles"] for method, _ in opened)
    assert styles.counts.sum() > 0 and kept.counts.equal(styles.counts)
    assert {method.phase for method, _ in opened} == {"both"}
    assert kept.centres.equal(styles.centres.half().float())
