"""The corpus: wrong and right solutions of each graded function, in ``mutants/psN/FUNCTION.txt``.

A table has two parts, each below a line with its name. ``RIGHT`` has right solutions, first the
reference, then some that are written differently or look wrong: a line ``ok_NAME | what is special
about it``, then the code. ``WRONG`` has mistakes, first those whose message teaches something, then
subtle ones, each told by what differs from the reference:

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
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

MUTANTS = Path(__file__).resolve().parent.parent / "mutants"
HEAD = "import torch\nimport torch.nn.functional as F"


@dataclass(frozen=True)
class Variant:
    """One solution, wrong or right."""

    name: str
    mistake: str  # of a right one: what is special about it
    message: str | None  # what one message must hold; None for a right one
    code: str


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
