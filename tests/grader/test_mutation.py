"""Small changes of right solutions, made by rule, lose points: a part of what mutants.py tries."""

import pytest

from assignments.grader.viva.changes import changes
from tests.support.problem_sets import FUNCTIONS
from tools.making import mutants

SOLUTION = """
def f(a, b):
    c = (a - b).mean()
    c += g(b, keepdim=True)
    return c if a > 1 else -c
"""
CHANGED = ["(b - a).mean()", "(a + b).mean()", "c = a - b", "(a - b).sum()", "(a - a)"]
CHANGED += ["g(a, keepdim", "g(b)", "c += b", "pass", "a >= 1", "b > 1", "a > 2", "a > 0"]
CHANGED += ["else c", "keepdim=False", "return c\n"]


def test_the_changes_of_a_solution_are_small_each_there_once_and_they_compile():
    texts = [change + "\n" for change in changes(SOLUTION)]
    assert len(set(texts)) == len(texts)
    missing = [part for part in CHANGED if not any(part in text for text in texts)]
    assert missing == []
    for text in texts:
        compile(text, "changed", "exec")
    assert not any("(a + b)" in text for text in changes(SOLUTION, given=3))


@pytest.mark.parametrize(
    ("old", "new", "end"),
    [
        ("return", "while True: pass\n    return", "killed"),
        ("mean()", "maen()", "killed"),
        ("-fake", "fake", "killed"),
        ("-fake_outputs.mean()", "(-fake_outputs).mean()", "same"),
    ],
)
def test_a_change_that_hangs_or_does_not_run_is_killed(old, new, end, monkeypatch):
    base = "def generator_loss_hinge(fake_outputs):\n    return -fake_outputs.mean()\n"
    monkeypatch.setattr(mutants, "SECONDS", 0.5)
    assert mutants.fate("ps1", "generator_loss_hinge", base, base.replace(old, new)) == end


@pytest.mark.slow
@pytest.mark.parametrize("every", [40, pytest.param(10, marks=pytest.mark.extra)])
def test_of_a_part_of_all_changes_95_percent_lose_points(every):
    fates = mutants.count(FUNCTIONS, every=every)
    assert mutants.share(fates) >= 0.95, (
        "python -m tools.making.mutants PS --changes shows the others"
    )
    assert fates.total() > 1500 / every
