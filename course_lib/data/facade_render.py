"""The photographer of the generated façades: a layout and a style in, a picture of a toy house out.

Bit for bit the same on every machine: the arrays see only single additions, multiplications, divisions and roots, which
IEEE 754 rounds the same everywhere; no exp, no matrix product, no library's random numbers.
"""

import functools
from dataclasses import astuple, dataclass

import numpy as np
from numpy import float32 as f32

from course_lib.data.facade_layout import PARTS, Box, Draw


def _rgb(codes: str) -> list[tuple[int, ...]]:
    return [tuple(bytes.fromhex(code)) for code in codes.split()]


WALLS = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "grey")
_WALLS = _rgb("a84236 ce8046 dec068 7c9e5c 589c98 6280b4 966ca0 a8a49e")
_DOORS = _rgb("345448 385c6e 3c6096 964030 a84a32 b27832 466e54 a03434")  # door, blinds and awning go with the wall
_ROOFS = _rgb("5c585e 784234 964a36 824838 605a5c 585c68 685460 7e4236")
_PARTS = {
    **{"grass": (96, 132, 62), "pavement": (172, 168, 160), "plinth": (140, 134, 126)},
    **{"trim": (238, 232, 218), "frame": (244, 242, 236), "rail": (46, 48, 52)},
}
UNIT = 128  # heights and shadows are in 1/128 of the picture


@dataclass(frozen=True)
class Style:
    """The named factors of a photograph, independent of the layout."""

    wall: int  # which of WALLS
    shade: float  # -1 (darker) to 1 (lighter) within the colour
    brick: bool  # else plaster
    light: float  # where the sun stands: -1 far left to 1 far right
    time: float  # 0 noon, 0.6 golden evening, 1 night
    glass: float  # tint, 0 blue to 1 bronze
    weathering: float  # 0 new to 1 stained

    NAMES = ("wall", "shade", "brick", "light", "time", "glass", "weathering")

    @classmethod
    def draw(cls, draw: Draw, **fixed) -> "Style":
        """A random style: by day, unless ``fixed`` says otherwise."""
        values = {
            "wall": draw.whole(0, len(WALLS) - 1),
            "shade": draw.between(-1, 1),
            "brick": draw.chance(0.5),
            "light": draw.between(0.35, 1) * (1 if draw.chance(0.5) else -1),
            "time": draw.between(0, 0.6),
            "glass": draw.between(0, 1),
            "weathering": draw.between(0, 1),
        }
        return cls(**(values | fixed))

    def vector(self) -> list[float]:
        return [float(value) for value in astuple(self)]


