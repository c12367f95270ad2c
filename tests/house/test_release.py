"""What needs environments of its own, for ``make release-check``: the lowest versions.

The environment is a folder below pytest's temporary one and is filled from the package
index, so that these tests need the net, some gigabytes and many minutes. PIP_ARGS goes to pip
or uv, as in ``make setup``: another index, say.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import ROOT
from tests.house.test_house import PROJECT

pytestmark = [pytest.mark.release, pytest.mark.timeout(7200)]


def requirements() -> list[Requirement]:
    """Of the project and all its extras, but for the extras that it names itself."""
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    every = [Requirement(line) for line in PROJECT["dependencies"] + extras]
    return [requirement for requirement in every if requirement.name != PROJECT["name"]]


def floor(requirement: Requirement) -> Version:
    return max(Version(s.version) for s in requirement.specifier if s.operator == ">=")


def run(command: list, folder: Path, **variables: str) -> str:
    """Runs it in a folder, without anything of this environment; returns its output, or fails with
    what it said.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=clean | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, (
        f"{shlex.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    return done.stdout


def pip(python: Path, verb: str, *words) -> str:
    """Of a virtual environment; by uv where it is, as in ``make setup``."""
    uv = shutil.which("uv")
    command = [uv, "pip", verb, "--python", python] if uv else [python, "-m", "pip", verb]
    return run([*command, *words], python.parent)


@pytest.fixture(scope="module")
def lowest(wheel, tmp_path_factory) -> Path:
    """The programs of exactly the floors of pyproject.toml, with every extra."""
    folder = tmp_path_factory.mktemp("lowest")
    pins = folder / "floors.txt"
    pins.write_text("".join(f"{r.name}=={floor(r)}\n" for r in requirements()), encoding="utf-8")
    extras = ",".join(name for name in PROJECT["optional-dependencies"] if name != "all")
    run([sys.executable, "-m", "venv", folder / "env"], folder)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    options = ["--quiet", *shlex.split(os.environ.get("PIP_ARGS", "")), "--constraint", pins]
    pip(python, "install", *options, f"{wheel}[{extras}]")
    listed = pip(python, "list", "--format=freeze")
    found = dict(re.findall(r"^(\S+)==([^\s+]+)", listed, re.MULTILINE))
    found = {canonicalize_name(name): version for name, version in found.items()}
    for requirement in requirements():
        assert Version(found[canonicalize_name(requirement.name)]) == floor(requirement)
    return python.parent


def test_the_lowest_versions_run_the_first_notebooks(lowest, tmp_path):
    for notebook in sorted((ROOT / "notebooks").glob("0[012]_*.ipynb")):
        words = ["run", notebook, "--profile", "smoke", "--out", "build"]
        run([lowest / "course", *words], tmp_path, NO_COLOR="1", COLUMNS="120")


def test_the_lowest_versions_pass_the_fast_tests(lowest):
    python = [
        lowest / "python",
        "-m",
        "pytest",
        "-m",
        "not slow",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
    ]
    run(
        [*python, "-p", "no:cacheprovider"],
        ROOT,
        PATH=f"{lowest}{os.pathsep}{os.environ['PATH']}",
    )
