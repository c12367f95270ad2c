"""Mistakes that nobody thought of: small changes of every right solution, made by rule, must lose points, too.

``python -m checks.mutation ps1 [FUNCTION ...]`` prints the changes that keep all points; ``all`` in place of ``ps1``
runs every problem set and writes the table of the handbook. Half of all changes, drawn by a hash, is held back: of it
only counts are shown, so that nobody can tune the checks to it.

mutmut and cosmic-ray were looked at: they change the files of a project, start its tests for each change, and know
neither of arguments, calls nor reductions, which is what students confuse. Here a solution is a text of ten lines.
"""

import ast
import copy
import difflib
import hashlib
import importlib
import io
import json
import re
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from checks import FUNCTIONS, load
from checks.corpus import HEAD
from checks.judges import matches
from checks.matrix import HANDBOOK, MUTANTS, prepared, variants
from checks.probes import tools

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
PAIRS = """mean sum, abs square, zeros ones, zeros_like ones_like, min max, exp log, sin cos, relu softplus, randn rand,
train eval, ReLU Tanh, stdev pstdev, floor ceil, append remove, fmean median"""
OTHER = {a: b for pair in PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
# Not asked for: whether a number comes back as float, a list as iterator, or a length is looked at twice.
UNASKED = {
    "item",
    "float",
    "list",
    "tuple",
    "dict",
    "strict",
    "set_to_none",
    "contiguous",
    "inplace",
}
# Whichever way round: a difference in the first of these, the arguments of any.
EVEN = {
    "abs",
    "square",
    "pow",
    "min",
    "max",
    "logaddexp",
    "mse_loss",
    "l1_loss",
    "MSELoss",
    "L1Loss",
}
SECONDS = 10  # what one change may take; the right solutions take a tenth of it


@dataclass(frozen=True)
class Change:
    """A right solution with one small change."""

    variant: str
    kind: str
    line: int
    code: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.variant} {self.code}".encode()).hexdigest()

    @property
    def held(self) -> bool:
        """Whether it belongs to the half that is never looked at."""
        return int(self.digest[:2], 16) % 2 == 1


def name_of(node: ast.AST) -> str:
    """The last name of what is called."""
    return getattr(
        node, "attr", getattr(node, "id", "")
    )  # ast has one class for each way to write it


