"""The sweep of nights turned upside down; each translation is judged upright, too.

    python -m tools.making.flipped      as ``course sweep notebooks/sweeps/day_night_flipped.toml``

``windows_lit`` compares a translation with the flipped night of the same house, and
``upright_windows_lit`` with the night that nobody has turned.
"""

import sys
from pathlib import Path

from course_lib.experiments import sweep
from course_lib.experiments.grids import Cell
from course_lib.methods.base import Method
from course_lib.metrics import scores

GRID = Path(__file__).parents[2] / "notebooks" / "sweeps" / "day_night_flipped.toml"


def upright(method: Method, cell: Cell) -> dict[str, float]:
    """``windows_lit`` on the days and upright nights of the test houses."""
    found = scores.score(method, "facades:day-night", "test", cell.direction)
    return {"upright_windows_lit": found["windows_lit"]}


if __name__ == "__main__":
    sys.exit("\n".join(sweep.run(GRID, workers=1, judge=upright)) or None)
