"""How much the checks of the problem sets find: makes two tables of ``assignments/manual.md``.

    python -m tools.making.mutants ps2 [FUNCTION ...]
    python -m tools.making.mutants ps2 --changes [FUNCTION ...]

The first prints each solution, its points and the messages, the second the small changes that keep
all points. ``all`` in place of ``ps2`` runs every problem set and writes the table. The status is 1
where a wrong solution keeps its points or gets another message, where a right one loses some, or
where fewer than 95 of 100 small changes lose points or answer other inputs as the right solution
does.

The solutions stand in ``assignments/mutants/psN/FUNCTION.txt``. A table has two parts, each below a
line with its name. ``RIGHT`` has right solutions, first the reference, then some that are written
differently or look wrong: a line ``ok_NAME | what is special about it``, then the code. ``WRONG``
has mistakes, first those whose message teaches something, then subtle ones, each told by what
differs from the reference:

    no_detach | D learns on a fake that is not detached. | detached
    ~ fake_y.detach() -> fake_y

    d_moves_twice | D's optimiser steps in G's update, too. | one each
         g_loss.backward()
    +    opt_D.step()

The first line has the name, the mistake, and a part of the message that a student should get. ``~
OLD -> NEW`` replaces a part of a line. As in a diff, ``-`` takes a line out, ``+`` puts one in, and
a line with a blank in front stays; such lines stand together in the reference, up to the next ``-``
after a ``+`` or a line ``...``. What an edit replaces must be in the reference exactly once. Empty
lines part the rows, so an empty line of code is a lone ``-`` or ``+``.

Every solution begins with the imports below, or with the table's own part ``HEAD``.

Small changes are made by the rules of :mod:`assignments.grader.viva.changes`. mutmut and cosmic-ray
were looked at: they change the files of a project, start its tests for each change, and know
neither of arguments, calls nor reductions, which is what students confuse. Here a solution is a
text of ten lines.
"""

import ast
import contextlib
import difflib
import functools
import hashlib
import importlib
import io
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from assignments.grader.course import open_checks
from assignments.grader.viva.changes import changes
from tools.tracked import ROOT