def alternatives(
    node: ast.AST, params: list[str], even: bool
) -> Iterator[tuple[str, ast.AST | None]]:
    """Other nodes that could stand in place of this one; None where the statement is left out."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in OPERATORS:
                yield "operator", ast.BinOp(left, OPERATORS[type(op)](), right)
            if isinstance(op, ast.Sub | ast.Div | ast.Pow | ast.MatMult) and not even:
                yield "operands swapped", ast.BinOp(right, op, left)
            yield "operand dropped", left
            yield "operand dropped", right
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield "sign dropped", operand
        case ast.Compare(left, [op], right) if type(op) in COMPARED:
            yield "comparison", ast.Compare(left, [COMPARED[type(op)]()], right)
        case ast.BoolOp(op, values):
            yield "and, or", ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)
        case ast.Constant(bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield "constant", ast.Constant(value + 1)
            yield "constant", ast.Constant(value - 1)
            if value not in (0, 1, 2):
                yield "constant", ast.Constant(2 * value)
        case ast.Call(func, args, keywords):
            if isinstance(func, ast.Attribute):
                if func.attr not in UNASKED:
                    yield "call dropped", func.value
                if func.attr in OTHER:
                    yield (
                        "other call",
                        ast.Call(
                            ast.Attribute(func.value, OTHER[func.attr], ast.Load()), args, keywords
                        ),
                    )
            if len(args) == 1 and name_of(func) not in UNASKED:
                yield "call dropped", args[0]
            for i in range(len(args) - 1 if name_of(func) not in EVEN else 0):
                yield (
                    "arguments swapped",
                    ast.Call(func, [*args[:i], args[i + 1], args[i], *args[i + 2 :]], keywords),
                )
            for i in range(len(keywords)):
                if keywords[i].arg in UNASKED:
                    continue
                yield "keyword dropped", ast.Call(func, args, keywords[:i] + keywords[i + 1 :])
        case ast.Tuple(parts, ast.Load()) | ast.List(parts, ast.Load()):
            for i in range(len(parts) - 1):
                yield (
                    "order",
                    type(node)([*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]], ast.Load()),
                )
        case ast.Name(name, ast.Load()) if name in params and len(params) > 1:
            yield (
                "other argument",
                ast.Name(params[(params.index(name) + 1) % len(params)], ast.Load()),
            )
        case ast.IfExp(_, body, orelse):
            yield "condition", body
            yield "condition", orelse
        case ast.If(test) | ast.While(test):
            changed = copy.deepcopy(node)
            changed.test = ast.UnaryOp(ast.Not(), test)
            yield "condition", changed
        case ast.Expr(ast.Call()) | ast.AugAssign():
            yield "statement dropped", ast.Pass()


def changes(variant: str, code: str, given: int = 0) -> list[Change]:
    """All small changes of one solution below its ``given`` lines, each once, without those that change nothing."""
    tree, found, seen = ast.parse(code), [], {ast.unparse(ast.parse(code))}

    def note(kind: str, line: int) -> None:
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text not in seen:
            seen.add(text)
            found.append(Change(variant, kind, line, text))

    def visit(node: ast.AST, params: list[str]) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            params = [a.arg for a in node.args.args if a.arg != "self"] or params
        for name, value in ast.iter_fields(node):
            places = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for i, child in places:
                if not isinstance(child, ast.AST) or isinstance(
                    child, ast.arguments | ast.Import | ast.ImportFrom
                ):
                    continue
                if isinstance(child, ast.keyword) and child.arg in UNASKED:
                    continue
                if isinstance(child, ast.stmt) and child.end_lineno <= given:
                    continue
                even = name_of(node) in EVEN or (
                    isinstance(node, ast.Call) and name_of(node.func) in EVEN
                )
                even = even or (isinstance(node, ast.BinOp) and ast.unparse(node).endswith("** 2"))
                for kind, other in alternatives(child, params, even):
                    if kind == "call dropped" and isinstance(
                        node, ast.Expr
                    ):  # the statement is dropped already
                        continue
                    put(node, name, i, other)
                    note(kind, child.lineno)
                    put(node, name, i, child)
                visit(child, params)
            if name in ("body", "orelse") and isinstance(value, list):
                for i in range(len(value) - 1):
                    if bound(value[i], value[i + 1]):
                        value[i], value[i + 1] = value[i + 1], value[i]
                        note("statements swapped", value[i].lineno)
                        value[i], value[i + 1] = value[i + 1], value[i]

    visit(tree, [])
    return found


def bound(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether the order of two statements can matter: they are no definitions, and share a name."""
    if any(isinstance(s, ast.FunctionDef | ast.ClassDef | ast.Import) for s in (one, two)):
        return False
    names = [
        {n.id: isinstance(n.ctx, ast.Store) for n in ast.walk(s) if isinstance(n, ast.Name)}
        for s in (one, two)
    ]
    calls = any(isinstance(s, ast.Expr) for s in (one, two))  # made for what it changes
    return any(calls or names[0][n] or names[1][n] for n in names[0].keys() & names[1].keys())


def put(node: ast.AST, name: str, i: int | None, child: ast.AST) -> None:
    if i is None:
        setattr(node, name, child)
    else:
        getattr(node, name)[i] = child


@contextmanager
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
    """The raw answer of each check, None if one takes points. Raises what stops the code elsewhere, or by time."""
    names: dict = {"__name__": "changed"}
    found = []
    probes = importlib.import_module(f"checks.probes.{ps}")
    with at_most(SECONDS), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        exec(compile(code, "changed", "exec"), names)
        for item in load(ps):
            if item.function == function:
                inputs, expectations = json.loads(prepared(item, key))
                raw = json.loads(json.dumps(tools.run(getattr(probes, item.probe), names, inputs)))
                if item.judge(inputs, expectations, raw).share < 1:
                    return None
                found.append(raw)
    return found


