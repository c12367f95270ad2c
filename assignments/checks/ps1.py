"""Problem set 1, GANs and losses: inputs and expectations. For the parent only."""

from functools import partial

import torch
from checks import loss_cases as cases
from checks.judges import ROUGH, facet, same_precision, several, table
from checks.probes.ps1 import gan_parts
from checks.probes.tools import encode
from checks.reference import STEP_ERRORS, STEP_WAYS, d_first, outcomes, play, step_checks
from torch import Tensor

# What a student is told.
SAY = {
    "slope": "The slope of the {} loss is wrong: differentiate it with respect to the logit.",
    "slopes": "The slopes have another shape than the logits: each logit has its own slope.",
    "swapped": "The two slopes are swapped: which is near 0 where D is sure that it sees a fake?",
    "turned": "The sign is turned around: both losses fall when the logit rises.",
    "shrinks": "The slopes shrink with the batch: each is that of one logit's own loss.",
    "twice": "The sigmoid's slope is counted once too often.",
    "one": "One number comes back for the whole batch: each logit has its own slope.",
    "in d": "That is the slope in D, not in the logit: the sigmoid has a slope, too.",
    "far": "Far from 0 the slopes are nan or infinite: is something divided by D or by 1 - D?",
    # the best discriminator
    "positive": "The best D is wrong where both densities are positive: which D maximises a log D "
    "+ b log(1 - D)?",
    "share": "The share of real points plays no part: what does D maximise if it sees more of one "
    "kind?",
    "shares": "The two shares change places: which of them belongs to real points?",
    "any share": "For another share the answer is wrong: it may be any number between 0 and 1, and "
    "a tiny density counts with a small share, too.",
    "tiny": "Far out, where both densities are tiny, the answer changes: is a constant added to "
    "their sum?",
    "nothing": "Where both densities are 0 the task asks for a number of its own; is 0 divided by "
    "0 there?",
    "edge": "Where only one of the densities is 0, D is sure. Does your answer say so?",
    "each": "A grid on which some densities are 0 and others not is wrong: each x has its own.",
    "peak": "Where one density is large, the answer at the other points changes: each x has its "
    "own.",
    "leak": "D's loss is in G's gradients when G is updated: are the fake points detached for D?",
}

# ---- slopes


def slopes_case(logits: Tensor, dtype: str = "float64") -> tuple:
    d = torch.sigmoid(logits)
    right = (-d, -(1 - d))
    ways = {
        "swapped": lambda s, o: o,
        "turned": lambda s, o: -s,
        "shrinks": lambda s, o: s / logits.numel(),
        "twice": lambda s, o: s * d * (1 - d),
        "one": lambda s, o: s.mean(),
        "in d": lambda s, o: s / (d * (1 - d)),
    }
    items = []
    for i, name in enumerate(("saturating", "non_saturating")):
        wrong = [[encode(way(right[i], right[1 - i])), SAY[key]] for key, way in ways.items()]
        wrong = [pair for pair in wrong if pair[0] != encode(right[i])]
        text, shape = SAY["slope"].format(name.replace("_", "-")), SAY["slopes"]
        items.append(facet(name, encode(right[i]), text, wrong=wrong, shape=shape, **ROUGH[dtype]))
    return {"logits": encode(logits), "dtype": dtype}, {"facets": [*items, same_precision(dtype)]}


def slopes_values(rng):
    return slopes_case(torch.from_numpy(rng.normal(0.7, 2, (7, 1))))


def slopes_far(rng):
    logits = rng.uniform(40, 900, (2, 1, 3, 5)) * rng.choice([-1, 1], (2, 1, 3, 5))
    # beyond what exp can do in float64, both ways, and some of which D is not sure
    logits[:, 0, 0, 0] = rng.uniform(720, 900), rng.uniform(-900, -750)
    logits[:, 0, 1] = rng.uniform(-2, 2, (2, 5))
    logits[:, 0, 2] = rng.uniform(12, 19, (2, 5)) * rng.choice([-1, 1], (2, 5))
    inputs, expectations = slopes_case(torch.from_numpy(logits))
    for item in expectations["facets"][:2]:
        item["nan"] = SAY["far"]
    one = slopes_case(torch.from_numpy(rng.normal(0.7, 2, (1, 1, 2, 1))), "float32")
    return several({"far": (inputs, expectations), "one": one})


# ---- the optimal discriminator


