"""The grid of a sweep: what its rows share, how each differs, and the key of every cell (a row with one seed).

method = "pix2pix"                   also: data, steps, seeds = [0, 1, 2], and if need be direction, profile ("cpu"),
...                                  device ("cpu"), bf16 (false): nothing depends on the machine that runs it
[set]                                configuration of all rows
image_size = 64
[rows."L1 only"]                     of this row; method, data, steps, seeds, direction may differ, too
lambda_gan = 0
"""

import dataclasses
import functools
import hashlib
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib import runs, training
from course_lib.data import Swapped, folders, open_dataset
from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.metrics import generated, samples, scores
from course_lib.training import profiles

OF_ROWS = {"method": str, "data": str, "steps": int, "seeds": list, "direction": str}
OF_GRIDS = OF_ROWS | {"profile": str, "bf16": bool, "device": str, "set": dict, "rows": dict}
LARGE_REVISION = 2  # raised when what is drawn or measured changes above 64 px only: the other rows stay as they are
DEFAULTS = {"direction": "xy", "profile": "cpu", "bf16": False, "device": "cpu"}


@dataclass(frozen=True)
class Cell:
    """One training run of a grid: a row, a seed. ``settings``: what the grid sets, as ``key=value``."""

    row: str
    seed: int
    method: str
    data: str
    steps: int
    direction: str
    profile: str
    bf16: bool
    device: str
    settings: tuple[str, ...]
    key: str = ""

    @property
    def config(self) -> Any:
        return runs.make_config(self.method, self.profile, None, list(self.settings))

    @property
    def slug(self) -> str:
        """The row and the seed, as a file name."""
        return re.sub(r"[^a-z0-9]+", "-", self.row.lower()).strip("-") + f"-seed{self.seed}"


# ---- the grid


def read_grid(path: Path) -> list[Cell]:
    """The cells of a grid, row by row. Raises CourseError, naming the row, for all that can be known to be wrong."""
    path = Path(path)
    try:
        grid = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = f"no readable grid: {error.strerror if isinstance(error, OSError) else error}"
        raise CourseError(
            what, path, "give a TOML file, for example one of notebooks/sweeps"
        ) from None
    _check(grid, OF_GRIDS, path)
    if not grid.get("rows"):
        raise CourseError(
            "the grid has no rows", path, 'add a table [rows."name"] for each, which may be empty'
        )
    cells: list[Cell] = []
    for row, own in grid["rows"].items():
        try:
            _check({"the row": own}, {"the row": dict}, row)
            cells += _cells(row, DEFAULTS | grid, own)
        except CourseError as error:
            raise CourseError(error.what, f"{path}, row {row!r}", error.fix) from None
    for name in ("key", "file name"):
        seen: dict[str, Cell] = {}
        for cell in cells:
            label = cell.key if name == "key" else cell.slug
            other = seen.setdefault(label, cell)
            if other is not cell:
                what = f"{cell.row!r} seed {cell.seed} has the same {name} as {other.row!r} seed {other.seed}"
                raise CourseError(
                    what, f"{path}, row {cell.row!r}", "leave one out, or make them differ"
                )
    return cells


def _check(values: dict, kinds: dict[str, type], where: Any) -> None:
    for name, value in values.items():
        if name not in kinds:
            raise CourseError(f"unknown key {name!r}", where, f"choose from {', '.join(kinds)}")
        if type(value) is not kinds[name]:
            what = f"{name} needs a TOML value of type {kinds[name].__name__}, got {value!r}"
            raise CourseError(what, where, "see the grids in notebooks/sweeps")


