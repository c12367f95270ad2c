"""Probes of problem set 5: the student's statistics on the parent's numbers."""

from collections.abc import Callable
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


def each(inputs: dict, answer: Callable[[dict], Any]) -> dict:
    """The answer to each named case."""
    cases = inputs["cases"].items()
    return {name: attempt(lambda case=case: answer(case)) for name, case in cases}


def differences(names: dict, inputs: dict) -> dict:
    """The differences of each named table; all tables come in the same list."""
    function, rows = wanted(names, "paired_differences"), []

    def one(case: dict) -> dict:
        rows[:] = [
            {"command": "course train", "value": float(value), "row": row, "seed": seed}
            for row, seed, value in case["rows"]
        ]
        return numbers(untouched(function, rows, case["more"], case["less"], case["better"]))

    return each(inputs, one)


def intervals(names: dict, inputs: dict) -> dict:
    """(mean, low, high) of each named list of numbers, which come in the same list."""
    function, values = wanted(names, "interval"), []

    def one(case: dict) -> dict:
        values[:] = decode(case).tolist()
        return numbers(untouched(function, values))

    return each(inputs, one)


def decisions(names: dict, inputs: dict) -> dict:
    """The verdict on each named list of differences, which come in the same list; where it depends
    on the verdict before, all of them.
    """
    function, values = wanted(names, "decide"), []

    def verdict(case: dict) -> Any:
        values[:] = decode(case).tolist()
        word = untouched(function, values)
        if word is not None and not isinstance(word, str):
            raise TypeError(f"a verdict is a text, not {type(word).__name__}")
        return word

    def one(case: dict) -> Any:
        found = [[verdict(before), verdict(case)][1] for before in inputs["before"]]
        return found if len(set(found)) > 1 else found[0]

    return each(inputs, one)
