"""The visible checks in the student's own process: what ``check("...")`` in a notebook runs."""

import importlib
import json
import time
from pathlib import Path
from typing import Any

from checks import FUNCTIONS
from checks.contract import Check, generator
from checks.judges import facets
from checks.probes import tools

# In a student's copy: prepared cases instead of the expectations' code.
VISIBLE = Path(__file__).parent / "visible"


def cases(ps: str, function: str | None = None) -> list[dict[str, Any]]:
    """The visible checks of one function, or of all, with their cases: prepared now, or as they
    were shipped.
    """
    shipped = VISIBLE / f"{ps}.json"
    if shipped.exists():
        known = json.loads(shipped.read_text(encoding="utf-8"))
        return [case for case in known if function in (None, case["function"])]
    checks = importlib.import_module(f"checks.{ps}").CHECKS
    wanted = (item for item in checks if item.visible and function in (None, item.function))
    return [prepared(item) for item in wanted]


def prepared(item: Check) -> dict[str, Any]:
    """A check as a case: what a student may know of it."""
    inputs, expectations = item.prepare(generator("visible", item.name))
    facts = {key: getattr(item, key) for key in ("name", "function", "points", "title", "probe")}
    return facts | {"inputs": inputs, "expectations": expectations}


def problem_set(function: str) -> str:
    """The problem set that grades a function. Raises ValueError for other names."""
    known = {name: ps for ps, names in FUNCTIONS.items() for name in names}
    if function not in known:
        raise ValueError(f"no graded function is called {function!r}; there are {', '.join(known)}")
    return known[function]


def report(function: str, names: dict) -> None:
    """Run and print the visible checks of one function.

    Raises AssertionError if points are missing.
    """
    ps = problem_set(function)
    probes = importlib.import_module(f"checks.probes.{ps}")
    tools.warm()
    missing, start = [], time.perf_counter()
    for case in cases(ps, function):
        raw = tools.run(getattr(probes, case["probe"]), names, case["inputs"])
        verdict = facets(case["inputs"], case["expectations"], raw)
        print(f"{case['points'] * verdict.share:.3g} of {case['points']} points: {case['title']}")
        if verdict.message:
            print(f"    {verdict.message}")
            missing.append(verdict.message)
    if missing:
        raise AssertionError(
            f"{function}: {' '.join(missing)} (Run All stops here; the cells below are not run.)"
        )
    seconds = f"{time.perf_counter() - start:.1f} s"
    print(f"{function}: all visible checks pass ({seconds}); hidden ones follow in grading")
