"""Prepare and judge of the toy's checks: plain numbers, so that one sees at once what is right."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

# The fields of the course's own checks and verdicts, see there.
Verdict = namedtuple("Verdict", "share message")
Check = namedtuple(
    "Check", "name function points title visible prepare probe judge seconds", defaults=(5,)
)


def compare(message: str) -> Callable[[dict, dict, Any], Verdict]:
    """Judges a number or a list of numbers by closeness to what was expected."""

    def judge(inputs: dict, expectations: dict, raw: Any) -> Verdict:
        got, right = np.asarray(raw["value"], dtype=float), np.asarray(expectations["value"])
        same = got.shape == right.shape and bool(np.allclose(got, right, rtol=1e-6, atol=1e-9))
        return Verdict(float(same), "" if same else message)

    return judge


def loss_inputs(rng: np.random.Generator) -> tuple[dict, dict]:
    real, fake, weight = rng.normal(size=7), rng.normal(size=5), float(rng.uniform(2, 9))
    value = ((real - 1) ** 2).mean() + weight * (fake**2).mean()
    return {"real": real.tolist(), "fake": fake.tolist(), "weight": weight}, {"value": float(value)}


def slope_inputs(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs, _ = loss_inputs(rng)
    fake = np.array(inputs["fake"])
    return inputs, {"value": (inputs["weight"] * 2 * fake / fake.size).tolist()}


def average_inputs(rng: np.random.Generator) -> tuple[dict, dict]:
    values, decay = rng.normal(size=6).tolist(), float(rng.uniform(0.5, 0.95))
    value = values[0]
    for new in values[1:]:
        value = decay * value + (1 - decay) * new
    return {"values": values, "decay": decay}, {"value": value}


def step_inputs(rng: np.random.Generator) -> tuple[dict, dict]:
    x, y, w, rate = (
        rng.normal(size=(8, 3)),
        rng.normal(size=8),
        rng.normal(size=3),
        float(rng.uniform(0.01, 0.2)),
    )
    after = w - rate * 2 / 8 * x.T @ (x @ w - y)
    return {"x": x.tolist(), "y": y.tolist(), "w": w.tolist(), "rate": rate}, {
        "value": after.tolist()
    }


CHECKS = [
    Check(
        "loss_values",
        "weighted_loss",
        3,
        "the loss of real and of fake, the latter weighted",
        True,
        loss_inputs,
        "loss_values",
        compare("are labels, weight and reductions as in the text?"),
        2,
    ),
    Check(
        "loss_slope",
        "weighted_loss",
        1,
        "gradients flow back to the fake logits",
        False,
        slope_inputs,
        "loss_slope",
        compare("is something detached, or turned into a plain number?"),
        2,
    ),
    Check(
        "average_values",
        "average",
        3,
        "the running average starts at the first value",
        False,
        average_inputs,
        "average_values",
        compare("which of old and new is multiplied by decay?"),
        2,
    ),
    Check(
        "step_updates",
        "step",
        3,
        "one step down the gradient of the mean square error",
        False,
        step_inputs,
        "step_updates",
        compare("look at the sign, at the rate, and at the mean"),
        2,
    ),
]
