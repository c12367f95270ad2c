"""What needs an environment of its own, for ``make release-check``: the wheel elsewhere, and the lowest versions.

Each environment is a folder of its own below pytest's temporary one and is filled from the package index, so that these
tests need the net, some gigabytes and many minutes. PIP_ARGS goes to pip, as in ``make setup``: another index, say.
"""

import os
import re
import shlex
import subprocess
import venv
from pathlib import Path

import pytest
from PIL import Image

from tests import ROOT
from tests.house.test_house import PROJECT, floor, requirements

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]


def run(command: list, folder: Path, **variables: str) -> str:
    """Runs it in a folder, without anything of this environment; returns its output, or fails with what it said."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=clean | variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


class Environment:
    """A virtual environment with a package and its dependencies, as pip finds them, in a folder of its own."""

    def __init__(self, folder: Path, *install: str):
        venv.create(folder / "env", with_pip=True)
        self.folder, self.bin = folder / "elsewhere", folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.folder.mkdir()
        options = ["--quiet", "--disable-pip-version-check", *shlex.split(os.environ.get("PIP_ARGS", ""))]
        run([self.bin / "python", "-m", "pip", "install", *options, *install], self.folder)

    def course(self, *arguments) -> str:
        return run([self.bin / "course", *arguments], self.folder, NO_COLOR="1", COLUMNS="120")


def works(environment: Environment) -> None:
    """The command helps, trains, translates and checks, from a folder that has nothing to do with the checkout."""
    said = run([environment.bin / "python", "-c", "import course_lib; print(course_lib.__file__)"], environment.folder)
    assert not Path(said.strip()).is_relative_to(ROOT)
    assert "train" in environment.course("--help") and "torch" in environment.course("doctor")
    smoke = ["--profile", "smoke", "--steps", 2]
    assert "finished at step 2" in environment.course("train", "pix2pix", "--data", "emoji:edges", "--out", "r", *smoke)
    Image.new("RGB", (32, 32), "white").save(environment.folder / "a.png")
    environment.course("translate", "--run", "r", "--input", "a.png", "--output", "out")
    environment.course("translate", "--run", "shipped:edges-emoji", "--input", "a.png", "--output", "shipped")
    assert (environment.folder / "out" / "a.png").exists() and (environment.folder / "shipped" / "a.png").exists()
    assert "l1" in environment.course("evaluate", "--run", "r", "--data", "emoji:edges", "--json")


def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    environment = Environment(tmp_path, str(wheel))
    works(environment)
    assert run([environment.bin / "python", "-m", "pip", "check"], tmp_path)


def test_the_lowest_versions_work(wheel, tmp_path):
    """Exactly the floors of pyproject.toml, and the fast tests in it."""
    pins = tmp_path / "floors.txt"
    pins.write_text("".join(f"{r.name}=={floor(r)}\n" for r in requirements()), encoding="utf-8")
    extras = ",".join(name for name in PROJECT["optional-dependencies"] if name != "all")
    environment = Environment(tmp_path, f"{wheel}[{extras}]", "--constraint", str(pins))
    listed = run([environment.bin / "python", "-m", "pip", "list", "--format=freeze"], tmp_path)
    found = {name.lower().replace("_", "-"): version for name, version in re.findall(r"^(\S+)==(\S+)$", listed, re.M)}
    for requirement in requirements():
        assert found[requirement.name.lower().replace("_", "-")].split("+")[0] == str(floor(requirement))
    works(environment)
    python = [environment.bin / "python", "-m", "pytest", "-m", "not slow", "-q", "-n", "2", "--dist", "loadfile"]
    run([*python, "-p", "no:cacheprovider"], ROOT, PATH=f"{environment.bin}{os.pathsep}{os.environ['PATH']}")
