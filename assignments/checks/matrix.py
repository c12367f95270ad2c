"""The kill matrix: every wrong solution of the corpus must lose points for the right reason, every right one none.

``python -m checks.matrix ps1 [FUNCTION ...]`` prints it and ends with status 1 if anything is not as it should be.
``python -m checks.matrix all`` runs every problem set and writes the table of the handbook, ``assignments/README.md``.

``python -m checks.matrix --show ps1 FUNCTION NAME`` prints one solution as a file of its own.

The corpus is in ``mutants/psN/FUNCTION.py``; :mod:`checks.corpus` tells how it is written.
"""

import functools
import importlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from checks import FUNCTIONS, Check, load
from checks.contract import generator
from checks.corpus import Variant, read
from checks.probes import tools

MUTANTS = Path(__file__).resolve().parent.parent / "mutants"
HANDBOOK = MUTANTS.parent / "README.md"
TABLE = re.compile(r"(?<=<!-- kill matrix -->\n).*?(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """What one variant reached."""

    function: str
    variant: str
    mistake: str
    points: float
    of: int
    findings: tuple[tuple[str, str], ...]  # (check, message) of each check that took points
    keyword: str | None  # what one message must hold; None for a right variant

    @property
    def killer(self) -> tuple[str, str] | None:
        """The first finding whose message fits."""
        fits = [
            found
            for found in self.findings
            if self.keyword and self.keyword.lower() in found[1].lower()
        ]
        return fits[0] if fits else None

    @property
    def good(self) -> bool:
        """Whether a right variant kept all points, or a wrong one lost some with a fitting message."""
        return not self.findings if self.keyword is None else self.killer is not None


@functools.lru_cache(maxsize=64)
def prepared(item: Check, *keys: str) -> str:
    """Inputs and expectations as JSON: with one key they serve many solutions."""
    return json.dumps(item.prepare(generator(*keys, item.name)))


def grade(
    checks: list[Check], names: dict, probes, *keys: str
) -> tuple[float, tuple[tuple[str, str], ...]]:
    """Points and findings of the given checks on the functions in ``names``. Answers travel as JSON, as in grading."""
    points, findings = 0.0, []
    for item in checks:
        inputs, expectations = json.loads(prepared(item, *keys))
        raw = json.loads(json.dumps(tools.run(getattr(probes, item.probe), names, inputs)))
        verdict = item.judge(inputs, expectations, raw)
        points += item.points * verdict.share
        if verdict.share < 1:
            findings.append((item.name, verdict.message))
    return points, tuple(findings)


def variants(ps: str, function: str) -> list[Variant]:
    """The corpus of one function: wrong ones first, then right ones."""
    return read(MUTANTS / ps / f"{function}.py")


def row(ps: str, function: str, variant: Variant, key: str = "matrix") -> Row:
    """Run all checks of ``function`` on one variant."""
    checks = [item for item in load(ps) if item.function == function]
    names: dict = {"__name__": variant.name}
    exec(compile(variant.source, f"{ps}/{function}/{variant.name}", "exec"), names)
    points, findings = grade(checks, names, importlib.import_module(f"checks.probes.{ps}"), key)
    total = sum(item.points for item in checks)
    return Row(function, variant.name, variant.mistake, points, total, findings, variant.message)


def matrix(ps: str, functions: tuple[str, ...] = (), key: str = "matrix") -> list[Row]:
    """All rows of a problem set, or of some of its functions."""
    return [
        row(ps, f, variant, key) for f in functions or FUNCTIONS[ps] for variant in variants(ps, f)
    ]


def counts(rows: list[Row]) -> tuple[int, int, int, int, int]:
    """Functions; wrong variants dead with a fitting message, of how many; right ones at full marks, of how many."""
    wrong, right = ([r for r in rows if (r.keyword is None) == ok] for ok in (False, True))
    functions = len({r.function for r in rows})
    return functions, sum(r.good for r in wrong), len(wrong), sum(r.good for r in right), len(right)


def summary(rows: list[Row]) -> str:
    """The counts in one line."""
    line = "{} functions: {} of {} mutants dead, {} of {} right ones at full marks"
    return line.format(*counts(rows))


def table(ps: str, rows: list[Row]) -> str:
    """The counts as a line of the handbook's table."""
    line = "| `{}` | {} | {} of {} | {} of {} |\n"
    return line.format(ps, *counts(rows))


def show(rows: list[Row]) -> None:
    """Print the table, one function after the other."""
    function = None
    for r in rows:
        if r.function != function:
            function = r.function
            print(f"\n{function}")
        name, message = r.killer or (r.findings[0] if r.findings else ("", ""))
        note = (
            ""
            if r.good
            else "LOSES POINTS "
            if r.keyword is None
            else f"no message with {r.keyword!r} "
        )
        print(
            f"  {'' if r.good else '! '}{r.variant:28} {r.points:5.2f} of {r.of:2}  {note}{name}: {message}".rstrip(
                ": "
            )
        )


def handbook() -> int:
    """Run everything and write the table; returns the exit status."""
    lines, good = (
        [
            "| | functions | wrong solutions found | right ones at full marks |\n",
            "|---|---|---|---|\n",
        ],
        True,
    )
    for ps in FUNCTIONS:
        rows = matrix(ps)
        print(f"{ps}: {summary(rows)}")
        lines.append(table(ps, rows))
        good = good and all(r.good for r in rows)
    text = HANDBOOK.read_text(encoding="utf-8")
    HANDBOOK.write_text(TABLE.sub(lambda _: "".join(lines), text), encoding="utf-8")
    return 0 if good else 1


def main(arguments: list[str]) -> int:
    if arguments == ["all"]:
        return handbook()
    if (
        len(arguments) == 4
        and arguments[0] == "--show"
        and arguments[2] in FUNCTIONS.get(arguments[1], ())
    ):
        found = {variant.name: variant for variant in variants(*arguments[1:3])}
        if arguments[3] in found:
            print(found[arguments[3]].source, end="")
            return 0
        print(
            f"{arguments[2]} has no variant {arguments[3]}; there are {', '.join(found)}",
            file=sys.stderr,
        )
        return 2
    if (
        not arguments
        or arguments[0] not in FUNCTIONS
        or not set(arguments[1:]) <= set(FUNCTIONS[arguments[0]])
    ):
        sets = ",".join(FUNCTIONS)
        print(f"usage: python -m checks.matrix {{all,{sets}}} [FUNCTION ...]", file=sys.stderr)
        print(f"       python -m checks.matrix --show {{{sets}}} FUNCTION NAME", file=sys.stderr)
        return 2
    rows = matrix(arguments[0], tuple(arguments[1:]))
    show(rows)
    print(f"\n{summary(rows)}")
    return 0 if rows and all(r.good for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