COURSE = ROOT / "assignments"
MUTANTS, HANDBOOK = COURSE / "mutants", COURSE / "manual.md"
HEAD = "import torch\nimport torch.nn.functional as F"
FUNCTIONS = open_checks(COURSE, "ps1").FUNCTIONS
SECONDS = 10  # what one change may take; the right solutions take a tenth of it
MATRIX = """| | functions | wrong solutions found | right ones at full marks |
|---|---|---|---|
"""
CHANGES = """| | changes | lose points | the same answers to other inputs | keep all points |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Variant:
    """One solution, wrong or right."""

    name: str
    mistake: str  # of a right one: what is special about it
    message: str | None  # what one message must hold; None for a right one
    code: str


@dataclass(frozen=True)
class Row:
    """What one variant reached."""

    function: str
    variant: Variant
    points: float
    total: int
    findings: tuple[tuple[str, str], ...]  # (check, message) of each check that took points

    @property
    def good(self) -> bool:
        """Whether a right variant kept all points, or a wrong one lost some with its message."""
        if self.variant.message is None:
            return not self.findings
        part = self.variant.message.lower()
        return any(part in message.lower() for _, message in self.findings)


# ---- the tables


def parts(path: Path) -> dict[str, str]:
    """The parts of a table; ``HEAD`` is what stands above each solution: imports, numbers."""
    _, *texts = re.split(r"^==== (\w+) ====\n", path.read_text(encoding="utf-8"), flags=re.M)
    return {"HEAD": HEAD} | {n: t.strip("\n") for n, t in zip(texts[::2], texts[1::2], strict=True)}


def read(path: Path) -> list[Variant]:
    """The variants of one table: wrong ones first, then right ones.

    Raises ValueError with the name of a row that is not sound.
    """
    table = parts(path)
    right, wrong = [], []
    for text in re.split(r"^(?=ok_\w+ \| )", table["RIGHT"], flags=re.MULTILINE)[1:]:
        title, _, code = text.partition("\n")
        name, special = title.split(" | ", 1)
        right.append(Variant(name, special, None, joined(table["HEAD"], code)))
    for text in re.split(r"\n{2,}", table["WRONG"]):
        title, *lines = text.split("\n")
        if title.count(" | ") != 2:
            raise ValueError(f"{path}, {title}: not 'NAME | the mistake | a part of the message'")
        name, mistake, message = title.split(" | ")
        try:
            wrong.append(Variant(name, mistake, message, changed(right[0].code, lines)))
            compile(wrong[-1].code, name, "exec")
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"{path}, {name}: {error}") from error
    return wrong + right


def joined(imports: str, code: str) -> str:
    """The code below the imports, as a formatter would space it."""
    code = code.strip("\n") + "\n"
    gap = "\n\n\n" if re.match(r"def |class |@", code) else "\n\n"
    return f"{imports}{gap}{code}"


def edits(lines: list[str]) -> list[tuple[str, str, bool]]:
    """The edits of a row: what is replaced, by what, and whether these are whole lines."""
    rows, old, new, marks = [], "", "", ""
    for line in [*lines, "..."]:
        mark = line[0]
        if marks and (mark not in " -+" or (mark == "-" and "+" in marks)):
            rows.append((old, new, True))
            old = new = marks = ""
        if mark in " -+":
            old += line[1:] + "\n" if mark != "+" else ""
            new += line[1:] + "\n" if mark != "-" else ""
            marks += mark
        elif line.startswith("~ ") and line.count(" -> ") == 1:
            rows.append((*line[2:].split(" -> "), False))
        elif line != "...":
            raise ValueError(f"this is no edit: {line!r}")
    return rows


def changed(base: str, lines: list[str]) -> str:
    """The base with the edits of a row. Raises ValueError if they do not fit, each in one place."""
    places = []
    for old, new, whole in edits(lines):
        if not old:
            raise ValueError(f"where to? A line of the base is wanted beside {new!r}")
        pattern = ("(?m)^" if whole else "") + f"(?={re.escape(old)})"
        starts = [match.start() for match in re.finditer(pattern, base)]
        if len(starts) != 1:
            raise ValueError(f"the base must have {old!r} exactly once, not {len(starts)} times")
        places.append((starts[0], starts[0] + len(old), new))
    places.sort()
    if not places or any(end > start for (_, end, _), (start, _, _) in pairwise(places)):
        raise ValueError("there is no edit, or two of them overlap")
    for start, end, new in reversed(places):
        base = base[:start] + new + base[end:]
    return base


def variants(ps: str, function: str) -> list[Variant]:
    """The solutions of one function: wrong ones first, then right ones."""
    return read(MUTANTS / ps / f"{function}.txt")


# ---- what the checks think of them


@functools.lru_cache(maxsize=64)
def prepared(ps: str, at: int, *keys: str) -> str:
    """Inputs and expectations of a check as JSON: with one key they serve many solutions."""
    checks = open_checks(COURSE, ps)
    item = checks.load(ps)[at]
    return json.dumps(item.prepare(checks.contract.generator(*keys, item.name)))


def verdicts(
    ps: str, names: dict, keys: tuple[str, ...], function: str | None = None
) -> Iterator[tuple]:
    """Each check with the raw answer of the functions in ``names``, and what is thought of it.

    Answers travel as JSON, as in grading. ``function`` leaves out the checks of all other ones.
    """
    checks, probes = open_checks(COURSE, ps), importlib.import_module(f"checks.probes.{ps}")
    for at, item in enumerate(checks.load(ps)):
        if function in (None, item.function):
            inputs, expectations = json.loads(prepared(ps, at, *keys))
            answer = checks.probes.tools.run(getattr(probes, item.probe), names, inputs)
            raw = json.loads(json.dumps(answer))
            yield item, raw, item.judge(inputs, expectations, raw)


def grade(ps: str, names: dict, *keys: str, function: str | None = None) -> tuple[float, tuple]:
    """Points of the functions in ``names``, and (check, message) of each check that took some."""
    points, findings = 0.0, []
    for item, _, verdict in verdicts(ps, names, keys, function):
        points += item.points * verdict.share
        if verdict.share < 1:
            findings.append((item.name, verdict.message))
    return points, tuple(findings)


def row(ps: str, function: str, variant: Variant, key: str = "matrix") -> Row:
    """Run all checks of ``function`` on one variant."""
    names: dict = {"__name__": variant.name}
    exec(compile(variant.code, f"{ps}/{function}/{variant.name}", "exec"), names)
    items = open_checks(COURSE, ps).load(ps)
    total = sum(item.points for item in items if item.function == function)
    points, findings = grade(ps, names, key, function=function)
    return Row(function, variant, points, total, findings)


def matrix(ps: str, functions: tuple[str, ...] = ()) -> list[Row]:
    """All rows of a problem set, or of some of its functions."""
    return [
        row(ps, function, variant)
        for function in functions or FUNCTIONS[ps]
        for variant in variants(ps, function)
    ]


def table(ps: str, rows: list[Row]) -> str:
    """The counts as a line of the handbook's table."""
    functions = len({r.function for r in rows})
    wrong = [r.good for r in rows if r.variant.message is not None]
    right = [r.good for r in rows if r.variant.message is None]
    counts = (f"{sum(found)} of {len(found)}" for found in (wrong, right))
    return f"| `{ps}` | {functions} | {' | '.join(counts)} |\n"


