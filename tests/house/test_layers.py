"""The layers of the library are a contract, in pyproject.toml: imports run downwards, and never in a circle."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> tuple[int, str]:
    """Status and output of the contracts, checked in ``folder``."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_imports_run_downwards_and_never_in_a_circle():
    status, said = lint_imports(ROOT)
    assert status == 0 and "3 kept, 0 broken" in said, said


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        (
            "networks/blocks",
            "from course_lib.methods.base import Method",
            "Imports of the rooms run downwards",
        ),
        (
            "losses",
            "def late():\n    from course_lib.training import fit",
            "Imports of the rooms run downwards",
        ),
        ("methods/base", "from course_lib.methods import pix2pix", "No modules import each other"),
        (
            "metrics/pixels",
            "from assignments.grader import command",
            "metrics.pixels -> assignments",
        ),
        ("attic/__init__", "", "attic"),  # a room that has no place among the layers
    ],
)
def test_a_wrong_import_is_found(tmp_path, module, line, broken):
    for package in ("course_lib", "assignments"):
        only_python = shutil.ignore_patterns(
            "__pycache__", "*_files", "mutants", "source", "static"
        )
        shutil.copytree(ROOT / package, tmp_path / package, ignore=only_python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "course_lib" / f"{module}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        (path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n",
        encoding="utf-8",
    )
    status, said = lint_imports(tmp_path)
    assert (
        status == 1 and broken in said.partition("Broken contracts" if line else "Analyzed")[2]
    ), said
