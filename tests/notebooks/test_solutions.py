"""Folded solutions: an answer cell, its check, the solution. It goes into the answer, and the check accepts it."""

import ast
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import ROOT

FOLDED = re.compile(
    r"<details><summary>A solution</summary>\s+```python\n(.*?)```\s+</details>", re.DOTALL
)
NOTEBOOKS = [
    p
    for p in sorted((ROOT / "notebooks").glob("*.ipynb"))
    if "A solution</summary>" in p.read_text("utf-8")
]


def solutions(notebook) -> dict[int, str]:
    """By the number of the answer cell, the code that is folded below its check."""
    found = {
        i - 2: FOLDED.match(cell.source)
        for i, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
    }
    return {i: hit[1] for i, hit in found.items() if hit}


def names(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Assign):
        return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
    return (node.name,) if isinstance(node, ast.FunctionDef | ast.ClassDef) else ()


def answered(cell: str, solution: str) -> str:
    """``cell`` with each definition that ``solution`` has in the place of its own."""
    lines, mine = (
        cell.splitlines(),
        {names(node): node for node in ast.parse(cell).body if names(node)},
    )
    given = solution.splitlines()
    new = [
        (mine[names(node)], given[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(solution).body
    ]
    for old, text in sorted(new, key=lambda pair: -pair[0].lineno):
        lines[old.lineno - 1 : old.end_lineno] = text
    return "\n".join(lines)


def said(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs).strip()


def test_definitions_change_places():
    cell = "def f(x):\n    return None  # yours\n\n\ny = None\nprint(f(1), y)"
    found = answered(cell, "def f(x):\n    z = x\n    return z\n\n\ny = 2\n")
    assert found == "def f(x):\n    z = x\n    return z\n\n\ny = 2\nprint(f(1), y)"
    with pytest.raises(KeyError):
        answered(cell, "def g(x):\n    return x\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_pass_their_checks(path: Path, tmp_path, monkeypatch):
    """And the cells as they are stored say that nobody has answered yet."""
    notebook = nbformat.read(path, as_version=4)
    folded = solutions(notebook)
    assert len(folded) == path.read_text("utf-8").count("A solution</summary>"), (
        "one of them is not below a check"
    )
    assert {said(notebook.cells[i + 1]) for i in folded} == {"not answered yet"}
    for i, text in folded.items():
        notebook.cells[i].source = answered(notebook.cells[i].source, text)
    monkeypatch.setitem(os.environ, "COURSE_PROFILE", "smoke")
    monkeypatch.setitem(os.environ, "COURSE_OUT", str(tmp_path))
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}
    ).execute()
    assert {i: said(notebook.cells[i + 1]) for i in folded} == dict.fromkeys(folded, "right")
