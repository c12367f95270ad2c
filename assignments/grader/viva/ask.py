"""``course viva``: questions on a student's own code, of which one line was changed.

Each changed version runs in the sandbox of ``course grade``. What it did there is the key, and what
other changed versions did are the wrong options.
"""

import ast
import contextlib
import difflib
import importlib
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from assignments.grader import grade, library, notebook, safe
from assignments.grader.course import may_be_folder, open_checks
from assignments.grader.grade_one import draw
from assignments.grader.notebook import Submission
from assignments.grader.sandbox import Limits
from assignments.grader.verdicts import Result
from assignments.grader.viva.page import LETTERS, STEPS, picture
from course_lib.errors import CourseError

QUESTIONS = 5
TRIED, TRIED_OF_A_STEP = 8, 24  # changes of a function that are run
LONGEST = 10_000  # characters of a function: more cannot be asked about on a page
LIMITS = Limits(cells_cpu=20, cell_cpu=10, wall=120)  # of one version
SECONDS = 120  # of a core, for all versions of a student
STOPS = "the code stops with an error"
# The kinds of questions, as they are asked.
FIRST = (
    "Your report lists the checks of this function one below the other. Read from the top: which"
    " is the first that fails now?"
)
DIFFERENT = (
    "The function is called with the same inputs, once with your line and once with the new one."
    " What comes out differently? Each answer is complete."
)
MOVES = (
    "One training step is made from the same weights and images, once with your line and once with"
    " the new one. Whose weights differ after it?"
)
LOSSES = (
    "Training goes on for 14 steps with the new line. Which picture shows what you would see in the"
    " losses?"
)
SEEN = tomllib.loads(
    (Path(__file__).parents[1] / "pages" / "seen.toml").read_text(encoding="utf-8")
)
REPORT = "weighted: "  # a key of a step's report begins with it
# inputs of a step with a row an image
BATCHES = ("x", "y", "w", "z", "eps", "prior_mu", "prior_logvar", "real", "old_x", "old_y")
# Which networks' weights a step leaves in which row, and the inputs that they come from.
PLAYERS = {
    "gan_step": {"G_after": {"G": "G"}, "D_after": {"D": "D"}},
    "pix2pix_step": {"G_after": {"G": "G"}, "D_after": {"D": "D"}},
    "cyclegan_step": {
        "G_after": {"G_xy": "G_xy", "G_yx": "G_yx"},
        "D_after": {"D_x": "D_x", "D_y": "D_y"},
    },
    "bicyclegan_step": {
        "G_after": {"G": "paint code", "E": "mu logvar"},
        "D_after": {"D_encoded": "D_encoded", "D_random": "D_random"},
    },
}


@dataclass
class Version:
    """The student's notebook, perhaps with a changed line in one function, and what it did."""

    submission: Submission
    function: str = ""
    diff: str = ""
    raws: dict[str, dict] = field(default_factory=dict)  # by check
    result: Result | None = None

    def judged_by(self, check: Any, inputs: dict, expectations: dict) -> Any:
        """The check on given inputs; the raw answer is kept."""

        def judge(inputs: dict, expectations: dict, raw: Any) -> Any:
            self.raws[check.name] = raw if isinstance(raw, dict) else {}
            return check.judge(inputs, expectations, raw)

        return replace(check, prepare=lambda _: (inputs, expectations), judge=judge)


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
    if submission.reason:
        raise CourseError(submission.reason, path, "name a notebook that can be graded")
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


