"""``course viva``: questions on a student's own code, of which one line was changed.

Each changed version runs in the sandbox of ``course grade``. What it did there is the key, and what
other changed versions did are the wrong options.
"""

import ast
import base64
import contextlib
import difflib
import importlib
import io
import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from assignments.grader import grade, library, notebook, safe
from assignments.grader.feedback import PAGES
from assignments.grader.notebook import Submission
from assignments.grader.verdicts import Result
from course_lib.data.files import replace_file
from course_lib.errors import CourseError

QUESTIONS, LETTERS, LINES = 5, "ABCD", ("C0-", "C1-", "C2--", "C3--", "C4:", "C5:")
TRIED, TRIED_OF_A_STEP = 8, 24  # changes of a function that are run
LONGEST = 10_000  # characters of a function: more cannot be asked about on a page
STEPS = (1, 2, 3, 4, 6, 8, 11, 14)  # after how many the losses are drawn
STOPS = "the code stops with an error"
# The kinds of questions, as they are asked.
FIRST = "Which check of this function fails first, in the order of your report?"
DIFFERENT = "Which of these come out differently now, or not at all? (The complete list.)"
MOVES = "One step is made. Whose weights end up elsewhere now, compared with your own line?"
LOSSES = "Training goes on for some steps. What would you see in the losses?"
BATCHES = ("x", "y", "z", "eps", "real", "old_x", "old_y")  # inputs of a step with a row an image
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
    places = Path(student), course / "submitted" / student / problem_set
    path = places[not places[0].exists()]
    submission = Submission(path.stem if path.is_file() else places[0].name, problem_set)
    given = notebook.read(course / "source" / problem_set, "", problem_set).content
    released = notebook.released_cells(given)
    if path.is_file():
        notebook.load(path, submission, released)
    else:  # says what is missing
        submission = notebook.read(path, submission.student, problem_set, released)
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
            one_line, (start, end) = (
                [each[where[0]].strip() for each in (printed, new)],
                places[where[0]],
            )
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


def run(versions: list[Version], course: Path, problem_set: str, tier: str, seed: int) -> dict:
    """Run all in the sandbox; returns check, inputs and expectations, by the check's name."""
    drawn = {
        check.name: (check, *grade.draw(check, "viva", str(seed)))
        for check in grade.load_checks(course, problem_set)[1]
    }
    for check, inputs, expectations in list(drawn.values()):
        if game := inputs.get("several", {}).get("weighted"):
            drawn["losses"] = replace(check, name="losses"), longer(game), expectations
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
    for result in grade.grade_all(submissions, course, problem_set, str(seed), tier, wanted=wanted):
        result.checks = [check for check in result.checks if check.name != "losses"]
        versions[int(result.digest)].result = result
        if result.digest == "0" and result.reason:  # the others would end alike
            fix = "look at the report of course grade first"
            raise CourseError(result.reason, submissions[0].path, fix)
    return drawn


# ---- what a version does, in words or as curves


def first_that_fails(own: Result, result: Result) -> str:
    full = {check.name for check in own.checks if check.score == check.points}
    lost = [c.title for c in result.checks if c.name in full and c.score < c.points]
    return f"“{lost[0]}”" if lost else "none of those that your own code passes"


def different(keys: list[str], own: dict, raw: dict, alike: Any) -> str:
    """Which entries of a raw answer are not those of the student's own version."""
    if all(raw.get(key) is None or is_error(raw[key]) for key in keys):
        return STOPS
    other = [key for key in keys if not alike(raw.get(key), own[key])]
    same = [plain(key) for key in keys if key not in other]
    if len(other) == len(keys) or 0 < len(same) < len(other) / 2:
        return " ".join(["all of them", *(["but", " · ".join(same)] if same else [])])
    return " · ".join(map(plain, other)) or "none of them"


def plain(key: str) -> str:
    return key.removeprefix("weighted: ")


