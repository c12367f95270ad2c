"""The arithmetic of the generated façades: noise, blur, bricks and colours, bit for bit the same on
every machine.

The arrays see only single additions, multiplications, divisions and roots, which IEEE 754 rounds
the same everywhere; no exp, no matrix product, no library's random numbers.
"""

import functools

import numpy as np
from numpy import float32 as f32


def hashed(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Random numbers in [0, 1), one for each pair of whole numbers."""
    with np.errstate(over="ignore"):
        h = x.astype(np.uint32) * np.uint32(374761393) + y.astype(np.uint32) * np.uint32(668265263)
        h = (h + np.uint32(seed & 0xFFFFFFFF)) * np.uint32(2246822519)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(3266489917)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(668265263)
    return ((h ^ (h >> np.uint32(16))) >> np.uint32(8)).astype(f32) * f32(2**-24)


def noise(n: int, across: int, down: int, seed: int, band: slice = slice(None)) -> np.ndarray:
    """Smooth random hills in [0, 1), (n, n): ``across`` x ``down`` of them; or only the rows of
    ``band``."""
    lattice = _lattice(across, down, seed)
    x, fx = _steps(n, across)
    y, fy = (step[band] for step in _steps(n, down))
    rows = lattice[y] + (lattice[y + 1] - lattice[y]) * fy[:, None]
    hills = (rows[:, 1:] - rows[:, :-1])[:, x]
    hills *= fx
    hills += rows[:, x]
    return hills


SPARE = 256


def sheet(n: int, across: int, down: int, seed: int, band: slice) -> np.ndarray:
    """Rows of hills as in :func:`noise`, much faster: cut out somewhere (``seed``) of a sheet that
    is kept."""
    place = (seed + across) * 2654435761 % 2**32
    left, top = (place >> 8) % SPARE, (place >> 16) % SPARE
    return _sheet(n, across, down)[top + band.start : top + band.stop, left : left + n]


@functools.lru_cache(maxsize=8)
def _sheet(n: int, across: int, down: int) -> np.ndarray:
    whole = n + SPARE
    return noise(whole, across * whole // n, down * whole // n, 1)


@functools.lru_cache(maxsize=64)  # of one picture: its bands ask for the same
def _lattice(across: int, down: int, seed: int) -> np.ndarray:
    return hashed(np.arange(across + 1)[None], np.arange(down + 1)[:, None], seed)


@functools.cache
def _steps(n: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(n, dtype=f32) + f32(0.5)) * f32(cells / n)
    whole = at.astype(np.int64)
    part = at - whole.astype(f32)
    return whole, part * part * (3 - 2 * part)


def blur(image: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a (2 radius + 1) square, in whole numbers, so that the order of summation cannot
    matter."""
    image = (image * f32(4096)).astype(
        np.int32
    )  # running sums may wrap around: their differences are still right
    for axis in (0, 1):
        image = np.moveaxis(image, axis, 0)
        padded = np.concatenate([image[:1]] * (radius + 1) + [image] + [image[-1:]] * radius)
        sums = np.cumsum(padded, axis=0, dtype=np.int32)
        image = np.moveaxis(sums[2 * radius + 1 :] - sums[: -2 * radius - 1], 0, axis)
    return image.astype(f32) * f32(1 / (4096 * (2 * radius + 1) ** 2))


def near(image: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a (2 radius + 1) square in floating point: faster than :func:`blur` for a small
    radius."""
    n, width = len(image), 2 * radius + 1
    padded = np.pad(image, radius, mode="edge")
    rows = sum(padded[k : k + n] for k in range(width))
    return sum(rows[:, k : k + n] for k in range(width)) * f32(1 / width**2)


def linear(colour: str) -> np.ndarray:
    """A colour as displayed, hexadecimal -> linear light, (3, 1, 1)."""
    return (np.array([*bytes.fromhex(colour)], f32)[:, None, None] / f32(255)) ** 2


def frac(x: np.ndarray) -> np.ndarray:
    """x % 1, forty times as fast."""
    return x - np.floor(x)


def mix(a, b, share):
    mixed = (b - a) * share
    mixed += a
    return mixed


def rows_of(where: np.ndarray) -> slice | None:
    """From the first to the last of the rows of (rows, n) in which anything is true."""
    rows = np.flatnonzero(where.any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else None


def courses(
    x: np.ndarray, y: np.ndarray, rows: int, columns: int, seed: int
) -> tuple[np.ndarray, ...]:
    """Bricks in running bond: place in the brick down and along, in [0, 1), and a random number for
    each brick."""
    down = y * f32(rows)  # (n, 1)
    row = down.astype(np.int64)
    along = x * f32(columns) + (row % 2).astype(f32) * f32(0.5)  # (n, n)
    column = along.astype(np.int64)
    single = _lattice(columns, rows - 1, seed)
    return down - row.astype(f32), along - column.astype(f32), single[row, column]
