"""Problem set 4, BicycleGAN: the way between two codes, and the diversity of samples.

For the parent only.
"""

import numpy as np
import torch
from checks.judges import both_precisions, facet
from checks.probes.tools import encode
from checks.reference import differing
from torch import Tensor
from torch.nn.functional import normalize

# What a student is told of the way between two codes.
SAY = {
    "line": "That is the straight line: the way goes along a sphere.",
    "from b to a": "The way runs from b to a.",
    "no ends": "The ends are missing: they count.",
    "no last end": "The last end is missing.",
    "length 1": "The codes come back with length 1: the ends have another one.",
    "stretched": "The straight line is stretched to one length: the formula's ends are a and b.",
    "stops early": "The way stops before its end: both ends count.",
    "undivided": "The division by the sine of the angle is missing.",
    "cosine": "The cosine stands where the angle belongs.",
    "angle": "The angle is wrong.",
    "close": "For codes that lie close, in two directions, the way is wrong: when is it the "
    "straight line?",
    "parallel": "For codes in the same direction the angle is 0: what does the task say about "
    "that?",
    "way": "The way is wrong: which angle, which sines, what at both ends?",
    "nan": "The result holds nan: the angle is that between the directions of the codes.",
    "count": "As many codes come back as asked for, one in each row, both ends included.",
    "ends": "The ends do not point as the two codes do: are they rounded, or moved?",
    "counts": "Another number of codes comes back than was asked for: how are the steps counted?",
}


SCALAR = "The result is no single number: which reductions does the task ask for?"


# ---- between two codes


def shares(count: int) -> Tensor:
    """How far along the way each of ``count`` codes lies: (count, 1)."""
    return torch.linspace(0, 1, count, dtype=torch.float64)[:, None]


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    return torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))


