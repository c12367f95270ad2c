"""What façades show above 64 px: small things, textures, panes that reflect, soft shadows.

At 64 px and below nothing of this is drawn. Labels and instances know nothing of it: a detail is a
box without a label, or a change of what the base in render.py has coloured. What no factor of the
style names follows from ``grain``.
"""

import functools

import numpy as np
from numpy import float32 as f32

from course_lib.houses.layout import CLASSES, PARTS, PX, Box
from course_lib.houses.tools import (
    courses,
    frac,
    hashed,
    linear,
    mix,
    near,
    noise,
    rows_of,
    sheet,
)

STEPS = 32  # entries of a curve
# How bright a part is from its top to its foot, and from the side away from the sun to the side
# towards it: curves through the points given, of which 1 changes nothing. They stand for profiles
# too fine to be told in heights.
CURVES = {
    "flat": ((1,), (1,)),
    "slab": (
        (1.16, 1.08, 1.02, 0.78),
        (0.95, 1, 1, 1),
    ),  # sills, floors of balconies, the upper cornice
    "cornice": ((0.9, 1.06, 1.06, 0.96, 0.84, 1.06, 1.06, 1.02, 0.84, 0.76), (1,)),
    "course": ((1.14, 1.08, 0.82), (1,)),
    "deco": ((1.16, 1.06, 1.02, 1, 0.8), (0.93, 1, 1, 1.04)),
    "pillar": (
        (0.8, 0.8, 0.86, 1.06, 0.84) + (1.04,) * 22 + (0.84, 1.04, 0.9, 1, 0.86),
        (0.76, 0.93, 1, 1.06, 0.97),
    ),
    "frame": ((1.05, 1, 0.99, 0.98, 0.92), (0.9, 1, 1, 1.02)),
    "bar": ((1.06, 0.98, 0.86), (0.86, 1, 1.06)),
    "shutter": ((0.8,) + (1.03,) * 14 + (0.8,), (0.74, 1.06, 1, 0.98, 0.98, 1, 1.04, 0.8)),
    "door": ((0.72,) + (1,) * 14 + (0.86,), (0.85,) + (1,) * 6 + (0.55, 1.1) + (1,) * 6 + (0.95,)),
    "panel": ((0.66, 0.98, 1.02, 1.02, 1.04, 1.3), (1.24, 1, 1, 1, 0.98, 0.72)),
    "awning": ((0.78, 0.95, 1.02, 1.06, 1.08, 1.1, 1.1, 0.86, 0.9), (0.95, 1, 1, 1.02)),
    "sign": ((1.22, 1, 1, 0.98, 0.74), (1,)),
    "rail": ((1.7, 1.1, 1, 0.9), (1,)),
    "roof": ((1.16, 1.03, 1, 0.99, 0.96, 0.84), (0.93, 1, 1, 1.03)),
    "plinth": ((1.12, 1.02, 0.98, 0.86), (1,)),
    "pipe": ((1,), (0.6, 0.9, 1.25, 1)),
    "bush": ((1.5, 1.25, 1, 0.8, 0.6), (0.75, 1, 1.1, 1.15)),
    "flowers": ((1.5, 1.3, 1), (0.9, 1.1)),
}
KINDS = tuple(CURVES)


def strength(size: int) -> float:
    """How strong the details are: 0 up to 64 px, 1 from 112 px."""
    return min(max((size - 64) / 48, 0.0), 1.0)


