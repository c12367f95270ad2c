"""Every notebook runs once, at profile smoke, under nbval, with its folded solutions in the
answers.

So one run shows three things: no cell fails, the outputs that are marked to be compared are still
the stored ones, and each exercise's check says "right" to the solution below it. Notebooks 00, 01,
01b and 02 also run as they are released, where nobody has answered yet. What a notebook must be
beside that (alt texts, links, order ...) is `make lint`'s.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

from course_lib.networks import UNet
from tests import ROOT
from tools.tracked import tracked

NOTEBOOKS = tracked("notebooks/*.ipynb")
AS_RELEASED = [path for path in NOTEBOOKS if path.name[:3] in ("00_", "01_", "01b", "02_")]
CELL_SECONDS = 240  # for one cell at profile smoke, on a slow machine
MARK = "nbval-check-output"  # the tag of a cell whose output nbval compares with the stored one
SAYS_RIGHT = "assert check_said.stdout.startswith('right'), check_said.stdout"
FOLDED = re.compile(r"<details><summary>A solution</summary>\s+```python\n(.*?)```", re.DOTALL)


def names(node: ast.stmt) -> tuple[str, ...]:
    """What a statement defines."""
    if isinstance(node, ast.Assign):
        return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
    return (node.name,) if isinstance(node, ast.FunctionDef | ast.ClassDef) else ()


def answered(cell: str, solution: str) -> str:
    """``cell`` with each definition of ``solution`` in the place of its own one."""
    answers = {names(node): node for node in ast.parse(cell).body if names(node)}
    lines, solved = cell.splitlines(), solution.splitlines()
    changes = []
    for node in ast.parse(solution).body:
        old = answers[names(node)]  # a solution defines nothing that the answer cell does not
        changes.append((old.lineno, old.end_lineno, solved[node.lineno - 1 : node.end_lineno]))
    for first, last, text in sorted(changes, reverse=True):
        lines[first - 1 : last] = text
    return "\n".join(lines)


def solve(notebook) -> None:
    """Put each folded solution into its answer cell, and demand in its place that the check between
    them says "right". After that word the check may show what the answer is good for.
    """
    solved = 0
    folded = sum(cell.source.count("A solution</summary>") for cell in notebook.cells)
    for i, cell in enumerate(notebook.cells):
        solution = FOLDED.match(cell.source) if cell.cell_type == "markdown" else None
        if solution is None:
            continue
        answer, check = notebook.cells[i - 2], notebook.cells[i - 1]
        answer.source = answered(answer.source, solution[1])
        said = "".join(output.get("text", "") for output in check.outputs)
        assert said.strip() == "not answered yet", f"stored below exercise {solved + 1}: {said}"
        check.outputs[:], check.source = [], f"%%capture check_said\n{check.source}"
        notebook.cells[i] = nbformat.v4.new_code_cell(SAYS_RIGHT)
        solved += 1
    assert solved == folded, "a folded solution does not stand right below its check"


def nbval(notebook, path: Path, out: Path) -> subprocess.CompletedProcess:
    """Run ``notebook`` under nbval-lax as if it lay at ``path``; it writes below ``out``."""
    folder = out / "notebooks"
    folder.mkdir()
    for entry in path.parent.iterdir():
        (folder / entry.name).symlink_to(entry)
    copy = folder / path.name
    copy.unlink()
    nbformat.write(notebook, copy)
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    command += [f"--nbval-cell-timeout={CELL_SECONDS}", "-p", "no:cacheprovider", "--color=no"]
    environment = {**os.environ, "COURSE_PROFILE": "smoke", "COURSE_OUT": str(out / "runs")}
    return subprocess.run(
        [*command, f"--rootdir={folder}", str(copy)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1100,
    )  # fmt: skip


def problem(done: subprocess.CompletedProcess, cells: int) -> str:
    """Empty, or the end of what nbval says. A run that collected fewer cells than there are is a
    problem, too.
    """
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    passed = sum(map(int, re.findall(r"(\d+) passed", last)))
    if done.returncode == 0 and passed == cells > 0:
        return ""
    return f"{passed} of {cells} cells passed\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_its_solutions_pass_their_checks(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    solve(notebook)
    assert (wrong := problem(nbval(notebook, path, tmp_path), len(code_cells(notebook)))) == "", (
        wrong
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", AS_RELEASED, ids=lambda path: path.stem)
def test_it_runs_as_it_is_released(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert (wrong := problem(nbval(notebook, path, tmp_path), len(code_cells(notebook)))) == "", (
        wrong
    )


@pytest.mark.slow
def test_a_changed_output_an_exception_and_a_wrong_answer_are_noticed(tmp_path):
    check = "print('right' if answer == 2 else 'not answered yet')"
    stored = [nbformat.v4.new_output("stream", name="stdout", text="not answered yet\n")]
    other = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    cells = [
        nbformat.v4.new_code_cell("print(2)", outputs=other, metadata={"tags": [MARK]}),
        nbformat.v4.new_code_cell("1 / 0"),
        nbformat.v4.new_code_cell("answer = None"),
        nbformat.v4.new_code_cell(check, outputs=stored),
        nbformat.v4.new_markdown_cell(
            "<details><summary>A solution</summary>\n\n```python\nanswer = 3\n```\n\n</details>"
        ),
    ]
    path = tmp_path / "given" / "x.ipynb"
    path.parent.mkdir()
    path.touch()
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    solve(notebook)
    (out := tmp_path / "out").mkdir()
    wrong = problem(nbval(notebook, path, out), 5)
    assert wrong.startswith("2 of 5 cells passed") and "ZeroDivisionError" in wrong


# what a learner changes in the solution of exercise 1 of notebook 02, and what the check says then
MISTAKES = {
    "no return": ("        return torch.tanh(x)", "        torch.tanh(x)", "needs a return"),
    "no tanh": ("torch.tanh(x)", "x", "the tanh"),
    "a plain list": ("nn.ModuleList(  # to 2,", "list(  # to 2,", "nn.ModuleList"),
    "one size only": ("for block in self.decoder:", "for block in self.decoder[:5]:", "six blocks"),
    "a skip first": ("[x, skips.pop()]", "[skips.pop(), x]", "is the skip concatenated"),
    "no skips": ("if skips:", "if False:", "is the skip concatenated"),
    "an own layer": ("torch.tanh(x)", "self.last(x)", "stops at 32 px"),
    "other widths": ("up(2 * c, 3, norm", "up(c, 3, norm", "the decoder's weights"),
    "nothing wrong": ("class MyUNet", "class MyUNet", "right"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_likely_mistake_gets_one_sentence_and_no_traceback(mistake):
    old, new, said = MISTAKES[mistake]
    notebook = nbformat.read(ROOT / "notebooks/02_pix2pix.ipynb", as_version=4)
    solutions = [hit[1] for cell in notebook.cells if (hit := FOLDED.match(cell.source))]
    wrong = solutions[0].replace(old, new)
    blocks, check = (
        next(cell.source for cell in code_cells(notebook) if start in cell.source)
        for start in ("def down(c_in", "def check_unet")
    )
    functions = [node for node in ast.parse(check).body if isinstance(node, ast.FunctionDef)]
    here = {"torch": torch, "nn": torch.nn, "UNet": UNet, "seed": 0}
    for code in (blocks, wrong, ast.unparse(ast.Module(functions, []))):
        exec(code, here)
    assert new in wrong and said in (answer := here["check_unet"]()) and answer.count("\n") < 2
