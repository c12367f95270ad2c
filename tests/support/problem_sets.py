"""What the tests of the problem sets share: the notebooks, and the functions in their answers."""

import re

import checks
import nbformat
import pytest

from tests import ROOT
from tools.making import mutants

SETS = ("ps1", "ps2", "ps3", "ps4", "ps5")
# ps3 and ps4 train more networks.
LONG = [pytest.param(ps, marks=[pytest.mark.slow] * (ps in ("ps3", "ps4"))) for ps in SETS]
FUNCTIONS = [(ps, function) for ps in SETS for function in checks.FUNCTIONS[ps]]


def notebook(ps: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "assignments" / "source" / ps / f"{ps}.ipynb", 4)


def totals(ps: str) -> dict[str, int]:
    """Points of each graded function: those of the cell ``test_<function>`` in the notebook."""
    return {
        name: sum(item.points for item in checks.load(ps) if item.function == name)
        for name in checks.FUNCTIONS[ps]
    }


def grade(ps: str, names: dict) -> tuple[float, tuple]:
    return mutants.grade(ps, names, "test")


def answers(ps: str, blank: bool = False) -> dict:
    """The names after the notebook's set-up and answer cells; ``blank`` as students get them."""
    names: dict = {"__name__": "answers"}
    for cell in notebook(ps).cells:
        facts = cell.metadata.nbgrader
        if cell.cell_type == "code" and (facts.solution or facts.grade_id == "setup"):
            code = cell.source
            if blank:
                code = re.sub(
                    r"( *)### BEGIN SOLUTION.*?### END SOLUTION",
                    r"\1raise NotImplementedError()",
                    code,
                    flags=re.DOTALL,
                )
            exec(code, names)
    return names
