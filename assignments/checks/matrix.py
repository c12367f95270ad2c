"""The kill matrix: wrong solutions of the corpus lose points for the right reason, right ones none.

``python -m checks.matrix ps1 [FUNCTION ...]`` prints it, and ends with status 1 if anything is not
as it should be. ``python -m checks.matrix all`` runs every problem set and writes the table of the
handbook, ``assignments/manual.md``. :mod:`checks.corpus` tells how the corpus is written.
"""

import functools
import importlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from checks import FUNCTIONS, Check, Verdict, load
from checks.contract import generator
from checks.corpus import MUTANTS, Variant, read
from checks.probes import tools

HANDBOOK = MUTANTS.parent / "manual.md"
HEADER = """| | functions | wrong solutions found | right ones at full marks |
|---|---|---|---|
"""


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


@functools.lru_cache(maxsize=64)
def prepared(item: Check, *keys: str) -> str:
    """Inputs and expectations as JSON: with one key they serve many solutions."""
    return json.dumps(item.prepare(generator(*keys, item.name)))


def verdicts(
    ps: str, names: dict, keys: tuple[str, ...], function: str | None = None
) -> Iterator[tuple[Check, object, Verdict]]:
    """Each check with the raw answer of the functions in ``names``, and what is thought of it.

    Answers travel as JSON, as in grading. ``function`` leaves out the checks of all other ones.
    """
    probes = importlib.import_module(f"checks.probes.{ps}")
    for item in load(ps):
        if function in (None, item.function):
            inputs, expectations = json.loads(prepared(item, *keys))
            raw = json.loads(json.dumps(tools.run(getattr(probes, item.probe), names, inputs)))
            yield item, raw, item.judge(inputs, expectations, raw)


def grade(ps: str, names: dict, *keys: str, function: str | None = None) -> tuple[float, tuple]:
    """Points of the functions in ``names``, and (check, message) of each check that took some."""
    points, findings = 0.0, []
    for item, _, verdict in verdicts(ps, names, keys, function):
        points += item.points * verdict.share
        if verdict.share < 1:
            findings.append((item.name, verdict.message))
    return points, tuple(findings)


def variants(ps: str, function: str) -> list[Variant]:
    """The corpus of one function: wrong ones first, then right ones."""
    return read(MUTANTS / ps / f"{function}.txt")


def row(ps: str, function: str, variant: Variant, key: str = "matrix") -> Row:
    """Run all checks of ``function`` on one variant."""
    names: dict = {"__name__": variant.name}
    exec(compile(variant.code, f"{ps}/{function}/{variant.name}", "exec"), names)
    total = sum(item.points for item in load(ps) if item.function == function)
    points, findings = grade(ps, names, key, function=function)
    return Row(function, variant, points, total, findings)


def matrix(ps: str, functions: tuple[str, ...] = (), key: str = "matrix") -> list[Row]:
    """All rows of a problem set, or of some of its functions."""
    rows = []
    for function in functions or FUNCTIONS[ps]:
        rows += [row(ps, function, variant, key) for variant in variants(ps, function)]
    return rows


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
        print(
            f"{' ' if r.good else '!'} {r.function} {r.variant.name}: {r.points:.2f} of {r.total}"
        )
        for name, message in r.findings:
            print(f"      {name}: {message}")


def written(name: str, text: str) -> None:
    """Put a table into the handbook, between its comment and the next ``<!-- end -->``."""
    page = HANDBOOK.read_text(encoding="utf-8")
    place = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    HANDBOOK.write_text(place.sub(lambda _: text, page), encoding="utf-8")


def main(arguments: list[str]) -> int:
    ps, *functions = arguments or [""]
    if ps != "all" and (ps not in FUNCTIONS or not set(functions) <= set(FUNCTIONS[ps])):
        sets = ",".join(FUNCTIONS)
        print(f"usage: python -m checks.matrix {{all,{sets}}} [FUNCTION ...]", file=sys.stderr)
        return 2
    rows = {name: matrix(name, tuple(functions)) for name in (FUNCTIONS if ps == "all" else [ps])}
    lines = HEADER + "".join(table(name, rows[name]) for name in rows)
    if ps == "all":
        written("kill matrix", lines)
    else:
        show(rows[ps])
    print(lines)
    return 0 if all(r.good for some in rows.values() for r in some) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
