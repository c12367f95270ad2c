"""The photographer of the generated façades: a layout and a style in, a picture of a toy house out.

Bit for bit the same on every machine: see tools.py. This is all there is up to 64 px; details.py
adds to larger pictures.
"""

from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from numpy import float32 as f32

from course_lib.houses.details import Details, furnish, strength
from course_lib.houses.layout import PARTS, Box, Draw
from course_lib.houses.tools import (
    blur,
    courses,
    frac,
    hashed,
    linear,
    mix,
    noise,
    rows_of,
)

WALLS = ("red", "orange", "yellow", "green", "teal", "blue", "violet", "grey")
_WALLS = ["a84236", "ce8046", "dec068", "7c9e5c", "589c98", "6280b4", "966ca0", "a8a49e"]
# door, blinds and awning go with the wall
_DOORS = ["345448", "385c6e", "3c6096", "964030", "a84a32", "b27832", "466e54", "a03434"]
_ROOFS = ["5c585e", "784234", "964a36", "824838", "605a5c", "585c68", "685460", "7e4236"]
_PARTS = {
    **{"grass": "60843e", "pavement": "aca8a0", "plinth": "8c867e"},
    **{"trim": "eee8da", "frame": "f4f2ec", "rail": "2e3034"},
}
GLASS = ("glass", "shopglass")
BAND = 2**15  # samples that are coloured at a time
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


class Samples(NamedTuple):
    """What each sample shows, (n, n) each, or a band of rows of it."""

    label: np.ndarray
    instance: np.ndarray
    part: np.ndarray
    height: np.ndarray
    across: np.ndarray  # place in a pane, 0 (the middle) to 1 (a side)
    front: np.ndarray  # 1 + the number of the box that is seen; 0: the sky

    def band(self, rows: slice) -> "Samples":
        return Samples(*(each[rows] for each in self))


