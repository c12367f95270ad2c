"""The command with each of the methods: it trains, opens, translates and scores."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import runs
from course_lib.data import facades
from course_lib.data.images import ab_half, read_image, to_bytes, to_image, to_tensor
from course_lib.methods import METHODS, method_class
from course_lib.methods.pix2pixhd import Pix2PixHD
from course_lib.metrics import samples
from tests.methods.contract import Noise
from tests.support import small

CODED = "bicyclegan", "munit", "flow"
TWO_WAYS = [name for name in METHODS if len(method_class(name).directions) > 1]
DATA = {name: "facades:day-night" if name in (*TWO_WAYS, "cut") else "facades" for name in METHODS}
SMALL = {
    "bicyclegan": ["z_dim=3"],
    "munit": ["style_dim=3"],
}


@pytest.fixture(scope="module", autouse=True)
def few():
    """Six houses a split, and few samples to score: these tests are not about the numbers."""
    with pytest.MonkeyPatch.context() as patched:
        for split in facades.HOUSES:
            patched.setitem(facades.HOUSES, split, 6)
        for name, value in {"INPUTS": 6, "SAMPLES": 3}.items():
            patched.setattr(samples, name, value)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function: the folder of a method's run of one step at 32 px, on six houses."""

    @cache
    def run(name: str) -> Path:
        out, settings = tmp_path_factory.mktemp("runs") / name, SMALL.get(name, [])
        return small.trained(out, DATA[name], name, None, settings, bf16=False)

    return run


def picture(path: Path, i: int = 0) -> Path:
    path.parent.mkdir(exist_ok=True)
    to_image(Noise(32).y[i]).save(path)
    return path


def close(path: Path, expected: torch.Tensor) -> bool:
    """Whether a file shows a (3, s, s) image, rounded to 8 bits."""
    shown = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
    return (shown.int() - to_bytes(expected).int()).abs().max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_the_command_trains_opens_translates_and_scores(name, tmp_path, course):
    run, image = tmp_path / "run", picture(tmp_path / "a.png")
    options = [
        "--profile",
        "smoke",
        "--steps",
        1,
        *(word for pair in SMALL.get(name, []) for word in ("--set", pair)),
    ]
    status, out, err = course(
        "train", name, "--data", DATA[name], "--out", run, "--device", "cpu", *options
    )
    assert status == 0 and "finished at step 1" in out, err
    method, _ = runs.open_run(run, "cpu")
    given, chosen = "facades" if method.maps else image, ["--split", "val", "--device", "cpu"]
    commands = (
        ["translate", "--run", run, "--input", given, "--output", tmp_path / "out"],
        ["evaluate", "--run", run, "--data", DATA[name], "--json", *chosen],
    )
    for command in commands:
        status, out, err = course(*command)
        if method.translates:
            assert status == 0, err
        else:
            assert status == 2 and err.startswith(
                f"error: a {name} run makes images from noise: it has no input"
            )
            assert len(err.splitlines()) == 3 and not (tmp_path / "out").exists()
    if not method.translates:
        assert method.generate(3).shape == (3, 3, 32, 32)
        return
    assert len(list((tmp_path / "out").iterdir())) == (6 if method.maps else 1)
    opened = runs.open_run(run, "cpu")
    scores, told = runs.evaluate(*opened, DATA[name], "val"), json.loads(out)
    assert all(told[key] == score for key, score in scores.items() if score == score)
    assert ("diversity_features" in scores) == (name in CODED)
    if name in TWO_WAYS:
        back = runs.evaluate(*opened, DATA[name], "val", "yx")
        assert back["l1"] != scores["l1"] and ("rec_l1" in scores) == (name not in CODED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "direction"), [("bicyclegan", "xy"), ("munit", "xy"), ("munit", "yx")]
)
def test_the_command_draws_styles_and_takes_that_of_an_example(
    name, direction, trained, tmp_path, course
):
    for i, file in enumerate(("in/a.png", "in/b.png", "style.png")):
        picture(tmp_path / file, i)
    pair = np.concatenate(
        [np.zeros((32, 32, 3), np.uint8), np.array(Image.open(tmp_path / "style.png"))], 1
    )
    Image.fromarray(pair).save(tmp_path / "pair.png")  # of a pair, the y half has the style
    where = [
        "--run",
        trained(name),
        "--input",
        tmp_path / "in",
        "--direction",
        direction,
        "--device",
        "cpu",
    ]

    def translated(*options) -> dict[str, bytes]:
        out = tmp_path / "_".join(Path(str(option)).stem for option in options)
        status, said, err = course("translate", *where, "--output", out, *options)
        assert status == 0 and f"wrote {len(list(out.iterdir()))} images" in said, err
        return {path.name: path.read_bytes() for path in out.iterdir()}

    drawn, other = (translated("--samples", 3, "--seed", seed) for seed in (0, 1))
    assert (
        drawn.keys() == {f"{name}_{k}.png" for name in "ab" for k in (1, 2, 3)}
        and len({*drawn.values()}) == 6
    )
    assert not set(drawn.values()) & set(other.values())
    assert translated("--seed", 0)["a.png"] == drawn["a_1.png"]
    method, _ = runs.open_run(trained(name), "cpu")
    x, y = (
        to_tensor(ab_half(read_image(tmp_path / file), True), 32)[None]
        for file in ("in/b.png", "style.png")
    )
    assert close(
        tmp_path / "--samples_3_--seed_0" / "b_3.png", method.sample(x, 3, 0, direction)[0, 2]
    )
    styled = translated("--style", tmp_path / "style.png")
    options = [direction] if name in TWO_WAYS else []
    expected = method.translate(x, method.encode(y, *options), *options)["fake_y"][0]
    assert close(tmp_path / "--style_style" / "b.png", expected)
    if direction == "xy":
        assert translated("--style", tmp_path / "pair.png") == styled


