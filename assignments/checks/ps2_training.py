"""Problem set 2, pix2pix: what D sees, what G minimises, and the step. For the parent only."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from checks.judges import ROUGH, facet, kinds, same_precision, table
from checks.probes.ps2 import pair_parts, step_parts
from checks.probes.tools import encode
from checks.reference import (
    SHARED,
    STEP_ERRORS,
    STEP_WAYS,
    d_first,
    differing,
    outcomes,
    play,
    slopes,
    softplus,
    step_checks,
)
from torch import Tensor

# What a student is told.
SAY = {
    "logits": "D's logits are wrong: what is concatenated, in which order, along which dimension?",
    "along": "The map has the wrong shape: along which dimension are x and y concatenated?",
    "no fit": "x and y do not fit together: along which dimension are they concatenated?",
    "reaches": "No gradient reaches {}, which shall learn: is something detached or frozen here?",
    "changed": "The gradient that reaches {} is wrong: is y cut off or changed on its way to D?",
    "as it came": "D does not stay as it came: its mode and what is frozen are for those who call "
    "the function.",
    # G's loss
    "no weight": "The L1 term has no weight: where is lambda?",
    "no l1": "The L1 term is missing.",
    "no gan": "The GAN term is missing.",
    "other weight": "The weight is at the GAN term: which term does lambda belong to?",
    "both weighted": "The weight is at both terms: which term does lambda belong to?",
    "fixed": "The weight is fixed: use the one that is passed.",
    "squared": "The distance is squared: L1 is asked for.",
    "saturating": "The GAN term is the saturating one.",
    "mean": SHARED["mean"],
    "sign": SHARED["sign"],
    "D's target": "G's target is D's for fakes: what does G want D to say?",
    "sign of l1": "The sign of the L1 term is turned around.",
    "sigmoid": "A sigmoid is applied twice: these are logits.",
    "errors cancel": "The mean is taken before the absolute value: errors cancel.",
    "no way": "No gradient comes back through {}: is there a detach() or an item() on the way?",
    "not its own": "The gradient that reaches {} is wrong: is the term built from it, with its "
    "weight?",
    "value": "The value is wrong: which two terms, which reductions, which weight?",
    "one number": "The loss is no single number: which reduction does the task ask for?",
    "finite": "Where a pixel is right already, the gradient is nan: which root or quotient is "
    "there?",
    "leak": "D's loss is in G's gradients when G is updated: are the fake images detached for D?",
    "join": "x and y do not fit together: what does D see, and in which order?",
}

# ---- what D sees


WRONG_PAIRS = [
    (lambda x, y: torch.cat([y, x], 1), "x and y change places: which of them comes first?"),
    (lambda x, y: y, "The condition is missing: what does D see besides y?"),
    (lambda x, y: x, "D sees only the condition."),
    (lambda x, y: torch.cat([x, x], 1), "D sees the condition twice, and y not at all."),
    (lambda x, y: torch.cat([y, y], 1), "D sees y twice, and the condition not at all."),
]
ALIKE = [  # for x and y of one shape
    (lambda x, y: torch.cat([x, y], 0), "x and y are joined along the batch."),
    (lambda x, y: torch.cat([x, y], 2), "x and y are joined along the height."),
    (lambda x, y: x + y, "x and y are added: D cannot tell them apart any more."),
]


def pair_case(
    rng: np.random.Generator,
    channels: tuple[int, int] = (3, 3),
    batch: int = 3,
    size: tuple[int, int] = (7, 5),
    spread: float = 3,
    **how,
) -> tuple[dict, dict]:
    """A pair of images of the given channels; ``how`` D comes: in which mode, frozen or not."""
    how = {"train": True, "frozen": False, "norms": False, "dtype": "float64"} | how
    drawn = {
        k: rng.normal(0, spread, (batch, c, *size)) for k, c in zip("xy", channels, strict=True)
    }
    drawn["D"] = rng.normal(0, 1, 14)
    inputs = {name: encode(torch.from_numpy(values)) for name, values in drawn.items()} | how
    D, x, y = pair_parts(inputs)
    right, rough = D(torch.cat([x, y.requires_grad_()], 1)), ROUGH[how["dtype"]]
    ways = WRONG_PAIRS + ALIKE * (x.shape == y.shape)
    wrong = [
        *((D(way(x, y)), message) for way, message in ways),
        (torch.sigmoid(right), "A sigmoid is applied: logits are asked for."),
        (right.mean(), "One number comes back: D gives a map of logits."),
        (right.mean((1, 2, 3)), "One number per image comes back: D gives a map of logits."),
    ]
    sources = {"y": y} | ({} if how["frozen"] else {"D": next(iter(D.parameters()))})
    items = [
        facet(
            "logits",
            encode(right),
            SAY["logits"],
            wrong=[[encode(w), m] for w, m in wrong],
            errors=[["Sizes of tensors must match", SAY["no fit"]]],
            shape=SAY["along"],
            **rough,
        ),
        *slopes(right.sum(), sources, SAY["reaches"], SAY["changed"], **rough),
        facet(
            "intact",
            True,
            SHARED["frozen"] if how["train"] and not how["frozen"] else SAY["as it came"],
        )
        | {"beside": True},
        same_precision(how["dtype"]),
    ]
    if not how["frozen"]:
        items.append(items[2] | {"key": "real_gradient", "share": 0.5})
    return inputs, {"facets": items}


# ---- what G minimises


def right_loss(logits: Tensor, fake: Tensor, y: Tensor, weight: float) -> Tensor:
    return softplus(-logits).mean() + weight * (fake - y).abs().mean()


def wrong_losses(
    logits: Tensor, fake: Tensor, y: Tensor, weight: float
) -> list[tuple[Tensor, str]]:
    gan, l1 = softplus(-logits).mean(), (fake - y).abs().mean()
    summed, of_images = (fake - y).abs().sum(), (fake - y).abs().sum((1, 2, 3)).mean()
    ways = [
        (gan + l1, "no weight"),
        (gan, "no l1"),
        (weight * l1, "no gan"),
        (weight * gan + l1, "other weight"),
        (weight * (gan + l1), "both weighted"),
        (gan + 100 * l1, "fixed"),
        (gan + weight * (fake - y).square().mean(), "squared"),
        (gan + weight * summed, "mean"),
        (gan + weight * of_images, "mean"),
        (softplus(-logits).sum() + weight * l1, "mean"),
        (softplus(-logits).sum() + weight * summed, "mean"),
        (softplus(logits).mean() + weight * l1, "D's target"),
        (-softplus(logits).mean() + weight * l1, "saturating"),
        (-gan - weight * l1, "sign"),
        (gan - weight * l1, "sign of l1"),
        (softplus(-torch.sigmoid(logits)).mean() + weight * l1, "sigmoid"),
        (gan + weight * (fake - y).mean().abs(), "errors cancel"),
    ]
    return [(value, SAY[key]) for value, key in ways]


# None of them is a number of float32.
WEIGHTS = [23 / 7, 52 / 7, 92 / 7, 123 / 7, 163 / 7]


def loss_case(
    rng: np.random.Generator,
    kind: str = "",
    batch: int = 3,
    weight: float | None = None,
    channels: int = 2,
) -> tuple[dict, dict]:
    """G's loss, also where some pixels are right; ``weight`` None draws one."""
    dtype, scale = ("float32", 300.0) if kind == "extreme" else ("float64", 2.0)
    logits = torch.from_numpy(rng.normal(-1.0 * scale, scale, (batch, 1, 2, 3)))
    fake, y = (torch.from_numpy(rng.uniform(-3, 3, (batch, channels, 5, 7))) for _ in range(2))
    if kind == "extreme":
        logits[0, 0, 0, 0] = -5000.0
    if kind == "sure and unsure":
        logits[:, 0, 0] = torch.from_numpy(rng.uniform(200, 900, (batch, 3)) * [1, -1, 1])
    if kind == "won":
        logits, fake = logits.abs() + 28, y + 1e-8 * fake
    if kind == "right pixels":
        fake[..., :2] = y[..., :2]
    weight = float(rng.choice(WEIGHTS)) if weight is None else weight
    logits, fake = logits.requires_grad_(), fake.requires_grad_()
    value = right_loss(logits, fake, y, weight)
    inputs = {"logits": encode(logits), "fake": encode(fake), "y": encode(y)}
    # where pixels are right already the slope of the L1 term is a choice
    sources = {"logits": logits} | ({} if kind == "right pixels" else {"fake": fake})
    rough, more = ROUGH[dtype], {"nan": SHARED["not stable"], "shape": SAY["one number"]}
    more["wrong"] = differing(wrong_losses(logits, fake, y, weight), value, 1e-3, 1e-3)
    more |= {"small": SHARED["not stable"]} if kind == "extreme" else {}
    items = [
        facet("value", encode(value), SAY["value"], 2, **more, **rough),
        same_precision(dtype),
        facet("finite", True, SAY["finite"], 0.5, beside=True),
        *slopes(value, sources, SAY["no way"], SAY["not its own"], **rough),
    ]
    return inputs | {"lambda_l1": weight, "dtype": dtype}, {"facets": items}