def furnish(boxes: list[Box], grain: int, share: float) -> list[Box]:
    """``boxes`` with small things among them, which have no label (-1): ``share`` tells how many of
    them."""
    chance = hashed(np.arange(8), np.arange(len(boxes))[:, None], grain + 20)
    wall = next(box for box in boxes if PARTS[box.part] == "wall")
    pillars = any(CLASSES[box.label] == "pillar" for box in boxes)
    ends = [(box.x0, box.x1) for box in boxes if CLASSES[box.label] in ("door", "shop")]
    furnished, last = [], []
    for i, (box, dice) in enumerate(zip(boxes, chance.tolist(), strict=True)):
        part, label, seed = PARTS[box.part], CLASSES[box.label], (grain + 31 * i) % 2**31
        low, high = box.y0, box.y1
        if part == "roof" and dice[0] < 0.75 * share and low > 6 * PX:  # a chimney behind the roof
            x = mix(box.x0 + 0.03, box.x1 - 0.1, dice[1])
            furnished.append(_thing("plinth", x, low - 6 * PX, x + 6 * PX, low + 3 * PX))
            furnished.append(_thing("plinth", x - PX, low - 6 * PX, x + 7 * PX, low - 4.5 * PX))
        furnished.append(box)
        if part == "grass":
            for k, x in enumerate((-0.06, wall.x0 - 0.07, wall.x1 - 0.04, 0.93)):
                if dice[k] < 0.8 * share:  # bushes beside the house, behind it
                    top, wide = high - 0.04 - 0.11 * dice[k + 4], 0.1 + 0.05 * dice[k]
                    furnished.append(
                        _thing("grass", x, top, x + wide, high - 2 * PX, 0, "leaves", seed + k)
                    )
        elif part == "wall" and not pillars and dice[0] < 0.7 * share:  # a downpipe
            x = box.x0 + 1.5 * PX if dice[1] < 0.5 else box.x1 - 3 * PX
            furnished.append(_thing("plinth", x, low, x + 1.5 * PX, high, 2))
        elif label == "sill" and dice[0] < 0.35 * share:
            last.append(
                _thing("grass", box.x0 + PX, low - 2 * PX, box.x1 - PX, low, 2.5, "leaves", seed)
            )
        elif label == "balcony" and part == "rail" and dice[0] < 0.4 * share:
            last.append(
                _thing("grass", box.x0, low - 1.5 * PX, box.x1, low + 1.5 * PX, 4.5, "leaves", seed)
            )
        elif part == "door":
            x, y = (box.x0 + box.x1) / 2, mix(low, high, 0.52)
            last.append(_thing("trim", x + 0.25 * PX, y, x + PX, y + 1.5 * PX, -1))
            last.append(
                _thing("plinth", box.x0 - 2 * PX, high, box.x1 + 2 * PX, high + 1.5 * PX, 2)
            )  # a step
        elif part == "plinth":
            for k, x in enumerate((box.x0 + PX, box.x1 - 7 * PX)):
                if dice[k] < 0.5 * share and all(x + 6 * PX < a or x > b for a, b in ends):
                    last.append(
                        _thing(
                            "grass", x, high - 4 * PX, x + 6 * PX, high + PX, 1, "leaves", seed + k
                        )
                    )
    return furnished + last


def _thing(part: str, x0, y0, x1, y1, height=0.0, shape="box", seed=0) -> Box:
    return Box(x0, y0, x1, y1, -1, PARTS.index(part), height, seed, shape)


@functools.cache
def _curves() -> tuple[np.ndarray, np.ndarray]:
    """All CURVES, (kinds x STEPS,), from top to foot and across."""
    return tuple(
        np.array([_curve(both[axis]) for both in CURVES.values()], f32).ravel() for axis in (0, 1)
    )


def _curve(points: tuple[float, ...]) -> list[float]:
    points = points * 2 if len(points) == 1 else points
    places = [(i + 0.5) / STEPS * (len(points) - 1) for i in range(STEPS)]
    return [mix(points[int(at)], points[int(at) + 1], at - int(at)) for at in places]


def _kind(box: Box) -> str:
    """Which of CURVES a box follows."""
    part, thin = PARTS[box.part], min(box.y1 - box.y0, box.x1 - box.x0) < 3.5 * PX
    if box.label < 0:
        bush = "flowers" if box.y1 - box.y0 < 4 * PX else "bush"
        return {"grass": bush, "plinth": "pipe" if box.y1 - box.y0 > 4 * PX else "slab"}.get(
            part, "frame"
        )
    if part == "trim":
        label = CLASSES[box.label]
        wide = {"molding": "course", "sill": "slab", "balcony": "slab", "cornice": "slab"}.get(
            label, label
        )
        return (
            wide
            if thin or label in ("pillar", "deco")
            else {"cornice": "cornice"}.get(label, "flat")
        )
    if part == "frame":
        return "bar" if thin else "frame"
    return part if part in KINDS else "flat"


