"""What code hosting sites read: nobody can run it here, so its syntax and its names are tried."""

import json
import re
import shutil

import pytest
import yaml

from tests import ROOT
from tests.support.processes import run
from tools.tracked import tracked

FILES = tracked(".github/**/*", ".pre-commit-config.yaml")


def test_it_can_be_read_and_every_target_of_make_that_it_names_is_there():
    read = [yaml.safe_load(path.read_text()) for path in FILES if path.suffix in (".yml", ".yaml")]
    assert len(read) >= 8 and all(read)
    assert json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())["image"]
    named = {name for path in FILES for name in re.findall(r"\bmake ([a-z-]+)", path.read_text())}
    assert {"quick", "test-all", "site"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_four_parts_of_make_test_hold_every_folder_of_tests_once():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    rows = jobs["test"]["strategy"]["matrix"]["include"]
    parts = [path for row in rows for path in row["paths"].split()]
    rooms = {path.relative_to(ROOT).parts[1] for path in tracked("tests/**/test_*.py")}
    assert len(rows) == 4 and sorted(parts) == sorted(f"tests/{room}" for room in rooms)


@pytest.mark.extra
@pytest.mark.skipif(not shutil.which("npx"), reason="npx is not installed: types are not checked")
def test_pyright_finds_no_error_in_what_trains():
    # one command, of one version, wherever it stands
    (command,) = {
        command
        for path in FILES
        for command in re.findall(r"npx --yes pyright[^\n`]*", path.read_text(encoding="utf-8"))
    }
    done = run(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr
