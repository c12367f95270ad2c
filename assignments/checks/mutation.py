"""Mistakes that nobody thought of: small changes of right solutions, made by rule, lose points.

``python -m checks.mutation ps1 [FUNCTION ...]`` prints the changes that keep all points. ``all`` in
place of ``ps1`` runs every problem set and writes the table of the handbook. The status is 1 if
fewer than 95 of 100 changes lose points, or give the right solution's answers to other inputs, too.

mutmut and cosmic-ray were looked at: they change the files of a project, start its tests for each
change, and know neither of arguments, calls nor reductions, which is what students confuse. Here a
solution is a text of ten lines.
"""

import ast
import difflib
import hashlib
import io
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import pairwise

from checks import FUNCTIONS
from checks.corpus import MUTANTS, parts
from checks.judges import matches
from checks.matrix import variants, verdicts, written

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
PAIRS = """mean sum, abs square, zeros ones, zeros_like ones_like, min max, exp log, sin cos,
relu softplus, randn rand, train eval, ReLU Tanh, stdev pstdev, floor ceil, append remove,
fmean median"""
OTHER = {a: b for pair in PAIRS.split(",") for a, b in (pair.split(), pair.split()[::-1])}
# Not asked for: whether a number comes back as float, or a list as iterator, or a length is
# looked at twice.
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
EVEN = {"abs", "square", "pow", "min", "max", "logaddexp"}
EVEN |= {"mse_loss", "l1_loss", "MSELoss", "L1Loss"}
SECONDS = 10  # what one change may take; the right solutions take a tenth of it


def name_of(node: ast.AST) -> str:
    """The last name of what is called."""
    return getattr(node, "attr", getattr(node, "id", ""))  # an attribute, or a plain name


def neighbours_swapped(parts: list[ast.AST]) -> Iterator[list[ast.AST]]:
    """The parts in each order in which two neighbours change places."""
    for i in range(len(parts) - 1):
        yield [*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]]


