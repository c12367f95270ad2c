"""Short films of generated houses, with what no camera tells: where each pixel was one frame
earlier, and the true night of each frame.

A film is cut out of two large pictures, one of the houses and one of the sky, so where a pixel
has been is known exactly. As all of this room, the same bits on every machine.
"""

from typing import NamedTuple

import numpy as np
from numpy import float32 as f32

from course_lib.errors import ensure
from course_lib.houses.details import furnish, strength
from course_lib.houses.layout import CLASSES, PARTS, Box, Draw, layout
from course_lib.houses.render import Style, rasterise, render
from course_lib.houses.tools import mix


class Film(NamedTuple):
    """Frames t = 0, 1 ... of n x n px, in the order in which they are shown.

    What frame t shows at a pixel (x, y) was at (x + dx, y + dy) in frame t - 1, with
    (dx, dy) = ``flow[t, :, y, x]`` in pixels: a backward flow. ``known`` is False where that lies
    outside of frame t - 1, where something else hid it there, and at pixels that show two things
    that move apart. Frame 0 has no earlier one: its flow is 0 and nothing is known.
    """

    days: np.ndarray  # (t, n, n, 3) uint8
    nights: np.ndarray  # (t, n, n, 3) uint8
    flow: np.ndarray  # (t, 2, n, n) float32
    known: np.ndarray  # (t, n, n) bool


def film(size: int = 128, length: int = 24, seed: int = 0, speed: float = 1) -> Film:
    """``length`` frames of a walk past a street, and the same walk by night.

    The houses pass by at ``speed`` px a frame, and the sky at a quarter of it. No house is one of
    the data sets'. Raises CourseError for no frame, and a ``speed`` below 0.
    """
    ensure(
        length >= 1 and speed >= 0,
        "a film has a frame or more, and never goes back",
        f"length={length}, speed={speed}",
        "give a length above 0 and a speed of 0 or more",
    )
    n, walked = 2 * size, [2 * speed * t for t in range(length)]  # a pixel: the mean of 2 x 2
    count, beyond = -int(-(walked[-1] + n) // n), int(walked[-1] / 4) + 2
    day, night = (_street(count, n, n + beyond, seed, time=at, light=0.7) for at in (0.15, 1.0))
    days, nights = ([_frame(*shot, left, n) for left in walked] for shot in (day, night))
    solid = np.stack([share for _, share in days])  # of each pixel, how much is no sky
    flow, known = np.zeros((length, 2, size, size), f32), np.zeros((length, size, size), bool)
    place = np.arange(size, dtype=f32)
    for t in range(1, length):
        flow[t, 0] = np.where(solid[t] >= f32(0.5), f32(speed), f32(speed / 4))
        x = place + flow[t, 0]
        same = np.isin(solid[t], (0, 1)) & (_at(solid[t - 1], x, place[:, None]) == solid[t])
        known[t] = (x <= size - 1) & same
    return Film(*(np.stack([shown for shown, _ in each]) for each in (days, nights)), flow, known)


def _street(
    count: int, n: int, width: int, seed: int, **fixed: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(houses side by side (n, count n, 3), where they are solid (n, count n), the sky (n, _, 3)).

    Pictures are in linear light.
    """
    rows, solid = [], []
    for k in range(count):
        style = Style.draw(Draw("film style", seed, k), **fixed)
        grain, boxes = 7 * seed + k, layout("film", seed, k)
        rows.append(render(boxes, style, n, grain)[0])
        boxes = furnish(boxes, grain, strength(n)) if strength(n) else boxes
        solid.append(rasterise(boxes, n).part != PARTS.index("sky"))
    unseen = Box(0, 1, 1, 1, CLASSES.index("facade"), PARTS.index("wall"), 0, 1)
    style = Style.draw(Draw("film style", seed, 0), **fixed)
    sky = render([unseen], style, width, 7 * seed)[0][:n]
    street, sky = ((each.astype(f32) / f32(255)) ** 2 for each in (np.concatenate(rows, 1), sky))
    return street, np.concatenate(solid, 1).astype(f32), sky


def _frame(
    street: np.ndarray, solid: np.ndarray, sky: np.ndarray, left: float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """(what is seen, uint8, how solid it is in [0, 1]) of n x n samples, by the mean of 2 x 2.

    The street has gone ``left`` samples to the left, and the sky a quarter of that.
    """
    place = np.arange(n, dtype=f32)

    def seen(image: np.ndarray, left: float) -> np.ndarray:
        return _at(image, f32(left) + (place + f32(0.5)) - f32(0.5), place[:, None])

    share = seen(solid, left)[..., None]
    both = np.concatenate([mix(seen(sky, left / 4), seen(street, left), share), share], 2)
    mean = sum(both[a::2, b::2] for a in (0, 1) for b in (0, 1)) * f32(0.25)
    return (np.sqrt(mean[..., :3]) * f32(255) + f32(0.5)).astype(np.uint8), mean[..., 3]


def _at(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``image`` (h, w, ...) between its pixels, bilinear; beyond its border, the border's."""
    high, wide = image.shape[:2]
    x, y = np.broadcast_arrays(np.clip(x, 0, wide - 1), np.clip(y, 0, high - 1))
    left, top = np.minimum(x.astype(int), wide - 2), np.minimum(y.astype(int), high - 2)
    fx, fy = (
        (at - corner).astype(f32).reshape(at.shape + (1,) * (image.ndim - 2))
        for at, corner in ((x, left), (y, top))
    )
    above = mix(image[top, left], image[top, left + 1], fx)
    return mix(above, mix(image[top + 1, left], image[top + 1, left + 1], fx), fy)
