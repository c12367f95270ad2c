"""Settings are checked, described, and have defaults."""

from dataclasses import dataclass

import pytest

from course_lib.errors import CourseError
from course_lib.methods import METHODS, configs, method_class
from course_lib.methods.base import TrainingConfig, network, objective, training
from tests.methods.test_contract import CASES


@dataclass(frozen=True)
class Config:
    size: int = 4
    levels: int = network(0, zero=True)
    rate: float = training(1.0, zero=False)


def test_a_run_that_does_not_know_a_setting_has_its_default():
    assert configs.build(Config, size=8) == Config(size=8, levels=0)
    usual = configs.defaults(Config)
    assert configs.differences({"size": 4}, usual, usual) == []
    assert configs.differences({"size": 4}, usual | {"levels": 2}, usual) == ["levels: 0 -> 2"]


def test_a_number_may_be_0_where_its_option_says_so():
    assert configs.build(Config, levels=0).levels == 0
    for name in ("size", "rate"):
        with pytest.raises(CourseError, match=f"{name} must be above 0, got 0"):
            configs.build(Config, **{name: 0})
    with pytest.raises(CourseError, match="levels must be at least 0"):
        configs.build(Config, levels=-1)


@pytest.mark.parametrize("method", METHODS)
def test_help_lists_every_setting_with_its_default_its_values_and_its_meaning(method, course):
    cls = method_class(method)
    status, out, _ = course("train", method, "--help")
    text = " ".join(out.split())
    assert status == 0 and text.count("NAME=VALUE, ") == 2 + (method != "flow")  # no objective
    for name in configs.defaults(cls.Config):
        told = configs.told(cls.Config, name)
        meaning = told["meaning"]
        default, values = configs.defaults(cls.Config)[name], configs.allowed(cls.Config, name)
        assert (
            told["group"] in ("networks", "objective", "training")
            and len(meaning) > 7
            and "#" not in meaning
        )
        changed = cls.PRESETS["cpu"].get(name, default)
        here = "" if changed == default else f"; profile cpu: {changed}"
        line = f"{name}={default} {meaning} [{values}{here}]"
        assert line.replace(" ", "") in text.replace(" ", ""), name


NO_WEIGHTS = {
    "pix2pix": ("lambda_gan", "lambda_l1"),
    "cyclegan": ("lambda_gan", "lambda_forward", "lambda_backward"),
    "pix2pixhd": ("lambda_gan", "lambda_fm"),
    "unit": ("lambda_gan", "lambda_image", "lambda_cycle"),
    "munit": ("lambda_gan", "lambda_image"),
    "cut": ("lambda_x", "lambda_y"),
}
IMPOSSIBLE = [  # beside the configuration of the contract
    *(
        (name, dict.fromkeys(weights, 0.0), "no term|both 0|all 0")
        for name, weights in NO_WEIGHTS.items()
    ),
    ("cyclegan", {"image_size": 8}, "multiple of 4"),
    ("cyclegan", {"image_size": 18}, "multiple of 4"),
    ("cyclegan", {"d_layers": 3}, "at least 24 px"),
    (
        "bicyclegan",
        {"variant": "cLR-GAN", "lambda_gan": 0.0, "lambda_latent": 0.0},
        "no term is left for cLR-GAN",
    ),
    ("bicyclegan", {"d_layers": 3}, "at least 24 px at its coarsest scale, got 16"),
    ("pix2pixhd", {"use_instances": False}, "averaged over instances"),
    ("pix2pixhd", {"n_labels": 0}, "plain pairs have no instances"),
    ("pix2pixhd", {"image_size": 36}, "multiple of 8"),
    ("pix2pixhd", {"d_layers": 4}, "needs 16 px at its coarsest scale, got 8"),
    ("unit", {"shared_blocks": 3}, "of 2 blocks, 3 cannot be shared"),
    ("unit", {"d_layers": 3}, "at least 24"),
    ("munit", {"d_layers": 4, "d_scales": 3}, "at least 64 for this D, got 32"),
    ("munit", {"image_size": 34}, "multiple of 4"),
    ("cut", {"image_size": 30}, "multiple of 4"),
    ("cut", {"temperature": 0.0}, "temperature"),
    ("cut", {"places": 0}, "places"),
    ("flow", {"image_size": 20}, "image_size|multiple|size"),
    ("flow", {"base_channels": 12}, "base_channels"),
    ("flow", {"euler_steps": 0}, "euler_steps"),
    ("flow", {"drop_x": 1.5}, "from 0 to 1, got 1.5"),
]


@pytest.mark.parametrize(("name", "changes", "what"), IMPOSSIBLE)
def test_a_configuration_that_cannot_be_is_refused(name, changes, what):
    with pytest.raises(CourseError, match=what):
        configs.build(method_class(name).Config, **CASES[name].small | changes)


PAPERS = {
    "dcgan": {"lr": 2e-4, "beta1": 0.5, "batch_size": 128, "z_dim": 100},
    "pix2pix": {"lambda_l1": 100, "lr": 2e-4, "beta1": 0.5, "d_layers": 3},
    "cyclegan": {"lambda_forward": 10, "lambda_backward": 10, "pool_size": 50}
    | {"lr": 2e-4, "beta1": 0.5},
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_defaults_are_the_papers(name):
    assert PAPERS[name].items() <= configs.defaults(method_class(name).Config).items()


def test_a_method_checks_a_configuration_however_it_was_made():
    cls = method_class("cyclegan")
    with pytest.raises(CourseError, match="lr must be above 0, got -1"):
        cls(cls.Config(lr=-1.0))


@dataclass(frozen=True)
class Own(TrainingConfig):
    lambda_mine: float = 1.0
    lambda_told: float = objective(1.0, "weight of a term")
    lr: float = 1e-3


def test_the_settings_of_ones_own_method_stand_by_themselves():
    assert configs.told(Own, "lambda_mine")["group"] == "its own"  # a plain default will do
    assert configs.told(Own, "lambda_told")["meaning"] == "weight of a term"
    assert configs.told(Own, "lr")["group"] == "training" and configs.allowed(Own, "lr") == "> 0"
