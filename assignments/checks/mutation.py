"""Mistakes that nobody thought of: every small change of every right solution must lose points, too.

``python -m checks.mutation ps1 [FUNCTION ...]`` prints the changes that keep all points; ``python -m checks.mutation all``
runs every problem set and writes the table of the handbook. Half of all changes, drawn by a hash, is held back: of it
only the count is shown, so that the checks cannot be tuned to it.

Tools that change programs (mutmut, cosmic-ray) change files of a project and start its tests once for each. Here a
solution is a text of ten lines that is run in this process, and what students confuse are arguments, calls and reductions.
"""

import ast
import copy
import hashlib
import importlib
import io
import json
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from checks import FUNCTIONS, load
from checks.contract import generator
from checks.corpus import HEAD
from checks.matrix import HANDBOOK, MUTANTS, variants
from checks.probes import tools

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
PAIRS = (
    "mean sum",
    "abs square",
    "zeros ones",
    "zeros_like ones_like",
    "min max",
    "exp log",
    "sin cos",
    "relu softplus",
)
PAIRS += ("randn rand", "train eval", "ReLU Tanh", "stdev pstdev", "floor ceil", "append remove", "fmean median")
OTHER = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])}
# What these do is not asked for: whether a number comes back as float, a list as iterator, or a length is looked at twice.
UNASKED = {"item", "float", "list", "tuple", "dict", "strict", "set_to_none", "contiguous"}
EVEN = {"abs", "square", "mse_loss", "l1_loss", "MSELoss", "L1Loss"}  # of a difference, whichever way round
SECONDS = 10  # what one change may take; the right solutions take a tenth of it


@dataclass(frozen=True)
class Change:
    """A right solution with one small change."""

    variant: str
    kind: str
    line: int
    code: str

    @property
    def held(self) -> bool:
        """Whether it belongs to the half that is never looked at."""
        return hashlib.sha256(f"{self.variant} {self.code}".encode()).digest()[0] % 2 == 1


def name_of(node: ast.AST) -> str:
    """The last name of what is called."""
    return getattr(node, "attr", getattr(node, "id", ""))  # ast has one class for each way to write it


def alternatives(node: ast.AST, params: list[str], even: bool) -> Iterator[tuple[str, ast.AST | None]]:
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
                        ast.Call(ast.Attribute(func.value, OTHER[func.attr], ast.Load()), args, keywords),
                    )
            if len(args) == 1 and name_of(func) not in UNASKED:
                yield "call dropped", args[0]
            for i in range(len(args) - 1 if name_of(func) not in EVEN else 0):
                yield "arguments swapped", ast.Call(func, [*args[:i], args[i + 1], args[i], *args[i + 2 :]], keywords)
            for i in range(len(keywords)):
                if keywords[i].arg in UNASKED:
                    continue
                yield "keyword dropped", ast.Call(func, args, keywords[:i] + keywords[i + 1 :])
        case ast.Tuple(parts, ast.Load()) | ast.List(parts, ast.Load()):
            for i in range(len(parts) - 1):
                yield "order", type(node)([*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]], ast.Load())
        case ast.Name(name, ast.Load()) if name in params and len(params) > 1:
            yield "other argument", ast.Name(params[(params.index(name) + 1) % len(params)], ast.Load())
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
                if not isinstance(child, ast.AST) or isinstance(child, ast.arguments | ast.Import | ast.ImportFrom):
                    continue
                if isinstance(child, ast.stmt) and child.end_lineno <= given:
                    continue
                even = isinstance(node, ast.Attribute) and node.attr in EVEN
                for kind, other in alternatives(child, params, even):
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
    names = [{n.id: isinstance(n.ctx, ast.Store) for n in ast.walk(s) if isinstance(n, ast.Name)} for s in (one, two)]
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


def survivors(ps: str, function: str, found: list[Change], key: str = "mutation") -> list[Change]:
    """Those changes that keep all points."""
    probes, cases = importlib.import_module(f"checks.probes.{ps}"), []
    for item in load(ps):
        if item.function == function:
            cases.append((item, *json.loads(json.dumps(item.prepare(generator(key, item.name))))))

    def lives(change: Change) -> bool:
        names: dict = {"__name__": "changed"}
        try:
            with at_most(SECONDS), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                exec(compile(change.code, "changed", "exec"), names)
                for item, inputs, expectations in cases:
                    raw = json.loads(json.dumps(tools.run(getattr(probes, item.probe), names, inputs)))
                    if item.judge(inputs, expectations, raw).share < 1:
                        return False
        except Exception:  # it does not even run
            return False
        return True

    return [change for change in found if lives(change)]


def all_changes(ps: str, function: str) -> list[Change]:
    table = runpy.run_path(str(MUTANTS / ps / f"{function}.py"))
    given = len(table.get("HEAD", HEAD).strip("\n").splitlines())
    right = [v for v in variants(ps, function) if v.message is None]
    return [change for v in right for change in changes(v.name, v.code, given)]


def main(arguments: list[str]) -> int:
    import difflib

    functions = [
        (ps, f)
        for ps in FUNCTIONS
        for f in FUNCTIONS[ps]
        if ps in arguments and (len(arguments) == 1 or f in arguments)
    ]
    total = Counter()
    for ps, function in functions:
        found = [c for c in all_changes(ps, function) if not c.held]
        alive = survivors(ps, function, found)
        total["all"] += len(found)
        total["alive"] += len(alive)
        print(f"\n#### {function}: {len(alive)} of {len(found)} alive")
        bases = {v.name: ast.unparse(ast.parse(v.code)).splitlines() for v in variants(ps, function)}
        for c in alive:
            diff = [
                line
                for line in difflib.unified_diff(bases[c.variant], c.code.splitlines(), n=0, lineterm="")
                if line[:2] not in ("--", "++", "@@")
            ]
            print(f"-- {c.variant} {c.kind}: ", *diff, sep="\n      ")
    print(total)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
