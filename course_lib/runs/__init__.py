"""Runs in folders: train one, open it again, translate and evaluate with it, export it."""

from course_lib.methods import METHODS, method_class
from course_lib.runs.runs import (
    evaluate,
    make_config,
    open_run,
    open_translator,
    read_settings,
    score_run,
    towards,
    train,
    translate_batches,
    translate_files,
)

__all__ = [
    "METHODS",
    "evaluate",
    "make_config",
    "method_class",
    "open_run",
    "open_translator",
    "read_settings",
    "score_run",
    "towards",
    "train",
    "translate_batches",
    "translate_files",
]
