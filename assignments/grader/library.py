"""The library as a submission sees it: a copy of course_lib whose source lacks the names being
graded.
"""

import ast
import shutil
from pathlib import Path
from types import ModuleType

from matplotlib import font_manager

import course_lib
from course_lib.methods import METHODS

LIBRARY = Path(course_lib.__file__).resolve().parent
STAND_IN = """def check(*_, **__):
    \"\"\"A notebook's own calls of the checks do nothing here: the grader makes its own.\"\"\"
"""


def stage(folder: Path, checks: ModuleType, problem_set: str) -> None:
    """Fill ``folder`` with what the sandbox sees as its library: course_lib, checks.probes and the
    runner.

    Left out are the names that ``checks`` call MISSING, whole modules among them, and each method's
    training step.
    """
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.pyc")
    shutil.copytree(LIBRARY, folder / "course_lib", ignore=ignored)
    shutil.copytree(Path(__file__).with_name("child"), folder / "grading_child", ignore=ignored)
    graded = {
        f"{module}.{name}"
        for module, names in checks.MISSING.get(problem_set, {}).items()
        for name in names
    }
    # whatever trains a GAN in the library, graded or not
    graded |= {f"course_lib.methods.{method}.step" for method in METHODS.values()}
    for name in graded:
        folder.joinpath(*name.split(".")).with_suffix(".py").unlink(missing_ok=True)
    for path in (folder / "course_lib").rglob("*.py"):
        module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        path.write_text(without(path.read_text(encoding="utf-8"), module, graded), encoding="utf-8")
    inside = folder / "checks" / "probes"
    inside.mkdir(parents=True)
    (folder / "checks" / "__init__.py").write_text(STAND_IN)
    (inside / "__init__.py").write_text("")
    for path in (Path(checks.__file__).parent / "probes").glob("*.py"):
        if path.stem in (problem_set, "tools"):
            shutil.copy(path, inside)
    (folder / "fonts").mkdir()
    font_manager.json_dump(
        font_manager.fontManager,
        folder / "fonts" / f"fontlist-v{font_manager.FontManager.__version__}.json",
    )


def without(text: str, module: str, graded: set[str]) -> str:
    """Source code of ``module`` without the graded names, imports of them, and what needs them to
    be defined.
    """
    tree = ast.parse(text)
    edits: list[tuple[ast.stmt, str]] = []  # statement, what stands there instead
    gone: set[str] = set()  # names that no longer exist in this module

    def visit(body: list[ast.stmt], owner: str) -> None:
        for node in body:
            names = defined(node)
            if any(f"{owner}.{name}" in graded for name in names) or (
                needed(node) & gone or "__all__" in names  # which may name what is gone
            ):
                edits.append((node, "pass"))
                gone.update(names if owner == module else ())
            elif isinstance(node, ast.ClassDef):
                visit(node.body, f"{owner}.{node.name}")

    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            left = [a for a in node.names if f"{node.module}.{a.name}" not in graded]
            if len(left) < len(node.names):
                gone.update(a.asname or a.name for a in node.names if a not in left)
                node.names = left
                edits.append((node, ast.unparse(node) if left else "pass"))
    visit(tree.body, module)
    lines = text.splitlines(keepends=True)
    for node, instead in sorted(edits, key=lambda edit: -edit[0].lineno):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        lines[first : node.end_lineno] = [" " * node.col_offset + instead + "\n"]
    return "".join(lines)


def defined(node: ast.stmt) -> set[str]:
    """The names a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {
            name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
        }
    return set()


def needed(node: ast.AST) -> set[str]:
    """The names that must exist when a definition is executed; those inside its functions come
    later.
    """
    if isinstance(node, ast.Lambda):
        return set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [node.args, *node.decorator_list, *([node.returns] if node.returns else [])]
    elif isinstance(node, ast.Name):
        return {node.id}
    elif isinstance(node, ast.ClassDef):  # methods are judged one by one
        parts = [*node.bases, *node.keywords, *node.decorator_list]
    else:
        parts = list(ast.iter_child_nodes(node))
    return set().union(*(needed(part) for part in parts))
