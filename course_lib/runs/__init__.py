"""Runs in folders: train one, open it again, translate and evaluate with it, export it."""

from course_lib.methods import METHODS, method_class
from course_lib.runs.evaluation import evaluate, over_time, translate_batches
from course_lib.runs.folder import in_direction, open_run, open_translator, read_settings
from course_lib.runs.start import make_config, train
from course_lib.runs.translation import image_translator, translate_files

__all__ = [
    "METHODS",
    "evaluate",
    "image_translator",
    "in_direction",
    "make_config",
    "method_class",
    "open_run",
    "open_translator",
    "over_time",
    "read_settings",
    "train",
    "translate_batches",
    "translate_files",
]
