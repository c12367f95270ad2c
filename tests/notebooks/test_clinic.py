"""The clinic of the guide: an illness a section, each with one command that makes it, a measurement and a picture."""

import re
import subprocess
import sys

import pytest

from tests import ROOT

TEXT = (ROOT / "notebooks/guide/clinic.md").read_text(encoding="utf-8")
SECTIONS = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of each fenced block."""
    return re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", SECTIONS)
def test_each_illness_has_one_command_and_one_small_picture(name):
    makes = [
        code
        for _, code in blocks(SECTIONS[name])
        if f"runs/clinic-{name.lower().replace(' ', '-')}" in code
    ]
    assert sum("steps" in code for code in makes) == 1
    (picture,) = re.findall(r"!\[.+\]\((clinic/.+\.webp)\)", SECTIONS[name])
    assert (ROOT / "notebooks/guide" / picture).stat().st_size <= 60_000
    assert f"](#{name.lower().replace(' ', '-')}) |" in TEXT and "**Make sure.**" in SECTIONS[name]


def test_the_page_is_short():
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    assert len(SECTIONS) == 9 and len(prose.split()) <= 1600


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_of_its_code_runs_in_order(tmp_path):
    code = [text if language else f"course({text.split()[1:]})" for language, text in blocks(TEXT)]
    start = "from course_lib.cli.course import app\ndef course(words): app(words, standalone_mode=False)\n"
    short = re.sub(r"(steps(?:=|', '))\d+", r"\g<1>2", start + "\n".join(code))
    subprocess.run([sys.executable, "-c", short], cwd=tmp_path, check=True)
