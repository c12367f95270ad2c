"""Every notebook runs once, at profile smoke, under nbval, each exercise answered and unanswered.

So one run shows four things: no cell fails, the outputs that are marked to be compared are still
the stored ones, each exercise's check says "right" to the solution below it, and "not answered yet"
to the page as it is released. What a notebook must be beside that (alt texts, links, order ...) is
`make lint`'s.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from course_lib.runs import shipped
from tests import ROOT
from tools.tracked import tracked

NOTEBOOKS = tracked("notebooks/*.ipynb")
# The main line runs in `make test`, the electives in the rest of `make test-all`.
MAIN = ("00", "01", "01b", "02", "02a", "03", "04", "04b", "05", "06", "12", "13")


def number(path: Path) -> str:
    return path.name.partition("_")[0]


def is_first(path: Path) -> bool:
    """Of those that ``make course`` runs; 00 is run so by test_front_door.py."""
    return number(path) in MAIN[1:4]


def in_turn(path: Path):
    """The notebook as a test's parameter."""
    marks = () if number(path) in MAIN else pytest.mark.extra
    return pytest.param(path, marks=marks, id=path.stem)


CELL_SECONDS = 240  # for one cell at profile smoke, on a slow machine
MARK = "nbval-check-output"  # the tag of a cell whose output nbval compares with the stored one
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


def says(check, word: str) -> list:
    """The check as a cell, and one that demands this word of it. After "right" the check may show
    what the answer is good for.
    """
    demand = f"assert check_said.stdout.startswith({word!r}), check_said.stdout"
    sources = f"%%capture check_said\n{check.source}", demand
    return [nbformat.v4.new_code_cell(source) for source in sources]


def is_used(answer: str, cells: list) -> bool:
    """Whether any of these cells uses what an answer defines."""
    defined = {name for node in ast.parse(answer).body for name in names(node)}
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    tree = ast.parse(re.sub(r"^%.*", "", code, flags=re.MULTILINE))
    return any(isinstance(node, ast.Name) and node.id in defined for node in ast.walk(tree))


def solve(notebook) -> None:
    """Ask each check about the folded solution below it and about the released answer above it.

    The rest of the page runs as it is released; where it uses the answer, with the solution.
    """
    cells, every = notebook.cells, []
    for i, cell in enumerate(cells):
        every.append(cell)
        solution = FOLDED.match(cell.source) if cell.cell_type == "markdown" else None
        if solution is None:
            assert "A solution</summary>" not in cell.source, "a folded solution that is not found"
            continue
        answer, check = cells[i - 2 : i]
        said = "".join(output.get("text", "") for output in check.outputs)
        assert said.strip() == "not answered yet", f"stored above {cell.source}: {said}"
        solved = nbformat.v4.new_code_cell(answered(answer.source, solution[1]))
        turns = [[solved, *says(check, "right")], [answer, *says(check, "not answered yet")]]
        if is_used(solution[1], cells[i:]):
            turns.reverse()
        every[-3:] = turns[0] + turns[1]
    notebook.cells = every


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


def run(notebook, path: Path, out: Path) -> None:
    wrong = problem(nbval(notebook, path, out), len(code_cells(notebook)))
    assert wrong == "", wrong


def test_each_demo_of_the_site_has_one_cell_that_is_tagged():
    """As the cells' words change with every reading, and the site is built at night."""
    tagged = {
        path.stem: sum("demo" in cell.metadata.get("tags", []) for cell in cells)
        for path in NOTEBOOKS
        if (cells := nbformat.read(path, as_version=4).cells)
    }
    demos = tomllib.loads((ROOT / "notebooks/site/demos.toml").read_text("utf-8"))
    assert {name: count for name, count in tagged.items() if count} == dict.fromkeys(demos, 1)
    assert {demo["network"] for demo in demos.values()} <= set(shipped.NAMES)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", [in_turn(path) for path in NOTEBOOKS])
def test_it_runs_answered_and_as_released(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    solve(notebook)
    run(notebook, path, tmp_path)


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", [*filter(is_first, NOTEBOOKS)], ids=lambda path: path.stem)
def test_the_first_run_unanswered_to_their_ends(path, tmp_path):
    """As ``make course`` does."""
    run(nbformat.read(path, as_version=4), path, tmp_path)


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
    wrong = problem(nbval(notebook, path, out), 8)
    assert wrong.startswith("5 of 8 cells passed") and "ZeroDivisionError" in wrong
