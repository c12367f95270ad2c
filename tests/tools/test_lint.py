"""`make lint`: what it reads, and what it says of a page that names what isn't there."""

import sys
from pathlib import Path

import pytest

from tests.support.processes import run
from tools import lint_notebooks
from tools.tracked import tracked

pytestmark = pytest.mark.extra


def test_lint_reads_what_git_tracks_and_no_file_of_ones_own(tmp_path):
    ruffs = [line for line in run("make", "-n", "lint").stdout.splitlines() if "ruff" in line]
    here = Path(sys.executable).parent.as_posix()
    run("git", "init", "-q", cwd=tmp_path)
    (tmp_path / "kept.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "scratch.py").write_text("import os\nx  = [1,2", encoding="utf-8")
    (tmp_path / "setup.log").write_text(f"{tmp_path}\n", encoding="utf-8")
    for add, passes in (["kept.py"], True), (["scratch.py"], False):
        run("git", "add", *add, cwd=tmp_path)
        for line in ruffs:
            done = run("bash", "-c", line.replace(".venv/bin", here), cwd=tmp_path)
            assert (done.returncode == 0) == passes, (line, done.stdout, done.stderr)
    assert len(ruffs) == 2
    assert [path.name for path in tracked("**", root=tmp_path)] == ["kept.py", "scratch.py"]
    (tmp_path / "kept.py").unlink()  # deleted, and git does not know it yet
    assert [path.name for path in tracked("*.py", root=tmp_path)] == ["scratch.py"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("exercise 3 of notebook 05", False),
        ("exercise 4 of notebook 05", True),
        ("[notebook 05](../05_cyclegan_ablations.ipynb), sections 1 and 2", False),
        ("[notebook 05](../05_cyclegan_ablations.ipynb), sections 1 to 3", True),
        ("(05, section 3)", True),
        ("05's exercises 1, 2 or 9", True),
        ("Exercise 9 in [05](05_cyclegan_ablations.ipynb)", True),
        ("Section 8 says so", True),
        ("section 7, and section 4.2 of the paper, section 9 of the paper", False),
        ("reading 30 minutes, exercises 45, running 3", False),
        ("## 05 \u00b7 ablations\n\n15: section 2, with exercise 3", False),
        ("## 05 \u00b7 ablations\n\n15: section 2, with exercise 4", True),
        ("notebooks 05 and 14", True),
    ],
)
def test_a_page_that_cites_what_is_not_there_is_named(text, wrong, monkeypatch):
    counted = {"section": {"1", "2"}, "exercise": {"1", "2", "3"}}
    monkeypatch.setattr(lint_notebooks, "COUNTED", {"05": counted})
    here = {"section": {"7"}, "exercise": set()}
    assert bool(list(lint_notebooks.wrong_citations(text, here))) == wrong