class Details:
    """Those of one picture of n x n samples. ``boxes`` are those that are drawn, the small things
    among them.

    ``wall``: its colour, (3,) in linear light. ``share``: the strength. Bands are slices of rows,
    as in render.
    """

    def __init__(
        self,
        boxes: list[Box],
        light: float,
        brick: bool,
        wall: np.ndarray,
        n: int,
        grain: int,
        share: float,
    ):
        self.brick, self.wall, self.n, self.grain, self.share = brick, wall, n, grain, f32(share)
        nothing = Box(0, 0, 1, 1, 0, 0, 0, 0)
        kinds = [KINDS.index("flat"), *(KINDS.index(_kind(box)) for box in boxes)]
        edges = np.array([box[:4] for box in (nothing, *boxes)], f32)
        self.left, self.top = edges[:, 0], edges[:, 1]
        self.wide, self.high = (
            1 / np.maximum(edges[:, k + 2] - edges[:, k], f32(PX / 4)) for k in (0, 1)
        )
        self.kinds, self.sunny = np.array(kinds, np.int32), light > 0
        self.dice = hashed(np.arange(4)[:, None], np.arange(len(kinds)), grain + 21)

    def place(self, front, x, y) -> tuple[np.ndarray, np.ndarray]:
        """Where in their boxes the samples lie, in [0, 1): across and down."""
        across = (x - self.left.take(front)) * self.wide.take(front)
        down = (y - self.top.take(front)) * self.high.take(front)
        top = f32(0.9999)
        return np.clip(across, 0, top, out=across), np.clip(down, 0, top, out=down)

    def soften(
        self, shadow: np.ndarray, hollow: np.ndarray, height: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Shadows with a penumbra, and less of the sky's light where a part meets its neighbour;
        (n, n) each."""
        unit = self.n // 128
        soft = near(shadow, max(1, unit * 3 // 4))
        corner = np.clip((near(height, unit) - height) * f32(0.16), f32(-0.05), f32(0.3))
        return mix(shadow, soft, self.share), hollow + corner * self.share

    def clouds(self, band: slice) -> np.ndarray:
        """Wisps at the clouds' edges."""
        wisps = sheet(self.n, 23, 47, self.grain + 22, band) * f32(0.16)
        wisps += sheet(self.n, 61, 113, self.grain + 23, band) * f32(0.07)
        return (wisps - f32(0.115)) * self.share

    def paint(
        self,
        albedo: np.ndarray,
        front: np.ndarray,
        is_part: dict,
        x: np.ndarray,
        y: np.ndarray,
        band: slice,
    ):
        """Textures and profiles, on ``albedo`` (3, rows, n) itself."""
        n, grain, share = self.n, self.grain, self.share
        u, v = self.place(front, x, y)
        kind = self.kinds.take(front)
        at = kind * STEPS
        across = (u * f32(STEPS)).astype(np.int32)
        from_top, from_side = _curves()
        tone = from_top.take(at + (v * f32(STEPS)).astype(np.int32))
        tone *= from_side.take(at + (across if self.sunny else STEPS - 1 - across))
        rough = sheet(n, 160, 160, grain + 24, band)
        tone *= f32(0.93) + f32(0.14) * rough

        if (rows := rows_of(is_part["wall"])) and self.brick:
            self._bricks(
                albedo[:, rows], tone[rows], is_part["wall"][rows], rough[rows], x, y[rows]
            )
        elif rows:
            patch = sheet(n, 17, 23, grain + 25, band)[rows]
            tone[rows] *= 1 + (f32(0.2) * patch - f32(0.1)) * is_part["wall"][rows]
        if rows := rows_of(
            is_part["roof"]
        ):  # tiles with round ends, each row in the shadow of the one above
            below, beside, single = courses(x, y[rows], 90, 70, grain + 26)
            round_ = 1 - (2 * beside - 1) * (2 * beside - 1)
            tile = (f32(0.66) + f32(0.5) * np.clip(below * f32(2.2), 0, 1)) * (
                f32(0.7) + f32(0.4) * round_
            )
            tone[rows] *= 1 + (tile * (f32(0.84) + f32(0.34) * single) - 1) * is_part["roof"][rows]
        if rows := rows_of(is_part["grass"]):
            blades = (
                sheet(n, 200, 64, grain + 27, band)[rows]
                + sheet(n, 160, 160, grain + 33, band)[rows]
            )
            tone[rows] *= 1 + (f32(0.8) * blades - f32(0.8)) * is_part["grass"][rows]
        if rows := rows_of(is_part["pavement"]):
            tone[rows] *= 1 + (self._slabs(x, y[rows]) - 1) * is_part["pavement"][rows]
        if rows := rows_of(is_part["shutter"]):
            tone[rows] *= (
                1 + (f32(0.22) * frac(y[rows] * f32(64)) - f32(0.1)) * is_part["shutter"][rows]
            )
        if rows := rows_of(
            is_part["awning"]
        ):  # cloth that sags between the ribs, with a scalloped edge
            rib = (frac(x * f32(32)) * 2 - 1) * (frac(x * f32(32)) * 2 - 1)
            tone[rows] *= 1 + (f32(0.03) - f32(0.1) * rib) * is_part["awning"][rows]
            cut = (v[rows] > f32(1.02) - f32(0.14) * rib) & is_part["awning"][rows]
            np.copyto(tone[rows], f32(0.2), where=cut)
        albedo *= 1 + (tone - 1) * share
        if rows := rows_of(is_part["sign"]):
            self._letters(albedo[:, rows], is_part["sign"][rows], u[rows], v[rows], x)
        blossom = (kind == KINDS.index("flowers")) & is_part["grass"] & (rough > f32(0.58))
        if blossom.any():
            colours = np.concatenate(
                [linear(c)[:, :, 0] for c in ("e04848", "f0d0dc", "f0c040", "d860a0")], 1
            )
            which = (self.dice[0] * 4).astype(np.int32).take(front[blossom])
            albedo[:, blossom] = mix(albedo[:, blossom], colours[:, which], f32(0.62) * share)

    def _bricks(self, albedo, tone, wall, rough, x, y) -> None:
        """Smaller bricks in place of the base's blocks: each of its own shade, with lighter
        joints."""
        below, beside, single = courses(x, y, 56, 30, self.grain + 28)
        joint = np.clip(np.maximum(1 - below * f32(3.6), 1 - beside * f32(7)), 0, 1)[wall]
        shade = ((f32(0.68) + f32(0.46) * single) * (f32(1.08) - f32(0.14) * below))[wall]
        shade *= f32(0.94) + f32(0.12) * rough[wall]
        brick = self.wall[:, None] * shade
        brick += (linear("cfc8bc")[:, 0] - brick) * (joint * f32(0.62))
        albedo[:, wall] = mix(albedo[:, wall], brick, self.share)
        np.copyto(tone, 1, where=wall)

    def _slabs(self, x, y) -> np.ndarray:
        """Paving seen from above: rows that come closer together towards the house, joints that
        lead there."""
        depth = f32(0.045) / (y - f32(0.86))  # 0.9 at the house to 0.32 at the lower edge
        row = (depth * f32(8)).astype(np.int64)
        line = (
            (x - f32(0.5)) * (f32(0.4) + f32(1.0) * depth) * f32(16)
            + f32(32)
            + f32(0.5) * (row % 2).astype(f32)
        )
        slab = line.astype(np.int64)
        joint = np.minimum(frac(depth * f32(8)) * f32(0.7), (line - slab.astype(f32)) * f32(1.6))
        single = hashed(slab, row, self.grain + 29)
        return (f32(0.93) + f32(0.16) * single) * (
            f32(0.82) + f32(0.24) * np.clip(joint * f32(9), 0, 1)
        )

    def _letters(self, albedo, sign, u, v, x) -> None:
        """A name that nobody can read."""
        stroke = (x * f32(256)).astype(np.int64)
        ink = hashed(stroke, (v * f32(6)).astype(np.int64), self.grain + 30) > f32(0.42)
        ink &= (stroke % 5 > 0) & (hashed(stroke // 5, stroke * 0, self.grain) > f32(0.2))
        ink &= (np.abs(v - f32(0.5)) < f32(0.27)) & (np.abs(u - f32(0.5)) < f32(0.36)) & sign
        albedo[:, ink] = mix(albedo[:, ink], linear("f4e8c8")[:, :, 0], f32(0.8) * self.share)

    def panes(self, mirror, curtain, front, shop, shadow, gx, gy) -> tuple[np.ndarray, ...]:
        """mirror and curtain of each sample of glass, and how bright the lamp is behind it, (1,
        count) each."""
        u, v = self.place(front, gx, gy)
        first, second, third, fourth = (dice.take(front) for dice in self.dice)
        middle = np.abs(2 * u - 1)
        # 1. Behind the glass: curtains in folds, half curtains or a blind; in a shop, goods on
        # shelves.
        folds = np.abs(frac(u * f32(7) + first + f32(0.3) * v) * 2 - 1)
        drape = np.clip(
            (middle - f32(0.35) - f32(0.55) * second + f32(0.25) * (v - f32(0.5))) * f32(12), 0, 1
        )
        low = (v > f32(0.52)) * f32(0.75)
        slats = (frac(v * f32(13)) > f32(0.45)) * (v < f32(0.3) + f32(0.7) * second) * f32(0.7)
        cloth = np.where(third < f32(0.62), drape, np.where(third < f32(0.76), low, f32(0)))
        cloth = np.where(
            (third > f32(0.76)) & (third < f32(0.88)),
            slats,
            cloth * (f32(0.45) + f32(0.55) * folds),
        )
        shelf = frac(v * f32(3))
        goods = hashed(
            (gx * f32(110)).astype(np.int64), (v * f32(3)).astype(np.int64), self.grain + 31
        )
        goods = goods * (shelf > f32(0.25) + f32(0.5) * frac(goods * f32(7))) * f32(0.6) + f32(
            0.4
        ) * (shelf < f32(0.06))
        cloth = np.where(shop, goods, cloth)
        # 2. On it: the sky, the roofs across the street, and the shadow of the frame.
        street = noise(self.n, 37, 1, self.grain + 32, slice(0, 1))[0].take(
            (gx * f32(self.n)).astype(np.int64)
        )
        roofs = np.clip((v - f32(0.4) - f32(0.35) * street) * f32(7), 0, 1)
        frame = np.clip(1 - v / self.high.take(front) * f32(1 / (2 * PX)), 0, 1)
        sunside = (1 - u if self.sunny else u) / self.wide.take(front)
        frame = np.maximum(frame, f32(0.7) * np.clip(1 - sunside * f32(1 / (1.5 * PX)), 0, 1))
        gleam = ((gx if self.sunny else 1 - gx) + gy * f32(0.7)) * f32(5) + fourth * f32(0.3)
        gleam = np.clip(f32(1.2) - np.abs(frac(gleam) - f32(0.5)) * f32(8), 0, 1) * (
            1 - f32(0.6) * roofs
        )
        reflected = (
            mirror
            * (f32(1.75) - f32(0.3) * v - f32(0.85) * roofs)
            * (f32(0.75) + f32(0.5) * fourth)
        )
        reflected += f32(0.28) * gleam * (1 - f32(0.7) * shadow)
        reflected *= 1 - f32(0.55) * frame
        cloth *= 1 - f32(0.6) * frame
        # 3. At night: a lamp hangs in each room, curtains and goods stand before it.
        spot = np.clip(
            1 - (middle * middle * f32(0.7) + (v - f32(0.35)) * (v - f32(0.35)) * f32(2.2)), 0, 1
        )
        lamp = (
            (f32(0.55) + f32(0.65) * spot) * (f32(0.9) + f32(0.3) * first) * (1 - f32(0.3) * frame)
        )
        lamp *= 1 - f32(0.22) * cloth
        return (
            mix(mirror, reflected, self.share),
            mix(curtain, cloth, self.share),
            1 + (lamp - 1) * self.share,
        )

    def develop(self, light: np.ndarray) -> np.ndarray:
        """Highlights keep their drawing: a soft shoulder above 0.7 in linear light."""
        over = np.maximum(light - f32(0.7), 0)
        return light - over * (over / (over + f32(0.6))) * self.share
