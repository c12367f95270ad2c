"""What older runs recorded of themselves stays readable."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import option


@dataclass(frozen=True)
class Config:
    REMOVED: ClassVar = {"gone": 0.5}
    BEFORE: ClassVar = {"levels": 3}

    size: int = 4
    levels: int = option(0, zero=True)
    rate: float = option(1.0, zero=False)


def test_a_removed_setting_is_left_out_where_it_had_its_default():
    assert configs.from_run(Config, {"size": 8, "gone": 0.5, "levels": 0}) == Config(size=8)
    with pytest.raises(CourseError, match=r"gone=1\.0, an option that no longer exists") as error:
        configs.from_run(Config, {"size": 8, "gone": 1.0})
    assert "`full`" in error.value.fix


def test_a_run_that_does_not_know_a_setting_has_what_it_did_or_the_default():
    assert configs.from_run(Config, {"size": 8}) == Config(size=8, levels=3)
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
