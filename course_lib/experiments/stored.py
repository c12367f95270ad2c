"""What a notebook shows of a sweep that was run before: a table, and the pictures of seed 0."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import read_image
from course_lib.errors import ensure
from course_lib.experiments import claims, sweep
from course_lib.experiments.grids import slug
from course_lib.metrics import intervals


def compare(table: Path | str, rows: Iterable[str], scores: Mapping[str, str]) -> str:
    """A line for each row of TABLE.csv: each score's mean over the seeds ± half its 95 % t
    interval.

    ``scores`` are shown in the words they are mapped to; "a / b" and "a - b" join two. A single
    seed has no interval. Raises CourseError for a row or a score that the table does not have.
    """
    cells = sweep.table(table)
    lines = [f"{'':34}" + "".join(f"{words:>24}" for words in scores.values())]
    for row in rows:
        seeds = [cell for cell in cells if cell["row"] == row]
        ensure(
            seeds,
            f"no row is called {row!r}",
            table,
            f"choose from {sorted({cell['row'] for cell in cells})}",
        )
        line = f"{row:34}"
        for score in scores:
            values = [*claims.values(seeds, score, table).values()]
            text = f"{values[0]:.3f}"
            if len(values) > 1:
                mean, _, high, _ = intervals.interval(values)
                text = f"{mean:.3f} ±{high - mean:.3f}"
            line += f"{text:>24}"
        lines.append(line)
    return "\n".join(lines)


def strip(table: Path | str, row: str, direction: str = "xy") -> list[Float[Tensor, "8 3 s s"]]:
    """The stored picture of a row, seed 0: eight test items, as rows of images in [-1, 1].

    The rows are input, translation (four of them from a method with codes) and truth.
    """
    picture = read_image(Path(table).with_suffix("") / f"{slug(row)}-{direction}.webp")
    pixels = torch.from_numpy(np.array(picture)) / 127.5 - 1
    size = pixels.shape[1] // 8
    return list(pixels.unflatten(0, (-1, size)).unflatten(2, (8, size)).permute(0, 2, 4, 1, 3))
