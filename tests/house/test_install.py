"""What the guide says of installing, of releases and of a hub, as far as it can be tried without a net."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
import yaml

from course_lib import __version__
from tests import ROOT
from tests.house.test_house import PROJECT, texts
from tests.notebooks.test_notebooks import NOTEBOOKS, code_cells

INSTALL, HUB = (
    (ROOT / f"notebooks/guide/{page}.md").read_text(encoding="utf-8") for page in ("install", "hub")
)
REPOSITORY = PROJECT["urls"]["Repository"]
FIRST_CELL = re.search(r"```python\n(.*?)\n```", INSTALL, re.DOTALL)[1]
WHEEL = f"gan_translation_course-{__version__}-py3-none-any.whl"


def make(*words: str) -> list[str]:
    """The calls of pip that make would run."""
    done = subprocess.run(
        ["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return re.findall(r"pip install .*?([\w-]*torch .*|-e .*); ", done.stdout)


def test_cpu_takes_pytorch_from_its_own_index_and_first():
    index = "--index-url https://download.pytorch.org/whl/cpu"
    assert (
        make("setup") == ['-e ".[all]"'] and f"pip install torch torchvision {index}\n" in INSTALL
    )
    assert make("setup", "CPU=1") == [f"torch torchvision {index}", '-e ".[all]"']
    assert (
        make("setup", "CPU=1", "CPU_INDEX=URL", "PIP_ARGS=-v")[0]
        == "torch torchvision --index-url URL"
    )


def test_the_page_has_a_row_for_each_extra():
    assert set(re.findall(r"^\| `(\w+)` \|.*\+ \d+ \|$", INSTALL, re.M)) == set(
        PROJECT["optional-dependencies"]
    )


def test_the_first_cell_is_the_same_everywhere_and_silent_here(capsys):
    cells = [
        cell.source for path in NOTEBOOKS for cell in code_cells(nbformat.read(path, as_version=4))
    ]
    found = [cell for cell in cells if 'find_spec("course_lib")' in cell]
    assert found == [FIRST_CELL] * len(NOTEBOOKS) and f'"{REPOSITORY}"' in FIRST_CELL
    exec(FIRST_CELL, {})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("wheel", [None, WHEEL])
def test_the_first_cell_says_elsewhere_what_to_run(tmp_path, wheel):
    if wheel:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / wheel).touch()
    done = subprocess.run(
        [sys.executable, "-IS", "-c", FIRST_CELL], cwd=tmp_path, capture_output=True, text=True
    )
    said = (
        f'%pip install --quiet "sub/{wheel}"'
        if wheel
        else f"!git clone --depth 1 {REPOSITORY} course"
    )
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


def test_the_version_stands_in_one_place_and_has_its_notes():
    assert re.search(r"^## (\S+)", texts()["CHANGELOG.md"], re.M)[1] == __version__
    stated = [
        name
        for name, text in texts().items()
        if re.search(r"^_*version_* ?[:=] ?\S?\d", text, re.M)
    ]
    assert stated == ["course_lib/__init__.py"] and PROJECT["dynamic"] == ["version"]


def test_the_hub_is_configured_with_what_tljh_knows():
    config = yaml.safe_load(re.search(r"```yaml\n(.*?)```", HUB, re.DOTALL)[1])
    known = {
        "users": "admin allowed",
        "limits": "memory cpu",
        "user_environment": "default_app",
        "services": "cull",
    }
    known["https"] = "enabled letsencrypt"
    for section, values in config.items():
        assert " ".join(values) == known[section]
    assert (
        re.fullmatch(r"\d+G", config["limits"]["memory"]) and "grader" in config["users"]["allowed"]
    )
    compile(re.search(r"```python\n(.*?)```", HUB, re.DOTALL)[1], "course.py", "exec")
    subprocess.run(
        ["bash", "-n"],
        input=re.search(r"```bash\n(.*?)```", HUB, re.DOTALL)[1],
        text=True,
        check=True,
    )


def test_the_hubs_link_opens_a_notebook_that_exists():
    link = urlsplit(re.search(r"https://\S+git-pull\S+", HUB)[0])
    query = {name: value for name, (value,) in parse_qs(link.query, strict_parsing=True).items()}
    lab, tree, folder, *path = query["urlpath"].split("/")
    assert link.path == "/hub/user-redirect/git-pull" and (lab, tree) == ("lab", "tree")
    assert query["repo"].endswith(f"/{folder}") and Path(ROOT, *path) in NOTEBOOKS