def _cells(row: str, grid: dict, own: dict) -> list[Cell]:
    values = grid | {name: value for name, value in own.items() if name in OF_ROWS}
    _check({name: values[name] for name in OF_ROWS if name in values}, OF_ROWS, row)
    if missing := [name for name in OF_ROWS if name not in values]:
        raise CourseError(
            f"{', '.join(missing)} missing", row, "write it at the top of the grid, or in the row"
        )
    settings = grid.get("set", {}) | {
        name: value for name, value in own.items() if name not in OF_ROWS
    }
    seeds, steps = values["seeds"], values["steps"]
    if (
        not seeds
        or any(type(seed) is not int or seed < 0 for seed in seeds)
        or len(set(seeds)) < len(seeds)
    ):
        raise CourseError(
            f"seeds must be different whole numbers from 0 on, got {seeds}",
            row,
            "seeds = [0, 1, 2]",
        )
    if steps <= 0:
        raise CourseError(f"steps must be above 0, got {steps}", row, "for example steps = 1000")
    if values["profile"] == "auto":
        raise CourseError(
            "profile 'auto' depends on the machine", row, "choose from smoke, cpu, gpu, paper"
        )
    chosen = {
        name: values[name]
        for name in ("method", "data", "steps", "direction", "profile", "bf16", "device")
    }
    cell = Cell(
        row,
        seeds[0],
        settings=tuple(f"{name}={value}" for name, value in settings.items()),
        **chosen,
    )
    cls = method_class(cell.method)
    paired = _dataset(cell.data, cell.config.image_size, cell.direction)[1]
    if cls.needs_pairs and not paired:
        raise CourseError(
            f"{cell.method} learns from pairs, and {cell.data} has none", row, "choose paired data"
        )
    profiles.pick_device(cell.device)
    cells = [dataclasses.replace(cell, seed=seed) for seed in seeds]
    return [dataclasses.replace(cell, key=key_of(cell)) for cell in cells]


@functools.cache
def _dataset(data: str, size: int, direction: str) -> tuple[ModuleType, bool, tuple[int, int]]:
    """(module of its class, whether the training part is paired, its channels); CourseError if it cannot be opened."""
    dataset = open_dataset(data, "train", size, direction)
    own = dataset.dataset if isinstance(dataset, Swapped) else dataset
    return sys.modules[type(own).__module__], dataset.paired, dataset.channels


# ---- the key: what determines a result


def key_of(cell: Cell) -> str:
    """16 hex digits of a SHA-256 over all that determines the scores: method, configuration, seed, data, revisions ...

    Data that ship with the course or are downloaded go by their name, a folder by the names and contents of its files.
    Code goes by the REVISION of the method and of the modules that make the data, train and measure: it is raised by
    hand when a change of the code changes results, and tests/test_revisions.py reminds whoever changes the code.
    """
    home, _, channels = _dataset(cell.data, cell.config.image_size, cell.direction)
    own = home is folders and not cell.data.startswith("download:")
    facts = [
        cell.method,
        configs.as_dict(cell.config),
        cell.seed,
        _contents(cell.data) if own else cell.data,
    ]
    facts += [cell.direction, cell.steps, cell.bf16, cell.device]
    cls = method_class(cell.method)
    facts += [home.REVISION, training.REVISION, scores.REVISION]
    facts += [samples.REVISION] if cls.has_codes else []
    facts += [generated.REVISION] if not cls.translates else []
    facts += (
        [channels] if channels != (3, 3) and "in_channels" in configs.as_dict(cell.config) else []
    )
    facts += [LARGE_REVISION] if cell.config.image_size > 64 else []
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


@functools.cache
def _contents(folder: Path | str) -> str:
    """Hash of the names and bytes of the files below a folder, hidden ones left out."""
    total = hashlib.sha256()
    files = {
        path.relative_to(folder).as_posix(): path
        for path in Path(folder).rglob("*")
        if path.is_file()
    }
    for name in sorted(name for name in files if not re.search(r"(^|/)[._]", name)):
        total.update(
            f"{name}\0{hashlib.sha256(files[name].read_bytes()).hexdigest()}\0".encode(
                "utf-8", "replace"
            )
        )
    return total.hexdigest()
