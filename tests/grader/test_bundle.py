"""The bundle for Gradescope: set up and run as there, in a bare root, it grades as ``course grade``
does.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

import yaml

from assignments.grader import bundled, grade, release, sandbox, verdicts
from course_lib.errors import CourseError
from tests import ROOT
from tests.support.grading_runs import needs_bubblewrap
from tests.support.problem_sets import notebook
from tools.making import mutants

KEEPS = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW"
    " SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
)
SYSTEM = ("/usr", "/etc/ssl", "/etc/fonts", "/etc/ld.so.cache")
SPY = """
import os, pathlib
places = ["source", "source/course/checks/ps2.py", "submission", "results"]
places.append("submission_metadata.json")
seen = [p for p in places if os.access(pathlib.Path("/autograder") / p, os.R_OK)]
assert os.getuid() != 0 and not seen
"""
ROOT_ONLY = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="needs root, as on Gradescope"
)
FAULTS = {
    "endless": "while True:\n    pass",
    "exit": "import os\nos._exit(0)",
    "raises": "1 / 0",
    "spy": SPY,
}


def test_what_is_hidden_is_shown_when_grades_are_published(tmp_path):
    checks = [
        verdicts.Graded("a", "f", "easy", True, 2.0, 2.0, ""),
        verdicts.Graded("b", "f", "odd", False, 3, 1.5, "half"),
    ]
    made = bundled.report(
        verdicts.Result("4711", "ps2", "", checks, ["cell 3 raised"], "it took too long"), 12.3
    )
    assert (
        made["score"] == 3.5
        and made["execution_time"] == 12
        and "it took too long.\ncell 3 raised" in made["output"]
    )
    assert [tuple(test.values()) for test in made["tests"]] == [
        ("f: easy", 2.0, 2.0, "right", "visible"),
        ("f: odd", 1.5, 3, "half", "after_published"),
    ]
    steps = yaml.safe_load((bundled.HERE / "gradescope" / "classroom.yml").read_text())["jobs"][
        "grade"
    ]["steps"]
    assert all(
        f"/autograder/source/{name}" in steps[2]["run"] for name in ("setup.sh", "run_autograder")
    )


@ROOT_ONLY
def test_nothing_is_graded_where_the_other_user_could_read_the_checks(monkeypatch):
    monkeypatch.setattr(
        sys, "executable", shutil.which("python3", path="/usr/bin")
    )  # which that user can run
    with (
        pytest.raises(CourseError, match="can be read"),
        sandbox.Worker("nobody", Path("/"), [], [Path("/")]) as worker,
    ):
        worker.start()


def bare(place: Path, shown: list[Path], *command: str, env: dict) -> subprocess.CompletedProcess:
    """Runs it as root, on one core, where there is nothing but ``shown``, and ``place`` as
    /autograder.
    """
    words = ["bwrap", "--unshare-pid", "--unshare-ipc", "--die-with-parent"]
    words += [word for name in KEEPS.split() for word in ("--cap-add", f"CAP_{name}")]
    for path in shown:
        words += (
            ["--symlink", os.readlink(path), str(path)]
            if path.is_symlink()
            else ["--ro-bind-try", path, path]
        )
    words += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        "--bind",
        place,
        "/autograder",
    ]
    one_core = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    done = subprocess.run(
        [*one_core, *words, "--chdir", "/autograder", "--", *command],
        capture_output=True,
        text=True,
        env=env | {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done


def submissions() -> dict[str, bytes]:
    """Notebooks with a fault in one function, one that looks around, a right one, and none."""
    found = {"right": json.dumps(notebook("ps2")).encode(), "text": b"no notebook"}
    changes = {name: ("SkipBlock", code) for name, code in FAULTS.items()}
    changes["spy"] = ("judge_pair", SPY + mutants.variants("ps2", "judge_pair")[-1].code)
    for name, (function, code) in changes.items():
        book = notebook("ps2")
        next(
            cell for cell in book.cells if cell.metadata.nbgrader.grade_id == function
        ).source = code
        found[name] = json.dumps(book).encode()
    return found


@needs_bubblewrap
@pytest.mark.release
@pytest.mark.timeout(3600)
@ROOT_ONLY
def test_the_bundle_grades_as_course_grade_does(tmp_path):
    course, place = tmp_path / "course", tmp_path / "autograder"
    for part in ("checks", "source/ps2"):
        shutil.copytree(ROOT / "assignments" / part, course / part)
    release.release(course, "ps2")
    for name in ("source", "submission", "results"):
        (place / name).mkdir(parents=True)
    with zipfile.ZipFile(bundled.bundle(course, "ps2")) as archive:
        archive.extractall(place / "source")
    home = [
        path
        for path in Path("/").iterdir()
        if path.name not in ("proc", "dev", "tmp", "autograder")
    ]
    bare(
        place,
        home,
        "bash",
        "/autograder/source/setup.sh",
        env={k: v for k, v in os.environ.items() if "PIP" in k},
    )
    for name, data in submissions().items():
        (course / "submitted" / name / "ps2").mkdir(parents=True)
        (course / "submitted" / name / "ps2" / "ps2.ipynb").write_bytes(data)
    results, _, _ = grade.run(course, "ps2", tier="bubblewrap", progress=False)
    assert len({result.score for result in results}) > 2
    rootfs = [
        Path(path) for path in (*SYSTEM, "/bin", "/sbin", "/lib", "/lib64") if Path(path).exists()
    ]
    for result in results:
        shutil.copy(
            course / "submitted" / result.student / "ps2" / "ps2.ipynb", place / "submission"
        )
        (place / "submission_metadata.json").write_text(
            json.dumps({"users": [{"id": result.student}]})
        )
        began = time.monotonic()
        bare(place, rootfs, "bash", "/autograder/source/run_autograder", env={})
        assert time.monotonic() - began < 600
        made = json.loads((place / "results" / "results.json").read_text())
        expected = bundled.report(result, made["execution_time"])
        assert made == expected, result.student
    by_name = {result.student: result for result in results}
    assert by_name["spy"].score == by_name["right"].score == by_name["right"].points
