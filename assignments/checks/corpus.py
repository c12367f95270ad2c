"""The corpus: wrong and right solutions of every graded function, a table each, ``mutants/psN/FUNCTION.py``.

A table holds two texts. ``RIGHT`` has the right solutions: a line ``ok_NAME | what is special about it``, then
the code. The first one is the base. ``WRONG`` has the mistakes, each told by what differs from the base:

    no_detach | D learns on a fake that is not detached. | detached
    ~ fake_y.detach() -> fake_y

    d_moves_twice | D's optimiser steps in G's update, too. | one each
         g_loss.backward()
    +    opt_D.step()

The first line has the name, the mistake, and a part of the message that a student should get. ``~ OLD -> NEW`` replaces
a part of a line. As in a diff, ``-`` takes a line out, ``+`` puts one in, and a line with a blank in front stays; such
lines stand together in the base, up to the next ``-`` after a ``+`` or a line ``...``. What an edit replaces must be in
the base exactly once. Empty lines part the rows, so an empty line of code is a lone ``-`` or ``+``.

Every solution begins with the imports below, or with the table's own ``HEAD``. A table with a ``BASE`` has its base
there: right, too, but not one of the variants.
"""

import ast
import re
import runpy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

HEAD = "import torch\nimport torch.nn.functional as F"


@dataclass(frozen=True)
class Variant:
    """One solution, wrong or right."""

    name: str
    mistake: str  # of a right one: what is special about it
    message: str | None  # what one message must hold; None for a right one
    code: str

    @property
    def source(self) -> str:
        """The text of a file with this solution alone."""
        message = "" if self.message is None else f"\n\nmessage: {self.message}\n"
        return f'"""{self.mistake}{message}"""\n\n{self.code}'


def read(path: Path) -> list[Variant]:
    """The variants of one table: wrong ones first, then right ones. Raises ValueError with a row that is not sound."""
    table = runpy.run_path(str(path))
    head = table.get("HEAD", HEAD).strip("\n")
    before, *texts = re.split(r"^(?=ok_\w+ \| )", table["RIGHT"], flags=re.MULTILINE)
    if before.strip() or not texts:
        raise ValueError(f"{path}: RIGHT begins with a line 'ok_NAME | what is special about it'")
    right, wrong = [], []
    for text in texts:
        first, _, code = text.partition("\n")
        name, mistake = first.split(" | ", 1)
        right.append(Variant(name, mistake, None, joined(head, code)))
    base = joined(head, table["BASE"]) if "BASE" in table else right[0].code
    for text in re.split(r"\n{2,}", table["WRONG"].strip("\n")):
        first, *lines = text.split("\n")
        try:
            if first.count(" | ") != 2:
                raise ValueError("a row begins with 'NAME | the mistake | a part of the message'")
            wrong.append(Variant(*first.split(" | "), changed(base, lines)))
            ast.parse(wrong[-1].code)
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"{path}, {first.split(' | ')[0]}: {error}") from error
    variants = sorted(wrong, key=lambda v: v.name) + sorted(right, key=lambda v: v.name)
    if len({v.name for v in variants}) < len(variants) or any(
        v.name.startswith("ok_") for v in wrong
    ):
        raise ValueError(f"{path}: a name stands there twice, or a wrong solution is called ok_")
    return variants


def joined(head: str, code: str) -> str:
    """The code below the head, as a formatter would space it."""
    code = code.strip("\n") + "\n"
    gap = "\n\n\n" if re.match(r"def |class |@", code) else "\n\n"
    return f"{head}{gap}{code}" if head else code


def edits(lines: list[str]) -> list[tuple[str, str, bool]]:
    """The edits of a row: what is replaced, by what, and whether these are whole lines."""
    found, old, new, marks = [], "", "", ""
    for line in [*lines, "..."]:
        mark = line[0]
        if marks and (mark not in " -+" or (mark == "-" and "+" in marks)):
            found.append((old, new, True))
            old = new = marks = ""
        if mark in " -+":
            old += line[1:] + "\n" if mark != "+" else ""
            new += line[1:] + "\n" if mark != "-" else ""
            marks += mark
        elif line.startswith("~ ") and line.count(" -> ") == 1:
            found.append((*line[2:].split(" -> "), False))
        elif line != "...":
            raise ValueError(f"this is no edit: {line!r}")
    return found


def changed(base: str, lines: list[str]) -> str:
    """The base with the edits of a row. Raises ValueError if they do not fit, each in one place."""
    places = []
    for old, new, whole in edits(lines):
        if not old:
            raise ValueError(
                f"where to? A line of the base is wanted beside what is put in: {new!r}"
            )
        starts = [
            m.start()
            for m in re.finditer(("(?m)^" if whole else "") + f"(?={re.escape(old)})", base)
        ]
        if len(starts) != 1:
            raise ValueError(
                f"what is replaced must be in the base exactly once, not {len(starts)} times: {old!r}"
            )
        places.append((starts[0], starts[0] + len(old), new))
    places.sort()
    if not places or any(end > start for (_, end, _), (start, _, _) in pairwise(places)):
        raise ValueError("there is no edit, or two of them overlap")
    for start, end, new in reversed(places):
        base = base[:start] + new + base[end:]
    return base
