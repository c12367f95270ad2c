"""How answers are compared: everything specific to a check is data, so this file gives no answer away.

Expectations are ``{"facets": [...]}``. A facet is one behaviour seen in the raw answer:

    key       where the raw answer has it
    share     its weight among the facets of this check
    wants     the values that are right (one is enough)
    message   what is likely wrong if it is none of them
    wrong     pairs (value, message): typical wrong answers and what they tell
    shape     message for a wrong shape
    errors    pairs (part of an error's text, message)
    none      message for a missing value
    nan       message for a value with nan or inf
    quiet     true: its message is only given if no other facet has one
    rtol, atol

A value is an encoded tensor, or plain JSON (null, text, lists), which must be equal.
"""

import math
from typing import Any

import numpy as np
from checks.contract import Verdict
from checks.probes.tools import LARGEST

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
RTOL, ATOL = 2e-5, 1e-7  # a right formula may pass through float32


def facet(key: str, want: Any, message: str, share: float = 1, **more: Any) -> dict:
    """One facet; ``want`` is a value, or with ``wants=[...]`` in ``more`` several are right."""
    return {"key": key, "share": share, "wants": [want], "message": message} | more


def array(item: Any) -> np.ndarray | None:
    """The numbers of an encoded tensor, or None if ``item`` is anything else. Never raises."""
    if not isinstance(item, dict):
        return None
    shape, data = item.get("shape"), item.get("data")
    if not isinstance(shape, list) or not isinstance(data, list) or len(shape) > 8 or len(data) > LARGEST:
        return None
    if not all(type(n) is int and 0 <= n <= 10**6 for n in shape) or math.prod(shape) != len(data):
        return None
    out = np.empty(len(data))
    for i, x in enumerate(data):
        if type(x) is str and x in SPECIAL:
            out[i] = SPECIAL[x]
        elif type(x) is float or (type(x) is int and abs(x) < 10**300):
            out[i] = x
        else:
            return None
    return out.reshape(shape)


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
        return bool(np.allclose(mine.reshape(numbers.shape), numbers, rtol, atol))


def complaint(item: dict, got: Any) -> str:
    """What to say about a value that is none of the wanted ones."""
    if isinstance(got, dict) and "error" in got:
        return stopped(got, item.get("errors", ()))
    tolerances = {key: item[key] for key in ("rtol", "atol") if key in item}
    for value, message in item.get("wrong", ()):
        if matches(got, value, **tolerances):
            return message
    if got is None:
        return item.get("none", "Nothing comes back: is there a return?")
    numbers, wants = array(got), [w for w in map(array, item["wants"]) if w is not None]
    if numbers is not None and wants:
        if not any(same_shape(numbers, want) for want in wants):
            return item.get("shape", "The result has another shape than the task asks for: which mean is missing?")
        if not np.isfinite(numbers).all():
            return item.get("nan", "The result holds nan or inf: is a logarithm or a division near 0?")
    return item["message"]


def stopped(raw: dict, errors: Any = ()) -> str:
    """The message for code that raised an exception."""
    text = raw.get("error")
    text = text[:300] if isinstance(text, str) else "an unknown error"
    for part, message in errors:
        if part in text:
            return message
    line = raw.get("line")
    where = f" (line {line} of the code)" if type(line) is int else ""
    return f"It stopped with {text}{where}."


def facets(inputs: dict, expectations: dict, raw: Any) -> Verdict:
    """The judge of every check: the share of the facets that are right, and a message for each that is not."""
    items = expectations["facets"]
    if not isinstance(raw, dict):
        return Verdict(0.0, "The check got no answer.")
    if "error" in raw:
        return Verdict(0.0, stopped(raw, [pair for item in items for pair in item.get("errors", ())]))
    right, messages = 0.0, []
    for item in items:
        got = raw.get(item["key"], "absent")
        tolerances = {key: item[key] for key in ("rtol", "atol") if key in item}
        if any(matches(got, want, **tolerances) for want in item["wants"]):
            right += item["share"]
        else:
            messages.append((complaint(item, got), item.get("quiet", False)))
    if not messages:
        return Verdict(1.0, "")
    loud = [message for message, quiet in messages if not quiet] or [message for message, _ in messages]
    return Verdict(right / sum(item["share"] for item in items), " ".join(dict.fromkeys(loud)))
