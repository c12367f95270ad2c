"""The library as submissions see it: nothing graded can be copied from it, and all names left out
of it exist.
"""

import ast
import importlib

import pytest
from checks import FUNCTIONS, MISSING

from assignments.grader import library
from assignments.grader.course import open_checks
from tests import ROOT

ZYGOTE = ast.parse((ROOT / "assignments/grader/child/zygote.py").read_text(encoding="utf-8"))
WARM = next(n.value for n in ZYGOTE.body if isinstance(n, ast.Assign) and n.targets[0].id == "WARM")
NAMED = sorted(
    {
        (module, name)
        for missing in MISSING.values()
        for module, names in missing.items()
        for name in names
    }
)


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_what_is_left_out_exists(module, name):
    assert hasattr(importlib.import_module(module), name), (
        f"checks.MISSING leaves out what {module} does not have"
    )


@pytest.mark.parametrize("name", ast.literal_eval(WARM))
def test_what_is_warmed_up_exists(name):
    importlib.import_module(name)


@pytest.mark.parametrize("problem_set", FUNCTIONS)
def test_no_training_step_is_in_the_copy(tmp_path, problem_set):
    library.stage(tmp_path, open_checks(ROOT / "assignments", problem_set), problem_set)
    steps = []
    for path in (tmp_path / "course_lib").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        learns = [
            n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "backward"
        ]
        steps += [path.relative_to(tmp_path).as_posix()] if learns else []
    # so the one-file editions, which lie in notebooks/, are not there either
    assert {path.name for path in tmp_path.iterdir()} == {
        "course_lib",
        "grading_child",
        "checks",
        "fonts",
    }
    # a step that is watched: no GAN's own step
    own = {"plotting/steps.py"}
    assert set(steps) == {f"course_lib/{name}" for name in own}