# ---- the step

ERRORS = [*STEP_ERRORS, ["Sizes of tensors must match", SAY["join"]]]
WRONG = [
    *STEP_WAYS,
    ({"leak": True}, SAY["leak"]),
    ({"d_weight": 1.0}, "D's loss is not halved, as the task asks."),
    ({"squared": True}, "G's distance to y is squared: L1 is asked for."),
    ({"gan": False}, "G does not listen to D: where is the GAN term?"),
    ({"lambda_l1": 0.0}, "The L1 term does not reach G."),
    ({"lambda_l1": 1.0}, "The L1 term has no weight: where is lambda?"),
    ({"lambda_l1": 100.0}, "The weight of L1 is fixed: use the one that is passed."),
    ({"shown": lambda x, y: y}, "D does not see the condition: what stands beside y?"),
    (
        {"shown": lambda x, y: torch.cat([y, x], 1)},
        "D sees x and y in the other order than judge_pair shows them.",
    ),
    (
        {"shown": lambda x, y: torch.cat([x, x], 1)},
        "D never sees y or the fake, only the condition.",
    ),
]


def pair(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([x, y], 1)


# Other games, and what to say if their weights are wrong.
KINDS = {
    "D right already": "Where D is right already, a step goes wrong: is a loss or an update left "
    "out, or held at a bound?",
    "G right already": "Where G is right already, a step goes wrong: is a loss or an update left "
    "out, held at a bound, or nan?",
    "sure logits": "Where D's logits are several hundred, a step goes wrong: is the logarithm "
    "taken of a rounded sigmoid?",
    "batch norms": "With batch norms in G and D, and a tanh at G's end, a step goes wrong: which "
    "images pass together, and in which mode is each norm?",
    "float32": "In float32 a step goes wrong: is something computed in a lower precision?",
}


# Weights of L1 that are small, or large, in some of them.
LAMBDA = {"D right already": 1e-3, "sure logits": 1e-4, "batch norms": 321.5}


def numbers(rng: np.random.Generator, kind: str, batch: int, a: int, b: int) -> dict:
    """The two networks of a game, and images of a and b channels."""
    drawn = {"G": rng.normal(0, 0.7, (b, a)), "D": rng.normal(0, 0.6, 8)}
    drawn |= {k: rng.uniform(-3, 3, (batch, c, 7, 5)) for k, c in (("x", a), ("y", b))}
    if kind == "D right already":
        drawn["D"] = np.r_[1.0, np.zeros(a), np.full(7 - a, 3.0)]
        drawn["y"], drawn["G"] = rng.uniform(0.8, 1.2, (batch, b, 7, 5)), -np.full((b, a), 0.7)
        drawn["x"] = rng.uniform(0.5, 1, (batch, a, 7, 5))
    if kind == "G right already":
        drawn["D"] = np.r_[15.0, rng.uniform(-0.3, 0.3, 7)]
        drawn["x"][..., :2] = 0.0
        drawn["y"] = np.einsum("oi,bihw->bohw", drawn["G"], drawn["x"])
        drawn["y"][..., 2:] += rng.uniform(1e-7, 2e-7, (batch, b, 7, 3))
    if kind == "sure logits":
        drawn["D"] *= 600
    return drawn


def game(rng: np.random.Generator, batch: int = 3, kind: str = "", **more) -> tuple:
    """The :func:`outcomes` of a game of this kind."""
    a, b = (2, 5) if "steps" in more else (3, 3)  # channels
    batch = 10 if kind == "batch norms" else batch + bool(kind)
    drawn = numbers(rng, kind, batch, a, b)
    right = 2 * ("report" in more)  # columns that G leaves as they are count in a mean, too
    drawn["x"][..., :right] = drawn["y"][..., :right] = 0.0
    drawn["w"] = rng.uniform(0.3, 2.5, (batch, 1, 7, 5))
    drawn["w"][..., 3:] *= [9.0, 0.0]  # a band that counts much, and one that counts nothing
    weight = LAMBDA.get(kind, float(rng.choice([37, 52, 81, 96])) / 7)  # no number of float32
    inputs = {name: encode(torch.from_numpy(values)) for name, values in drawn.items()} | {
        "lr_G": float(rng.uniform(0.02, 0.04)) * (50 if kind == "float32" else 1),
        "lr_D": float(rng.uniform(0.4, 0.8)),
        "lambda_l1": weight,
        "norms": kind == "batch norms",
        "dtype": "float32" if kind == "float32" else "float64",
        "report": [],
        "grows": True,
        **more,
    }
    *nets, x, y, w = step_parts(inputs)
    way = {"d_weight": 0.5, "lambda_l1": weight, "weights": w}
    wrong = [
        ({"weights": None}, "The weights of the pixels play no part in the L1 term."),
        (
            {"weights": w / w.mean()},
            "The L1 term is divided by the weights' mean, too: a plain mean is asked for.",
        ),
        (
            {"weights": w.mean(0, keepdim=True).expand_as(w)},
            "All images get the same weights: each has its own.",
        ),
        *WRONG,
    ]

    def left(shown: Callable = pair, **mistakes) -> dict:
        return play(*nets, inputs, x, y, shown, **(way | mistakes))

    return outcomes(inputs, left, kind, wrong)


CHECKS = table(
    (
        "pair_values",
        "judge_pair",
        2,
        "D's logits for a pair of pictures",
        True,
        pair_case,
        "judged",
    ),
    (
        "pair_channels",
        "judge_pair",
        2,
        "pairs with other numbers of channels; D with a norm, in eval mode, frozen",
        False,
        kinds(
            pair_case,
            {
                "three": {"channels": (5, 6), "spread": 60, "batch": 10},
                "one": {"channels": (1, 3), "batch": 1, "size": (6, 9), "norms": True},
                "norms": {"channels": (3, 2), "norms": True, "batch": 10},
                "eval": {"channels": (2, 2), "batch": 2, "norms": True, "train": False},
                "frozen": {"channels": (2, 3), "batch": 2, "frozen": True},
                "float32": {"channels": (3, 3), "batch": 2, "dtype": "float32"},
            },
        ),
        "judged",
    ),
    (
        "g_loss_values",
        "pix2pix_generator_loss",
        3,
        "value and gradients of G's loss",
        True,
        loss_case,
        "generator_loss",
    ),
    (
        "g_loss_extreme",
        "pix2pix_generator_loss",
        1,
        "logits of several hundred, one image and many, small and large weights, a loss near 0",
        False,
        kinds(
            loss_case,
            {
                "extreme": {"kind": "extreme"},
                "small": {"kind": "right pixels", "batch": 1, "weight": 3 / 7},
                "none": {"kind": "right pixels", "batch": 1, "weight": 0.0},
                "sure and unsure": {"kind": "sure and unsure"},
                "won": {"kind": "won"},
                "weak": {"weight": 1e-4, "batch": 10, "channels": 5},
                "strong": {"weight": 1234.5},
            },
        ),
        "generator_loss",
    ),
)
CHECKS += step_checks(
    "pix2pix_step",
    game,
    partial(d_first, leak=SAY["leak"]),
    "The weights of {} after the step are wrong: which terms, on which pairs, through which D?",
    (
        "in the report is wrong: the terms come back unweighted, as they were when they were "
        "minimised."
    ),
    {"d_real": 0.5, "d_fake": 0.5, "g_gan": 0.5, "g_l1": "lambda_l1"},
    {"G": "G", "D": "D"},
    (5, 2, 3, 2),
    (
        "the weights of both networks after a step",
        "the four terms that come back",
        "who gets whose gradient, who moves first",
    ),
    ERRORS,
    "step",
    KINDS,
)
