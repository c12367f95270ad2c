"""A grader for Gradescope or a runner in CI, as one zip; and what happens inside it when a
submission comes.

``course release ps2 --gradescope`` writes ``gradescope/ps2.zip``, whose files are in the folder
``gradescope/`` here. There, the container itself keeps submissions apart, and root starts the
student's code as nobody.
"""

import json
import re
import time
import zipfile
from importlib import metadata
from pathlib import Path

from assignments.grader import feedback, grade, notebook
from assignments.grader.course import open_checks, term_key
from assignments.grader.library import LIBRARY
from assignments.grader.sandbox import Limits
from assignments.grader.verdicts import Result
from course_lib.data.files import read_words, replace_file

HERE, PLACE = Path(__file__).parent, Path("/autograder")
# In all below 10 minutes and 3 GB, also if a lost sandbox is started again.
LIMITS = Limits(wall=240, memory_mb=1024)


def bundle(course: Path, problem_set: str) -> Path:
    """Write gradescope/psN.zip, of a problem set that was released. It holds the hidden checks: for
    nobody's eyes.
    """
    term_key(course)  # inputs there are those of `course grade` here
    archive = course / "gradescope" / f"{problem_set}.zip"
    archive.parent.mkdir(exist_ok=True)
    own = [course / "term_key.txt", course / "release" / problem_set / f"{problem_set}.ipynb"]
    scripts = HERE / "gradescope"
    parts = (
        (course, "course/", [*own, *course.glob("checks/**/*.py")]),
        (LIBRARY, "course_lib/", LIBRARY.rglob("*")),
        (HERE, "assignments/grader/", set(HERE.rglob("*")) - set(scripts.iterdir())),
        (scripts, "", scripts.iterdir()),
    )
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for folder, name, paths in parts:
            for path in sorted(paths):
                unused = path.suffix == ".pyc" or path.parent.name == "shipped_files"
                if path.is_file() and not unused:
                    out.write(path, f"{name}{path.relative_to(folder)}")
        out.writestr("assignments/__init__.py", "")
        out.writestr("requirements.txt", requirements())
        out.writestr("README.md", metadata.metadata("gan-translation-course")["Description"])
    return archive


def requirements() -> str:
    """What the course needs, without its extras, in the versions that are installed here."""
    needed = [
        line for line in metadata.requires("gan-translation-course") or [] if "extra ==" not in line
    ]
    names = [re.match(r"[\w.-]+", line)[0] for line in needed]
    return "".join(f"{name}=={metadata.version(name).partition('+')[0]}\n" for name in names)


def submitted(place: Path) -> Result:
    """Grades what lies in ``place``, as ``course grade`` would."""
    course, facts = place / "source" / "course", place / "submission_metadata.json"
    problem_set = next((course / "release").iterdir()).name
    users = json.loads(read_words(facts)).get("users") if facts.is_file() else None
    student = str(users[0]["id"]) if users else "student"
    released = notebook.read(course / "release" / problem_set, student, problem_set).content
    submission = notebook.read(
        place / "submission", student, problem_set, notebook.released_cells(released)
    )
    notebook.name_other_set(submission, open_checks(course, problem_set).FUNCTIONS)
    hidden = [facts, *(place / name for name in ("source", "submission", "results"))]
    return next(
        grade.grade_all(
            [submission],
            course,
            problem_set,
            term_key(course),
            "nobody",
            1,
            LIMITS,
            hidden,
        )
    )


def report(result: Result, seconds: float) -> dict:
    """results.json: points and messages; those of hidden checks are shown when the grades are
    published.
    """
    tests = [
        {
            "name": f"{check.function}: {check.title}",
            "score": check.score,
            "max_score": check.points,
            "output": check.message if check.score < check.points else "right",
            "visibility": "visible" if check.visible else "after_published",
        }
        for check in result.checks
    ]
    said = [f"The notebook as a whole: {result.reason}."] if result.reason else []
    return {
        "score": result.score,
        "execution_time": round(seconds),
        "output": "\n".join([*said, *result.notes]),
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def main(place: Path = PLACE) -> None:
    began = time.monotonic()
    result = submitted(place)
    feedback.write(place / "results", [result])
    found = report(result, time.monotonic() - began)
    replace_file(place / "results" / "results.json", json.dumps(found, indent=1).encode())
    print(f"{result.score:g} of {result.points:g} points")


if __name__ == "__main__":
    main()
