"""The built wheel, installed elsewhere, works from any directory and without the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

# Runs in another directory with the unpacked wheel first on the path; prints what it found.
PROBE = """
import json
import course_lib
from course_lib.data.emoji import CARD, EmojiEdges
item = EmojiEdges("test", size=32)[0]
facts = {
    "file": course_lib.__file__, "card": CARD, "name": item["name"], "shapes": [list(item[key].shape) for key in "xy"],
    "low": float(item["y"].min()), "high": float(item["y"].max()),
}
print(json.dumps(facts))
"""


@pytest.mark.slow
def test_wheel_carries_data_and_licences_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"course_lib", "assignments"}
    assert not any(name.startswith(("assignments/source", "assignments/checks")) for name in names)  # the answers
    for place in (ROOT / "course_lib", ROOT / "assignments" / "grader"):
        for shipped in place.rglob("*"):
            if shipped.is_file() and "__pycache__" not in shipped.parts:
                assert shipped.relative_to(ROOT).as_posix() in names
    for licence in ["LICENSE", *(f"LICENSES/{path.name}" for path in (ROOT / "LICENSES").iterdir())]:
        assert any(name.endswith(f".dist-info/licenses/{licence}") for name in names), licence


@pytest.mark.slow
def test_wheel_opens_its_data_from_another_directory(wheel, tmp_path):
    """Unpacked, as pip does it; ``make release-check`` installs it with its dependencies."""
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "COURSE_PROFILE": "smoke", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(done.stdout)
    assert Path(facts["file"]).is_relative_to(site), "the checkout was imported, not the wheel"
    assert facts["card"].startswith("1,599 emoji") and "CC-BY" in facts["card"]
    assert facts["shapes"] == [[3, 32, 32], [3, 32, 32]] and facts["name"]
    assert -1 <= facts["low"] < -0.5 and 0.9 < facts["high"] <= 1
    doctor = [sys.executable, "-m", "course_lib.cli", "doctor"]
    done = subprocess.run(doctor, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "none here: run this in the course's folder" in done.stdout, done.stderr
