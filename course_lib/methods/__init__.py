"""The methods: one file a paper. ``base.py`` says what all of them have."""

import importlib

from course_lib.errors import check_choice

# name on the command line: module below this one, class
METHODS = {
    "dcgan": "dcgan.DCGAN",
    "pix2pix": "pix2pix.Pix2Pix",
    "cyclegan": "cyclegan.CycleGAN",
    "bicyclegan": "bicyclegan.BicycleGAN",
    "pix2pixhd": "pix2pixhd.Pix2PixHD",
    "unit": "unit.UNIT",
    "munit": "munit.MUNIT",
    "cut": "cut.CUT",
    "flow": "flow.FlowMatching",
}


def method_class(name: str) -> type:
    """The class of a method by its name on the command line.

    Raises CourseError for an unknown one.
    """
    check_choice("method", name, METHODS)
    module, _, cls = METHODS[name].rpartition(".")
    # by name, so that a command loads the one method that it needs
    return getattr(importlib.import_module(f"course_lib.methods.{module}"), cls)
