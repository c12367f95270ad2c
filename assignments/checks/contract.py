"""What a check is: three parts that can run in two processes.

*prepare* (parent) draws fresh inputs and computes what a right answer gives. *probe* (child) runs
the student's code on the inputs and returns raw numbers as JSON. *judge* (parent) compares. The
expectations never leave the parent.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """The judgement of one check: ``share`` of its points, and a message that names the likely
    mistake.
    """

    share: float  # 0 to 1
    message: str  # "" where all is right


@dataclass(frozen=True)
class Check:
    """One behaviour of one graded function."""

    name: str  # unique in its problem set
    function: str  # the graded name it is about
    points: int
    title: str  # one line: the behaviour
    visible: bool  # part of the checks a student can run
    # From a generator to inputs and expectations, which JSON can hold.
    prepare: Callable[[np.random.Generator], tuple[dict, dict]]
    probe: str  # name of a function in probes/psN.py: probe(names, inputs) -> JSON-able raw numbers
    # From inputs, expectations and the raw answer, about which it trusts nothing.
    judge: Callable[[dict, dict, Any], Verdict]
    seconds: float = 5


def generator(*keys: str) -> np.random.Generator:
    """The random generator of a check, from the term key, the submission and the check's name."""
    digest = hashlib.sha256("\0".join(keys).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
