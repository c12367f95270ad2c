"""Readable GAN image-to-image translation: the library behind the notebooks."""

from course_lib.errors import CourseError

__version__ = "0.2.0"
__all__ = ["CourseError", "__version__"]
