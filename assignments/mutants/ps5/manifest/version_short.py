"""A version without names.

message: versions of course_lib
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["version"] = "0.1.0"
    return m