def render(boxes: list[Box], style: Style, size: int, grain: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(photo (size, size, 3) uint8, labels (size, size) uint8, instances (size, size) uint8).

    ``grain`` seeds what no factor names: clouds, single bricks, curtains, stains.
    """
    scale = max(2, -(-128 // size))  # every pixel is the mean of scale x scale samples
    n = size * scale
    label, instance, part, height, across = rasterise(boxes, n)
    picture = _shade(part, instance, height, across, style, n, grain)
    total = picture[:, 0::scale, 0::scale].copy()
    for k in range(1, scale * scale):
        total += picture[:, k // scale :: scale, k % scale :: scale]
    total *= f32(1 / scale**2)
    photo = np.sqrt(np.clip(total, 0, 1, out=total)) * f32(255) + f32(0.5)  # gamma 2
    return photo.astype(np.uint8).transpose(1, 2, 0), label[::scale, ::scale].copy(), instance[::scale, ::scale].copy()


def rasterise(boxes: list[Box], n: int) -> tuple[np.ndarray, ...]:
    """label, instance, part, height of each of n x n samples; its place in a pane, 0 (the middle) to 1 (a side)."""
    label, instance, part = (np.zeros((n, n), np.uint8) for _ in range(3))
    height, across = np.zeros((n, n), f32), np.zeros((n, n), f32)
    panes = [PARTS.index(name) for name in ("glass", "shopglass")]
    for box in boxes:
        x0, y0, x1, y1 = (max(0, min(n, int(edge * n + 0.5))) for edge in box[:4])
        if x1 <= x0 or y1 <= y0:
            continue
        area = np.s_[y0:y1, x0:x1]
        whole = box.shape in ("box", "slats", "bars")
        mask = ... if whole else _mask(box.shape, x1 - x0, y1 - y0)
        label[area][mask], instance[area][mask] = box.label, box.instance
        if box.shape == "bars":
            mask = _bars(x1 - x0, y1 - y0, n)
        part[area][mask], height[area][mask] = box.part, box.height
        if box.part in panes:
            across[area] = _sides(x1 - x0)
    return label, instance, part, height, across


def _sides(w: int) -> np.ndarray:
    return np.abs((np.arange(w, dtype=f32) + f32(0.5)) / f32(w) * 2 - 1)  # 1 .. 0 .. 1


def _mask(shape: str, w: int, h: int) -> np.ndarray:
    x = _sides(w)
    y = (np.arange(h, dtype=f32)[:, None] + f32(0.5)) / f32(h)
    if shape == "gable":
        return x <= y
    if shape == "roof":
        return x <= f32(0.84) + f32(0.16) * y
    rise = f32(0.45 * w / h)  # arch
    return (y >= rise) | (x * x + ((rise - y) / rise) ** 2 <= 1)


def _bars(w: int, h: int, n: int) -> np.ndarray:
    column, row = np.arange(w) * UNIT // n, np.arange(h) * UNIT // n
    return (column[None] % 3 == 0) | (row[:, None] < 1)


def _hash(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Random numbers in [0, 1), one for each pair of whole numbers."""
    with np.errstate(over="ignore"):
        h = x.astype(np.uint32) * np.uint32(374761393) + y.astype(np.uint32) * np.uint32(668265263)
        h = (h + np.uint32(seed & 0xFFFFFFFF)) * np.uint32(2246822519)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(3266489917)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(668265263)
    return ((h ^ (h >> np.uint32(16))) >> np.uint32(8)).astype(f32) * f32(2**-24)


def _noise(n: int, across: int, down: int, seed: int) -> np.ndarray:
    """Smooth random hills in [0, 1), (n, n): ``across`` x ``down`` of them."""
    lattice = _hash(np.arange(across + 1)[None], np.arange(down + 1)[:, None], seed)
    x, fx = _steps(n, across)
    y, fy = _steps(n, down)
    rows = lattice[y] + (lattice[y + 1] - lattice[y]) * fy[:, None]
    slope = rows[:, 1:] - rows[:, :-1]
    return rows.take(x, axis=1) + slope.take(x, axis=1) * fx


@functools.cache
def _steps(n: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(n, dtype=f32) + f32(0.5)) * f32(cells / n)
    whole = at.astype(np.int64)
    part = at - whole.astype(f32)
    return whole, part * part * (3 - 2 * part)


def _blur(image: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a (2 radius + 1) square, in whole numbers, so that the order of summation cannot matter."""
    image = (image * f32(4096)).astype(np.int32)  # running sums may wrap around: their differences are still right
    for axis in (0, 1):
        image = np.moveaxis(image, axis, 0)
        padded = np.concatenate([image[:1]] * (radius + 1) + [image] + [image[-1:]] * radius)
        sums = np.cumsum(padded, axis=0, dtype=np.int32)
        image = np.moveaxis(sums[2 * radius + 1 :] - sums[: -2 * radius - 1], 0, axis)
    return image.astype(f32) * f32(1 / (4096 * (2 * radius + 1) ** 2))


def _linear(colour: str | tuple) -> np.ndarray:
    """A colour as displayed, hexadecimal or 0..255 -> linear light, (3, 1, 1)."""
    rgb = _rgb(colour)[0] if isinstance(colour, str) else colour
    return (np.array(rgb, f32)[:, None, None] / f32(255)) ** 2


def _mix(a, b, share):
    mixed = (b - a) * share
    mixed += a
    return mixed


def _shade(part, instance, height, across, style: Style, n: int, grain: int) -> np.ndarray:
    """Linear light, (3, n, n)."""
    is_part = {name: part == i for i, name in enumerate(PARTS)}
    x = (np.arange(n, dtype=f32) + f32(0.5)) / f32(n)
    y = x[:, None]
    night = f32(max(0.0, (style.time - 0.6) / 0.4))
    evening = f32(min(style.time / 0.6, 1.0))

    # 1. Light: how much sun, how much sky, and what stands in the sun's way.
    sun = _mix(_linear("fff4e0") * f32(1.14), _linear("ffbe7a") * f32(1.05), evening) * (1 - night) ** 2
    ambient = _mix(
        _mix(_linear("7a8caa"), _linear("7c768e"), evening), _linear("283258"), min(f32(1), night * f32(1.2))
    )
    shadow, edge = _relief(height, style.light, n)
    hollow = np.clip((_blur(height, max(1, 3 * n // UNIT)) - height) * f32(0.1), f32(-0.04), f32(0.4))
    side = f32(style.light) * (x - f32(0.5))  # brighter towards the sun
    lit = (1 - shadow) * (f32(0.88) + f32(0.5) * side + edge)
    albedo = _surfaces(part, is_part, style, x, y, grain)
    picture = albedo * (sun * lit + ambient * (1 - hollow))
    foot = np.clip(1 - np.abs(y - f32(0.915)) * f32(22), 0, 1) * (is_part["pavement"] | is_part["plinth"])
    picture *= 1 - f32(0.28) * foot  # where the house meets the ground

    # 2. Sky.
    zenith = _mix(_mix(_linear("5c96dc"), _linear("788cc8"), evening), _linear("0a102c"), night)
    horizon = _mix(_mix(_linear("cee2f4"), _linear("ffce9c"), evening), _linear("1e2a5c"), night)
    clouds = _noise(n, 4, 9, grain + 8) * f32(0.6) + _noise(n, 9, 20, grain + 9) * f32(0.4)
    clouds = np.clip((clouds - f32(0.52)) * f32(3.2), 0, 1) * (f32(0.85) * (1 - night) + f32(0.05))
    haze = np.clip(y * f32(1.25) + f32(0.45) * (1 - night) * side, 0, 1)
    sky = _mix(_mix(zenith, horizon, haze), _mix(_linear("ffffff"), _linear("ffdebe"), evening), clouds)
    picture = np.where(is_part["sky"], sky, picture)

    # 3. Glass by day: the sky's reflection, and curtains. Pixels of glass stand in one row, (3, 1, count).
    glass = is_part["glass"] | is_part["shopglass"]
    down, along = np.nonzero(glass)
    gx, gy = x[None, along], y[None, down, 0]
    tint = _mix(_linear("8cb6e2"), _linear("d6b888"), f32(style.glass))
    streak = np.clip(1 - np.abs((((gx if style.light > 0 else -gx) + gy) * f32(4.3)) % 1 - f32(0.5)) * f32(4), 0, 1)
    window = _hash(np.arange(256), np.zeros(256), grain + 10)[instance[down, along]][None]  # one number for each window
    curtain = (across[down, along] > f32(0.5) + window * f32(0.7)) * (f32(0.7) + f32(0.3) * ((gx * f32(64)) % 1))
    mirror = f32(0.28) + f32(0.5) * streak + f32(0.3) * clouds[down, along]
    mirror = mirror * (f32(1.25) - gy) * (1 - f32(0.6) * shadow[down, along]) + f32(0.04)
    seen = _mix(tint, _linear("faf4e8"), f32(0.6) * curtain) * (mirror + f32(0.26) * curtain)
    seen = seen * (sun * f32(0.5) + ambient)

    # 4. Night: every window is lit, and glows.
    if night:
        lamp = _linear("ffd070") * (f32(0.7) + f32(0.35) * window - f32(0.25) * curtain)
        seen = _mix(seen, lamp, night)
        radius = max(1, 5 * n // UNIT)
        glow = _blur(_blur(glass.astype(f32), radius), radius) * f32(0.5) * night
        picture += _linear("ffba60") * glow * (f32(0.16) + albedo)
    picture[:, down, along] = seen[:, 0]

    # 5. The lens: darker corners.
    return picture * (f32(1.04) - f32(0.42) * ((x - f32(0.5)) ** 2 + (y - f32(0.5)) ** 2))


def _surfaces(part, is_part: dict, style: Style, x: np.ndarray, y: np.ndarray, grain: int) -> np.ndarray:
    """Which share of the light each sample throws back, (3, n, n). Neither time nor light has a say in it."""
    n = len(x)
    wall = _linear(_WALLS[style.wall])[:, 0, 0] * f32(1 + 0.22 * style.shade)
    door, roof = _linear(_DOORS[style.wall])[:, 0, 0], _linear(_ROOFS[style.wall])[:, 0, 0]
    colours = {name: _linear(rgb)[:, 0, 0] for name, rgb in _PARTS.items()}
    colours |= {"wall": wall, "roof": roof, "door": door, "panel": door * f32(0.8), "sign": door * f32(0.7)}
    colours |= {"shutter": _mix(door, wall, f32(0.12)) * f32(1.15), "awning": door * f32(1.1)}
    albedo = np.stack([colours.get(name, np.zeros(3, f32)) for name in PARTS], 1)[:, part]

    patchy, fine = _noise(n, 5, 5, grain + 1), _noise(n, 96, 96, grain + 2)
    if style.brick:
        below, beside, single = _courses(x, y, 28, 12, grain + 3)
        mortar = (below < f32(0.2)) | (beside < f32(0.09))
        texture = np.where(mortar, f32(1.0), f32(0.62) + f32(0.5) * single + f32(0.1) * fine)
        albedo = _mix(albedo, _linear("d6d0c6"), (is_part["wall"] & mortar) * f32(0.45))
    else:
        texture = f32(0.88) + f32(0.14) * patchy + f32(0.1) * fine
    texture = np.where(is_part["wall"], texture, f32(1))
    below, _, single = _courses(x, y, 56, 30, grain + 4)
    texture = np.where(is_part["roof"], f32(0.55) + f32(0.55) * below + f32(0.3) * single, texture)
    texture = np.where(is_part["grass"], f32(0.5) + _noise(n, 60, 60, grain + 5), texture)
    texture = np.where(is_part["pavement"], f32(0.84) + f32(0.12) * fine + f32(0.1) * patchy, texture)
    slats = is_part["shutter"] & ((y * f32(UNIT / 2)) % 1 < f32(0.34))
    albedo *= np.where(slats, f32(0.68), texture)
    stripes = is_part["awning"] & ((x * f32(UNIT / 4)).astype(np.int64) % 2 == 0)
    albedo = np.where(stripes, _linear(_PARTS["trim"]), albedo)

    dirt = _noise(n, 40, 4, grain + 6) * _noise(n, 6, 3, grain + 7) * f32(1.3)  # streaks from above, splashes below
    dirt += np.clip((y - f32(0.74)) * f32(2.6), 0, f32(0.5)) * patchy
    dirt *= (is_part["wall"] | is_part["trim"] | is_part["plinth"]) * f32(0.75 * style.weathering)
    return _mix(albedo, _linear("544a3a") * f32(0.8), np.clip(dirt, 0, f32(0.8)))


def _courses(x: np.ndarray, y: np.ndarray, rows: int, columns: int, seed: int) -> tuple[np.ndarray, ...]:
    """Bricks in running bond: place in the brick down and along, in [0, 1), and a random number for each brick."""
    down = y * f32(rows)  # (n, 1)
    row = down.astype(np.int64)
    along = x * f32(columns) + (row % 2).astype(f32) * f32(0.5)  # (n, n)
    column = along.astype(np.int64)
    single = _hash(np.arange(columns + 1)[None], np.arange(rows)[:, None], seed)
    return down - row.astype(f32), along - column.astype(f32), single[row, column]


def _relief(height: np.ndarray, light: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cast shadow in [0, 1], and the brightness of edges that face the light, from the heights (n, n)."""
    unit, steps = n // UNIT, 7
    border = steps * unit
    around = np.pad(height, border, mode="edge")

    def moved(dx: int, dy: int) -> np.ndarray:  # what stands dx to the left and dy above
        return around[border - dy : border - dy + n, border - dx : border - dx + n]

    highest = height - 100
    for step in range(1, steps + 1):
        dx = int(abs(light) * step * unit + 0.5) * (-1 if light > 0 else 1)
        highest = np.maximum(highest, moved(dx, step * unit) - f32(0.85 * step))
    shadow = np.clip((highest - height) * f32(0.8), 0, 1) * f32(0.92)
    towards = moved(-unit if light > 0 else unit, unit)
    return shadow, np.clip((height - towards) * f32(0.12), f32(-0.12), f32(0.2))
