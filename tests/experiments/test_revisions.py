"""Whoever changes code that decides a score is asked whether its REVISION must be raised: it is in the keys of sweeps.

revisions.json records a hash of the code behind each REVISION. To record what there is now:

    python tests/experiments/test_revisions.py
"""

import ast
import functools
import hashlib
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from course_lib.data import augment, earth, emoji, facades, folders
from course_lib.methods import METHODS, method_class
from course_lib.metrics import samples, scores
from course_lib.training import loading

RECORD = Path(__file__).with_name("revisions.json")
PRESETS = ("_SMALL", "PRESETS", "REVISION")  # what a preset sets is in a cell's configuration
# By the room of who holds a REVISION: the rooms in which imports are followed, but never to who has one of his own.
FOLLOWED = {
    "methods": ("methods", "networks", "losses", "data.colours"),
    "data": ("data", "houses"),
    "training": ("training",),
}
FOLLOWED["metrics"] = ("metrics", "networks", "data.colours")

fitting = importlib.import_module("course_lib.training.fit")  # the room has a function of that name
HOLDERS: dict[str, tuple[ModuleType | type, list[ModuleType]]] = {
    module.__name__.removeprefix("course_lib."): (module, [module])
    for module in (emoji, facades, earth, folders, scores, samples)
}
HOLDERS["training"] = sys.modules["course_lib.training"], [fitting, loading, augment]
for cls in map(method_class, METHODS):
    HOLDERS[f"methods.{cls.__name__}"] = cls, [sys.modules[cls.__module__]]


def code_of(name: str) -> str:
    """Hash of the code behind a REVISION: no comment, no docstring, no preset, no layout. Shipped files count, too.

    ``from course_lib.networks import UNet`` leads to the file that defines UNet, so that a new network elsewhere
    changes no hash; what a module ships lies in its folder FILES.
    """
    todo, found = [module.__name__ for module in HOLDERS[name][1]], {}
    others = {module.__name__ for _, modules in HOLDERS.values() for module in modules}
    rooms = tuple(f"course_lib.{room}." for room in FOLLOWED[name.split(".")[0]])
    while todo:
        used = todo.pop()
        imported, found[used] = parsed(used, source(used))
        todo += [
            other for other in imported - found.keys() - others if f"{other}.".startswith(rooms)
        ]
    total = hashlib.sha256()
    for used in sorted(found):
        total.update(f"{used} {found[used]} ".encode())
        files = getattr(sys.modules[used], "FILES", None)
        for file in sorted(files.iterdir()) if files else ():
            total.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def source(module: str) -> str:
    return Path(sys.modules[module].__file__).read_text(encoding="utf-8")


@functools.cache
def parsed(module: str, text: str) -> tuple[frozenset[str], str]:
    """The modules of course_lib that define what ``module`` imports, be it in a function, and the hash of its code."""
    tree, found = ast.parse(text), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "course_lib":
            owner = importlib.import_module(node.module)
            for name in (alias.name for alias in node.names):
                thing = getattr(owner, name, None) or importlib.import_module(
                    f"{node.module}.{name}"
                )
                home = (
                    thing.__name__
                    if isinstance(thing, ModuleType)
                    else getattr(thing, "__module__", "")
                )
                found.add(home if str(home).startswith("course_lib") else node.module)
    return frozenset(found), hashlib.sha256(repr(bare(tree)).encode()).hexdigest()


def bare(node: object) -> object:
    """A syntax tree as nested tuples, the same in every version of Python: without empty fields, texts that stand
    alone, presets and revisions."""
    if isinstance(node, list):
        return [bare(part) for part in node if not counts_for_nothing(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, bare(value)) for name, value in ast.iter_fields(node))
    return (
        type(node).__name__,
        *((name, value) for name, value in fields if value is not None and value != []),
    )


def counts_for_nothing(part: object) -> bool:
    if isinstance(part, ast.Expr):
        return isinstance(part.value, ast.Constant)
    targets = (
        part.targets
        if isinstance(part, ast.Assign)
        else [part.target]
        if isinstance(part, ast.AnnAssign)
        else []
    )
    return any(isinstance(target, ast.Name) and target.id in PRESETS for target in targets)


