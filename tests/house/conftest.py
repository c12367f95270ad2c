"""The wheel of this checkout, built once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.house.test_house import files
from tests.support.shared import made_once


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Built from the sdist beside it, and that from a copy: neither an old build folder nor an
    egg-info lends files.
    """

    def build(source: Path) -> None:
        for name in files():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
        command = [sys.executable, "-m", "build", "--no-isolation"]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    (path,) = (made_once(tmp_path_factory, "wheel", build) / "dist").glob("*.whl")
    return path
