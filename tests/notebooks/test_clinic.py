"""The clinic of the guide: an illness a section, each made by one command, and all of its code
runs.
"""

import re

import pytest

from tests import ROOT
from tests.support.processes import python

TEXT = (ROOT / "notebooks/guide/clinic.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_of_its_code_runs_in_order(tmp_path):
    code = ["from course_lib.cli.course import app"]
    code += ["def course(words): app(words, standalone_mode=False)"]
    for language, text in re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL):
        code.append(text if language else f"course({text.split()[1:]})")
    done = python(re.sub(r"(steps(?:=|', '))\d+", r"\g<1>2", "\n".join(code)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
