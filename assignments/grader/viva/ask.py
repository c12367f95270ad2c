"""``course viva``: questions on a student's own code, of which one line was changed.

Each changed version runs in the sandbox of ``course grade``. Which checks fail there is the key,
and what other changed versions do are the wrong options.
"""

import ast
import contextlib
import difflib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from assignments.grader import grade, library, notebook, safe
from assignments.grader.course import may_be_folder, open_checks
from assignments.grader.notebook import Submission
from assignments.grader.sandbox import Limits
from assignments.grader.verdicts import Graded, Result
from assignments.grader.viva.changes import changes
from course_lib.errors import ensure

QUESTIONS, LETTERS = 5, "ABCD"
TRIED = 8  # changes of a function that are run
LONGEST = 10_000  # characters of a function: more cannot be asked about on a page
LIMITS = Limits(cells_cpu=20, cell_cpu=10, wall=120)  # of one version
SECONDS = 120  # of a core, for all versions of a student
ASK = (
    "Which of the checks of this function, that your own code passes, fail with the new line? Each"
    " answer is complete."
)
NONE = "none of them"


@dataclass
class Version:
    """The student's notebook, perhaps with a changed line in one function, and what it got."""

    submission: Submission
    function: str = ""
    diff: str = ""
    result: Result | None = None


def read(course: Path, problem_set: str, student: str) -> Submission:
    """What ``student`` names: a notebook, a folder with one, or who handed one in."""
    path, handed_in = Path(student), course / "submitted" / student / problem_set
    if path.name == student and may_be_folder(handed_in):
        path = handed_in  # a name, even where a folder of that name lies here
    given = notebook.read(course / "source" / problem_set, "", problem_set)
    released = notebook.released_cells(given.content)
    submission = (
        notebook.load(path, Submission(path.stem, problem_set), released)
        if path.is_file()
        else notebook.read(path, Path(student).name, problem_set, released)  # says what is missing
    )
    ensure(not submission.reason, submission.reason, path, "name a notebook that can be graded")
    # without plots and long runs, on which no check depends
    shown = {name for name, cell in released.items() if cell.locked_code and name != "setup"}
    submission.cells = [cell for cell in submission.cells if cell["id"] not in shown]
    return submission


def find(cells: list[dict], function: str) -> tuple[int, ast.stmt] | None:
    """The last cell that defines a name, and the statement that does it."""
    for at, cell in reversed(list(enumerate(cells))):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.parse(cell["source"]).body:
                if function in library.defined(node):
                    return at, node
    return None


def versions_of(submission: Submission, function: str) -> list[Version]:
    """All versions with one changed line in a function, which is printed as Python prints it."""
    found = find(submission.cells, function)
    printed = ast.unparse(found[1]) if found else ""
    if not 0 < len(printed) <= LONGEST:
        return []
    (at, node), versions = found, []
    lines = submission.cells[at]["source"].splitlines()
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
    for text in changes(printed):
        pair = printed.splitlines(), text.splitlines()
        diff = list(difflib.unified_diff(*pair, lineterm=""))[3:]
        if [sum(line[0] == sign for line in diff) for sign in "-+"] == [1, 1]:
            source = "\n".join([*lines[:first], text, *lines[node.end_lineno :]])
            cells = list(submission.cells)
            cells[at] = cells[at] | {"source": source}
            changed = replace(submission, cells=cells)
            versions.append(Version(changed, function, safe.block("\n".join(diff))))
    return versions


def play(
    versions: list[Version], course: Path, problem_set: str, tier: str, key: str
) -> Iterator[Result]:
    """Run versions in the sandbox, each with the checks of its function; yields what they got."""
    for number, version in enumerate(versions):
        version.submission.digest = str(number)

    def wanted(submission: Submission, checks: list) -> list:
        function = versions[int(submission.digest)].function
        return [check for check in checks if function in ("", check.function)]

    submissions = [version.submission for version in versions]
    results = grade.grade_all(
        submissions, course, problem_set, key, tier, limits=LIMITS, wanted=wanted
    )
    with contextlib.closing(results):  # which ends what still runs, if nobody takes the rest
        for result in results:
            versions[int(result.digest)].result = result
            yield result