WRONG_BEST = [
    (lambda p, q: q / (p + q), "It is the probability of fake: what does D(x) stand for?"),
    (lambda p, q: p / q, "That is a ratio of densities; D is a probability."),
    (
        lambda p, q: (p / q).log(),
        "That is the logit of D; the task asks for the probability.",
    ),
    (
        lambda p, q: torch.sigmoid(p / q),
        "A sigmoid of the ratio is not the maximum: which function of the ratio would it take?",
    ),
    (
        lambda p, q: torch.sigmoid(p - q),
        "A sigmoid of the difference is not the maximum.",
    ),
    (
        lambda p, q: (p > q).double(),
        "It only says which density is larger: D gives a probability.",
    ),
    (
        lambda p, q: p / (p + q).sum(),
        "The sum runs over the grid: each x has its own best D.",
    ),
    (lambda p, q: p, "p_g plays no part in it."),
]  # of densities that are weighted already


def best_d(p: Tensor, q: Tensor, share: float) -> Tensor:
    """The best D where ``share`` of the points that it sees are real."""
    p, q = share * p, (1 - share) * q
    return torch.where(p + q > 0, p / (p + q), share)


LEAST = 1e-10  # the smallest density that the task names


def best_facets(name: str, right: Tensor, dtype: str, message: str, **more) -> list[dict]:
    """The facets of one grid: the values, and their precision."""
    return [
        facet(name, encode(right), message, **ROUGH[dtype], **more),
        same_precision(dtype) | {"key": f"{name} dtype", "share": 0.1},
    ]


def densities(rng, tails: bool) -> tuple:
    p, q = (torch.from_numpy(rng.uniform(0.05, 2, 7)) for _ in range(2))
    share = float(rng.choice([0.2, 0.3, 0.7, 0.8]))
    grids = {"positive": (p, q, "float64")}
    wrong = [[encode(way(share * p, (1 - share) * q)), say] for way, say in WRONG_BEST]
    wrong += [
        [encode(best_d(p, q, 0.5)), SAY["share"]],
        [encode(best_d(p, q, 1 - share)), SAY["shares"]],
    ]
    items = best_facets("positive", best_d(p, q, share), "float64", SAY["positive"], wrong=wrong)
    if tails:
        zero, far = torch.zeros(7, dtype=torch.float64), 20 * LEAST * p
        peak = torch.cat([torch.full((1,), 1e7, dtype=torch.float64), far[1:]])
        least = torch.full_like(zero, LEAST)
        mixed = torch.stack([p, zero, zero]), torch.stack([q, q, zero])
        rows = [
            ("tiny", far, 20 * LEAST * q, SAY["tiny"], 1),
            ("real_only", p, zero, SAY["edge"], 0.5),
            ("fake_only", zero, q, SAY["edge"], 0.5),
            ("least, real only", least, zero, SAY["edge"], 0.5),
            ("least, fake only", zero, least, SAY["edge"], 0.5),
            ("neither", zero, zero, SAY["nothing"], 1),
            ("mixed", *mixed, SAY["each"], 1),
            ("peak", peak, 20 * LEAST * q, SAY["peak"], 1),
        ]
        for name, a, b, message, part in rows:
            nan = SAY["nothing"] if name == "mixed" else message
            for dtype, end in (("float64", ""), ("float32", ", float32")):
                grids[name + end] = a, b, dtype
                right = best_d(a, b, share)
                items += best_facets(name + end, right, dtype, message, share=part, nan=nan)
    cases = {name: [encode(a), encode(b), share, dtype] for name, (a, b, dtype) in grids.items()}
    # at the ends, near the middle, and on a long grid that has the least densities, too
    for s in (1e-3, 0.5 + rng.choice([-1, 1]) * rng.uniform(0.01, 0.04), 0.999) if tails else ():
        a, b = torch.cat([p.repeat(40), least, zero]), torch.cat([q.repeat(40), zero, least])
        cases[f"share {s}"] = [encode(a), encode(b), float(s), "float64"]
        items += best_facets(f"share {s}", best_d(a, b, s), "float64", SAY["any share"])
    return {"cases": cases}, {"facets": items}


# ---- one step of the game on the line

WAYS = [
    *STEP_WAYS,
    ({"leak": True}, SAY["leak"]),
    ({"d_weight": 0.5}, "D's loss is halved: the task asks for the plain sum of its two terms."),
    ({"smooth": 0.0}, "D's target for real points is 1: where is smooth?"),
    ({"soft_fakes": True}, "D's target for fakes is softened, too: only that for real points is."),
]


