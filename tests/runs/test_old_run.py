"""A run folder from before the library had rooms: trained then, opened and continued today."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from course_lib import CourseError, runs
from course_lib.methods import configs, method_class

# course train cyclegan --data emoji:twemoji-fluent --profile smoke --size 16 --steps 3 --no-bf16
# --set base_channels=2 --set d_base_channels=2 --set n_blocks=1 --set d_layers=1 --set pool_size=2
# --set average=0.9
OLD = Path(__file__).with_name("old_run")
PAINTED = [
    -0.461378,
    -0.294273,
    -0.223595,
    0.10262,
    0.130077,
    0.034975,
    -0.039211,
    -0.06057,
]  # by the library of then


def test_an_old_run_still_opens_and_paints_as_it_did():
    method, settings = runs.open_run(OLD, "cpu")
    assert settings["method"] == "cyclegan" and method.config.average == 0.9
    fake_y = method.translate(torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16))["fake_y"]
    assert fake_y.flatten()[::97].tolist() == pytest.approx(PAINTED, abs=1e-5)


def test_an_old_run_goes_on(tmp_path):
    folder = shutil.copytree(OLD, tmp_path / "run")
    settings = runs.read_settings(folder) | {
        "steps": 4
    }  # as if it had been killed one step before its end
    (folder / "run.json").write_text(json.dumps(settings))
    config = configs.from_run(method_class("cyclegan").Config, settings["config"])
    options = {
        "seed": settings["seed"],
        "device": "cpu",
        "bf16": False,
        "progress": False,
        "previews": 0,
    }
    go_on = partial(
        runs.train, "cyclegan", settings["data"], folder, steps=4, resume=True, **options
    )
    with pytest.raises(CourseError, match="differ from the run's: load: square -> crop"):
        go_on(config=replace(config, load="crop"))
    result = go_on(config=config)
    assert result.steps == 4 and [row["step"] for row in result.history] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("recorded", "method", "option", "value"),
    [("pix2pix", "pix2pix", "lambda_r1", 1.0), ("bridge", "flow", "start", "x")],
)
def test_a_setting_that_is_gone_is_named_in_three_lines(
    tmp_path, refusal, recorded, method, option, value
):
    """At its default it does no harm: the old run above records some of them.

    A method that is called otherwise today is known by its old name.
    """
    config = configs.as_dict(runs.make_config(method, "smoke")) | {option: value}
    settings = {"method": recorded, "data": "emoji:edges", "direction": "xy", "config": config}
    (tmp_path / "run.json").write_text(json.dumps(settings))
    assert runs.read_settings(tmp_path)["method"] == method
    error, _, fix = refusal("evaluate", "--run", tmp_path, "--data", "emoji:edges")
    assert f"{option}={value}" in error and "no longer exists" in error and "full" in fix