def show(rows: list[Row]) -> None:
    """Print points and messages of each variant; a mark where they are not as they should be."""
    for r in rows:
        mark = " " if r.good else "!"
        print(f"{mark} {r.function} {r.variant.name}: {r.points:.2f} of {r.total}")
        for name, message in r.findings:
            print(f"      {name}: {message}")


# ---- small changes


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what takes longer."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def answers(ps: str, function: str, code: str, key: str) -> list[object] | None:
    """The raw answer of each check, None if one takes points. Raises what stops the code."""
    names: dict = {"__name__": "changed"}
    raws, nowhere = [], io.StringIO()
    with at_most(SECONDS), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        exec(compile(code, "changed", "exec"), names)
        for _, raw, verdict in verdicts(ps, names, (key,), function):
            if verdict.share < 1:
                return None
            raws.append(raw)
    return raws


def alike(a: object, b: object) -> bool:
    """Whether two raw answers are the same up to the rounding of float64."""
    if isinstance(a, dict) and isinstance(b, dict) and not {"shape", "error"} & a.keys():
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    return importlib.import_module("checks.judges").matches(a, b, 1e-9, 1e-12)


def fate(ps: str, function: str, base: str, change: str) -> str:
    """``killed`` where points are lost, ``same`` where other inputs get the answers of the base.

    Else ``alive``.
    """
    try:
        for key in ("mutation", "other", "third"):
            mine = answers(ps, function, change, key)
            if mine is None:
                return "killed"
            if key != "mutation" and not all(map(alike, mine, answers(ps, function, base, key))):
                return "alive"
    except Exception:  # it does not even run, or not in time
        return "killed"
    return "same"


def count(functions: list[tuple[str, str]], every: int = 1, show: tuple[str, ...] = ()) -> Counter:
    """How many changes end in which way; one of ``every`` is tried, chosen by a hash of its text.

    Those that end as ``show`` says are printed.
    """
    fates: Counter = Counter()
    for ps, function in functions:
        given = len(parts(MUTANTS / ps / f"{function}.txt")["HEAD"].splitlines())
        for variant in (v for v in variants(ps, function) if v.message is None):
            base = ast.unparse(ast.parse(variant.code)).splitlines()
            for change in changes(variant.code, given):
                if int(hashlib.sha256(change.encode()).hexdigest()[:6], 16) % every:
                    continue
                end = fate(ps, function, variant.code, change)
                fates[end] += 1
                if end in show:
                    lines = difflib.unified_diff(base, change.splitlines(), n=0)
                    print(end, function, variant.name, *list(lines)[3:], sep="\n    ")
    return fates


def share(fates: Counter) -> float:
    """The share of the changes that lose points, or change nothing that was asked for."""
    return (fates["killed"] + fates["same"]) / fates.total()


def line(ps: str, fates: Counter) -> str:
    """The counts as a line of the handbook's table."""
    killed = f"{fates['killed']} ({fates['killed'] / fates.total():.1%})"
    return f"| `{ps}` | {fates.total()} | {killed} | {fates['same']} | {fates['alive']} |\n"


# ---- the command


def written(name: str, text: str) -> None:
    """Put a table into the handbook, between its comment and the next ``<!-- end -->``."""
    page = HANDBOOK.read_text(encoding="utf-8")
    place = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    HANDBOOK.write_text(place.sub(lambda _: text, page), encoding="utf-8")


def main(arguments: list[str]) -> int:
    small = "--changes" in arguments
    ps, *functions = [word for word in arguments if word != "--changes"] or [""]
    if ps != "all" and (ps not in FUNCTIONS or not set(functions) <= set(FUNCTIONS[ps])):
        sets = ",".join(FUNCTIONS)
        print(f"usage: {{all,{sets}}} [--changes] [FUNCTION ...]", file=sys.stderr)
        return 2
    text, good = CHANGES if small else MATRIX, True
    for name in FUNCTIONS if ps == "all" else [ps]:
        if small:
            shown = ("alive",) if ps == "all" else ("alive", "same")
            fates = count([(name, f) for f in functions or FUNCTIONS[name]], show=shown)
            text, good = text + line(name, fates), good and share(fates) >= 0.95
        else:
            rows = matrix(name, tuple(functions))
            show([r for r in rows if ps != "all" or not r.good])
            text, good = text + table(name, rows), good and all(r.good for r in rows)
    print(text)
    if ps == "all":
        written("small changes" if small else "kill matrix", text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