def recorded() -> dict[str, dict]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def record() -> None:
    found = {
        name: {"revision": holder.REVISION, "code": code_of(name)}
        for name, (holder, _) in HOLDERS.items()
    }
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", HOLDERS)
def test_whoever_changes_what_decides_a_score_thinks_of_its_revision(name):
    now = {"revision": HOLDERS[name][0].REVISION, "code": code_of(name)}
    assert now == recorded()[name], (
        f"the code that decides {name} changed: if its results change raise {name}.REVISION, which makes the rows of"
        " sweeps that used it stale; then record the new hash with: python tests/experiments/test_revisions.py"
    )


def test_nothing_else_is_recorded():
    assert list(recorded()) == list(HOLDERS)


# ---- whom a change concerns


@pytest.fixture
def reminded(monkeypatch):
    """``reminded(module, old, new)``: whose hash would change if the source of that module said something else."""
    before, true_source = {name: code_of(name) for name in HOLDERS}, source

    def changed(module: str, old: str, new: str) -> set[str]:
        module = f"course_lib.{module}"
        importlib.import_module(module)
        assert old in true_source(module)
        edited = {module: true_source(module).replace(old, new)}
        monkeypatch.setitem(globals(), "source", lambda name: edited.get(name) or true_source(name))
        return {name for name in HOLDERS if code_of(name) != before[name]}

    return changed


METHOD_CLASSES = {name for name in HOLDERS if name.startswith("methods.")}


@pytest.mark.parametrize(
    ("module", "old", "new", "whom"),
    [
        # comments, layout, presets and modules that decide no score remind nobody
        ("methods.pix2pix", "# 70 px patches", "# seventy", set()),
        ("methods.pix2pix", '"""One update of D, then one of G', '"""Updates', set()),
        ("methods.pix2pix", "\n\n\n", "\n\n", set()),
        ("methods.pix2pix", '"gpu": _SMALL', '"huge": _SMALL', set()),
        ("data.emoji", "REVISION = 1", "REVISION = 2", set()),
        *(
            (module, "import", "import os\nimport", set())
            for module in ("data.download", "data", "networks", "runs")
        ),
        ("methods.pix2pix", "cfg.lambda_l1 * g", "2 * g", {"methods.Pix2Pix"}),
        ("methods.image_pool", "0.5", "0.4", {"methods.CycleGAN", "methods.BiGAN"}),
        ("methods.base", "cfg.beta1", "0.9", METHOD_CLASSES),
        ("losses", ".mean()", ".sum()", METHOD_CLASSES),
        (
            "training.state",
            "CHECKPOINT_SECONDS = 5.0",
            "CHECKPOINT_SECONDS = 6.0",
            {"training"},
        ),
        ("training.loading", "epoch + 1", "epoch + 2", {"training"}),
        ("data.augment", "0.24", "0.25", {"training"}),
        ("data.emoji", "0.35", "0.36", {"data.emoji"}),
        ("houses.render", "0.5", "0.6", {"data.facades"}),
        ("metrics.scores", "BATCH = 16", "BATCH = 8", {"metrics.scores"}),
        ("metrics.pixels", "/ 2 + 0.5", "/ 3 + 0.5", {"metrics.scores", "metrics.samples"}),
        (
            "data.colours",
            "0.055",
            "0.05",
            {"data.emoji", "methods.Pix2Pix", "metrics.scores", "metrics.samples"},
        ),
        ("metrics.perceptual", "0.5", "0.6", {"metrics.samples"}),
    ],
)
def test_code_reminds_those_whose_scores_it_decides(reminded, module, old, new, whom):
    assert reminded(module, old, new) == whom


@pytest.mark.parametrize(
    ("module", "name"), [("data.emoji", "data.emoji"), ("networks.frozen", "metrics.samples")]
)
def test_shipped_files_count(tmp_path, monkeypatch, module, name):
    before = code_of(name)
    monkeypatch.setattr(f"course_lib.{module}.FILES", tmp_path)
    assert code_of(name) != before


if __name__ == "__main__":
    record()