# Other games, and what to say if their weights are wrong.
KINDS = {
    "D right already": "Where D is right already, a step goes wrong: is a loss or an update left "
    "out, or held at a bound?",
    "G right already": "Where G is taken for real already, a step goes wrong: is a loss or an "
    "update left out, or held at a bound?",
    "sure logits": "Where D's logits are several hundred, a step goes wrong: is the logarithm "
    "taken of a rounded sigmoid?",
    "batch norms": "With batch norms in G and D a step goes wrong: which points pass together, and "
    "in which mode is each norm?",
    "float32": "In float32 a step goes wrong: is something computed in a lower precision?",
}


# Smoothing that is small, or large, in some of them.
SMOOTH = {"D right already": 1e-3, "G right already": 0.45, "sure logits": 0.9, "batch norms": 0.7}


def numbers(rng, kind: str, size: int) -> dict:
    """The two lines, points and noise of a game."""
    drawn = {"G": rng.uniform(0.4, 1.5, 2) * [1, -1], "D": rng.uniform(0.4, 1.5, 2) * [-1, 1]}
    drawn |= {"real": rng.normal(1.7, 0.6, (size, 1)), "z": rng.normal(0.3, 1, (size, 1))}
    if kind == "D right already":
        drawn["real"], drawn["z"] = rng.uniform(1.2, 2, (2, size, 1))
        drawn |= {"G": rng.uniform(-0.9, -0.7, 2), "D": rng.uniform([7, 0], [9, 1])}
    if kind == "G right already":
        drawn["D"] = rng.uniform([0.3, 14], [0.5, 15])
    if kind == "sure logits":
        drawn["D"] *= 600
    return drawn


def game(rng, batch: int = 7, kind: str = "", **more) -> tuple:
    """The :func:`outcomes` of a game of this kind."""
    drawn = numbers(rng, kind, 40 if kind == "batch norms" else batch + bool(kind))
    drawn["real"] *= 8.0 if "steps" in more else 1.0  # slopes that a bound would cut
    inputs = {name: encode(torch.from_numpy(x)) for name, x in drawn.items()} | {
        "lr_G": float(rng.uniform(0.2, 0.5)) * (10 if kind == "float32" else 1),
        "lr_D": float(rng.uniform(0.2, 0.5)),
        "smooth": SMOOTH.get(kind, float(rng.choice([3, 5, 8])) / 29),
        "report": [],
        "grows": True,
        "norms": kind == "batch norms",
        "dtype": "float32" if kind == "float32" else "float64",
        **more,
    }
    *nets, real, z = gan_parts(inputs)

    def left(**mistakes) -> dict:
        way = {"smooth": inputs["smooth"]} | mistakes
        return play(*nets, inputs, z, real, lambda _, points: points, **way)

    return outcomes(inputs, left, kind, WAYS)


CHECKS = [
    *cases.loss_checks("discriminator_loss", cases.d_log, cases.TWO, 2, (2, 1, 1), True),
    *cases.loss_checks(
        "generator_loss_saturating", cases.g_saturating, cases.SATURATING, 1, (1, 1, 1), True
    ),
    *cases.loss_checks("generator_loss", cases.g_log, cases.ONE, 1, (1, 1, 1), True),
    *cases.loss_checks(
        "discriminator_loss_hinge", cases.d_hinge, cases.TWO_HINGE, 2, (1, 1, 1), False
    ),
    *cases.loss_checks("generator_loss_hinge", cases.g_hinge, cases.ONE_HINGE, 1, (1, 1, 1), False),
    *table(
        (
            "slopes_values",
            "generator_slopes",
            2,
            "both slopes at moderate logits",
            True,
            slopes_values,
            "slopes",
        ),
        (
            "slopes_far",
            "generator_slopes",
            1,
            "both slopes where D is sure",
            False,
            slopes_far,
            "slopes",
        ),
        (
            "best_d_values",
            "optimal_discriminator",
            1,
            "the best D where both densities are positive",
            True,
            lambda rng: densities(rng, False),
            "densities",
        ),
        (
            "best_d_edges",
            "optimal_discriminator",
            2,
            "the best D where densities are tiny or 0",
            False,
            lambda rng: densities(rng, True),
            "densities",
        ),
    ),
    *step_checks(
        "gan_step",
        game,
        partial(d_first, leak=SAY["leak"]),
        "The weights of {} after the step are wrong: which loss, on which points, through which D?",
        "in the report is wrong: it is the loss that was just minimised, before the update.",
        {"d_loss": 1, "g_loss": 1},
        {"G": "G", "D": "D"},
        (4, 1, 3, 2),
        (
            "the weights of both players after a step",
            "the losses that come back",
            "who gets whose gradient, who moves first",
        ),
        STEP_ERRORS,
        "gan_step",
        KINDS,
    ),
]
