"""How a case is written down, and the notebook that is made of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SETUP = "import math\nimport torch"
LOSS = """def weighted_loss(real, fake, weight):
    return ((real - 1) ** 2).mean() + weight * (fake**2).mean()"""
AVERAGE = """
def average(values, decay):
    kept = values[0]
    for value in values[1:]:
        kept = decay * kept + (1 - decay) * value
    return kept
"""
STEP = """
def step(w, x, y, rate):
    w = w.clone().requires_grad_()
    ((x @ w - y) ** 2).mean().backward()
    return (w - rate * w.grad).detach()
"""
ANSWERS = {"setup": SETUP, "weighted_loss": LOSS, "average": AVERAGE, "step": STEP}
UNTOUCHED = {
    "weighted_loss": "def weighted_loss(real, fake, weight):\n    raise NotImplementedError",
    "average": "def average(values, decay):\n    raise NotImplementedError",
    "step": "def step(w, x, y, rate):\n    raise NotImplementedError",
}
ODDITIES = {"setup": SETUP, **UNTOUCHED}
POINTS = {"weighted_loss": 4, "average": 3, "step": 3}
WRITTEN, QUESTION = "explain", "Why does a weight of 0 stop D from learning what is fake?"
# points with everything right, or all but one function
FULL, WRONG_LOSS, WRONG_AVERAGE, WRONG_STEP = 10, 6, 7, 7


@dataclass(frozen=True)
class Case:
    """One submission: code cells by name, what it must get, and a part of what it must be told."""

    name: str
    why: str
    points: float
    says: str = ""
    replace: dict[str, str] = field(default_factory=dict)  # answer cells, by name
    first: str = ""  # code of a cell before all others
    last: str = ""  # and of one after them
    # the files themselves, where a notebook is not enough
    raw: Callable[..., dict[str, bytes | Path]] | None = None
    innocent: bool = False

    def files(self, **places: object) -> dict[str, bytes | Path]:
        if self.raw is not None:
            return self.raw(**places)
        codes = {"first": self.first, **ANSWERS, **self.replace, "last": self.last}
        made = notebook({name: code for name, code in codes.items() if code})
        for key, value in places.items():
            made = made.replace(b"{" + key.encode() + b"}", str(value).encode())
        return {"toy.ipynb": made}


def cell(kind: str, source: str, **nbgrader: object) -> dict:
    metadata = {"nbgrader": {"schema_version": 3, "task": False, **nbgrader}} if nbgrader else {}
    more = {"execution_count": 1, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, **more}


def cells_of(codes: dict[str, str]) -> list[dict]:
    """The cells as the student version has them: locked set-up, answers each with its test cell, a
    written answer.
    """
    cells = []
    for name, code in codes.items():
        own = name in POINTS
        facts = {"grade": False, "grade_id": name, "locked": not own, "solution": own}
        cells.append(cell("code", code, **(facts if own or name == "setup" else {})))
        if own:
            test = {"grade": True, "grade_id": f"test_{name}", "locked": True, "solution": False}
            cells.append(cell("code", f"assert {name} is not None", **test, points=POINTS[name]))
    facts = {"grade": True, "grade_id": WRITTEN, "locked": False, "solution": True, "points": 2}
    return [*cells, cell("markdown", QUESTION, **facts)]


def notebook(codes: dict[str, str], cells: list[dict] | None = None, **metadata: object) -> bytes:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells_of(codes) if cells is None else cells,
        "metadata": {"kernelspec": kernel, **metadata},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return json.dumps(content, indent=1).encode()
