"""A course with the toy problem set, and a graded term of it, each made once: nbgrader takes
seconds for its grade book, and so does each sandbox.
"""

import shutil
import socket
from pathlib import Path

import pytest

from tests.support import toy_course
from tests.support.shared import made_once


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Path:
    return made_once(tmp_path_factory, "released", toy_course.make)


@pytest.fixture(scope="session")
def term(tmp_path_factory, released) -> Path:
    """One hand-in of each kind of the corpus, graded in sandboxes; none has called home."""
    from hostile import CASES, write

    from tests.support import grading_runs

    def make(folder: Path) -> None:
        shutil.copytree(released, folder, dirs_exist_ok=True)
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            pytest.MonkeyPatch.context() as patch,
        ):
            grading_runs.tighten(patch)
            for name in grading_runs.ONE_A_CATEGORY:
                write(folder, CASES[name], name, port=server.getsockname()[1])
            grading_runs.graded(folder)
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()

    return made_once(tmp_path_factory, "term", make)
