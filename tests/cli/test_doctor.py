"""``course doctor``: what it says is so, and what is missing comes with its command."""

import shutil
import sys

import pytest
import torch

from course_lib.cli import doctor


@pytest.mark.slow
def test_the_command_says_which_profile_runs_and_what_is_missing(monkeypatch, course):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    status, out, _ = course("doctor")
    lines = {line[:10].strip(): line[11:] for line in out.splitlines()}
    heads = "machine versions profile bfloat16 expect course jupyter tests demos grading"
    assert status == 0 and " ".join(lines) == heads
    assert lines["profile"] == "smoke: the environment variable COURSE_PROFILE says so"
    assert f"torch {torch.__version__.partition('+')[0]}" in lines["versions"]


def test_missing_programs_and_packages_are_named(monkeypatch):
    requires = ["torch>=2", "absent>=1.2", 'also-absent>=0.1; extra == "test"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: requires)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "git" else None)
    pip = f"{sys.executable} -m pip install"
    assert doctor.missing((), "") == f"missing: absent>=1.2; {pip} 'absent>=1.2'"
    said = "missing: bwrap, also-absent>=0.1"
    assert doctor.missing(("git", "bwrap"), "test") == f"{said}; {pip} 'also-absent>=0.1'"
    assert doctor.missing(("git",), "web") == "nothing missing"
