"""A course with the toy problem set, made once: nbgrader takes seconds for its grade book."""

from pathlib import Path

import pytest

from tests.support import toy_course
from tests.support.shared import made_once


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Path:
    return made_once(tmp_path_factory, "released", toy_course.make)
