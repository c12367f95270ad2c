"""Small changes of a solution, made by rule, as somebody may get it wrong."""

import ast
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
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
    *("item", "float", "list", "tuple", "dict"),
    *("strict", "set_to_none", "contiguous", "inplace"),
}


def changes(code: str, given: int = 0) -> list[str]:
    """The texts of all small changes of one solution below its ``given`` lines, each once.

    They are printed as ``ast.unparse`` prints them; what is still the same text is left out.
    """
    tree = ast.parse(code)
    texts = {ast.unparse(tree): None}  # in the order in which they are made
    for node, params in written(tree, [], given):
        for other in alternatives(node, params):
            # deepcopy puts the other node where it comes to this one
            texts[ast.unparse(copy.deepcopy(tree, {id(node): other}))] = None
    return list(texts)[1:]


def written(node: ast.AST, params: list[str], given: int) -> Iterator[tuple[ast.AST, list[str]]]:
    """All that a student wrote within a node, each part with the parameters of the function around
    it: no imports or parameters, nothing in the ``given`` lines.
    """
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        params = [a.arg for a in node.args.args if a.arg != "self"] or params
    for child in ast.iter_child_nodes(node):
        is_given = isinstance(child, ast.stmt) and child.end_lineno <= given
        is_unasked = isinstance(child, ast.keyword) and child.arg in UNASKED
        fixed = ast.arguments | ast.Import | ast.ImportFrom
        if not (is_given or is_unasked or isinstance(child, fixed)):
            yield child, params
            yield from written(child, params, given)


def alternatives(node: ast.AST, params: list[str]) -> Iterator[ast.AST]:
    """Other nodes that could stand in place of this one."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in OPERATORS:
                yield ast.BinOp(left, OPERATORS[type(op)](), right)
            if not isinstance(op, ast.Add | ast.Mult):
                yield ast.BinOp(right, op, left)
            yield left
            yield right
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Compare(left, [op], right) if type(op) in OPERATORS:
            yield ast.Compare(left, [OPERATORS[type(op)]()], right)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Call(func, args, keywords):
            name = getattr(func, "attr", getattr(func, "id", ""))
            if isinstance(func, ast.Attribute) and name not in UNASKED:
                yield func.value
            if isinstance(func, ast.Attribute) and name in OTHER:
                yield ast.Call(ast.Attribute(func.value, OTHER[name]), args, keywords)
            if len(args) == 1 and name not in UNASKED:
                yield args[0]
            for order in neighbours_swapped(args):
                yield ast.Call(func, order, keywords)
            for keyword in keywords:
                if keyword.arg not in UNASKED:
                    yield ast.Call(func, args, [other for other in keywords if other != keyword])
        case ast.Tuple(parts, ast.Load()) | ast.List(parts, ast.Load()):
            for order in neighbours_swapped(parts):
                yield type(node)(order, ast.Load())
        case ast.Name(name, ast.Load()) if name in params and len(params) > 1:
            yield ast.Name(params[(params.index(name) + 1) % len(params)], ast.Load())
        case (
            ast.If(test, body, orelse)
            | ast.While(test, body, orelse)
            | ast.IfExp(test, body, orelse)
        ):
            yield type(node)(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Expr(ast.Call()) | ast.AugAssign():
            yield ast.Pass()
    if isinstance(getattr(node, "body", None), list) and not isinstance(node, ast.ClassDef):
        for order in neighbours_swapped(node.body):
            other = copy.copy(node)
            other.body = order
            yield other


def neighbours_swapped(parts: list) -> Iterator[list]:
    """The parts in each order in which two neighbours change places."""
    for i in range(len(parts) - 1):
        yield [*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]]
