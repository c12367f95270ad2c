"""Everything public has a user: `python -m tools.lint_used`. A test is no user.

Names       a public function, class, method or constant of course_lib is used somewhere in the
            library, the notebooks, the guide, the assignments or the tools, beyond the place that
            defines it.
Options     each field of a method's Config is set by a preset, a notebook, a sweep, a shipped
            recipe, or a command or example of the guide; reading it in the method is no use of it.
Columns     each column of a stored table is read by a notebook, a claim or a page.

It reads the files that git tracks. It prints a line for each that has none, and exits with 1 if
there is any.
"""

import ast
import csv
import dataclasses
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.tracked import ROOT, tracked

WORD = re.compile(r"\w+")
FOLLOW_THE_DATA = {"n_labels"}  # set by Method.adapt_config
ROW_IS = {"row", "seed", "steps", "seconds", "commit", "device", "method", "data", "direction"}


def library() -> Iterator[tuple[Path, ast.Module]]:
    for path in tracked("course_lib/**/*.py"):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def defined(tree: ast.AST) -> Iterator[str]:
    """The public names that a module or a class defines, its methods included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from defined(node)
        if isinstance(node, ast.Assign) and isinstance(tree, ast.Module):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def mentioned(tree: ast.Module) -> Iterator[str]:
    """Every name that code reads, calls, imports or passes by keyword, and the words of its
    strings.
    """
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            docstrings.add(getattr(node.body[0], "value", None))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Constant) and node not in docstrings:
            yield from WORD.findall(str(node.value))


def words(paths: Iterable[Path]) -> Counter:
    return Counter(word for path in paths for word in WORD.findall(path.read_text("utf-8")))


def notebook_words() -> Counter:
    found = Counter()
    for path in tracked("notebooks/*.ipynb", "assignments/source/**/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            found.update(WORD.findall("".join(cell["source"])))
    return found


def unused_names(outside: Counter) -> Iterator[str]:
    code = tracked("tools/*.py", "notebooks/site/*.py", "assignments/**/*.py")
    used = Counter(outside)
    trees = dict(library())
    for tree in (*trees.values(), *(ast.parse(path.read_text("utf-8")) for path in code)):
        used.update(mentioned(tree))
    for path, tree in trees.items():
        for name in defined(tree):
            if not name.startswith("_") and not used[name]:
                yield f"{path.relative_to(ROOT)}: nothing uses {name}"


def unused_options(outside: Counter) -> Iterator[str]:
    from course_lib.methods import METHODS, method_class

    setters = outside + words([ROOT / "tools/recipes.toml"])
    for name in METHODS:
        cls = method_class(name)
        presets = {option for preset in cls.PRESETS.values() for option in preset}
        for field in dataclasses.fields(cls.Config):
            if not setters[field.name] and field.name not in presets | FOLLOW_THE_DATA:
                yield f"{name}: nobody sets {field.name}"


def unread_columns(outside: Counter) -> Iterator[str]:
    for path in tracked("notebooks/sweeps/*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file))
        settings = words([path.with_suffix(".toml")]) if path.with_suffix(".toml").exists() else {}
        for column in columns:
            if column not in ROW_IS and not outside[column] and column not in settings:
                yield f"{path.name}: nobody reads {column}"


if __name__ == "__main__":
    pages = ("README.md", "assignments/README.md", "notebooks/guide/*.md")
    texts = tracked(*pages, "notebooks/sweeps/*.toml", "notebooks/claims.toml")
    outside_words = words(texts) + notebook_words()
    unused = [*unused_names(outside_words), *unused_options(outside_words)]
    unused += unread_columns(outside_words)
    print("\n".join(unused) or "every public name, option and column has a user")
    sys.exit(bool(unused))
