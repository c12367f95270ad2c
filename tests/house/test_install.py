"""What the guide says of installing, of releases and of a hub, as far as it can be tried without a
net.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from course_lib import __version__
from tests import ROOT
from tests.notebooks.test_notebooks import NOTEBOOKS, code_cells
from tests.support.processes import run

INSTALL = (ROOT / "notebooks/guide/install.md").read_text(encoding="utf-8")
CODE = {  # of each notebook, by its number
    path.name.partition("_")[0]: [
        cell.source for cell in code_cells(nbformat.read(path, as_version=4))
    ]
    for path in NOTEBOOKS
}
HUB = (ROOT / "notebooks/guide/hub.md").read_text(encoding="utf-8")
FIRST_CELL = re.search(r"```python\n(.*?)\n```", INSTALL, re.DOTALL)[1]
WHEEL = f"gan_translation_course-{__version__}-py3-none-any.whl"


def make(*words: str) -> list[str]:
    """By what make would install, and what."""
    said = run("make", "-n", "setup", *words).stdout
    found = re.findall(r"(\S+ pip) install .*?--quiet +(.*?) *(?:; |\|\| )", said)
    return [" ".join(words) for words in found]


@pytest.mark.parametrize(("uv", "by"), [("", "-m pip"), ("/a/uv", "/a/uv pip")])
def test_cpu_takes_pytorch_from_its_own_index_and_first_and_all_is_locked(uv, by):
    (address,) = re.findall(r"https://\S*whl/cpu", (ROOT / "README.md").read_text("utf-8"))
    index = f"--index-url {address}"
    (asked,) = re.findall(r"-c lock.txt --index-url \$\((.*)\)\n", INSTALL)
    assert run("sh", "-c", asked).stdout == f"{address}\n"
    torch, course = f"{by} -c lock.txt torch torchvision {index}", f'{by} -c lock.txt -e ".[all]"'
    assert make(f"UV={uv}") == [course]
    assert make(f"UV={uv}", "CPU=1") == [torch, course]
    assert make(f"UV={uv}", "LOCK=") == [course.replace("-c lock.txt ", "")]


def test_the_first_cell_is_the_same_everywhere_and_silent_here(capsys):
    first = []
    for sources in CODE.values():
        first += [source for source in sources if 'find_spec("course_lib")' in source]
    assert first == [FIRST_CELL] * len(NOTEBOOKS)
    exec(FIRST_CELL, {})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("beside", [None, f"sub/{WHEEL}", "../pyproject.toml"])
def test_elsewhere_the_first_cell_installs_what_lies_beside_it(tmp_path, beside):
    here = tmp_path / "notebooks"
    here.mkdir()
    if beside:
        (here / beside).parent.mkdir(exist_ok=True)
        (here / beside).touch()
    pip = "import subprocess; subprocess.run = lambda words, **_: print(words[-1])\n"
    done = run(sys.executable, "-IS", "-c", pip + FIRST_CELL, cwd=here)
    assert "Traceback" not in done.stderr
    if beside:
        assert (done.returncode, done.stdout.strip()) == (0, beside.removesuffix("pyproject.toml"))
    else:
        assert done.returncode == 1 and "Write the address" in done.stderr and not done.stdout


@pytest.mark.parametrize("end", [" (1)", " (12)", "(1)", " copy", " - Copy"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_second_download_of_the_wheel_is_installed_under_its_own_name(tmp_path, end, alone):
    if not alone:
        (tmp_path / WHEEL).write_text("old")
        os.utime(tmp_path / WHEEL, (1, 1))
    (tmp_path / f"{WHEEL.removesuffix('.whl')}{end}.whl").write_text("new")
    pip = "import subprocess\nsubprocess.run = lambda w, **_: print(open(w[-1]).read(), w[-1])\n"
    done = run(sys.executable, "-IS", "-c", pip + FIRST_CELL, cwd=tmp_path)
    content, path = done.stdout.split()
    assert content == "new" and Path(path).name == WHEEL


def test_the_scripts_of_the_hub_can_be_read():
    assert yaml.safe_load(re.search(r"```yaml\n(.*?)```", HUB, re.DOTALL)[1])
    compile(re.search(r"```python\n(.*?)```", HUB, re.DOTALL)[1], "course.py", "exec")
    assert run("bash", "-nc", re.search(r"```bash\n(.*?)```", HUB, re.DOTALL)[1]).returncode == 0
