"""The house around the library: declared once, licensed, layered, and small enough to read."""

import ast
import importlib.util
import json
import os
import re
import tomllib
import warnings
from functools import cache
from pathlib import Path

import jaxtyping
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.data import photos
from course_lib.data.emoji import CARD, FILES, STYLES, entries
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


def requirements() -> list[Requirement]:
    """Of the project and all its extras, but for the extras that it names itself."""
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    every = [Requirement(line) for line in PROJECT["dependencies"] + extras]
    return [requirement for requirement in every if requirement.name != PROJECT["name"]]


def floor(requirement: Requirement) -> Version:
    return max(Version(s.version) for s in requirement.specifier if s.operator == ">=")


@pytest.mark.skipif("COURSE_NO_SHAPE_CHECK" in os.environ, reason="COURSE_NO_SHAPE_CHECK is set")
def test_a_wrong_shape_raises():
    net = PatchGAN(in_channels=3, base_channels=4, n_layers=1)
    assert net(torch.zeros(2, 3, 16, 16)).shape[:2] == (2, 1)
    with pytest.raises(jaxtyping.TypeCheckError, match="image"):
        net(torch.zeros(3, 16, 16))  # a convolution alone would accept an image without its batch
    with pytest.raises(jaxtyping.TypeCheckError, match="real_logits"):
        log_real(torch.zeros(2, 1, 6, 6, dtype=torch.long))


# ---- dependencies


def locked(python: str) -> dict[str, Version]:
    """What lock.txt pins on Linux for this version of Python."""
    lines = map(Requirement, (ROOT / "lock.txt").read_text(encoding="utf-8").splitlines())
    here = {"python_version": python, "python_full_version": f"{python}.9"}
    here |= {"sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"}
    held = [line for line in lines if line.marker is None or line.marker.evaluate(here)]
    return {line.name: Version(str(line.specifier).removeprefix("==")) for line in held}


def test_dependencies_have_floors_no_ceilings_and_a_tested_pin():
    pins = locked("3.11")
    for requirement in requirements():
        operators = {s.operator for s in requirement.specifier}
        assert ">=" in operators <= {">=", "!="}, f"{requirement}: a floor, and no ceiling"
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin in requirement.specifier, f"{requirement} against the pin {pin}"
    assert pins["torch"] != Version("2.13.0")


def test_the_floors_agreed_upon():
    floors = {r.name: floor(r) for r in requirements()}
    agreed = ("torch", "torchvision", "pillow", "ipywidgets")  # so low because of Colab
    assert [str(floors[name]) for name in agreed] == ["2.11", "0.26", "11.3", "7.7"]
    extras = PROJECT["optional-dependencies"]
    held = set().union(*(Requirement(line).extras for line in extras["all"]))
    assert PROJECT["requires-python"] == ">=3.11" and held == set(extras) - {
        "all",
        "logbook",
        "film",
    }


def test_conda_installs_what_make_setup_does():
    python, pip, asked = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert pip == "pip" and asked == {"pip": ["-c lock.txt", "-e .[all]"]}
    needed = {canonicalize_name(requirement.name) for requirement in requirements()}
    assert needed <= locked(python.removeprefix("python=")).keys()


# ---- licences


def test_licences_cover_every_shipped_style():
    table = (ROOT / "LICENSES" / "README.md").read_text(encoding="utf-8")
    for style in STYLES:
        row = next(line for line in table.splitlines() if line.startswith(f"| {style} "))
        text = ROOT / "LICENSES" / re.search(r"\]\((.+?)\)", row).group(1)
        assert text.stat().st_size > 1000
    assert "LICENSES/" in CARD and all(word in CARD for word in ("Apache-2.0", "CC-BY 4.0", "MIT"))
    assert "changed" in table and "composited on white" in table  # CC-BY 4.0, section 3(a)(1)(B)


def test_the_project_names_every_licence_of_what_it_ships():
    of_photographs = {row["licence"] for row in photos.entries()} - {"public-domain"}
    others = {"MIT", "Apache-2.0", "CC-BY-4.0", "GPL-3.0-or-later"}  # emoji, a network, paintings
    assert set(PROJECT["license"].split(" AND ")) == of_photographs | others


def test_shipped_emoji_stay_under_8_mb_and_14_for_the_large_ones():
    splits = {row["split"] for row in entries()}
    large = {f"{style}_128_{split}.avif" for style in STYLES for split in splits}
    sizes = {path.name: path.stat().st_size for path in FILES.iterdir()}
    assert set(sizes) == {"emoji.json", *(f"{style}.avif" for style in STYLES), *large}
    assert sum(sizes[name] for name in large) < 14_000_000
    assert sum(sizes[name] for name in sizes.keys() - large) < 8_000_000


# ---- layers, and small enough to read


def test_imports_run_downwards_and_never_in_a_circle():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = python(code, "--no-cache")
    assert done.returncode == 0 and "4 kept, 0 broken" in done.stdout, done.stdout + done.stderr


IMPORTS = re.compile(r"^ *from (course_lib[\w.]*) import (\([^)]*\)|[^#\n]*)", re.M)


def texts_of(path: Path) -> list[str]:
    """What a page or a program says in Python, among other things."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [text]
    cells = json.loads(text)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_name_that_a_page_imports_is_there():
    """Of notebooks, the one-file editions, guide pages and the problem sets that are handed out."""
    homes = ("notebooks/", "assignments/source/")
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


# Statements of each part: the aim, and what it may have until that is reached. Whoever adds says
# in place of what.
BUDGETS = {
    ("course_lib",): (8350, 9362),
    ("course_lib/methods", "course_lib/networks"): (2100, 2286),
    ("assignments",): (4320, 4890),
    ("tests",): (8900, 11_005),
    ("tools",): (1300, 2286),
}


@pytest.mark.parametrize("parts", BUDGETS, ids=" and ".join)
def test_each_part_keeps_its_budget_of_statements(parts):
    count = sum(map(statements, tracked(*(f"{part}/**/*.py" for part in parts))))
    aim, most = BUDGETS[parts]
    warnings.warn(f"{' and '.join(parts)}: {count - aim:+} to the aim of {aim}", stacklevel=1)
    assert count <= most, f"{count} statements: who needs more names what it replaces"


def test_lines_are_short_and_functions_take_at_most_12_parameters():
    long, greedy = [], []
    for name in files():
        if not name.endswith(".py") or name.startswith("notebooks/speedrun/"):
            continue  # an entry stays as it ran
        text = (ROOT / name).read_text(encoding="utf-8")
        long += [f"{name}:{i}" for i, line in enumerate(text.splitlines(), 1) if len(line) > 100]
        if not name.startswith("course_lib/") or name.startswith("course_lib/cli/"):
            continue  # the command's parameters are its options
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                greedy += [f"{name}: {node.name}"] if len(taken) > 12 else []
    assert (long, greedy) == ([], [])


@pytest.mark.slow
def test_importing_the_library_costs_little_beyond_torch():
    code = "import time, torch; t = time.perf_counter(); import course_lib"
    code += "\nprint(time.perf_counter() - t)\nimport course_lib.metrics, sys"
    code += "\nsys.exit(not {'torchmetrics', 'scipy', 'matplotlib'}.isdisjoint(sys.modules))"
    seconds = []
    for _ in range(2):
        done = python(code)
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stdout))
    assert min(seconds) < 0.3, seconds
