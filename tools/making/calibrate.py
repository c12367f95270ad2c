"""What one training step of each row of a grid costs on one core, and so the whole grid.

    python -m tools.making.calibrate notebooks/sweeps/NAME.toml ...

Rows take turns in one process with one thread, and what counts is the time of the process
(``time.process_time``): another program that is busy meanwhile does not count. Rows that are to
train equally long get their ``steps`` from this, and their ``step_ms`` is written into the grid.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from course_lib.data import open_dataset
from course_lib.experiments.grids import Cell, read_grid
from course_lib.methods import method_class
from course_lib.training.fit import schedule
from course_lib.training.loading import batches

ROUNDS, STEPS, WARM = 5, 4, 2


def steps(cell: Cell) -> Iterator[None]:
    """The training steps of the cell, one each time the next is asked for, as fit() makes them."""
    method = method_class(cell.method)(cell.config, "cpu", bf16=cell.bf16)
    data = open_dataset(
        cell.data, "train", cell.config.image_size, cell.direction, load=cell.config.load
    )
    schedule(method, 0.5)
    for batch in batches(data, method, cell.seed):
        method.step(batch)
        yield


def calibrate(grid: Path) -> dict[str, float]:
    """By row: milliseconds of process time that a step takes with one thread, median of ROUNDS."""
    torch.set_num_threads(1)
    first = {cell.row: cell for cell in reversed(read_grid(grid))}
    rows = {row: steps(cell) for row, cell in reversed(first.items())}
    took: dict[str, list[float]] = {row: [] for row in rows}
    for turn in range(ROUNDS + WARM):
        for row, training in rows.items():
            began = time.process_time()
            for _ in range(STEPS):
                next(training)
            if turn >= WARM:
                took[row].append((time.process_time() - began) / STEPS * 1000)
    return {row: statistics.median(times) for row, times in took.items()}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        cells, minutes = read_grid(Path(name)), 0.0
        for row, ms in calibrate(Path(name)).items():
            mine = [cell for cell in cells if cell.row == row]
            seconds = ms * mine[0].steps / 1000
            minutes += seconds * len(mine) / 60
            print(f"{row:28} {ms:8.1f} ms x {mine[0].steps} = {seconds:6.1f} s, {len(mine)} seeds")
        print(f"{name}: {minutes:.1f} minutes of one core", flush=True)
