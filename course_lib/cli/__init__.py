"""The ``course`` command, the notebook runner and the doctor."""

from course_lib.cli.course import main

__all__ = ["main"]