@pytest.mark.slow
def test_what_a_run_cannot_do_is_said_in_three_lines(trained, tmp_path, refusal):
    image = picture(tmp_path / "a.png")
    for run, options, what in [
        ("bicyclegan", ["--style", tmp_path / "no.png"], "no.png"),
        ("bicyclegan", ["--style", image, "--samples", 2], "one output an image"),
        ("pix2pix", ["--style", image], "no encoder"),
        ("pix2pix", ["--samples", 2], "all 2 outputs would be the same"),
        ("unit", ["--style", image], "no encoder"),
        ("pix2pixhd", ["--style", image], "no encoder"),
    ]:
        where = ["--run", trained(run), "--input", image, "--output", tmp_path / "out"]
        assert what in "".join(refusal("translate", *where, *options))
        assert not (tmp_path / "out").exists()


# ---- scenes: labels and instances


@pytest.mark.slow
def test_pix2pixhd_is_scored_with_instances_or_refuses(trained, course, refusal, monkeypatch):
    seen, translate = [], Pix2PixHD.translate
    monkeypatch.setattr(
        Pix2PixHD, "translate", lambda self, *a, **b: seen.append(b) or translate(self, *a, **b)
    )
    status, out, err = course("evaluate", "--run", trained("pix2pixhd"), "--data", "facades")
    assert status == 0 and "fcn_iou" in out and "baseline" in out, err
    truth = {
        facades.Facades(split, 32)[i]["instances"].numpy().tobytes()
        for split in ("val", "test")
        for i in range(6)
    }
    assert {
        maps.numpy().tobytes() for given in seen for maps in given["instances"]
    } <= truth  # not regions
    said = refusal("evaluate", "--run", trained("pix2pixhd"), "--data", "emoji:edges")
    assert "paints from labels and instances" in said[0]


@pytest.mark.slow
def test_the_command_paints_scenes_in_several_styles(tmp_path, trained, course):
    item, run = facades.Facades("test", 32)[1], trained("pix2pixhd")
    for folder, image in (
        ("labels", to_image(facades.colour_labels(item["labels"]))),
        ("instances", item["instances"]),
    ):
        (tmp_path / "in" / folder).mkdir(parents=True)
        image = Image.fromarray(image.numpy()) if isinstance(image, torch.Tensor) else image
        image.save(tmp_path / "in" / folder / "a.png")
    where = ["translate", "--run", run, "--seed", 4]
    status, out, err = course(
        *where, "--input", tmp_path / "in", "--output", tmp_path / "a", "--samples", 2
    )
    assert status == 0 and "wrote 2 images" in out, err
    maps = {name: item[name][None] for name in ("labels", "instances")}
    expected = runs.open_run(run)[0].sample(None, 2, 4, **maps)[0]
    assert all(close(tmp_path / "a" / f"a_{k}.png", expected[k - 1]) for k in (1, 2))
    assert course(*where, "--input", "facades", "--output", tmp_path / "own")[0] == 0
    assert (tmp_path / "own" / "test_house_1.png").read_bytes() == (
        tmp_path / "a" / "a_1.png"
    ).read_bytes()
    alone = ["--input", tmp_path / "in" / "labels" / "a.png", "--output", tmp_path / "b"]
    assert (
        course(*where, *alone)[0] == 0 and (tmp_path / "b" / "a.png").exists()
    )  # regions stand in for instances
    # a map of another shape comes back in it
    Image.fromarray(facades.Facades("test", 128)[2]["labels"][:80].numpy()).save(
        tmp_path / "wide.png"
    )
    wide = ["--input", tmp_path / "wide.png", "--output", tmp_path / "w"]
    for options, size in (([], (128, 80)), (["--square"], (32, 32))):
        status, _, err = course(*where, *wide, *options)
        assert status == 0 and Image.open(tmp_path / "w/wide.png").size == size, err
