"""How answers are compared: everything specific to a check is data, so this file gives no answer
away.

Expectations are ``{"facets": [...]}``. A facet is one behaviour seen in the raw answer:

    key       where the raw answer has it
    share     its weight among the facets of this check
    wants     the values that are right (one is enough)
    message   what is likely wrong if it is none of them
    wrong     pairs (value, message): typical wrong answers and what they tell
    shape     message for a wrong shape
    errors    pairs (part of an error's text, message); where the error arose outside the student's
              code, its text begins "check: "
    none      message for a missing value
    nan       message for a value with nan or inf
    small     message for a number that is less than 0.6 times the wanted one
    beside    true: it earns nothing where no other facet does
    quiet     true: its message is only given if no other facet has one
    rtol, atol

A value is an encoded tensor, or plain JSON (null, text, lists), which must be equal. Expectations
may also hold ``idle``: lists of pairs (key, value); where all of one list are met, nothing was
learned and nothing is earned.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from checks.contract import Check, Verdict
from checks.probes.tools import LARGEST

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
IDLE = "Nothing is learned: after the step all weights are those from before it."
RTOL, ATOL = 1e-9, 1e-12  # what is computed in float64
ROUGH = {"float64": {}, "float32": {"rtol": 2e-5, "atol": 1e-7}}  # by the precision that goes in


def facet(key: str, want: Any, message: str, share: float = 1, **more: Any) -> dict:
    """One facet; ``want`` is a value, or with ``wants=[...]`` in ``more`` several are right."""
    return {"key": key, "share": share, "wants": [want], "message": message} | more


def same_precision(dtype: str = "float64") -> dict:
    """The facet of a result that has the precision of what went in."""
    text = (
        f"{dtype} goes in, and a tensor of another precision comes back: is one made or cast "
        f"on the way?"
    )
    return facet(
        "dtype", f"torch.{dtype}", text, 0.5, wants=[f"torch.{dtype}", "number"], beside=True
    )


def both_precisions() -> list[dict]:
    """The facets of a result that has the precision of what goes in, float64 or float32."""
    return [same_precision(), same_precision("float32") | {"key": "float32"}]


def number(x: Any) -> float | None:
    """A number of an encoded tensor; None for anything else. Never raises."""
    if type(x) is str:
        return SPECIAL.get(x)
    return float(x) if type(x) is float or (type(x) is int and abs(x) < 10**300) else None


def array(item: Any) -> np.ndarray | None:
    """The numbers of an encoded tensor, or None if ``item`` is anything else. Never raises."""
    shape, data = map(item.get, ("shape", "data")) if isinstance(item, dict) else (None, None)
    lists = isinstance(shape, list) and isinstance(data, list)
    if not lists or len(shape) > 8 or len(data) > LARGEST:
        return None
    sides = all(type(n) is int and 0 <= n <= 10**6 for n in shape)
    numbers = [number(x) for x in data]
    if None in numbers or not sides or math.prod(shape) != len(data):
        return None
    return np.array(numbers, float).reshape(shape)


def same_shape(got: np.ndarray, want: np.ndarray) -> bool:
    return got.shape == want.shape or (want.ndim == 0 and got.size == 1)


def matches(got: Any, want: Any, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """Whether a raw value is the wanted one: numbers within the tolerance, anything else equal."""
    if isinstance(got, dict) != isinstance(want, dict):
        return False
    numbers = array(want)
    if numbers is None:
        return type(got) is type(want) and got == want
    mine = array(got)
    if mine is None or not same_shape(mine, numbers):
        return False
    with np.errstate(all="ignore"):
        return bool(np.allclose(mine.reshape(numbers.shape), numbers, rtol, atol, equal_nan=True))


def tolerances(item: dict) -> dict[str, float]:
    return {key: item[key] for key in ("rtol", "atol") if key in item}


def complaint(item: dict, got: Any) -> str:
    """What to say about a value that is none of the wanted ones."""
    if isinstance(got, dict) and "error" in got:
        return stopped(got, item.get("errors", ()))
    for value, message in item.get("wrong", ()):
        if matches(got, value, **tolerances(item)):
            return message
    if got is None:
        return item.get("none", "Nothing comes back: is there a return?")
    numbers, wants = array(got), [w for w in map(array, item["wants"]) if w is not None]
    if numbers is not None and wants:
        if not any(same_shape(numbers, want) for want in wants):
            return item.get(
                "shape", f"The result has the shape {numbers.shape}, not {wants[0].shape}."
            )
        if not np.isfinite(numbers).all():
            return item.get(
                "nan", "The result holds nan or inf: is a logarithm or a division near 0?"
            )
        if "small" in item and numbers.size == 1 and abs(numbers.sum()) < 0.6 * abs(wants[0].sum()):
            return item["small"]
    return item["message"]


def stopped(raw: dict, errors: Any = ()) -> str:
    """The message for code that raised an exception."""
    text = str(raw.get("error"))[:300]
    if text.startswith("NotImplementedError"):
        return "Not written yet."
    if text.startswith("NameError") and type(raw.get("line")) is not int:
        return f"{text.removeprefix('NameError: ')}: run the cell that defines it."
    if text.startswith("Trace: "):
        return f"{text[7:8].upper()}{text[8:]}."
    line = raw.get("line")
    full_text = text if type(line) is int else f"check: {text}"
    for part, message in errors:
        if part in full_text:
            return message
    if type(line) is int:
        return f"It stopped with {text} (line {line} of the code)."
    if "positional argument" in text:
        return "The function takes other arguments than the task gives: compare the first line."
    return f"The check cannot use what it found: {text}."


def facets(inputs: dict, expectations: dict, raw: Any) -> Verdict:
    """The judge of every check: the share of right facets, and a message for each other one."""
    items = expectations["facets"]
    if not isinstance(raw, dict):
        return Verdict(0.0, "The check got no answer.")
    if "error" in raw:
        return Verdict(
            0.0, stopped(raw, [pair for item in items for pair in item.get("errors", ())])
        )
    if any(
        all(matches(raw.get(key), value) for key, value in pairs)
        for pairs in expectations.get("idle", ())
    ):
        return Verdict(0.0, IDLE)
    right, missed = [], []
    for item in items:
        got = raw.get(item["key"], ended(raw, item["key"]))
        if any(matches(got, want, **tolerances(item)) for want in item["wants"]):
            right.append(item)
        else:
            missed.append((item, got))
    if not missed:
        return Verdict(1.0, "")
    loud = [pair for pair in missed if not pair[0].get("quiet")] or missed
    earned = sum(item["share"] for item in right if not item.get("beside"))
    earned += sum(item["share"] for item in right if item.get("beside")) if earned else 0
    return Verdict(
        earned / sum(item["share"] for item in items),
        " ".join(dict.fromkeys(complaint(*pair) for pair in loud)),
    )


def ended(raw: dict, key: str) -> Any:
    """What stands for a missing answer: the error that stopped its case, if one did."""
    case = key.rpartition(": ")[0]
    if f"{case}: error" not in raw:
        return "absent"
    return {part: raw.get(f"{case}: {part}") for part in ("error", "line")}


def several(cases: dict[str, tuple[dict, dict]]) -> tuple[dict, dict]:
    """Several cases as one: their inputs, and their expectations, by the name of the case."""
    items = [
        item | {"key": f"{name}: {item['key']}"}
        for name, (_, wanted) in cases.items()
        for item in wanted["facets"]
    ]
    idle = [
        [(f"{name}: {key}", value) for key, value in pairs]
        for name, (_, wanted) in cases.items()
        for pairs in wanted.get("idle", ())
    ]
    return {"several": {name: case[0] for name, case in cases.items()}}, {
        "facets": items,
        "idle": idle,
    }


def value_alone(case: tuple[dict, dict]) -> tuple[dict, dict]:
    """A case whose first facet counts alone: where the slope of a right formula is a choice."""
    return case[0], {"facets": case[1]["facets"][:1]}


def kinds(case: Callable, of: dict[str, dict], alone: tuple[str, ...] = ()) -> Callable:
    """What prepares several kinds of a case as one: ``case(rng, **how)`` for each name and how.

    Of the kinds in ``alone`` the value counts alone.
    """

    def prepare(rng: np.random.Generator) -> tuple[dict, dict]:
        cases = {name: case(rng, **how) for name, how in of.items()}
        return several(cases | {name: value_alone(cases[name]) for name in alone})

    return prepare


def table(*rows: tuple) -> list[Check]:
    """The checks of these rows: name, function, points, title, visible, prepare, probe."""
    return [Check(*row, facets) for row in rows]
