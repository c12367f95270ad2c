"""The wheel of this checkout, built once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.support.shared import made_once


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, so that neither an old build folder nor an egg-info can lend it files."""

    def build(source: Path) -> None:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        for name in ("LICENSES", "course_lib", "assignments"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    (path,) = (made_once(tmp_path_factory, "wheel", build) / "dist").glob("*.whl")
    return path
