"""What every test gets: shapes checked, no colours, no display, no profile from outside."""

import os
import shutil
import sys
from collections.abc import Callable

import matplotlib
import pytest
from jaxtyping import install_import_hook

from tests import ROOT

# Same output in a terminal, in a pipe and on a build server.
os.environ.update(NO_COLOR="1", TERM="dumb", COLUMNS="120", _TYPER_FORCE_DISABLE_TERMINAL="1")
# Faster for networks this small; and tests run side by side, where threads wait for one another.
os.environ["OMP_NUM_THREADS"] = "1"
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COURSE_PROFILE"):
    os.environ.pop(name, None)

# This checkout is tested, whatever copy of the course is installed.
sys.path.insert(0, str(ROOT))

if not os.environ.get("COURSE_NO_SHAPE_CHECK"):
    assert "course_lib" not in sys.modules, (
        "course_lib was imported before its shapes could be checked"
    )
    # Every annotated function of what trains checks its arguments and result; an int is a good
    # float (PEP 484).
    install_import_hook(
        ["course_lib.losses", "course_lib.methods", "course_lib.networks", "course_lib.metrics"],
        "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
    )

matplotlib.use("Agg")  # not by environment: kernels started by tests must keep their inline backend


KINDS = {
    "extra": "what `make test-all` adds: a machine of its own, or the tenth proof of one promise",
    "soak": "long counts",
    "release": "what needs an environment of its own",
}


def pytest_configure(config):
    for kind, what in KINDS.items():
        config.addinivalue_line("markers", f"{kind}: {what}, only with -m {kind}")


def pytest_collection_modifyitems(config, items):
    """The KINDS above only where -m names them. Long files first, so that no process works alone at
    the end; in a file, fast tests first.
    """
    for kind in KINDS:
        if kind not in (config.option.markexpr or ""):
            others = [item for item in items if item.get_closest_marker(kind)]
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if item not in others]
    for item in items:
        if COSTLY & set(item.fixturenames):
            item.add_marker("slow")
    items.sort(key=in_order)


def in_order(item) -> tuple:
    name = item.path.stem
    place = LONG.index(name) if name in LONG else len(LONG)
    return place, str(item.path), item.get_closest_marker("slow") is not None


# What takes long to make or to open: the tests that use it are slow, and need no mark for it.
COSTLY = {"browser", "three"}


# Side by side (--dist loadfile), the tests of a file stay together, as they share what is made
# once. Except:
APART = (
    "test_notebooks",
    "test_problem_sets",
    "test_contract",
    "test_grading",
    "test_survival",
    "test_each_method",
    "test_cli",
)
# two browsers at a time would wait for one another
BROWSING = ("test_browser", "test_export")
LONG = (*BROWSING, "test_course_path", "test_viva", "test_sweep", "test_checks",
        "test_grading", "test_notebooks")  # fmt: skip


def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            name = file.rpartition("/")[2].removesuffix(".py")
            return nodeid if name in APART else "browser" if name in BROWSING else file

    return Together(config, log)


@pytest.fixture
def course(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """The command, in this process: course("train", ...) gives status, output and errors."""
    from course_lib.cli.course import main

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def notes(capsys) -> Callable[[], list[str]]:
    """What has been noted since the last call."""

    def said() -> list[str]:
        lines = capsys.readouterr().err.splitlines()
        return [line.removeprefix("note: ") for line in lines if line.startswith("note: ")]

    return said


@pytest.fixture
def refusal(course) -> Callable[..., list[str]]:
    """The three lines with which the command refuses what it is given: error, where and fix."""

    def refused(*arguments) -> list[str]:
        status, out, err = course(*arguments)
        assert (status, out) == (2, ""), err
        assert [line.partition(": ")[0] for line in err.splitlines()] == [
            "error",
            "where",
            "fix",
        ], err
        return err.splitlines()

    return refused


@pytest.fixture(scope="module")
def browser():
    """Chromium of this system, without a window. Of a module: while it is open, no test can run an
    event loop.
    """
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: no browser test"
    )
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if not program:
        pytest.skip("chromium is not installed: no browser test")
    with api.sync_playwright() as playwright:
        # a camera of its own, which a page gets where a test grants it
        args = ["--no-sandbox", "--use-fake-device-for-media-stream"]
        browser = playwright.chromium.launch(executable_path=program, args=args)
        yield browser
        browser.close()


@pytest.fixture(autouse=True, scope="module")
def checks_of_other_courses_are_forgotten():
    """The grader imports the checks of the course it grades: other tests need those of
    assignments/.
    """
    path, own = (
        list(sys.path),
        {n: m for n, m in sys.modules.items() if n.split(".")[0] == "checks"},
    )
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.split(".")[0] == "checks"]:
        del sys.modules[name]
    sys.modules.update(own)
