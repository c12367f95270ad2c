"""What every test gets: shapes checked, no colours, no display, no profile from outside; fast tests first."""

import os
import sys
from pathlib import Path

import matplotlib
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parent.parent

# Same output in a terminal, in a pipe and on a build server.
os.environ.update(NO_COLOR="1", TERM="dumb", COLUMNS="120", _TYPER_FORCE_DISABLE_TERMINAL="1")
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COURSE_PROFILE"):
    os.environ.pop(name, None)

# This checkout is tested, whatever copy of the course is installed.
sys.path.insert(0, str(ROOT))

if not os.environ.get("COURSE_NO_SHAPE_CHECK"):
    assert "course_lib" not in sys.modules, "course_lib was imported before its shapes could be checked"
    # Every annotated function of course_lib checks its arguments and result; an int is a good float (PEP 484).
    install_import_hook("course_lib", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

matplotlib.use("Agg")  # not by environment: kernels started by tests must keep their inline backend


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: long counts, only with -m soak")


def pytest_collection_modifyitems(config, items):
    """Fast tests first, so that a broken basis shows early; soak tests only where -m names them."""
    if "soak" not in (config.option.markexpr or ""):
        long = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
