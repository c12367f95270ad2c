"""A Python file as a page to read: its own prose and equations on the left, its code on the right.

Nothing is written for this page. Docstrings and the comments that stand on lines of their own go
left, as Markdown, and all other lines go right, beside what was said of them. Each class, function
and method has a heading. In prose the sources write formulas as one types them, so that they can
be read in an editor, too, and :func:`tex` sets them as the field prints them:

    in a line       between dollars:     $-E[log D(y)]$
    on their own    indented, with " = ", the source two spaces or more behind:
                    L1(G) = E_{x,y} ||y - G(x)||_1        (eq. 3)

Another indented block stays as it is typed. TeX may be typed as well, and stands on its own between
double dollars, a number behind a quad at its end. A comment ``# ---- The networks ----`` is a
heading above those of functions.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from textwrap import dedent

# From a formula as it is typed to TeX: (what is typed, what is set), in this order
SIGNS = [
    (r"\bE(?=\[|_| ?\|\|)", r"\\mathbb{E}"),  # the expectation; E(y) is an encoder
    (r"\b([LN])(?=[(_^]| =|$)", r"\\mathcal{\1}"),
    (r"\bd (?=\w)", r"d\\,"),
    (r"\|\|(\S.*?\S|\S)\|\|", r"\\lVert \1\\rVert "),  # a norm has no space inside
    (r" \|\| ", r"\\,\\Vert\\,"),  # and a divergence has
    (r"([A-Za-z])\*", r"\1^{*}"),  # G*, E*
    (r" \* ", r"\\,"),
    (r"([a-z])\.(?=[a-z])", r"\1\\cdot "),
    (r"([a-z])\+", r"\1^{+}"),
    (r"\b(\w+)/(\w+)\b", r"\\tfrac{\1}{\2}"),
    (r"\^(\(\w+\))", r"^{\1}"),
    (r"([_^])([A-Za-z0-9]{2,})", r"\1{\2}"),  # L_cyc, G_xy
    (r"->", r"\\to "),
    (r"~", r"\\sim "),
    (r"(?<![\\A-Za-z])(log|exp|min|max|arg|sum|lambda|mu|sigma)(?![A-Za-z])", r"\\\1 "),
    (r"(?<![\\A-Za-z])(?![xyz]+\b)([A-Za-z]{2,})", r"\\mathrm{\1}"),
]


def tex(typed: str) -> str:
    """A formula as the sources have it, in TeX: ``E_x[log D(x)]`` is \\mathbb{E}_x[\\log D(x)]."""
    for sign, written in SIGNS:
        typed = re.sub(sign, written, typed)
    return typed


def aligned(lines: list[tuple[str, str | None]]) -> str:
    """Lines of TeX with the number of the equation, or where it comes from, behind them."""
    lines = [line + (rf" && \text{{({source})}}" if source else "") for line, source in lines]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def equations(block: str) -> str:
    """Lines ``L = ...  (eq. 1)``, aligned at their first sign; one without " = " continues."""
    out = []
    for line in block.splitlines():
        typed, source = re.fullmatch(r"\s*(.*?)(?:\s{2,}\((.*)\))?\s*", line).groups()
        left, sign, right = typed.partition(" = ")
        row = f"{tex(left.strip())} &= {tex(right)}" if sign else rf"&\quad {tex(typed)}"
        out.append((row, source))
    return aligned(out)


def inline(block: str, formula: str) -> str:
    """A paragraph of a docstring in Markdown or reStructuredText, whose formulas look like
    ``formula``; a line may end before a " = " in them.
    """
    parts = re.split(r"(``.+?``|\$[^$]+\$)", re.sub(r":\w+:`([^`]+)`", r"``\1``", block))
    parts[::2] = [re.sub(r"([*|_`<\\])", r"\\\1", part) for part in parts[::2]]
    for i, part in enumerate(parts):
        if part.startswith("$"):
            sides = part[1:-1].replace(" = ", "\n= ").split("\n")
            parts[i] = " ".join(formula.format(tex(side)) for side in sides)
    return "".join(parts)


def markdown(prose: str) -> str:
    """A docstring or comment of the sources, as Markdown with formulas in TeX."""

    def alone(found: re.Match) -> str:
        lines = re.findall(r"\$\$\s*(.+?)\s*(?:\\quad \((\d+)\)\s*)?\$\$", found[0], re.DOTALL)
        lines = [(tex(line).replace(" = ", " &= ", 1), source) for line, source in lines]
        return f"\n\n{aligned(lines)}\n\n"

    prose = re.sub(r"(\$\$.+?\$\$\n?)+", alone, prose, flags=re.DOTALL)
    blocks = re.split(r"\n\s*\n", prose.strip("\n"))
    for i, block in enumerate(blocks):
        if block.startswith("    "):
            blocks[i] = equations(block) if " = " in block else f"```text\n{dedent(block)}\n```"
        elif not block.startswith("\\begin"):
            blocks[i] = inline(block, "${}$")
    return "\n\n".join(blocks)


PARTS = (ast.ClassDef, ast.FunctionDef)


@dataclass
class Row:
    """Prose, and the lines of code that it speaks of."""

    heading: str = ""
    prose: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def sections(body: list, within: str = "", depth: int = 2) -> Iterator[tuple]:
    """(First line, name, depth, docstring's node) of each class, function and method, and of what
    follows one.
    """
    for before, node in pairwise([None, *body]):
        if isinstance(node, PARTS):
            first = min(each.lineno for each in [node, *node.decorator_list])
            yield first, f"`{within}{node.name}`", depth, node
            if isinstance(node, ast.ClassDef):
                yield from sections(node.body, f"{node.name}.", depth + 1)
        elif isinstance(before, PARTS):
            yield node.lineno, f"`{re.match('[^:(=]+', ast.unparse(node))[0].strip()}`", depth, None


def comments(source: str) -> dict[int, str]:
    """By line, comments on lines of their own, but for those within brackets."""
    found, depth = {}, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        alone = not token.line[: token.start[1]].strip()
        if token.type == tokenize.COMMENT and alone and not depth:
            found[token.start[0]] = re.sub("^# ?", "", token.string)
    return found


def rows(source: str, title: str) -> list[Row]:
    """A file, from top to bottom; its own docstring stands alone."""
    tree, said, taken, out, deeper = ast.parse(source), comments(source), set(), [Row()], 0
    starts = {first: part for first, *part in [(0, title, 1, tree), *sections(tree.body)]}
    for number, line in enumerate(["", *source.splitlines()]):
        heading, depth, node = starts.get(number, ("", 0, None))
        if parted := re.fullmatch("-{4,} (.+?) -+", said.get(number, "")):
            heading, depth, deeper = parted[1], 1, 1
        if (out[-1].code and (heading or number in said)) or (out[-1].heading and heading):
            out.append(Row())
        if heading:
            out[-1].heading = f"{'#' * (depth + deeper)} {heading}"
        if node and ast.get_docstring(node):
            out[-1].prose += ["", *ast.get_docstring(node).splitlines()]
            taken.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        if node is tree:
            out.append(Row())
        if number in said and not parted:
            out[-1].prose += [""] * (number - 1 not in said) + [said[number]]
        elif number not in taken and not parted and (line or out[-1].code):
            out[-1].code.append(line)
    return out


def page(source: str, title: str) -> str:
    """The page of a file in MyST Markdown."""
    out = []
    for row in rows(source, title):
        prose, code = markdown("\n".join(row.prose)), "\n".join(row.code).rstrip()
        if code:
            prose = f'<div class="beside">\n\n{prose}\n\n</div>\n\n``````python\n{code}\n``````'
        out += [row.heading, prose]
    return "\n\n".join(out) + "\n"