def line(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return (1 - t) * a + t * b


def arc(a: Tensor, b: Tensor, t: Tensor, angle: Tensor) -> Tensor:
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def walk(a: Tensor, b: Tensor, count: int) -> Tensor:
    t, angle = shares(count), angle_between(a, b)
    return line(a, b, t) if angle < 1e-4 else arc(a, b, t, angle)


def wrong_walks(a: Tensor, b: Tensor, count: int) -> list:
    """Pairs (value, message) of typical wrong ways between two codes."""
    right, straight = walk(a, b, count), line(a, b, shares(count))
    t, angle = shares(count), angle_between(a, b)
    ways = {
        "line": straight,
        "from b to a": right.flip(0),
        "no ends": right[1:-1],
        "no last end": right[:-1],
        "length 1": right / right.norm(dim=1, keepdim=True),
        "stretched": straight / straight.norm(dim=1, keepdim=True) * a.norm(),
        "stops early": arc(a, b, t * (count - 1) / count, angle),
        "undivided": arc(a, b, t, angle) * torch.sin(angle),
        "cosine": arc(a, b, t, torch.cos(angle)),
        "angle": torch.arccos((a @ b / 40).clamp(-1, 1)) * right,
    }
    return differing([(value, SAY[key]) for key, value in ways.items()], right)


def two_codes(rng: np.random.Generator, d: int, parallel: bool) -> tuple[Tensor, Tensor]:
    """Two codes of ``d`` numbers between which every wrong way shows; ``parallel``: in the same
    direction, or nearly so.
    """

    def drawn() -> Tensor:
        return torch.from_numpy(rng.normal(0, 1.5, d))

    a, b = drawn(), drawn()
    while d > 1 and not 0.2 < abs(torch.cosine_similarity(a, b, dim=0)) < 0.9:
        b = drawn()
    if d in (1, 8):  # the same direction, and more than a right angle
        b = b * (a @ b).sign() * (1 if d == 1 else -1)
    aside = b - (a @ b) / (a @ a) * a
    if d in (6, 20):  # an angle of a few ten thousandths, and nearly opposite codes
        near = 3e-4 if d == 6 else 0.2
        return a, (1.5 if d == 6 else -1.5) * (a + near * a.norm() * aside / aside.norm())
    if parallel and d == 4:  # close, and yet on a sphere
        return a, 1.5 * (a + 0.1 * a.norm() * b / b.norm())
    # By rounding the cosine is above 1, and a @ b is, too: it has no arc cosine.
    while parallel and d > 1 and (a @ b / (a.norm() * b.norm()) <= 1 or a @ b < 1.2):
        a = drawn()
        b = 1.5 * a if d == 8 else a.clone()
    return a, b


FAR = ("1 number", 1, 3), ("nearly parallel", 6, 5), ("20 numbers", 20, 120)


def walk_case(rng: np.random.Generator, parallel: bool) -> tuple[dict, dict]:
    cases, items = {}, []
    for name, d, count in (
        ("8 numbers", 8, 7),
        ("2 numbers", 2, 2 if parallel else 4),
        ("4 numbers", 4, 3),
        *(FAR if parallel else []),
    ):
        a, b = two_codes(rng, d, parallel)
        cases[name] = {"a": encode(a), "b": encode(b), "count": count}
        close = SAY["close" if d in (4, 6) else "parallel"]
        more = {"rtol": 1e-11, "wrong": wrong_walks(a, b, count), "nan": SAY["nan"]}
        if parallel:
            # for an angle of 1e-4 line and arc differ by 1e-9; what is left is rounding
            more = {"rtol": 0, "atol": 1e-10, "nan": close}
        right, text = encode(walk(a, b, count)), close if parallel else SAY["way"]
        items += [
            facet(name, right, text, shape=SAY["count"], **more),
            facet(
                f"{name}, ends",
                encode(normalize(torch.stack([a, b]))),
                SAY["ends"],
                0.5,
                quiet=True,
            ),
        ]
    return {"cases": cases}, {
        "facets": [*items, facet("counts", [], SAY["counts"], 0.5), *both_precisions()]
    }


# ---- diversity


def distances(samples: Tensor) -> Tensor:
    """Of each two samples of an input: (n, k, k), infinite for a sample and itself."""
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.masked_fill(torch.eye(samples.shape[1], dtype=torch.bool), torch.inf)


def score(samples: Tensor) -> Tensor:
    return distances(samples).amin(2).mean()


def score_case(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> tuple[dict, dict]:
    inputs, items = {"samples": {}}, []
    for name, shape in shapes.items():
        samples = torch.from_numpy(
            rng.uniform(-4, 4, shape)
            * rng.uniform(0.2, 1, (shape[0], shape[1], 1, 1, 1))
            * (1e7 if name == "far apart" else 1)
        )
        if name in ("one input", "all the same"):  # two samples may be the same, or all
            samples[:, 1 : 2 if name == "one input" else None] = samples[:, :1]
        inputs["samples"][name] = encode(samples)
        right, k = score(samples), shape[1]
        apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
        everything, step = samples.flatten(0, 1)[None], samples[:, :, None] - samples[:, None]
        itself = torch.eye(k, dtype=torch.bool)
        wrong = [
            (0 * right, "An image is compared with itself, so the nearest one is at distance 0."),
            (
                apart.sum((1, 2)).mean() / (k * (k - 1)),
                "All pairs count: of each sample only the distance to the nearest other one does.",
            ),
            (apart.amax(2).mean(), "That is the farthest sample: the nearest one is asked for."),
            (
                distances(samples).amin((1, 2)).mean(),
                "One pair of an input counts: each sample has a nearest one.",
            ),
            (
                samples.diff(dim=1).abs().mean(),
                "Only neighbours in the list are compared: all others are.",
            ),
            (
                step.square().mean((3, 4, 5)).masked_fill(itself, torch.inf).amin(2).mean(),
                "The distance is squared: L1 is asked for.",
            ),
            (
                right * k,
                "The distances are added up: is it a sum where a mean is asked for?",
            ),
            (right * shape[0], "The inputs are added up: a mean over them is asked for."),
            (right / 2, "The value is half of what is asked for."),
            (2 * right, "The value is twice what is asked for."),
            (
                right * samples[0, 0].numel(),
                "The pixels are added up: a mean over them is asked for.",
            ),
            (
                score(everything),
                "Samples of different inputs are compared: only those of one input are.",
            ),
            (
                score(samples.transpose(0, 1)) if shape[0] > 1 else 2 * right,
                "Different inputs are compared: which dimension holds the samples of one?",
            ),
            (
                (samples - samples.mean(1, keepdim=True)).abs().mean(),
                "The distance to the mean image is taken: that to another sample is asked for.",
            ),
            (
                step.mean((3, 4, 5)).abs().masked_fill(itself, torch.inf).amin(2).mean(),
                "The mean is taken before the absolute value: differences cancel.",
            ),
        ]
        items.append(
            facet(
                name,
                encode(right),
                "The score is wrong: whose distance to which other sample, however far away, and "
                "which means?",
                wrong=differing(wrong, right),
                shape=SCALAR,
                rtol=1e-6,  # a number to read, in any precision
            )
        )
    return inputs, {"facets": items}
