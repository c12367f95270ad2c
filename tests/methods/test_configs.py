"""Settings that came later: what older runs and sweeps say of themselves stays true."""

from dataclasses import dataclass

from course_lib.methods import configs
from course_lib.methods.base import added


@dataclass(frozen=True)
class Config:
    size: int = 4
    weight: float = added(0.0)
    norm: str = added("batch")


def test_an_added_setting_that_is_not_used_is_not_part_of_who_it_is():
    assert configs.identity(Config()) == {"size": 4}
    assert configs.identity(Config(weight=1.0)) == {"size": 4, "weight": 1.0}
    assert (
        configs.as_dict(Config())
        == configs.defaults(Config)
        == {"size": 4, "weight": 0.0, "norm": "batch"}
    )


def test_a_run_that_does_not_know_a_setting_has_its_default():
    old, usual = {"size": 4, "seed": 0}, configs.defaults(Config)
    assert configs.differences(old, {"seed": 0} | usual, usual) == []
    assert configs.differences(old, {"seed": 0} | usual | {"norm": "none"}, usual) == [
        "norm: batch -> none"
    ]
    assert configs.differences(old | {"gone": 1}, {"seed": 0} | usual, usual) == ["gone: 1 -> None"]
    assert configs.differences(old, usual) != []  # without defaults nothing is taken for granted
