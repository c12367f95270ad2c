"""Probes of problem set 5: the student's statistics on the parent's numbers."""

from typing import Any

import torch
from checks.probes.tools import attempt, decode, encode, untouched, wanted


def numbers(values: Any) -> dict:
    """Several numbers, or a tensor of them, encoded. Raises TypeError for anything else."""
    if isinstance(values, (str, dict)):
        raise TypeError(f"numbers are wanted here, not {type(values).__name__}")
    if isinstance(values, torch.Tensor):
        return encode(values)
    return encode(torch.tensor([float(value) for value in values], dtype=torch.double))


def differences(names: dict, inputs: dict) -> dict:
    """The differences of each named table."""
    function = wanted(names, "paired_differences")

    def one(case: dict) -> dict:
        rows = [
            {"command": "course train", "value": float(value), "row": row, "seed": seed}
            for row, seed, value in case["rows"]
        ]
        return numbers(untouched(function, rows, case["more"], case["less"], case["better"]))

    return {name: attempt(lambda case=case: one(case)) for name, case in inputs["cases"].items()}


def intervals(names: dict, inputs: dict) -> dict:
    """(mean, low, high) of each named list of numbers."""
    function = wanted(names, "interval")
    return {
        name: attempt(lambda case=case: numbers(untouched(function, decode(case).tolist())))
        for name, case in inputs["cases"].items()
    }


def decisions(names: dict, inputs: dict) -> dict:
    """The verdict on each named list of differences."""
    function = wanted(names, "decide")

    def one(case: dict) -> str:
        verdict = untouched(function, decode(case).tolist())
        if verdict is not None and not isinstance(verdict, str):
            raise TypeError(f"a verdict is a text, not {type(verdict).__name__}")
        return verdict

    return {name: attempt(lambda case=case: one(case)) for name, case in inputs["cases"].items()}
