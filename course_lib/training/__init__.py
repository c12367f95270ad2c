"""Training: fit() and what it stands on, from batches to checkpoints."""

from course_lib.training.fit import Result, fit

__all__ = ["Result", "fit"]
