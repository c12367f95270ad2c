"""Training: fit() and what it stands on, from batches to checkpoints."""

from course_lib.training.fit import Result, fit

REVISION = (
    2  # raised when a change of training, of batches or of augmentation changes what methods learn
)

__all__ = ["Result", "fit"]
