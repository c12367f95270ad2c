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
CHANGED = [
    *("(b - a).mean()", "(a + b).mean()", "c = a - b", "(a - b).sum()", "(a - a)"),
    *("g(a, keepdim", "g(b)", "c += b", "pass", "a >= 1", "b > 1", "a > 2", "a > 0"),
    *("else c", "keepdim=False", "not a > 1"),
]


def test_the_changes_of_a_solution_are_small_each_there_once_and_they_compile():
    texts = [change + "\n" for change in changes(SOLUTION)]
    assert len(set(texts)) == len(texts)
    missing = [part for part in CHANGED if not any(part in text for text in texts)]
    assert missing == []
    for text in texts:
        compile(text, "changed", "exec")
    assert not any("(a + b)" in text for text in changes(SOLUTION, given=3))


@pytest.mark.slow
@pytest.mark.parametrize("every", [40, pytest.param(10, marks=pytest.mark.extra)])
def test_of_a_part_of_all_changes_95_percent_lose_points(every):
    fates = mutants.count(FUNCTIONS, every=every)
    assert mutants.share(fates) >= 0.95, (
        "python -m tools.making.mutants PS --changes shows the others"
    )
    assert fates.total() > 1500 / every
