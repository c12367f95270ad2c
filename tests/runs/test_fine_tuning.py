"""Trainings that start from what is there: shipped weights, or the folder of a run."""

import shutil
from functools import partial

import pytest
import torch

from course_lib import CourseError, runs
from course_lib.methods import method_class
from course_lib.methods.image_pool import ImagePool
from course_lib.runs import fine_tuning, shipped
from tests.methods import contract
from tests.methods.test_contract import CASES
from tests.support.archives import tree
from tests.support.killing import write_pairs

TINY = ["d_layers=1", "batch_size=4", "base_channels=4", "d_base_channels=4"]
train = partial(runs.train, device="cpu", bf16=False, progress=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pairs of 16 px and a pix2pix run on them, of two steps; and one on scenes."""
    folder = tmp_path_factory.mktemp("place")
    data = write_pairs(folder / "data", 12)
    config = runs.make_config("pix2pix", "smoke", 16, [*TINY, "average=0.9"])
    train("pix2pix", str(data), folder / "run", config, steps=2)
    scenes = runs.make_config("pix2pixhd", "smoke", 16, ["n_down=1", "d_scales=1"])
    train("pix2pixhd", "facades", folder / "scenes", scenes, steps=1, previews=0)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_every_method_takes_over_all_networks_and_nothing_else(name):
    case = CASES[name]
    old, model = case.make(average=0.9), case.make(seed=9, average=0.9)
    contract.step(old, case.batch())
    fine_tuning.Start(old, {"name": "first", "steps": 1}).copy_into(model)
    given = contract.state(model)  # moments of Adam, too, if there were any
    of_pools = {n for n, net in old.networks.items() if isinstance(net, ImagePool)}
    weights = {k: t for k, t in contract.state(old).items() if k.partition(".")[0] in old.networks}
    assert given.keys() == weights.keys()
    changed = {key for key in given if not torch.equal(given[key], weights[key])}
    ages = {key for key in given if key.endswith("_average.updates")}  # count from 0 again
    assert {key.partition(".")[0] for key in changed - ages} == of_pools and ages <= changed
    assert all(model.networks[pool].count == 0 for pool in of_pools)
    assert contract.step(model, case.batch()).keys() == contract.step(old, case.batch()).keys()


def test_averages_begin_with_those_of_the_start_and_soon_follow(place, tmp_path):
    begun = fine_tuning.open_start(place / "run", "pix2pix", 16)
    settings = (["average=0"], ["average=0.5"])
    made = [runs.make_config("pix2pix", settings=pair, start=place / "run") for pair in settings]
    plain, averaged = map(method_class("pix2pix"), made)
    begun.copy_into(plain)
    begun.copy_into(averaged)
    ours, theirs = averaged.networks["G_average"], begun.model.networks["G_average"]
    assert ours.updates == 0 and begun.facts["steps"] == 2
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
    assert all(map(torch.equal, plain.G.parameters(), begun.model.G.parameters()))
    train(
        "pix2pix",
        str(place / "data"),
        tmp_path / "plain",
        plain.config,
        steps=1,
        start=place / "run",
    )
    again = fine_tuning.open_start(tmp_path / "plain", "pix2pix", 16)
    again.copy_into(averaged)  # which has an average, and the start has none
    assert all(map(torch.equal, ours.parameters(), again.model.G.parameters()))


def test_a_run_tells_what_it_started_from_and_evaluate_shows_it(place, tmp_path, course):
    first = {"data": str(place / "data"), "start": "lines-emoji"}
    train("pix2pix", out=tmp_path / "out", steps=1, previews=0, **first)
    record = runs.read_settings(tmp_path / "out")["start"]
    sha256 = shipped.about("lines-emoji")["sha256"]
    assert record == {"name": "shipped:lines-emoji", "steps": 24_000, "sha256": sha256}
    words = ["evaluate", "--run", tmp_path / "out", "--data", place / "data"]
    assert f"shipped:lines-emoji at step 24000, sha256 {sha256[:12]}" in course(*words)[1]


@pytest.mark.parametrize("name", shipped.NAMES)
def test_shipped_weights_hold_every_network(name):
    """So D, too: a training that starts from them goes on with the game."""
    held = shipped.safetensors.torch.load((shipped.FILES / f"{name}.safetensors").read_bytes())
    of = {
        n
        for n, net in runs.open_run(f"shipped:{name}", "cpu")[0].networks.items()
        if next(net.parameters(), None) is not None and not n.endswith("_average")
    }
    assert of <= {key.partition(".")[0] for key in held}


@pytest.mark.parametrize("size", [32, 48])
def test_a_larger_size_is_taken_where_layers_allow_it(size, place, tmp_path):
    larger = runs.make_config("pix2pix", size=size, start=place / "run")
    assert (larger.image_size, larger.levels) == (size, 4)
    train("pix2pix", str(place / "data"), tmp_path, larger, steps=1, start=place / "run")
    assert runs.make_config("cyclegan", size=64, start="day-night").image_size == 64


def test_settings_that_change_no_layer_may_change(place, tmp_path):
    config = runs.make_config("pix2pix", settings=["dropout=0", "norm=batch"], start=place / "run")
    train("pix2pix", str(place / "data"), tmp_path, config, steps=1, start=place / "run")
    assert runs.open_run(tmp_path, "cpu")[0].config.dropout == 0


BAD = {  # the start, the method, options, and what the error says
    "another method": ("run", "cyclegan", [], "is a pix2pix run, and cyclegan has other networks"),
    "unknown weights": ("shipped:none", "pix2pix", [], "no shipped weights are called 'none'"),
    "no folder": ("nowhere", "pix2pix", [], "no readable run here: No such file"),
    "a file": ("run/run.json", "pix2pix", [], "no readable run here"),
    "other layers": ("run", "pix2pix", ["--set", "upsampling=transposed"],
        "belong to other layers: G."),
    "other networks": ("letters-many", "bicyclegan", ["--set", "d_scales=1"],
        "belong to other layers: "),
    "a size between": ("run", "pix2pix", ["--size", "24"], "halves an image 4 times"),
    "a size that layers forbid": ("letters-many", "bicyclegan", ["--size", "256"],
        "the weights of shipped:letters-many belong to other layers: E."),
    "no maps": ("scenes", "pix2pixhd", [], "paints from labels and instances of x"),
    "no maps of photographs": ("scenes", "pix2pixhd",
        ["--data", "facades", "--direction", "yx"], "have none\nwhere: --direction yx"),
    "two sources of settings": ("run", "pix2pix", ["--profile", "cpu"], "those of the start"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_start_is_refused_and_nothing_written(case, place, tmp_path, refusal):
    start, method, options, said = BAD[case]
    start = place / start if (place / start).exists() else start
    data = ["--data", place / "data", "--steps", "1", "--out", tmp_path / "out"]
    before = tree(tmp_path)
    assert said in "\n".join(refusal("train", method, *data, "--start", start, *options))
    assert tree(tmp_path) == before


def test_resuming_needs_the_same_start(place, tmp_path):
    options = {"data": str(place / "data"), "out": tmp_path / "out", "start": place / "run"}
    train("pix2pix", steps=2, **options)
    before = tree(tmp_path)
    other = shutil.copytree(place / "run", tmp_path / "other")
    for start in (other, None):
        config = runs.make_config("pix2pix", start=place / "run")
        with pytest.raises(CourseError, match=r"differ from the run's: start: \{"):
            train("pix2pix", steps=2, resume=True, config=config, **options | {"start": start})
    shutil.rmtree(other)
    assert tree(tmp_path) == before
    with pytest.raises(CourseError, match="already holds a run"):
        train("pix2pix", steps=2, **options | {"start": tmp_path / "out"})
