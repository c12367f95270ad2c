"""Short films of generated houses, with what no camera tells: where each pixel was one frame
earlier, and the true night of each frame.

A film is cut out of one large picture, or of one for the houses and one for the sky, so where a
pixel has been is known exactly. As all of this room, the same bits on every machine.
"""

from typing import NamedTuple

import numpy as np
from numpy import float32 as f32

from course_lib.errors import check_choice, ensure
from course_lib.houses.details import furnish, strength
from course_lib.houses.layout import CLASSES, PARTS, Box, Draw, layout
from course_lib.houses.render import Style, rasterise, render
from course_lib.houses.tools import mix

FILMS = ("walk", "zoom", "day")
Camera = tuple[float, float, float]  # left, top, and how far apart two samples are


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


def film(kind: str, size: int = 128, length: int = 24, seed: int = 0, speed: float = 1) -> Film:
    """``length`` frames of a walk past a street, a zoom to a house, or its afternoon.

    In a ``walk`` the houses pass by at ``speed`` px a frame, and the sky at a quarter of it. In a
    ``day`` nothing moves but the sun, so its night is one picture. No house is one of the data
    sets'. Raises CourseError for another ``kind``, no frame, and a ``speed`` below 0.
    """
    check_choice("film", kind, FILMS)
    ensure(
        length >= 1 and speed >= 0,
        "a film has a frame or more, and never goes back",
        f"length={length}, speed={speed}",
        "give a length above 0 and a speed of 0 or more",
    )
    n, last = 2 * size, max(length - 1, 1)  # every pixel is the mean of 2 x 2 samples
    walked = [2 * speed * t if kind == "walk" else 0.0 for t in range(length)]
    zoomed = [1 - 0.4 * t / last if kind == "zoom" else 1.0 for t in range(length)]
    near = [
        (a + (1 - k) * n / 2, (1 - k) * n * 0.6, k) for a, k in zip(walked, zoomed, strict=True)
    ]
    far = [(a / 4, 0.0, 1.0) for a in walked] if kind == "walk" else near
    times = [0.6 * t / last if kind == "day" else 0.15 for t in range(length)]
    suns = [1 - 0.65 * t / last if kind == "day" else 0.7 for t in range(length)]  # as times go on

    count, beyond = -int(-(walked[-1] + n) // n), int(far[-1][0]) + 2
    shots, shown = {}, ([], [])
    for cameras in zip(near, far, times, suns, strict=True):
        for frames, time, sun in zip(shown, (cameras[2], 1.0), (cameras[3], 0.7), strict=True):
            if (time, sun) not in shots:
                shots[time, sun] = _street(count, n, n + beyond, seed, time=time, light=sun)
            frames.append(_frame(*shots[time, sun], *cameras[:2], n))
    solid = np.stack([share for _, share in shown[0]])  # of each pixel, how much is no sky
    flow, known = np.zeros((length, 2, size, size), f32), np.zeros((length, size, size), bool)
    place = np.arange(size, dtype=f32)
    for t in range(1, length):
        nearby, sky = (_flow(cameras[t - 1], cameras[t], place) for cameras in (near, far))
        flow[t] = np.where(solid[t] >= f32(0.5), nearby, sky)
        x, y = place + flow[t, 0], place[:, None] + flow[t, 1]
        inside = (x >= 0) & (x <= size - 1) & (y >= 0) & (y <= size - 1)
        same = np.isin(solid[t], (0, 1)) & (_at(solid[t - 1], x, y) == solid[t])
        known[t] = inside & (same | (near is far))
    return Film(*(np.stack([picture for picture, _ in frames]) for frames in shown), flow, known)


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
    street: np.ndarray, solid: np.ndarray, sky: np.ndarray, near: Camera, far: Camera, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """(what is seen, uint8, how solid it is in [0, 1]) of n x n samples, by the mean of 2 x 2."""
    sample = np.arange(n, dtype=f32) + f32(0.5)

    def seen(image: np.ndarray, camera: Camera) -> np.ndarray:
        left, top, apart = map(f32, camera)
        x, y = (corner + sample * apart - f32(0.5) for corner in (left, top))
        return _at(image, x[None], y[:, None])

    share = seen(solid, near)[..., None]
    both = np.concatenate([mix(seen(sky, far), seen(street, near), share), share], 2)
    mean = sum(both[a::2, b::2] for a in (0, 1) for b in (0, 1)) * f32(0.25)
    return (np.sqrt(mean[..., :3]) * f32(255) + f32(0.5)).astype(np.uint8), mean[..., 3]


def _flow(before: Camera, now: Camera, place: np.ndarray) -> np.ndarray:
    """(2, size, size): from where ``now`` sees something to where ``before`` saw it, in pixels."""
    half = [(now[k] - before[k]) / 2 for k in (0, 1)]  # two samples are a pixel
    dx, dy = (
        ((place + f32(0.5)) * f32(now[2]) + f32(corner)) / f32(before[2]) - place - f32(0.5)
        for corner in half
    )
    return np.stack(np.broadcast_arrays(dx[None], dy[:, None]))


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
