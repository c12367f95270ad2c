"""README: short, and its commands work as they stand there."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from course_lib.data import photos
from tests import ROOT
from tests.support.pictures import photograph, saved
from tests.support.processes import run
from tools.tracked import tracked

README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = tracked("notebooks/guide/*.md")


def test_it_is_two_screens_long_and_leads_to_every_page_of_the_guide():
    linked = set(re.findall(r"\]\(notebooks/guide/(\w+\.md)\)", README))
    assert len(README.encode()) <= 7_000 and {page.name for page in GUIDE} <= linked


def test_its_first_photograph_is_one_that_the_network_never_saw():
    (path,) = re.findall(r"--input\s+(course_lib/\S+)", README)
    split = {f"{row['name']}.webp": row["split"] for row in photos.entries()}
    assert (ROOT / path).is_file() and split[Path(path).name] == "test"


@pytest.mark.slow
def test_its_commands_run(tmp_path, monkeypatch, course):
    monkeypatch.chdir(tmp_path)
    for folder, width in (("mine/train", 64), ("mine/test", 64), ("drawings", 32)):
        saved(tmp_path / folder, (photograph(width, 32, seed=k) for k in range(12)))
    photograph(128, 96).save("photo.jpg")
    photograph(64, 64).save("painted.png")
    blocks, programs = re.findall(r"```\n(.*?)```", README, re.DOTALL), []
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    for command in filter(None, lines):
        program, *arguments = shlex.split(command)
        programs.append(program)
        if program == "make":
            assert run("make", "-n", *arguments).returncode == 0, command
        else:
            short = "--steps=2 --profile=smoke --size=32"
            words = re.sub(r"(--profile tab )?--minutes \d", short, command)
            status, _, said = course(*shlex.split(words)[1:])
            assert status == 0, said
    assert programs.count("make") >= 2 and programs.count("course") >= 3
    assert len(list((tmp_path / "coloured").iterdir())) == 12


@pytest.mark.extra
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("course_lib.cli run notebooks/00_start_here.ipynb --profile smoke --out OUT", ""),
        (
            "course_lib.cli translate --run shipped:photo-van-gogh --input INPUT --output OUT",
            "",
        ),
        ("course_lib.cli demo --static OUT shipped:day-night", "npm"),
        ("tools.decks 00 --check", "chromium"),
    ],
)
def test_what_its_sentences_promise_runs(command, program, tmp_path):
    """Beside ``make setup``, with which all tests begin, the site, the app and ``make lab``, which
    have tests of their own.
    """
    if program and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    photo = re.search(r"--input\s+(course_lib/\S+)", README)[1]
    words = command.replace("INPUT", photo).replace("OUT", str(tmp_path / "out.png")).split()
    done = run(sys.executable, "-m", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out.png").exists() or "--check" in words


def test_git_ignores_what_the_pages_tell_you_to_write():
    """So that no student's code and no photograph is committed by accident."""
    option = r"--(?:out|output|onnx|static|logdir)[ =]([\w./-]+)|out=\"([\w./-]+)"
    pages = tracked("README.md", "notebooks/guide/*.md", "assignments/*.md", "notebooks/*.ipynb")
    found = re.findall(option, "\n".join(page.read_text(encoding="utf-8") for page in pages))
    named = {place for pair in found for place in pair if re.match(r"[a-z]", place)}
    handbook = (ROOT / "assignments/manual.md").read_text(encoding="utf-8")
    steps = handbook.partition("| step | command | files |")[2].partition("\n\n")[0]
    made = [re.findall(r"`([a-z][^`]*)`", row.split("|")[3]) for row in steps.splitlines()[2:]]
    named |= {f"assignments/{place}" for row in made for place in row}
    named |= {"assignments/report.html", "setup.log"}
    ignored = run("git", "check-ignore", "--no-index", "--", *sorted(named)).stdout.split("\n")
    assert len(named) > 30 and named <= set(ignored), named - set(ignored)
