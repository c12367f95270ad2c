"""The grid of a sweep: what its rows share, and how each differs. A cell is a row with one seed.

method = "pix2pix"                   also: data, steps, seeds = [0, 1, 2], and if need be direction,
...                                  profile ("cpu"), device ("cpu"), bf16 (false): nothing depends
                                     on the machine that runs it
[set]                                configuration of all rows
image_size = 64
[rows."L1 only"]                     of this row; method, data, steps, seeds, direction and bf16 may
                                     differ, start says where its weights begin, and step_ms what
                                     tools/making/calibrate.py measured
lambda_gan = 0
"""

import dataclasses
import functools
import re
import shlex
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import runs
from course_lib.data import DIRECTIONS, open_dataset
from course_lib.data.files import expanded, read_words
from course_lib.errors import CourseError, check_choice, ensure, telling
from course_lib.methods import method_class

OF_ROWS = {
    "method": str,
    "data": str,
    "steps": int,
    "seeds": list,
    "direction": str,
    "step_ms": float,
    "bf16": bool,
    "start": str,
}
OF_GRIDS = OF_ROWS | {"profile": str, "device": str, "set": dict, "rows": dict}


@dataclass(frozen=True)
class Cell:
    """One training run of a grid: a row with a seed. ``settings`` are the grid's, ``key=value``."""

    row: str
    seed: int
    method: str
    data: str
    steps: int
    direction: str = "xy"
    profile: str = "cpu"
    bf16: bool = False
    device: str = "cpu"
    step_ms: float = 0.0
    start: str = ""
    settings: tuple[str, ...] = ()

    @property
    def config(self) -> Any:
        """The configuration of the method."""
        return runs.make_config(
            self.method,
            "auto" if self.start else self.profile,
            settings=list(self.settings),
            start=self.start or None,
        )

    @property
    def slug(self) -> str:
        """The row and the seed, as a file name."""
        return slug(self.row, self.seed)

    @property
    def command(self) -> str:
        """The command that trains this cell alone, without ``--out``: by this text a cell is known.

        It names all settings of the grid, the data and the seed, and not the row.
        """
        begin = ["--start", self.start] if self.start else ["--profile", self.profile]
        words = [
            *("course", "train", self.method, "--data", self.data, *begin),
            *("--steps", str(self.steps), "--seed", str(self.seed)),
            *("--direction", self.direction, "--device", self.device),
            "--bf16" if self.bf16 else "--no-bf16",
        ]
        for setting in self.settings:
            words += ["--set", setting]
        return shlex.join(words)

    @property
    def folder(self) -> str:
        """A folder name for what the cell trains, another one for each command."""
        return f"{self.slug}-{zlib.crc32(self.command.encode()):08x}"


def slug(row: str, seed: int = 0) -> str:
    """A row and a seed, as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", row.lower()).strip("-") + f"-seed{seed}"


def read_grid(path: Path) -> list[Cell]:
    """The cells of a grid, row by row. Raises CourseError, naming the row, for what is wrong."""
    path = expanded(path)
    with telling(
        (OSError, ValueError),
        "no readable grid",
        path,
        "give a TOML file, for example one of notebooks/sweeps",
    ):
        grid = tomllib.loads(read_words(path))
    _check(grid, OF_GRIDS, path)
    ensure(
        grid.get("rows"),
        "the grid has no rows",
        path,
        'add a table [rows."name"] for each, which may be empty',
    )
    cells: list[Cell] = []
    for row, values in grid["rows"].items():
        try:
            _check({"the row": values}, {"the row": dict}, row)
            cells += _cells(row, grid, values)
        except CourseError as error:
            raise CourseError(error.what, f"{path}, row {row!r}", error.fix) from None
    for name, shared in (("command", "settings"), ("slug", "file name")):
        first: dict[str, Cell] = {}
        for cell in cells:
            other = first.setdefault(getattr(cell, name), cell)
            ensure(
                other is cell,
                f"{cell.row!r} seed {cell.seed} has the same {shared} as {other.row!r}",
                f"{path}, row {cell.row!r}",
                "leave one out, or make them differ",
            )
    return cells


def _check(values: dict, kinds: dict[str, type], where: Any) -> None:
    for name, value in values.items():
        ensure(name in kinds, f"unknown key {name!r}", where, f"choose from {', '.join(kinds)}")
        ensure(
            type(value) is kinds[name],
            f"{name} needs a TOML value of type {kinds[name].__name__}, got {value!r}",
            where,
            "see the grids in notebooks/sweeps",
        )


def _cells(row: str, grid: dict, given: dict) -> list[Cell]:
    """The cells of one row: ``given`` is what the row sets, ``grid`` what all rows share."""
    values = grid | {name: value for name, value in given.items() if name in OF_ROWS}
    _check({name: values[name] for name in OF_ROWS if name in values}, OF_ROWS, row)
    if missing := [name for name in ("method", "data", "steps", "seeds") if name not in values]:
        raise CourseError(
            f"{', '.join(missing)} missing", row, "write it at the top of the grid, or in the row"
        )
    settings = {name: value for name, value in given.items() if name not in OF_ROWS}
    settings = grid.get("set", {}) | settings
    seeds, steps = values["seeds"], values["steps"]
    whole = all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds)
    ensure(
        seeds and whole and len(set(seeds)) == len(seeds),
        f"seeds must be different whole numbers from 0 on, got {seeds}",
        row,
        "seeds = [0, 1, 2]",
    )
    ensure(steps > 0, f"steps must be above 0, got {steps}", row, "for example steps = 1000")
    names = {field.name for field in dataclasses.fields(Cell)} & values.keys()
    texts = tuple(f"{name}={value}" for name, value in settings.items())
    cell = Cell(row, seeds[0], settings=texts, **{name: values[name] for name in names})
    check_choice("direction", cell.direction, DIRECTIONS)
    check_choice("device", cell.device, ("auto", "cpu", "cuda", "mps"))
    ensure(
        cell.profile != "auto",
        "profile 'auto' depends on the machine",
        row,
        "choose from smoke, cpu, gpu, paper",
    )
    cls = method_class(cell.method)
    to_be_made = cell.data.startswith("build/") and not Path(cell.data).exists()  # by a tool
    paired = to_be_made or _paired(cell.data, cell.config.image_size, cell.direction, cls.single)
    ensure(
        paired or not cls.needs_pairs,
        f"{cell.method} learns from pairs, and {cell.data} has none",
        row,
        "choose paired data",
    )
    return [dataclasses.replace(cell, seed=seed) for seed in seeds]


@functools.cache
def _paired(data: str, size: int, direction: str, single: bool) -> bool:
    """Whether the training part is paired. Raises CourseError if it cannot be opened."""
    return open_dataset(data, "train", size, direction, single=single).paired