def changes(submission: Submission, function: str, changed_texts: Any) -> list[Version]:
    """All versions with one changed line in a function; the others stay as they were written."""
    found = find(submission.cells, function)
    printed = ast.unparse(found[1]).splitlines() if found else []
    if not 0 < sum(map(len, printed)) <= LONGEST:
        return []
    (at, node), versions, places = found, [], {}
    lines, copy = submission.cells[at]["source"].splitlines(), ast.parse("\n".join(printed)).body[0]
    for mine, copied in zip(ast.walk(node), ast.walk(copy), strict=False):
        if isinstance(mine, ast.stmt):
            inner = getattr(mine, "body", None)
            end = inner[0].lineno - 1 if inner else mine.end_lineno
            places.setdefault(copied.lineno - 1, (mine.lineno - 1, end))

    def with_line(text: str, start: int, end: int) -> list[dict]:
        line = re.match(r"\s*", lines[start])[0] + text.strip()
        changed = {"source": "\n".join([*lines[:start], line, *lines[end:]])}
        return [*submission.cells[:at], submission.cells[at] | changed]

    for text in changed_texts("\n".join(printed)):
        new = text.splitlines()
        where = [i for i, pair in enumerate(zip(printed, new, strict=False)) if len({*pair}) > 1]
        if len(new) == len(printed) and len(where) == 1 and where[0] in places:
            start, end = places[where[0]]
            one_line = [each[where[0]].strip() for each in (printed, new)]
            own = "\n".join(lines[start:end]).strip()
            for both in ((own, laid_out(own, *one_line)), one_line):
                pair = [with_line(line, start, end) for line in both]
                again = [find(cells[at:], function) for cells in pair]
                # or a line holds more than one statement
                if all(again) and [ast.unparse(x[1]) for x in again] == ["\n".join(printed), text]:
                    sources = [listing(cells, function).splitlines() for cells in pair]
                    diff = "\n".join(list(difflib.unified_diff(*sources, lineterm=""))[3:])
                    cells = [*pair[1], *submission.cells[at + 1 :]]
                    versions.append(Version(replace(submission, cells=cells), function, diff))
                    break
    return versions


def laid_out(own: str, old: str, new: str) -> str:
    """``own``, a statement as it was written, with the change that makes ``new`` of ``old``, the
    same on one line; empty if it is not clear where that is.
    """
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    edges = [edge for kind, *at, _, _ in steps if kind != "equal" for edge in at]
    for around in range(1, len(old)):
        first, last = max(edges[0] - around, 0), max(len(old) - edges[-1] - around, 0)
        was, now = (text[first : len(text) - last] for text in (old, new))
        parts, before = own.split(was), old[:first].count(was) + 1
        if len(parts) == old.count(was) + 1:
            return was.join(parts[:before]) + now + was.join(parts[before:])
    return ""


def listing(cells: list[dict], function: str) -> str:
    """The source of a function, as it stands in its cell."""
    at, node = find(cells, function)
    return safe.block(
        "\n".join(cells[at]["source"].splitlines()[node.lineno - 1 : node.end_lineno])
    )


def longer(inputs: dict) -> dict:
    """The inputs of a step's report for several numbers of steps."""

    def tiled(item: Any) -> Any:
        if isinstance(item, list):
            return [tiled(item[0])] * max(STEPS)
        times = 1 + max(STEPS) // item["shape"][0]  # each step leaves out an image
        shape = [times * item["shape"][0], *item["shape"][1:]]
        return {"shape": shape, "data": times * item["data"]}

    game = inputs | {name: tiled(inputs[name]) for name in BATCHES if name in inputs}
    game["lr_D"] = inputs["lr_D"] / 3
    return {"several": {str(steps): game | {"steps": steps} for steps in STEPS}}


def play(
    versions: list[Version], drawn: dict, course: Path, problem_set: str, tier: str, key: str
) -> Iterator[Result]:
    """Run versions in the sandbox, each with the checks of its function; yields what they got.

    ``drawn`` holds check, inputs and expectations, by the check's name.
    """
    for number, version in enumerate(versions):
        version.submission.digest = str(number)

    def wanted(submission: Submission, _: list) -> list:
        version = versions[int(submission.digest)]
        return [
            version.judged_by(*three)
            for three in drawn.values()
            if version.function in ("", three[0].function)
        ]

    submissions = [version.submission for version in versions]
    results = grade.grade_all(
        submissions, course, problem_set, key, tier, limits=LIMITS, wanted=wanted
    )
    with contextlib.closing(results):  # which ends what still runs, if nobody takes the rest
        for result in results:
            result.checks = [check for check in result.checks if check.name != "losses"]
            versions[int(result.digest)].result = result
            yield result


def run(own: Version, tried: dict[str, list[Version]], *where: Any) -> dict:
    """Run the student's own code, then the changed versions of what earns points in it.

    Returns check, inputs and expectations, by the check's name. Raises CourseError where the code
    is stopped, or where it takes too long.
    """
    course, problem_set, _, key = where
    drawn = {
        check.name: (check, *draw(check, "viva", key))
        for check in open_checks(course, problem_set).load(problem_set)
    }
    for check, inputs, expectations in list(drawn.values()):
        if game := inputs.get("several", {}).get("weighted"):
            drawn["losses"] = replace(check, name="losses"), longer(game), expectations
    fix, spent = "look at the report of course grade", 0.0
    with tqdm(total=1, desc=f"viva of {own.submission.student}", unit="run") as bar:
        (result,) = play([own], drawn, *where)
        bar.update()
        late = [note for note in result.notes if "it took too long" in note]
        if result.reason or late:  # the others would end alike
            raise CourseError(result.reason or late[0], own.submission.path, f"{fix} first")
        scored = {check.function for check in result.checks if check.score}
        versions = [version for name in tried if name in scored for version in tried[name]]
        bar.total = 1 + len(versions)
        with contextlib.closing(play(versions, drawn, *where)) as results:
            for result in results:
                bar.update()
                spent += result.cpu
                if spent > SECONDS:
                    raise CourseError(
                        f"its changed versions take more than {SECONDS} seconds of a core",
                        own.submission.path,
                        fix,
                    )
    return drawn