def run(own: Version, tried: dict[str, list[Version]], *where: object) -> None:
    """Run the student's own code, then the changed versions of what earns points in it. Raises
    CourseError where the code is stopped, or where it takes too long.
    """
    fix, spent = "look at the report of course grade", 0.0
    with tqdm(total=1, desc=f"viva of {own.submission.student}", unit="run") as bar:
        (result,) = play([own], *where)
        bar.update()
        # the others would end alike
        late = next((note for note in result.notes if "it took too long" in note), "")
        why = result.reason or late
        ensure(not why, why, own.submission.path, f"{fix} first")
        scored = {check.function for check in result.checks if check.score}
        versions = [version for name in tried if name in scored for version in tried[name]]
        bar.total = 1 + len(versions)
        with contextlib.closing(play(versions, *where)) as results:
            for result in results:
                bar.update()
                spent += result.cpu
                ensure(
                    spent <= SECONDS,
                    f"its changed versions take more than {SECONDS} seconds of a core",
                    own.submission.path,
                    fix,
                )


def failing(own: Result, version: Version) -> str:
    """Which checks that the student's own code passes fail with the changed line, in words."""
    lost = {check.name for check in version.result.checks if check.score < check.points}
    return " and ".join(f"“{c.title}”" for c in passed(own, version) if c.name in lost) or NONE


def passed(own: Result, version: Version) -> list[Graded]:
    """The checks of the changed function that are right in the student's own code."""
    return [c for c in own.checks if c.function == version.function and c.score == c.points]


def question(own: Result, version: Version, rivals: list[Version], rng: random.Random) -> dict:
    """Which checks fail with the changed line? The wrong answers are what ``rivals``, other changed
    versions, do, one check alone, all or none.
    """
    right, titles = failing(own, version), [f"“{c.title}”" for c in passed(own, version)]
    others = {failing(own, rival) for rival in rivals} | {*titles, " and ".join(titles), NONE}
    others -= {right, ""}
    options = [right, *rng.sample(sorted(others), min(len(others), len(LETTERS) - 1))]
    rng.shuffle(options)
    return {
        "function": version.function,
        "ask": ASK,
        "diff": version.diff,
        "options": options,
        "answer": LETTERS[options.index(right)],
        "right": right,
        "said": next((check.message for check in version.result.checks if check.message), ""),
        "version": version,
    }


def make(course: Path, problem_set: str, student: str, seed: int, tier: str) -> dict:
    """What the pages show. Raises CourseError where nothing can be asked, or code is stopped."""
    submission, rng = read(course, problem_set, student), random.Random(seed)
    functions = open_checks(course, problem_set).FUNCTIONS[problem_set]
    tried: dict[str, list[Version]] = {}
    for name in functions:
        found: list[Version] = []
        with contextlib.suppress(RecursionError):  # nested deeper than Python can print
            found = versions_of(submission, name)
        tried[name] = rng.sample(found, min(TRIED, len(found)))
    own = Version(replace(submission))
    run(own, tried, course, problem_set, tier, f"viva {seed}")
    every = []
    for found in tried.values():
        done = [version for version in found if version.result]
        every += [question(own.result, version, done, rng) for version in done]
    every = [asked for asked in every if len(asked["options"]) > 2]
    rng.shuffle(every)
    made, times = [], Counter()
    while every and len(made) < QUESTIONS:
        # every function in turn, and rare answers as often as usual ones
        every.sort(key=lambda asked: (times[asked["function"]], times[asked["right"]]))
        made.append(every.pop(0))
        times.update((made[-1]["function"], made[-1]["right"]))
    ensure(
        made,
        "no question can be made: no function that can be changed earns points",
        submission.path,
        "look at the report of course grade first",
    )
    places = sorted({find(submission.cells, one["function"])[0] for one in made})
    return {
        "of": own.result,
        "seed": seed,
        "questions": made,
        "code": [safe.block(submission.cells[place]["source"]) for place in places],
        "wanted": QUESTIONS,
    }
