"""The architect of the generated façades: floors, windows, a shop or a door, as boxes in the unit
square.

The twelve classes and their colours are those of CMP Facades (Tylecek and Sara, 2013), which
pix2pix made famous.
"""

import math
import random
from typing import NamedTuple

CLASSES = (
    *("background", "facade", "molding", "cornice", "pillar", "window"),
    *("door", "sill", "blind", "balcony", "shop", "deco"),
)
PALETTE = (  # RGB of each class in a label image
    *((0, 0, 170), (0, 0, 255), (255, 85, 0), (0, 255, 255), (255, 0, 0), (0, 85, 255)),
    *((0, 170, 255), (85, 255, 170), (255, 255, 0), (170, 255, 85), (170, 0, 0), (255, 170, 0)),
)
# What a surface is made of: what the renderer colours.
PARTS = (
    *("sky", "grass", "pavement", "roof", "wall", "plinth", "trim", "frame", "glass", "shopglass"),
    *("door", "panel", "shutter", "rail", "awning", "sign"),
)
PX = 1 / 128
# Labelled edges lie on a grid of 1/64, so that a label map of 64 px shows them all. What it does
# not show (panes, crossbars, the roof) follows from what it shows: only the style is free.


def snap(edge: float) -> float:
    return math.floor(edge * 64 + 0.5) / 64