# ---- what a version does, in words or as curves


def first_that_fails(own: Result, result: Result) -> str:
    full = {check.name for check in own.checks if check.score == check.points}
    lost = [c.title for c in result.checks if c.name in full and c.score < c.points]
    return f"“{lost[0]}”" if lost else "none: all that your own code passes still pass"


def different(keys: dict[str, str], own: dict, raw: dict, alike: Any) -> str:
    """Which entries of a raw answer, in words, are not those of the student's own version."""
    seen = [raw.get(key) for key in keys]
    if any(map(failed, seen)) or not any(map(can_be_compared, seen)):
        return STOPS  # wherever it does, what was not reached says nothing
    other = {key: words for key, words in keys.items() if not alike(raw.get(key), own[key])}
    same = [words for key, words in keys.items() if key not in other]
    if not other:
        return "nothing"
    if not same and len(keys) > 1:
        return "all of it"
    if 0 < len(same) < len(other):
        return f"all but {spoken(same)}"
    return spoken([*other.values()])


def spoken(parts: list[str]) -> str:
    """Parts of a sentence, as one says them."""
    return " and ".join([", ".join(parts[:-1])] * (len(parts) > 1) + parts[-1:])


def in_words(function: str, key: str) -> str:
    """What a check reads, in words; an entry of a step's report by its own name. Empty where there
    are no words for it: then it is not asked about.
    """
    words, key = SEEN["any"] | SEEN.get(function, {}), key.removeprefix(REPORT)
    return words.get(key, f"the entry {key}" if function in PLAYERS else "")


def failed(raw: Any) -> bool:
    return isinstance(raw, dict) and "error" in raw


def can_be_compared(raw: Any) -> bool:
    return raw is not None and not failed(raw)


def moves(function: str, inputs: dict, start: dict, own: dict, raw: dict, array: Any) -> str:
    """Which networks end up elsewhere after a step, and which do not move at all."""
    elsewhere, still = [], []
    for key, networks in PLAYERS[function].items():
        rows, at = [array(values.get(key)) for values in (raw, own, start)], 0
        if any(row is None for row in rows) or rows[0].shape != rows[1].shape:
            return STOPS
        for name, fields in networks.items():
            size = sum(len(inputs[name]["data"]) for name in fields.split())
            now, before, first = (row[at : at + size] for row in rows)
            at += size
            if not np.allclose(now, before, 1e-9, 1e-12, equal_nan=True):
                (still if np.array_equal(now, first) else elsewhere).append(name)
    said = [f"those of {spoken(elsewhere)}"] if elsewhere else []
    said += [f"those of {spoken(still)}, which did not move at all"] if still else []
    return ", and ".join(said) or "nobody's"


def curves(keys: list[str], raw: dict, array: Any) -> dict[str, np.ndarray] | str:
    """The course of each loss; of those that are there for several networks, the first."""
    found: dict[str, np.ndarray] = {}
    for key in keys:
        values = [array(raw.get(f"{steps}: {key}")) for steps in STEPS]
        if any(value is None or value.size != 1 for value in values):
            return STOPS
        found.setdefault("_".join(key.split("_")[:2]), np.array([v.sum() for v in values]))
    return found


def on_axes(lines: Any, own: dict[str, np.ndarray]) -> Any:
    """Curves from 0 to 1, on axes that have room for twice the range of the student's own."""
    low, high = np.min([*own.values()]), np.max([*own.values()])
    room = high - low or 1.0
    return (
        lines
        if isinstance(lines, str)
        else {
            name: np.nan_to_num(np.clip((line - low + room / 2) / (2 * room), 0, 1), nan=1.0)
            for name, line in lines.items()
        }
    )


def apart(a: Any, b: Any) -> bool:
    """Whether two answers cannot be taken for each other: other words, or curves that are apart by
    an eighth of a picture's height.
    """
    if isinstance(a, str) or isinstance(b, str):
        return type(a) is type(b) and a != b
    return max(float(np.abs(a[name] - b[name]).max()) for name in a) > 0.12


