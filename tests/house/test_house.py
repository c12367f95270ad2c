"""The house around the library: declared once, licensed, layered, and small enough to read."""

import ast
import importlib.util
import json
import os
import re
import tomllib
from functools import cache
from pathlib import Path

import jaxtyping
import pytest
import torch

from course_lib.data import letters, photos
from course_lib.data.emoji import CARD, STYLES
from course_lib.losses import log_real
from course_lib.networks import PatchGAN
from tests import ROOT
from tests.support.processes import python
from tools.tracked import tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@cache
def files() -> list[str]:
    """Every file that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so which files belong to the project is unknown")
    return [path.relative_to(ROOT).as_posix() for path in tracked("**")]


@pytest.mark.skipif("COURSE_NO_SHAPE_CHECK" in os.environ, reason="COURSE_NO_SHAPE_CHECK is set")
def test_a_wrong_shape_raises():
    net = PatchGAN(in_channels=3, base_channels=4, n_layers=1)
    assert net(torch.zeros(2, 3, 16, 16)).shape[:2] == (2, 1)
    with pytest.raises(jaxtyping.TypeCheckError, match="image"):
        net(torch.zeros(3, 16, 16))  # a convolution alone would accept an image without its batch
    with pytest.raises(jaxtyping.TypeCheckError, match="real_logits"):
        log_real(torch.zeros(2, 1, 6, 6, dtype=torch.long))


# ---- licences


def test_licences_cover_every_shipped_style():
    table = (ROOT / "LICENSES" / "README.md").read_text(encoding="utf-8")
    for style in (*STYLES, "openmoji"):
        row = next(line for line in table.splitlines() if line.startswith(f"| {style} "))
        text = ROOT / "LICENSES" / re.search(r"\]\((.+?)\)", row).group(1)
        assert text.stat().st_size > 1000
    assert "LICENSES/" in CARD and all(word in CARD for word in ("Apache-2.0", "CC-BY 4.0", "MIT"))
    assert "changed" in table and "composited on white" in table  # CC-BY 4.0, section 3(a)(1)(B)


def test_the_project_names_every_licence_of_what_it_ships():
    rows = [*photos.entries(), *letters.entries()]
    listed = {row["licence"] for row in rows} - {"public-domain"}
    others = {"MIT", "Apache-2.0", "CC-BY-4.0", "GPL-3.0-or-later"}  # emoji, a network, paintings
    assert set(PROJECT["license"].split(" AND ")) == listed | others


# ---- layers, and small enough to read


def test_imports_run_downwards_and_never_in_a_circle():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = python(code, "--no-cache")
    assert done.returncode == 0 and "4 kept, 0 broken" in done.stdout, done.stdout + done.stderr


IMPORTS = re.compile(
    r"^ *from ((?:course_lib|assignments|tools)[\w.]*) import (\([^)]*\)|[^#\n]*)", re.M
)


def texts_of(path: Path) -> list[str]:
    """What a page or a program says in Python, among other things."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [text]
    cells = json.loads(text)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_name_that_a_page_imports_is_there():
    """Of notebooks, the one-file editions, guide pages, the problem sets that are handed out and
    the authors' tools.
    """
    homes = ("notebooks/", "assignments/source/", "tools/")
    pages = [ROOT / name for name in files() if name.startswith(homes)]
    found = {
        (module, name)
        for page in pages
        if page.suffix in (".ipynb", ".py", ".md")
        for text in texts_of(page)
        for module, names in IMPORTS.findall(text)
        for name in re.findall(r"(\w+)(?: as \w+)?", re.sub("#.*", "", names))
    }
    assert len(found) > 100
    for module, name in sorted(found):
        assert hasattr(importlib.import_module(module), name) or importlib.util.find_spec(
            f"{module}.{name}"
        ), f"{module} has no {name}"


def statements(path: Path) -> int:
    """Of a Python file; a docstring is none."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    told = [n for n in nodes if isinstance(n, documented) and ast.get_docstring(n, clean=False)]
    return sum(isinstance(node, ast.stmt) for node in nodes) - len(told)


# Statements that a room may have at most; what made the shipped data and networks, in
# tools/making, is not counted. Nobody moves a limit with a commit that needs it: who adds names
# what goes instead.
BUDGETS = {"course_lib": 8_800, "assignments": 4_500, "tests": 9_300, "tools": 1_200}
TREE = {"bytes": 105_000_000, "files": 800, "words of the guide": 32_000}


def weights() -> dict[str, tuple[int, int]]:
    """Of each room and of the tree: what it weighs, and its limit."""
    found = {}
    for room, most in BUDGETS.items():
        paths = set(tracked(f"{room}/**/*.py")) - set(tracked("tools/making/*.py"))
        found[room] = sum(map(statements, paths)), most
    paths = [ROOT / name for name in files()]
    guide = [path for path in paths if path.match("notebooks/guide/*.md")]
    counts = {
        "bytes": sum(path.stat().st_size for path in paths),
        "files": len(paths),
        "words of the guide": sum(len(page.read_text("utf-8").split()) for page in guide),
    }
    return found | {what: (counts[what], most) for what, most in TREE.items()}


def test_each_part_keeps_its_budget():
    over = {part: count - most for part, (count, most) in weights().items() if count > most}
    assert not over, "who needs more names what goes instead"