class Box(NamedTuple):
    """A part of the house: edges in [0, 1], y down; ``height`` before the wall in units of PX,
    behind it if negative.

    ``label`` indexes CLASSES, ``part`` PARTS. Equal ``instance`` ids belong to one object; 0 is the
    background. ``shape``: box, arch (round top), gable (triangle), roof (trapezoid), bars
    (vertical), slats (horizontal) or leaves. A label of -1 leaves the labels below as they are;
    ``instance`` then seeds the leaves.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    label: int
    part: int
    height: float
    instance: int
    shape: str = "box"


class Draw:
    """Random choices that are the same on every machine: Python promises the sequence of
    ``random()``, of no more."""

    def __init__(self, *key: object):
        self.random = random.Random("/".join(map(str, key))).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """low, ... high, both included."""
        return low + int(self.random() * (high - low + 1))


class House:
    """Collects boxes in painter's order. ``add`` starts a new object, ``detail`` adds to the newest
    one."""

    def __init__(self):
        self.boxes, self.instances = [], 0

    def add(self, label: str, part: str, x0, y0, x1, y1, height=0.0, shape="box") -> None:
        self.instances += label != "background"
        self.detail(label, part, *map(snap, (x0, y0, x1, y1)), height, shape)

    def detail(self, label: str, part: str, x0, y0, x1, y1, height=0.0, shape="box") -> None:
        edges = (math.floor(edge / PX + 0.5) * PX for edge in (x0, y0, x1, y1))
        instance = 0 if label == "background" else self.instances
        self.boxes.append(
            Box(*edges, CLASSES.index(label), PARTS.index(part), height, instance, shape)
        )


def layout(*key: object, touching: bool = False) -> list[Box]:
    """A house, in painter's order; the same for the same key (whole numbers, words) on every
    machine.

    ``touching``: above the ground floor the windows stand side by side in bands, of widths that
    nothing else tells.
    """
    draw, house = Draw("layout", *key), House()
    left, right = snap(draw.between(0.06, 0.17)), snap(draw.between(0.83, 0.94))
    floors = draw.whole(2, 5)
    top = snap(draw.between(0.14, 0.2) if floors > 3 else draw.between(0.18, 0.34))
    ground = snap(0.91)
    house.add("background", "grass", 0, 0.86, 1, ground, 0)
    house.add("background", "pavement", 0, ground, 1, 1, 0)
    house.add("background", "roof", left - 0.02, top - 0.09, right + 0.02, top, 0, "roof")
    house.add("facade", "wall", left, top, right, ground)
    house.detail("facade", "plinth", left, ground - 3 * PX, right, ground, 1)

    storey = (ground - top - 4 * PX) / (floors + 0.25)  # the ground floor is a little higher
    street = ground - 1.25 * storey  # where the ground floor ends
    columns = draw.whole(2, 5) if right - left > 0.72 else draw.whole(2, 4)
    pillars = draw.chance(0.3)
    if pillars:
        for x in (left, right - 6 * PX):
            house.add("pillar", "trim", x, top, x + 6 * PX, ground, 2)
    margin = 8 * PX if pillars else 4 * PX
    step = (right - left - 2 * margin) / columns
    centres = [left + margin + (i + 0.5) * step for i in range(columns)]

    style = _WindowStyle(draw, step, storey)
    for floor in range(1, floors):
        foot = street - (floor - 1) * storey
        if draw.chance(0.35 if floor > 1 else 0.6):
            house.add("molding", "trim", left, foot - 1 * PX, right, foot + 1 * PX, 1.5)
        balconies = style.balconies and draw.chance(0.6)
        if touching:
            band = Draw("band", floor, *key)
            _band(house, band, left + margin, right - margin, foot - 0.16 * storey, style.height)
            continue
        for i, x in enumerate(centres):
            style.window(
                house, x, foot - 0.16 * storey, balconies and (i % 2 == style.parity or columns < 3)
            )
    _ground_floor(house, draw, style, centres, step, street, ground, left + margin, right - margin)
    house.add("cornice", "trim", left - 2 * PX, top - 2 * PX, right + 2 * PX, top + 4 * PX, 4)
    house.detail("cornice", "trim", left - 4 * PX, top - 2 * PX, right + 4 * PX, top, 5)
    return house.boxes


class _WindowStyle:
    """What the windows of one house have in common."""

    def __init__(self, draw: Draw, step: float, storey: float):
        self.width = min(draw.between(0.42, 0.62) * step, 0.17)
        self.height = min(draw.between(0.56, 0.68) * storey, 2.1 * self.width)
        self.arch, self.surround, self.sill = draw.chance(0.25), draw.chance(0.4), draw.chance(0.75)
        roomy = step - self.width > 0.055
        self.shutters = roomy and draw.chance(0.35)
        self.roller = not self.shutters and not self.arch and draw.chance(0.3)
        self.balconies, self.parity = draw.chance(0.4), draw.whole(0, 1)
        self.deco = storey - self.height > 0.055 and draw.chance(0.4)
        self.gable = draw.chance(0.5)
        self.draw = draw

    def window(
        self, house: House, x: float, foot: float, balcony: bool = False, height: float = 0.0
    ) -> None:
        """A window centred at ``x`` that stands on ``foot``."""
        left, right = snap(x - self.width / 2), snap(x + self.width / 2)
        top, foot = snap(foot - (height or self.height)), snap(foot)
        x, half = (left + right) / 2, (right - left) / 2
        shape = "arch" if self.arch else "box"
        if self.surround:
            edge = 2 * PX
            house.add(
                "molding",
                "trim",
                x - half - edge,
                top - edge,
                x + half + edge,
                foot + edge,
                1.5,
                shape,
            )
        house.add("window", "frame", x - half, top, x + half, foot, -1, shape)
        house.detail(
            "window", "glass", x - half + PX, top + PX, x + half - PX, foot - PX, -3, shape
        )
        if self.width > 8 * PX:
            house.detail("window", "frame", x - PX / 2, top + PX, x + PX / 2, foot - PX, -1)
        bar = top + 0.35 * (foot - top)
        house.detail("window", "frame", x - half + PX, bar, x + half - PX, bar + PX, -1)
        if self.roller and self.draw.chance(0.6):
            drop = self.draw.between(0.2, 0.75) * (foot - top)
            house.add(
                "blind", "shutter", x - half, top, x + half, top + max(drop, 3 * PX), -0.5, "slats"
            )
        if self.shutters:
            for side in (x - half - 0.45 * self.width, x + half):
                house.add("blind", "shutter", side, top, side + 0.45 * self.width, foot, 1, "slats")
        if self.deco:
            wide = half + 2 * PX
            high = 6 * PX if self.gable else 4 * PX
            lift = 2 * PX if self.surround else 0
            shape = "gable" if self.gable else "box"
            house.add("deco", "trim", x - wide, top - lift - high, x + wide, top - lift, 2.5, shape)
        if balcony:
            wide, rail = half + 4 * PX, foot - max(0.3 * (foot - top), 6 * PX)
            house.add("balcony", "rail", x - wide, rail, x + wide, foot, 4, "bars")
            house.detail("balcony", "trim", x - wide, foot, x + wide, foot + 2 * PX, 5)
        elif self.sill:
            house.add("sill", "trim", x - half - 2 * PX, foot, x + half + 2 * PX, foot + 2 * PX, 2)


def _band(house: House, draw: Draw, left: float, right: float, foot: float, height: float) -> None:
    """Windows that touch, from left to right: each has a frame all around, and no crossbar."""
    left, right, top, foot = snap(left), snap(right), snap(foot - height), snap(foot)
    while right - left > 3 / 64:
        wide = snap(draw.between(0.09, 0.22))
        edge = right if right - left - wide < 0.09 else left + wide
        house.add("window", "frame", left, top, edge, foot, -1)
        house.detail(
            "window", "glass", left + 2 * PX, top + 2 * PX, edge - 2 * PX, foot - 2 * PX, -3
        )
        left = edge


def _ground_floor(house, draw, style, centres, step, street, ground, left, right) -> None:
    """A shop with its door, or a front door between windows."""
    street, columns = snap(street), len(centres)
    height = ground - street
    door = draw.whole(0, columns - 1)
    shop = draw.chance(0.4)
    half = min(max(0.3 * step, 5 * PX), 0.06)
    before, after = centres[door] - half - 3 * PX, centres[door] + half + 3 * PX
    for x0, x1 in ((left, before), (after, right)) if shop else ():
        if x1 - x0 < 0.12:
            continue
        x0, x1, head = snap(x0), snap(x1), snap(street + 0.14 * height)
        house.add("shop", "frame", x0, head, x1, ground - 2 * PX, 1)
        panes = max(1, round((x1 - x0) / 0.17))
        for i in range(panes):
            a, b = x0 + (x1 - x0) * i / panes, x0 + (x1 - x0) * (i + 1) / panes
            house.detail("shop", "shopglass", a + PX, head + 2 * PX, b - PX, ground - 6 * PX, -2)
        house.detail("shop", "sign", x0, head, x1, head + 5 * PX, 2)
        if x1 - x0 > 0.3:
            house.detail(
                "shop",
                "awning",
                x0 - 2 * PX,
                head + 5 * PX,
                x1 + 2 * PX,
                head + 5 * PX + 0.24 * height,
                6,
            )
    for i, x in enumerate(centres):
        if i != door and not shop:
            style.window(house, x, ground - 0.3 * height, height=min(style.height, 0.55 * height))
    x, head = snap(centres[door]), snap(ground - min(0.82 * height, 0.22))
    half = snap(half)
    if draw.chance(0.6):
        house.add("molding", "trim", x - half - 2 * PX, head - 2 * PX, x + half + 2 * PX, ground, 2)
    house.add("door", "frame", x - half, head, x + half, ground, -1)
    fan = head + 0.2 * (ground - head)
    house.detail("door", "glass", x - half + PX, head + PX, x + half - PX, fan, -2)
    house.detail("door", "door", x - half + PX, fan + PX, x + half - PX, ground, -2)
    for a, b in ((-half + 2 * PX, -PX / 2), (PX / 2, half - 2 * PX)):
        for c, d in ((0.1, 0.48), (0.56, 0.92)):
            y0, y1 = (fan + share * (ground - fan) for share in (c, d))
            house.detail("door", "panel", x + a, y0, x + b, y1, -2.7)