# ---- the questions


def asked(own: Version, versions: list[Version], drawn: dict) -> Iterator[tuple[str, str, list]]:
    """Kinds of questions on one function: the kind, what comes before it, and each version's
    answer; the student's own comes last where it is an option.
    """
    array = importlib.import_module("checks.judges").array
    alike = importlib.import_module("checks.mutation").alike
    yield FIRST, "", [first_that_fails(own.result, one.result) for one in versions]
    for name, (check, inputs, expectations) in drawn.items():
        mine = own.raws.get(name, {})
        keys = [x["key"] for x in expectations["facets"] if not x["key"].startswith("weights 0")]
        raws = [one.raws.get(name, {}) for one in (*versions, own)]
        if check.function != versions[0].function or not check.visible:
            continue
        if name == "losses":
            terms = [key.removeprefix(REPORT) for key in keys if not key.endswith("report kept")]
            found = [curves(terms, raw, array) for raw in raws]
            if found[-1] != STOPS:
                yield LOSSES, "", [on_axes(lines, found[-1]) for lines in found]
        elif "G_after" in keys:
            start = dict(expectations["idle"][0])
            yield MOVES, "", [moves(check.function, inputs, start, mine, x, array) for x in raws]
        else:
            words = {
                key: said
                for key in keys
                if can_be_compared(mine.get(key)) and (said := in_words(check.function, key))
            }
            about = f"This is compared: {spoken([*words.values()])}."
            if words:
                yield DIFFERENT, about, [different(words, mine, raw, alike) for raw in raws]


def question(
    kind: str, about: str, answers: list, versions: list[Version], used: set, rng: random.Random
) -> dict | None:
    """A question on a version that was not used; None where there are not three answers."""
    groups: dict[str, list[int]] = {}
    for i, version in enumerate(versions):
        if version.diff not in used and (kind != LOSSES or answers[i] is not STOPS):
            groups.setdefault(str(answers[i]), []).append(i)
    for group in rng.sample(sorted(groups), len(groups)):  # rare answers as often as usual ones
        chosen = rng.choice(groups[group])
        options = [answers[chosen]]
        for other in rng.sample(answers, len(answers)):
            if len(options) < len(LETTERS) and all(apart(other, option) for option in options):
                options.append(other)
        if len(options) >= 3:
            rng.shuffle(options)
            right = next(i for i, option in enumerate(options) if option is answers[chosen])
            drawn = picture(answers[-1], options) if kind == LOSSES else ""
            texts = [f"picture {letter}" for letter in LETTERS] if drawn else options
            version = versions[chosen]
            used.add(version.diff)
            return {
                "kind": kind,
                "function": version.function,
                "ask": f"{kind} {about}".rstrip(),
                "diff": version.diff,
                "options": texts[: len(options)],
                "answer": LETTERS[right],
                "right": texts[right],
                "said": next((c.message for c in version.result.checks if c.message), ""),
                "picture": drawn,
                "version": version,
            }
    return None


def make(course: Path, problem_set: str, student: str, seed: int, tier: str) -> dict:
    """What the pages show. Raises CourseError where nothing can be asked, or code is stopped."""
    submission, rng = read(course, problem_set, student), random.Random(seed)
    functions = open_checks(course, problem_set).FUNCTIONS[problem_set]
    changed_texts = importlib.import_module("checks.mutation").changes
    tried: dict[str, list[Version]] = {}
    for name in functions:
        found: list[Version] = []
        with contextlib.suppress(RecursionError):  # nested deeper than Python can print
            found = changes(submission, name, changed_texts)
        most = TRIED_OF_A_STEP if name in PLAYERS else TRIED
        tried[name] = rng.sample(found, min(most, len(found)))
    own = Version(replace(submission))
    drawn = run(own, tried, course, problem_set, tier, str(seed))
    pools = [
        (*kind, versions)
        for versions in tried.values()
        if versions and versions[0].result
        for kind in asked(own, versions, drawn)
    ]
    made, used, times = [], set(), Counter()
    while len(made) < QUESTIONS:
        rng.shuffle(pools)
        pools.sort(key=lambda pool: (times[pool[0]], times[pool[-1][0].function]))
        new = next(filter(None, (question(*pool, used, rng) for pool in pools)), None)
        if new is None:
            break
        made.append(new)
        times.update((new["kind"], new["function"]))
    if not made:
        raise CourseError(
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