def is_error(raw: Any) -> bool:
    return isinstance(raw, dict) and "error" in raw


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
    said = [f"{', '.join(elsewhere)} elsewhere"] * bool(elsewhere)
    said += [f"{', '.join(still)} not moved at all"] * bool(still)
    return "; ".join(said) or "all where they ended up before"


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


def picture(own: dict, options: list[dict]) -> str:
    """A PNG in base64: the losses with the student's own line, then those of each option."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.2), layout="constrained")
    axes = figure.subplots(1, 1 + len(options), sharey=True)
    for ax, title, lines in zip(axes, ["your own line", *LETTERS], [own, *options], strict=False):
        for (name, line), style in zip(lines.items(), LINES, strict=False):
            ax.plot(STEPS, line, style, label=name, lw=2)
        ax.set(title=title, xlabel="step", ylim=(-0.05, 1.05), yticks=[])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right", frameon=False)
    figure.savefig(file := io.BytesIO(), format="png", dpi=90)
    return base64.b64encode(file.getvalue()).decode()


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
            found = [curves([plain(key) for key in keys], raw, array) for raw in raws]
            if found[-1] != STOPS:
                yield LOSSES, "", [on_axes(lines, found[-1]) for lines in found]
        elif "G_after" in keys:
            start = dict(expectations["idle"][0])
            found = [moves(check.function, inputs, start, mine, raw, array) for raw in raws]
            yield MOVES, "", found
        elif keys := [k for k in keys if mine.get(k) is not None and not is_error(mine[k])]:
            about = f"The check “{check.title}” reads: {' · '.join(map(plain, keys))}. "
            yield DIFFERENT, about, [different(keys, mine, raw, alike) for raw in raws]


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
            lost = [check.message for check in version.result.checks if check.message]
            return {
                "kind": kind,
                "function": version.function,
                "ask": about + kind,
                "diff": version.diff,
                "options": texts[: len(options)],
                "answer": LETTERS[right],
                "right": texts[right],
                "said": lost[0] if lost else "",
                "picture": drawn,
                "version": version,
            }
    return None


def make(course: Path, problem_set: str, student: str, seed: int, tier: str) -> dict:
    """What the pages show. Raises CourseError where nothing can be asked, or code is stopped."""
    submission, rng = read(course, problem_set, student), random.Random(seed)
    functions = grade.open_checks(course, problem_set).FUNCTIONS[problem_set]
    changed_texts = importlib.import_module("checks.mutation").changes
    tried: dict[str, list[Version]] = {}
    for name in functions:
        found: list[Version] = []
        with contextlib.suppress(RecursionError):  # nested deeper than Python can print
            found = changes(submission, name, changed_texts)
        most = TRIED_OF_A_STEP if name in PLAYERS else TRIED
        tried[name] = rng.sample(found, min(most, len(found)))
    own = Version(replace(submission))
    drawn = run([own, *itertools.chain(*tried.values())], course, problem_set, tier, seed)
    scored = {check.function for check in own.result.checks if check.score}
    pools = [
        (*kind, versions)
        for name, versions in tried.items()
        if versions and name in scored
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
        what = "no question can be made: no function that can be changed earns points"
        raise CourseError(what, submission.path, "look at the report of course grade first")
    places = sorted({find(submission.cells, one["function"])[0] for one in made})
    return {
        "of": own.result,
        "seed": seed,
        "questions": made,
        "code": [safe.block(submission.cells[place]["source"]) for place in places],
        "wanted": QUESTIONS,
    }


def write(folder: Path, viva: dict, practice: bool) -> list[Path]:
    """The sheet (HTML, Markdown) and its key, or the sheet for practice with folded answers."""
    of = viva["of"]
    folder.mkdir(parents=True, exist_ok=True)
    pages = ("practice.md",) if practice else ("sheet.html", "sheet.md", "key.md")
    paths = [folder / f"{of.problem_set}-{of.student}-{viva['seed']}-{page}" for page in pages]
    for path, page in zip(paths, pages, strict=True):
        template = PAGES.get_template(f"viva{path.suffix}")
        replace_file(path, template.render(viva | {"page": page.split(".")[0]}).encode())
    return paths
