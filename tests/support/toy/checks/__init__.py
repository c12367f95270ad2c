"""The checks of a problem set of three tiny functions, on which the grader is tested."""

import importlib

FUNCTIONS = {"toy": ("weighted_loss", "average", "step")}
MISSING = {"toy": {"course_lib.losses": ("least_squares_real", "least_squares_fake", "GAN_LOSSES")}}


def load(ps: str) -> list:
    """All checks of a problem set."""
    return list(importlib.import_module(f"checks.{ps}").CHECKS)
