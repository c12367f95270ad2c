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
DOTTED = re.compile(r"\b(\w+)\.(?=(\w+))")
FOLLOW_THE_DATA = {"n_labels"}  # set by Method.adapt_config
ROW_IS = {"row", "seed", "steps", "seconds", "commit", "device", "method", "data", "direction"}


Place = tuple[str, str]  # (module or class, name): who is asked for it, as far as code says


def defined(tree: ast.AST, stem: str) -> Iterator[tuple[Place, bool]]:
    """The public names of a module and of its classes; whether it is a method.

    What a decorator takes (a command, a hook) has its user there.
    """
    for node in ast.iter_child_nodes(tree):
        in_class = isinstance(tree, ast.ClassDef)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            taken = any(isinstance(decorator, ast.Call) for decorator in node.decorator_list)
            if not taken or isinstance(node, ast.ClassDef):
                yield (stem, node.name), in_class
        if isinstance(node, ast.ClassDef):
            yield from defined(node, stem)
        if isinstance(node, ast.Assign) and isinstance(tree, ast.Module):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield (stem, target.id), False


def uses(tree: ast.Module, stem: str) -> Iterator[Place]:
    """What code asks for: names that it reads itself, imports, and attributes (also of ``""``)."""
    aliases = {stem: stem}  # what a module is called here
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                own = alias.name.rpartition(".")[2]
                aliases[alias.asname or own] = own
                handed_on = stem == "__init__" and own not in read  # which is no use
                if isinstance(node, ast.ImportFrom) and not handed_on:
                    yield (node.module or "").rpartition(".")[2], own
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield stem, node.id
        elif isinstance(node, ast.Attribute):
            yield "", node.attr
            base = node.value
            name = getattr(base, "id", getattr(base, "attr", ""))
            yield aliases.get(name, name), node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from DOTTED.findall(node.value)  # "dcgan.DCGAN", or a call in a message


def words(paths: Iterable[Path]) -> Counter:
    return Counter(word for path in paths for word in WORD.findall(path.read_text("utf-8")))


def cells() -> Iterator[str]:
    """The source of every cell that a learner sees."""
    for path in tracked("notebooks/*.ipynb", "assignments/source/**/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            yield "" if source.startswith("%%") else source


def parsed(source: str) -> ast.Module:
    """Empty of prose, and of what is no Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse("")


def unused_names(pages: str) -> Iterator[str]:
    library = tracked("course_lib/**/*.py")
    code = tracked("tools/**/*.py", "notebooks/*/*.py", "assignments/**/*.py")
    code = [path for path in code if "mutants" not in path.parts]
    trees = {path: ast.parse(path.read_text("utf-8")) for path in library}
    others = [ast.parse(path.read_text("utf-8")) for path in code] + [*map(parsed, cells())]
    used = {use for tree in others for use in uses(tree, "")}
    used |= {use for path, tree in trees.items() for use in uses(tree, path.stem)}
    used |= set(DOTTED.findall(pages))
    anywhere = {name for _, name in used}
    for path, tree in trees.items():
        stem = path.parent.name if path.stem == "__init__" else path.stem
        for (_, name), is_method in defined(tree, stem):
            places = ("",) if is_method else (stem, path.stem, path.parent.name)
            asked = any((place, name) in used for place in places)
            if not name.startswith("_") and not asked:
                hint = ", though the word occurs" * (name in anywhere)
                yield f"{path.relative_to(ROOT)}: nothing uses {name}{hint}"


def unused_options(outside: Counter) -> Iterator[str]:
    from course_lib.methods import METHODS, method_class

    setters = outside + words([ROOT / "tools/making/recipes.toml"])
    for name in METHODS:
        cls = method_class(name)
        presets = {option for preset in cls.PRESETS.values() for option in preset}
        for field in dataclasses.fields(cls.Config):
            if not setters[field.name] and field.name not in presets | FOLLOW_THE_DATA:
                yield f"{name}: nobody sets {field.name}"


def unused_columns(outside: Counter) -> Iterator[str]:
    for path in tracked("notebooks/sweeps/*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file))
        settings = words([path.with_suffix(".toml")]) if path.with_suffix(".toml").exists() else {}
        for column in columns:
            if column not in ROW_IS and not outside[column] and column not in settings:
                yield f"{path.name}: nobody reads {column}"


if __name__ == "__main__":
    pages = tracked("README.md", "assignments/manual.md", "notebooks/guide/*.md")
    texts = [*pages, *tracked("notebooks/sweeps/*.toml", "notebooks/guide/claims.toml")]
    outside = words(texts) + Counter(word for cell in cells() for word in WORD.findall(cell))
    unused = [*unused_names("\n".join(page.read_text("utf-8") for page in pages))]
    unused += [*unused_options(outside), *unused_columns(outside)]
    print("\n".join(unused) or "every public name, option and column has a user")
    sys.exit(bool(unused))
