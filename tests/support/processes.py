"""Programs that tests start, and what these say."""

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT


def run(*command, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess:
    """A program, in one thread, which imports this checkout whatever copy is installed."""
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | own, capture_output=True, text=True
    )


def python(code: str, *arguments, **options) -> subprocess.CompletedProcess:
    return run(sys.executable, "-c", code, *arguments, **options)


def course(*arguments, **options) -> subprocess.CompletedProcess:
    """The command as a process of its own; mostly the fixture ``course`` will do, and is faster."""
    return run(sys.executable, "-m", "course_lib.cli", *arguments, **options)
