"""Small changes of right solutions, made by rule, lose points; a bounded count of what
`checks.mutation all` does.
"""

import pytest
from checks import FUNCTIONS, mutation

SOLUTION = """
def f(a, b):
    c = (a - b).mean()
    c += g(b, keepdim=True)
    return c if a > 1 else -c
"""
CHANGED = (
    "(b - a).mean()",
    "(a + b).mean()",
    "c = a - b",
    "(a - b).sum()",
    "(a - a)",
    "g(a, keepdim",
    "g(b)",
    "c += b",
)
CHANGED += ("pass", "a >= 1", "b > 1", "a > 2", "a > 0", "else c", "keepdim=False", "return c\n")


def test_the_changes_of_a_solution_are_small_each_there_once_and_they_compile():
    found = mutation.changes("ok_f", SOLUTION)
    texts = [change.code + "\n" for change in found]
    assert len(set(texts)) == len(texts) == len({change.digest for change in found})
    missing = [part for part in CHANGED if not any(part in text for text in texts)]
    assert missing == []
    for change in found:
        compile(change.code, "changed", "exec")
    assert not any(change.line <= 3 for change in mutation.changes("ok_f", SOLUTION, given=3))


def test_a_change_that_hangs_or_does_not_run_is_killed(monkeypatch):
    base = "def generator_loss_ls(fake_outputs):\n    return (fake_outputs - 1).square().mean()\n"
    monkeypatch.setattr(mutation, "SECONDS", 0.5)

    def fate(old: str, new: str) -> str:
        return mutation.fate(
            "ps1", "generator_loss_ls", base, mutation.Change("x", "x", 1, base.replace(old, new))
        )

    assert (
        fate("return", "while True: pass\n    return")
        == fate("square()", "sqare()")
        == fate("- 1", "- 2")
        == "killed"
    )
    assert fate("fake_outputs - 1", "1 - fake_outputs") == "same"


def shares(every: int) -> None:
    found = mutation.count([(ps, f) for ps in FUNCTIONS for f in FUNCTIONS[ps]], every)
    assert found[False]["alive"] == 0, "python -m checks.mutation PS shows them"
    held = found[True]
    assert (
        held["killed"] + held["same"] >= 0.95 * held.total() and found[False].total() > 2000 / every
    )


@pytest.mark.slow
def test_of_a_twentieth_of_all_changes_95_percent_lose_points():
    shares(20)


@pytest.mark.soak
def test_of_all_changes_95_percent_lose_points():
    shares(1)
