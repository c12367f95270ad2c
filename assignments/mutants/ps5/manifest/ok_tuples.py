"""Tuples for lists, numbers of NumPy."""

import numpy as np
from mutants.ps5.example import example


def manifest():
    m = example()
    m["seeds"] = tuple(m["seeds"])
    m["rows"] = tuple(r | {"value": np.float64(r["value"])} for r in m["rows"])
    return m
