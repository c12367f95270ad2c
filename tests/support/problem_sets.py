"""What the tests of the problem sets share: the notebooks, and the functions their answer cells define."""

import re

import checks
import nbformat
import pytest
from checks import matrix

from tests import ROOT

SETS = ("ps1", "ps2", "ps3", "ps4", "ps5")
LONG = [
    pytest.param(ps, marks=[pytest.mark.slow] * (ps in ("ps3", "ps4"))) for ps in SETS
]  # those train more networks
FUNCTIONS = [(ps, function) for ps in SETS for function in checks.FUNCTIONS[ps]]


def notebook(ps: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "assignments" / "source" / ps / f"{ps}.ipynb", 4)


def grade(ps: str, names: dict) -> tuple[float, tuple]:
    return matrix.grade(ps, names, "test")


def answers(ps: str, blank: bool = False) -> dict:
    """The namespace after the notebook's set-up and answer cells; ``blank`` as in the version that students get."""
    names: dict = {"__name__": "answers"}
    for cell in notebook(ps).cells:
        facts = cell.metadata.nbgrader
        if cell.cell_type == "code" and (facts.solution or facts.grade_id == "setup"):
            code = cell.source
            if blank:
                stub = r"\1raise NotImplementedError()"
                code = re.sub(
                    r"( *)### BEGIN SOLUTION.*?### END SOLUTION", stub, code, flags=re.DOTALL
                )
            exec(code, names)
    return names