def alternatives(node: ast.AST, params: list[str], even: bool) -> Iterator[ast.AST]:
    """Other nodes that could stand in place of this one; None where the statement is left out."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in OPERATORS:
                yield ast.BinOp(left, OPERATORS[type(op)](), right)
            if isinstance(op, ast.Sub | ast.Div | ast.Pow | ast.MatMult) and not even:
                yield ast.BinOp(right, op, left)
            yield left
            yield right
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Compare(left, [op], right) if type(op) in COMPARED:
            yield ast.Compare(left, [COMPARED[type(op)]()], right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
            if value not in (0, 1, 2):
                yield ast.Constant(2 * value)
        case ast.Call(func, args, keywords):
            if isinstance(func, ast.Attribute):
                if func.attr not in UNASKED:
                    yield func.value
                if func.attr in OTHER:
                    other = ast.Attribute(func.value, OTHER[func.attr], ast.Load())
                    yield ast.Call(other, args, keywords)
            if len(args) == 1 and name_of(func) not in UNASKED:
                yield args[0]
            for order in neighbours_swapped(args if name_of(func) not in EVEN else []):
                yield ast.Call(func, order, keywords)
            for keyword in keywords:
                if keyword.arg not in UNASKED:
                    others = [other for other in keywords if other is not keyword]
                    yield ast.Call(func, args, others)
        case ast.Tuple(parts, ast.Load()) | ast.List(parts, ast.Load()):
            for order in neighbours_swapped(parts):
                yield type(node)(order, ast.Load())
        case ast.Name(name, ast.Load()) if name in params and len(params) > 1:
            yield ast.Name(params[(params.index(name) + 1) % len(params)], ast.Load())
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.If(test, body, orelse) | ast.While(test, body, orelse):
            yield type(node)(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Expr(ast.Call()) | ast.AugAssign():
            yield ast.Pass()


def changes(code: str, given: int = 0) -> list[str]:
    """The texts of all small changes of one solution below its ``given`` lines, each once.

    What is still the same program is left out.
    """
    tree = ast.parse(code)
    texts = {ast.unparse(tree): None}  # in the order in which they are made

    def note() -> None:
        texts[ast.unparse(ast.fix_missing_locations(tree))] = None

    def visit(node: ast.AST, params: list[str]) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            params = [a.arg for a in node.args.args if a.arg != "self"] or params
        for name, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            for i, child in enumerate(list(children)):
                if is_code(child, given):
                    for other in alternatives(child, params, is_even(node)):
                        put(node, name, i, other)
                        note()
                    put(node, name, i, child)
                    visit(child, params)
            if name in ("body", "orelse") and isinstance(value, list):
                for order, (one, two) in zip(
                    neighbours_swapped(value), pairwise(value), strict=True
                ):
                    if bound(one, two):
                        setattr(node, name, order)
                        note()
                setattr(node, name, value)

    visit(tree, [])
    return list(texts)[1:]


def is_code(node: object, given: int) -> bool:
    """Whether a student wrote it: no imports or parameters, nothing in the ``given`` lines."""
    unasked = isinstance(node, ast.keyword) and node.arg in UNASKED
    if unasked or (isinstance(node, ast.stmt) and node.end_lineno <= given):
        return False
    fixed = ast.arguments | ast.Import | ast.ImportFrom
    return isinstance(node, ast.AST) and not isinstance(node, fixed)


def is_even(node: ast.AST) -> bool:
    """Whether the order of what stands in it does not matter, as in the square of a difference."""
    square = isinstance(node, ast.BinOp) and ast.unparse(node).endswith("** 2")
    return square or name_of(getattr(node, "func", node)) in EVEN


def bound(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether the order of two statements can matter: no definitions, and they share a name."""
    if any(isinstance(s, ast.FunctionDef | ast.ClassDef | ast.Import) for s in (one, two)):
        return False
    names = [
        {n.id: isinstance(n.ctx, ast.Store) for n in ast.walk(s) if isinstance(n, ast.Name)}
        for s in (one, two)
    ]
    calls = any(isinstance(s, ast.Expr) for s in (one, two))  # made for what it changes
    return any(calls or names[0][n] or names[1][n] for n in names[0].keys() & names[1].keys())


def put(node: ast.AST, name: str, i: int, child: ast.AST | None) -> None:
    """Make ``child`` the field ``name`` of a node, or its entry ``i`` where the field is a list."""
    if isinstance(getattr(node, name), list):
        getattr(node, name)[i] = child
    else:
        setattr(node, name, child)


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
    """The raw answer of each check, None if one takes points. Raises what stops the code."""
    names: dict = {"__name__": "changed"}
    raws = []
    with at_most(SECONDS), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
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
    return matches(a, b, 1e-9, 1e-12)


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


HEADER = """| | changes | lose points | the same answers to other inputs | keep all points |
|---|---|---|---|---|
"""


def line(ps: str, fates: Counter) -> str:
    """The counts as a line of the handbook's table."""
    killed = f"{fates['killed']} ({fates['killed'] / fates.total():.1%})"
    return f"| `{ps}` | {fates.total()} | {killed} | {fates['same']} | {fates['alive']} |\n"


def main(arguments: list[str]) -> int:
    ps, *functions = arguments or [""]
    if ps != "all" and ps not in FUNCTIONS:
        sets = ",".join(FUNCTIONS)
        print(f"usage: python -m checks.mutation {{all,{sets}}} [FUNCTION ...]", file=sys.stderr)
        return 2
    chosen, show = (FUNCTIONS, ("alive",)) if ps == "all" else ([ps], ("alive", "same"))
    fates = {
        name: count(
            [(name, f) for f in FUNCTIONS[name] if f in (functions or FUNCTIONS[name])], show=show
        )
        for name in chosen
    }
    text = HEADER + "".join(line(name, fates[name]) for name in fates)
    print(text)
    if ps == "all":
        written("mutation", text)
    return 0 if all(share(counted) >= 0.95 for counted in fates.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