def render(
    boxes: list[Box], style: Style, size: int, grain: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(photo (size, size, 3) uint8, labels (size, size) uint8, instances (size, size) uint8).

    ``grain`` seeds what no factor names: clouds, single bricks, curtains, stains.
    """
    scale = max(2, -(-128 // size))  # every pixel is the mean of scale x scale samples
    n = size * scale
    details = None
    if strength(size):
        boxes = furnish(boxes, grain, strength(size))
        details = Details(boxes, style.light, style.brick, _wall(style), n, grain, strength(size))
    samples = rasterise(boxes, n)
    light = _light(samples, style, n)
    if details:
        light[0], light[2] = details.soften(light[0], light[2], samples.height)
    photo = np.empty((size, size, 3), np.uint8)
    high = max(1, BAND // n // scale) * scale  # rows that fit into the cache: twice as fast
    for top in range(0, n, high):
        rows = slice(top, min(top + high, n))
        picture = _shade(
            samples.band(rows), [each[rows] for each in light], style, n, grain, rows, details
        )
        total = picture[:, 0::scale, 0::scale].copy()
        for k in range(1, scale * scale):
            total += picture[:, k // scale :: scale, k % scale :: scale]
        total *= f32(1 / scale**2)
        total = details.develop(total) if details else total
        shown = np.sqrt(np.clip(total, 0, 1, out=total)) * f32(255) + f32(0.5)  # gamma 2
        photo[rows.start // scale : rows.stop // scale] = shown.astype(np.uint8).transpose(1, 2, 0)
    return photo, samples.label[::scale, ::scale].copy(), samples.instance[::scale, ::scale].copy()


def rasterise(boxes: list[Box], n: int) -> Samples:
    """The uppermost of ``boxes`` at each of n x n samples."""
    front = np.zeros((n, n), np.int16)  # 1 + the box that is seen
    whose = np.zeros((n, n), np.int16)  # 1 + the box that gives the label
    across = np.zeros((n, n), f32)
    panes = [PARTS.index(name) for name in GLASS]
    for number, box in enumerate(boxes, 1):
        x0, y0, x1, y1 = (max(0, min(n, int(edge * n + 0.5))) for edge in box[:4])
        if x1 <= x0 or y1 <= y0:
            continue
        area = np.s_[y0:y1, x0:x1]
        mask = ... if box.shape in ("box", "slats") else _mask(box, x1 - x0, y1 - y0, n)
        front[area][mask] = number
        if box.label >= 0:
            whose[area][... if box.shape == "bars" else mask] = number
        if box.part in panes:
            across[area] = _sides(x1 - x0)
    known = [Box(0, 0, 1, 1, 0, 0, 0, 0), *boxes]
    labelled = [box if box.label >= 0 else known[0] for box in known]
    label = np.array([box.label for box in labelled], np.uint8).take(whose)
    instance = np.array([box.instance for box in labelled], np.uint8).take(whose)
    part = np.array([box.part for box in known], np.uint8).take(front)
    height = np.array([box.height for box in known], f32).take(front)
    return Samples(label, instance, part, height, across, front)


def _sides(w: int) -> np.ndarray:
    return np.abs((np.arange(w, dtype=f32) + f32(0.5)) / f32(w) * 2 - 1)  # 1 .. 0 .. 1


def _mask(box: Box, w: int, h: int, n: int) -> np.ndarray:
    """Which of the w x h samples of a box that is not a rectangle show it."""
    if box.shape == "bars":
        column, row = np.arange(w) * UNIT // n, np.arange(h) * UNIT // n
        return (column[None] % 3 == 0) | (row[:, None] < 1)
    x = _sides(w)
    y = (np.arange(h, dtype=f32)[:, None] + f32(0.5)) / f32(h)
    if box.shape == "leaves":  # a dome with a ragged edge
        leaf = max(1, n // 256)
        ragged = hashed(np.arange(w) // leaf, np.arange(h)[:, None] // leaf, box.instance)
        return x * x * x * x + (1 - y) * (1 - y) < f32(0.45) + f32(0.55) * ragged
    if box.shape == "gable":
        return x <= y
    if box.shape == "roof":
        return x <= f32(0.84) + f32(0.16) * y
    rise = f32(0.45 * w / h)  # arch
    return (y >= rise) | (x * x + ((rise - y) / rise) ** 2 <= 1)


def _light(at: Samples, style: Style, n: int) -> list[np.ndarray]:
    """Of all samples, (n, n): cast shadow, bright edges, how hollow they lie, and at night the glow
    of the windows."""
    shadow, edge = _relief(at.height, style.light, n)
    hollow = np.clip(
        (blur(at.height, max(1, 3 * n // UNIT)) - at.height) * f32(0.1), f32(-0.04), f32(0.4)
    )
    if style.time <= 0.6:
        return [shadow, edge, hollow]
    glass, radius = sum(at.part == PARTS.index(name) for name in GLASS), max(1, 5 * n // UNIT)
    return [shadow, edge, hollow, blur(blur(glass.astype(f32), radius), radius)]


def _shade(
    at: Samples,
    light: list[np.ndarray],
    style: Style,
    n: int,
    grain: int,
    band: slice,
    details: Details | None,
) -> np.ndarray:
    """Linear light, (3, rows, n), of a ``band`` of rows."""
    is_part = {name: at.part == i for i, name in enumerate(PARTS)}
    x = (np.arange(n, dtype=f32) + f32(0.5)) / f32(n)
    y = x[band, None]
    night = f32(max(0.0, (style.time - 0.6) / 0.4))
    evening = f32(min(style.time / 0.6, 1.0))

    # 1. Light: how much sun, how much sky, and what stands in the sun's way.
    sun = (
        mix(linear("fff4e0") * f32(1.14), linear("ffbe7a") * f32(1.05), evening) * (1 - night) ** 2
    )
    ambient = mix(
        mix(linear("7a8caa"), linear("7c768e"), evening),
        linear("283258"),
        min(f32(1), night * f32(1.2)),
    )
    shadow, edge, hollow, *glow = light
    side = f32(style.light) * (x - f32(0.5))  # brighter towards the sun
    lit = (1 - shadow) * (f32(0.88) + f32(0.5) * side + edge)
    albedo = _surfaces(at, is_part, style, x, y, grain, band, details)
    picture = sun * lit
    picture += ambient * (1 - hollow)
    picture *= albedo
    if (is_part["pavement"] | is_part["plinth"]).any():  # where the house meets the ground
        foot = np.clip(1 - np.abs(y - f32(0.915)) * f32(22), 0, 1) * (
            is_part["pavement"] | is_part["plinth"]
        )
        picture *= 1 - f32(0.28) * foot

    # 2. Sky.
    zenith = mix(mix(linear("5c96dc"), linear("788cc8"), evening), linear("0a102c"), night)
    horizon = mix(mix(linear("cee2f4"), linear("ffce9c"), evening), linear("1e2a5c"), night)
    clouds = noise(n, 4, 9, grain + 8, band) * f32(0.6) + noise(n, 9, 20, grain + 9, band) * f32(
        0.4
    )
    if details:
        clouds += details.clouds(band)
    clouds = np.clip((clouds - f32(0.52)) * f32(3.2), 0, 1) * (f32(0.85) * (1 - night) + f32(0.05))
    if is_part["sky"].any():
        haze = np.clip(y * f32(1.25) + f32(0.45) * (1 - night) * side, 0, 1)
        sky = mix(
            mix(zenith, horizon, haze), mix(linear("ffffff"), linear("ffdebe"), evening), clouds
        )
        np.copyto(picture, sky, where=is_part["sky"])

    # 3. Glass by day: the sky's reflection, and curtains. Pixels of glass stand in one row, (3, 1,
    # count).
    down, along = np.nonzero(is_part["glass"] | is_part["shopglass"])
    gx, gy = x[None, along], y[None, down, 0]
    tint = mix(linear("8cb6e2"), linear("d6b888"), f32(style.glass))
    streak = np.clip(
        1 - np.abs(frac(((gx if style.light > 0 else -gx) + gy) * f32(4.3)) - f32(0.5)) * f32(4),
        0,
        1,
    )
    window = hashed(np.arange(256), np.zeros(256), grain + 10)[at.instance[down, along]][
        None
    ]  # a number for each
    curtain = (at.across[down, along] > f32(0.5) + window * f32(0.7)) * (
        f32(0.7) + f32(0.3) * frac(gx * f32(64))
    )
    mirror = f32(0.28) + f32(0.5) * streak + f32(0.3) * clouds[down, along]
    mirror = mirror * (f32(1.25) - gy) * (1 - f32(0.6) * shadow[down, along]) + f32(0.04)
    if details:
        seen_here = (each[None, down, along] for each in (at.front, is_part["shopglass"], shadow))
        mirror, curtain, bright = details.panes(mirror, curtain, *seen_here, gx, gy)
    pane = mix(tint, linear("faf4e8"), f32(0.6) * curtain) * (mirror + f32(0.26) * curtain)
    pane = pane * (sun * f32(0.5) + ambient)

    # 4. Night: every window is lit, and glows.
    if night:
        lamp = linear("ffd070") * (f32(0.7) + f32(0.35) * window - f32(0.25) * curtain)
        pane = mix(pane, lamp * bright if details else lamp, night)
        picture += linear("ffba60") * (glow[0] * f32(0.5) * night) * (f32(0.16) + albedo)
    picture[:, down, along] = pane[:, 0]

    # 5. The lens: darker corners.
    picture *= f32(1.04) - f32(0.42) * ((x - f32(0.5)) ** 2 + (y - f32(0.5)) ** 2)
    return picture


def _wall(style: Style) -> np.ndarray:
    return linear(_WALLS[style.wall])[:, 0, 0] * f32(1 + 0.22 * style.shade)


def _surfaces(
    at: Samples, is_part: dict, style: Style, x, y, grain: int, band: slice, details: Details | None
) -> np.ndarray:
    """Which share of the light each sample throws back, (3, rows, n). Neither time nor light has a
    say in it."""
    n = len(x)
    wall = _wall(style)
    door, roof = linear(_DOORS[style.wall])[:, 0, 0], linear(_ROOFS[style.wall])[:, 0, 0]
    colours = {name: linear(code)[:, 0, 0] for name, code in _PARTS.items()}
    colours |= {
        "wall": wall,
        "roof": roof,
        "door": door,
        "panel": door * f32(0.8),
        "sign": door * f32(0.7),
    }
    colours |= {"shutter": mix(door, wall, f32(0.12)) * f32(1.15), "awning": door * f32(1.1)}
    albedo = np.stack([colours.get(name, np.zeros(3, f32)) for name in PARTS], 1).take(
        at.part, axis=1
    )

    texture = np.ones(at.part.shape, f32)
    patchy, fine = noise(n, 5, 5, grain + 1, band), noise(n, 96, 96, grain + 2, band)
    if style.brick and details and details.share == 1:
        pass  # they have bricks of their own
    elif style.brick and is_part["wall"].any():
        below, beside, single = courses(x, y, 28, 12, grain + 3)
        mortar = is_part["wall"] & ((below < f32(0.2)) | (beside < f32(0.09)))
        np.copyto(
            texture,
            f32(0.62) + f32(0.5) * single + f32(0.1) * fine,
            where=is_part["wall"] & ~mortar,
        )
        albedo[:, mortar] = mix(albedo[:, mortar], linear("d6d0c6")[:, 0], f32(0.45))
    elif is_part["wall"].any():
        np.copyto(texture, f32(0.88) + f32(0.14) * patchy + f32(0.1) * fine, where=is_part["wall"])
    if rows := rows_of(is_part["roof"]):
        below, _, single = courses(x, y[rows], 56, 30, grain + 4)
        np.copyto(
            texture[rows],
            f32(0.55) + f32(0.55) * below + f32(0.3) * single,
            where=is_part["roof"][rows],
        )
    if rows := rows_of(is_part["grass"]):
        blades = noise(n, 60, 60, grain + 5, band)[rows]
        np.copyto(texture[rows], f32(0.5) + blades, where=is_part["grass"][rows])
    if is_part["pavement"].any():
        np.copyto(
            texture, f32(0.84) + f32(0.12) * fine + f32(0.1) * patchy, where=is_part["pavement"]
        )
    slats = is_part["shutter"] & ((y * f32(UNIT / 2)) % 1 < f32(0.34))
    np.copyto(texture, f32(0.68), where=slats)
    albedo *= texture
    if is_part["awning"].any():
        stripes = is_part["awning"] & ((x * f32(UNIT / 4)).astype(np.int64) % 2 == 0)
        np.copyto(albedo, linear(_PARTS["trim"]), where=stripes)
    if details:
        details.paint(albedo, at.front, is_part, x, y, band)

    dirt = (
        noise(n, 40, 4, grain + 6, band) * noise(n, 6, 3, grain + 7, band) * f32(1.3)
    )  # from above, from below
    dirt += np.clip((y - f32(0.74)) * f32(2.6), 0, f32(0.5)) * patchy
    dirt *= (is_part["wall"] | is_part["trim"] | is_part["plinth"]) * f32(0.75 * style.weathering)
    return mix(albedo, linear("544a3a") * f32(0.8), np.clip(dirt, 0, f32(0.8), out=dirt))


def _relief(height: np.ndarray, light: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cast shadow in [0, 1], and the brightness of edges that face the light, from the heights (n,
    n)."""
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
