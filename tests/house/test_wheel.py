"""The built wheel and sdist hold what they must, and the wheel works without the checkout and
without any extra.
"""

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests import ROOT
from tests.house.test_house import files

pytestmark = pytest.mark.extra

# The command where no extra is installed: their modules cannot be imported.
BARE = """
import sys
absent = "nbgrader nbconvert nbformat papermill jupyterlab voila onnx distributed playwright pytest"
sys.modules |= dict.fromkeys(absent.split())
import course_lib
from course_lib.cli.course import main
print(course_lib.__file__)
sys.argv[0] = "course"
main()
"""


def test_wheel_carries_data_and_licences_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"course_lib", "assignments"}
    assert not any(
        name.startswith(("assignments/source", "assignments/checks")) for name in names
    )  # the answers
    assert {
        name for name in files() if name.startswith(("course_lib/", "assignments/grader/"))
    } <= set(names)
    for licence in [
        "LICENSE",
        *(f"LICENSES/{path.name}" for path in (ROOT / "LICENSES").iterdir()),
    ]:
        assert any(name.endswith(f".dist-info/licenses/{licence}") for name in names), licence
    # 85e6 once the networks of pages that are still to be rewritten have gone
    assert wheel.stat().st_size <= 120e6


def test_sdist_is_the_checkout(wheel):
    (sdist,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in names if ".egg-info/" in name}
    assert names - made == {name for name in files() if not name.startswith(".")}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (
            "train dcgan --data emoji:edges --profile smoke --steps 1 --out run",
            0,
            "finished at step 1",
        ),
        ("doctor", 0, "expect"),
        ("run a.ipynb", 2, "fix: pip install papermill nbconvert, which is the course's extra lab"),
        ("demo", 2, "extra web"),
    ],
)
def test_wheel_works_elsewhere_without_extras(wheel, tmp_path, words, status, said):
    """Unpacked, as pip does it; ``make release-check`` installs it with its dependencies."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BARE, *words.split()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path)), "the checkout was imported, not the wheel"
    assert done.returncode == status and said in done.stdout + done.stderr, done.stderr
