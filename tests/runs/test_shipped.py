"""The shipped weights: small, what their origin says, usable wherever a run is, and trained again
by command.
"""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch.utils.data import default_collate

from course_lib import CourseError, runs
from course_lib.data import open_dataset
from course_lib.methods import configs
from course_lib.metrics.perceptual import distances
from course_lib.plotting import strips
from course_lib.plotting.patches import patch
from course_lib.runs import shipped
from tests import ROOT
from tests.support.pictures import photograph
from tests.support.small import untrained
from tools.making import ship

NAMES = shipped.NAMES
RECIPES = tomllib.loads((ROOT / "tools/making/recipes.toml").read_text(encoding="utf-8"))


def test_sizes():
    sizes = {name: (shipped.FILES / f"{name}.safetensors").stat().st_size for name in NAMES}
    assert max(sizes.values()) < 5_000_000 and sum(sizes.values()) < 48_000_000, sizes
    assert {path.name.partition(".")[0] for path in shipped.FILES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_origin(name):
    origin, recipe = shipped.about(name), RECIPES[name]
    run = origin["run"]
    assert all(run[key] == recipe[key] for key in ("method", "data", "steps"))
    assert origin["title"] == recipe["title"] and run["seed"] == 0
    settings = recipe.get("settings", [])
    wanted = runs.make_config(recipe["method"], "cpu", recipe["size"], settings)
    assert run["config"] == configs.as_dict(wanted) and origin["steps"] == recipe["steps"]
    assert origin["seconds"] > 60 and run["device"] and run["versions"]["torch"] and origin["card"]
    scores = origin["scores"]["test"]
    if "l1" in scores:
        assert scores["l1"] < 0.9 * scores.get("baseline_mean_l1", 1)
    elif recipe["method"] == "dcgan":
        assert scores["variety_l1"] > 0.5 * scores["real_pairs_l1"]
    else:  # no true answers, and one painting held out, which is too few for a verdict
        assert {"kid_lite0", "baseline_copy_kid", "baseline_real_kid"} <= set(scores)
    assert "tmp" not in json.dumps(origin) and "/" not in origin["run"]["data"]


@pytest.mark.parametrize("name", NAMES)
def test_it_makes_images_and_its_d_judges(name):
    method, settings = runs.open_run(f"shipped:{name}", "cpu")
    size = method.config.image_size
    item = open_dataset(settings["data"], "test", size)[3]
    batch = default_collate([item])
    made = method.translate_batch(batch)["fake_y"] if method.translates else method.generate(1)
    fake = made[0]
    assert fake.shape == (3, size, size) and fake.std() > 0.1
    if method.discriminators():  # those that the lens holds
        assert torch.isfinite(patch(method, item["x"], fake, 2, 2)[2]).all()
    for network, net in method.networks.items():  # the averaged weights, twice
        assert all(tensor.isfinite().all() for tensor in net.state_dict().values())
        if average := method.networks.get(f"{network}_average"):
            assert all(
                torch.equal(p, q)
                for p, q in zip(net.parameters(), average.parameters(), strict=True)
            )


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_scores_and_data_are_what_the_origin_says(name):
    origin, recipe = shipped.about(name), RECIPES[name]
    train = open_dataset(recipe["data"], "train", recipe["size"], seed=0)
    # a set may have grown since
    assert len(train) >= origin["images"]
    method, _ = runs.open_run(f"shipped:{name}", "cpu")
    if not method.translates:
        return
    batches = runs.translate_batches(method, open_dataset(recipe["data"], "test", recipe["size"]))
    if "l1" in origin["scores"]["test"]:
        l1 = (batches["fake_y"] - batches["y"]).abs().mean().item()
        # of answers to random codes it differs more from machine to machine
        rel = 0.05 if method.has_codes else 0.02
        assert l1 == pytest.approx(origin["scores"]["test"]["l1"], rel=rel)
    else:
        kid = distances(batches["fake_y"], batches["y"], eyes="lite0")["kid_lite0"]
        assert kid == pytest.approx(origin["scores"]["test"]["kid_lite0"], rel=0.05)


def test_a_photograph_keeps_its_luminance_and_gives_no_colour_away(tmp_path):
    colour, given = photograph(200, 150), {}
    for name, picture in {"colour": colour, "grey": colour.convert("L")}.items():
        picture.save(tmp_path / f"{name}.png")
        (path,) = runs.translate_files(
            Path("shipped:photos-colour"), tmp_path / f"{name}.png", tmp_path / name, device="cpu"
        )
        given[name] = np.asarray(Image.open(path)).astype(int)
    # the grey in the file is rounded to whole numbers
    assert abs(given["colour"] - given["grey"]).mean() < 1
    found, wanted = (np.asarray(im.convert("L")).astype(int) for im in (Image.open(path), colour))
    # a few pixels are clipped
    assert abs(found - wanted).mean() < 3 and given["grey"].std(axis=2).mean() > 2


def test_each_channel_keeps_8_bits_of_its_weights():
    method = untrained("pix2pix", 32)
    for network, net in method.networks.items():
        torch.nn.init.normal_(next(net.parameters())[0], std=1e-4 if network == "D" else 0.1)
    packed = safetensors.torch.load(ship.weights_of(method))
    for name, found in shipped.unpacked(packed).items():
        network, _, key = name.partition(".")
        wanted = method.networks.get(f"{network}_average", method.networks[network]).state_dict()
        rows = wanted[key].flatten(1) if wanted[key].ndim > 1 else wanted[key].view(1, -1)
        steps = rows.abs().amax(1) / (127 if wanted[key].ndim > 1 else 1000)
        assert ((found.view_as(rows) - rows).abs().amax(1) <= 0.6 * steps).all(), name
    bytes_of_weights = sum(t.numel() for t in packed.values() if t.dtype == torch.int8)
    assert bytes_of_weights > 0.9 * len(ship.weights_of(method)) - 20_000


def test_damaged_weights_are_noticed(tmp_path):
    for suffix in ("json", "safetensors"):
        data = (shipped.FILES / f"lines-emoji.{suffix}").read_bytes()
        (tmp_path / f"lines-emoji.{suffix}").write_bytes(data)
    method, _ = runs.open_run("shipped:lines-emoji", "cpu")
    shipped.load("lines-emoji", method, tmp_path)
    del method.networks["D"]
    with pytest.raises(KeyError):  # weights that would go nowhere
        shipped.load("lines-emoji", method, tmp_path)
    (tmp_path / "lines-emoji.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CourseError, match="damaged"):
        shipped.load("lines-emoji", method, tmp_path)


def test_the_commands(course, refusal):
    status, out, _ = course("weights")
    rows = [line.partition(" ")[::2] for line in out.splitlines()[:-1]]
    assert status == 0 and [name for name, _ in rows] == list(NAMES)
    assert all(shipped.about(name)["title"] in told for name, told in rows)
    for words in ("weights nothing", "translate --run shipped:nothing --input a --output b"):
        assert "no shipped weights are called 'nothing'" in refusal(*words.split())[0]


@pytest.mark.parametrize("name", NAMES)
def test_where_they_come_from_is_told(name, course):
    status, out, _ = course("weights", name)
    rows, known = dict(line.split(maxsplit=1) for line in out.splitlines()), shipped.about(name)
    assert status == 0 and rows[name] == known["title"] and known["command"] in out
    # what learned through lite0 is not scored by its KID, and letters from noise have no score here
    test = known["scores"]["test"]
    score = next((s for s in ("kid_features", "letters_read") if s in test), "chroma_ratio")
    if name != "letters":
        value, low, high = (test[f"{score}{end}"] for end in ("", "_low", "_high"))
        assert re.search(rf"test {score} +{value:.4f} \[{low:.4f}, {high:.4f}\]", out)
    assert "lite0" not in out and "licen" in rows["licence"].lower()
    (path,) = re.findall(r"/.*\.json", out)
    assert json.loads(Path(path).read_text("utf-8")) == known


# ---- what is shown of them


def test_eight_are_chosen_all_over_the_data_and_none_that_is_not_shown():
    data = open_dataset("emoji:edges", "test", 16)
    found = strips.chosen(data)
    assert len(found) == 8 and set(found) <= set(data.presentable) and found[-1] > 0.8 * len(data)
    assert strips.chosen(torch.utils.data.TensorDataset(torch.zeros(5))) == [0, 1, 2, 3, 4]