def alike(a: object, b: object) -> bool:
    """Whether two raw answers are the same up to the rounding of float64."""
    if isinstance(a, dict) and isinstance(b, dict) and not {"shape", "error"} & a.keys():
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    return matches(a, b, 1e-9, 1e-12)


def fate(ps: str, function: str, base: str, change: Change) -> str:
    """``killed`` if points are lost; ``same`` if other inputs, too, get the answers of the base; else ``alive``."""
    try:
        for key in ("mutation", "other", "third"):
            mine = answers(ps, function, change.code, key)
            if mine is None:
                return "killed"
            if key != "mutation" and not all(map(alike, mine, answers(ps, function, base, key))):
                return "alive"
    except Exception:  # it does not even run, or not in time
        return "killed"
    return "same"


def all_changes(ps: str, function: str) -> list[tuple[str, Change]]:
    """All changes of a function's right solutions, each with the text of its base."""
    table = runpy.run_path(str(MUTANTS / ps / f"{function}.py"))
    given = len(table.get("HEAD", HEAD).strip("\n").splitlines())
    right = [v for v in variants(ps, function) if v.message is None]
    return [(v.code, change) for v in right for change in changes(v.name, v.code, given)]


def count(
    functions: list[tuple[str, str]], every: int = 1, show: tuple[str, ...] = ()
) -> dict[bool, Counter]:
    """How the changes of both halves fare, the held one under True; one of ``every`` is tried, chosen by its digest."""
    found: dict[bool, Counter] = {False: Counter(), True: Counter()}
    for ps, function in functions:
        for base, change in all_changes(ps, function):
            if int(change.digest[2:8], 16) % every:
                continue
            end = fate(ps, function, base, change)
            if end == "alive" and not change.held and change.digest.startswith(READ):
                end = "read"
            found[change.held][end] += 1
            if end in show and not change.held:
                lines = difflib.unified_diff(
                    ast.unparse(ast.parse(base)).splitlines(), change.code.splitlines(), n=0
                )
                print(
                    f"{end} {change.digest[:7]} {function} {change.variant}",
                    *list(lines)[3:],
                    sep="\n    ",
                )
    return found


# Changes of the open half that give other answers and are right nevertheless, by their digests: float32 where only the
# value is asked for, noise of the other sign, places of a pool drawn otherwise and as likely, a longer command.
READ = (
    "6ea1167",
    "ec0ad82",
    "260783c",
    "54ee760",
    "d041967",
    "16f87c4",
    "3e7ea2e",
    "243b934",
    "f8383d3",
    "6218539",
)
READ += ("569e67e", "62fa78b", "c8f74a3", "f2f3eab", "b612083")
TABLE = re.compile(r"(?<=<!-- mutation -->\n).*?(?=<!-- end -->)", re.DOTALL)


def line(name: str, half: Counter) -> str:
    dead, same = half["killed"], half["same"] + half["read"]
    return f"| {name} | {half.total()} | {dead} ({dead / half.total():.1%}) | {same} | {half['alive']} |\n"


def main(arguments: list[str]) -> int:
    if arguments != ["all"] and (not arguments or arguments[0] not in FUNCTIONS):
        print(
            f"usage: python -m checks.mutation {{all,{','.join(FUNCTIONS)}}} [FUNCTION ...]",
            file=sys.stderr,
        )
        return 2
    sets = FUNCTIONS if arguments == ["all"] else arguments[:1]
    functions = [
        (ps, f) for ps in sets for f in FUNCTIONS[ps] if f in (arguments[1:] or FUNCTIONS[ps])
    ]
    found = count(functions, show=("alive",) if arguments == ["all"] else ("alive", "same"))
    text = "| half | changes | killed | the same, with other inputs, too | alive |\n|---|---|---|---|---|\n"
    text += line("open", found[False]) + line("held back", found[True])
    print(text)
    if arguments == ["all"]:
        page = HANDBOOK.read_text(encoding="utf-8")
        HANDBOOK.write_text(TABLE.sub(lambda _: text, page), encoding="utf-8")
    return 1 if found[False]["alive"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
