"""Problem set 2, pix2pix: what D sees, what G minimises, and the step. For the parent only."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from checks.judges import ROUGH, facet, same_precision, several, table, value_alone
from checks.loss_cases import FLIPPED, MEAN, NOT_STABLE, SIGN
from checks.probes.tools import Mix, Patches, decode, encode
from checks.reference import (
    FROZEN,
    STEP_ERRORS,
    d_first,
    differing,
    play,
    slopes,
    step_checks,
    step_facets,
)
from torch import Tensor

# ---- what D sees


def pair_case(
    rng: np.random.Generator, channels: tuple[int, int], batch: int = 3
) -> tuple[dict, dict]:
    x, y = (torch.from_numpy(rng.normal(0, 3, (batch, c, 7, 5))) for c in channels)
    numbers = torch.from_numpy(rng.normal(0, 1, 12))
    D, y = Patches(numbers), y.requires_grad_()
    right = D(torch.cat([x, y], 1))
    wrong = [
        (D(torch.cat([y, x], 1)), "x and y change places: which of them comes first?"),
        (D(y), "The condition is missing: what does D see besides y?"),
        (D(x), "D sees only the condition."),
        (D(torch.cat([x, x], 1)), "D sees the condition twice, and y not at all."),
        (D(torch.cat([y, y], 1)), "D sees y twice, and the condition not at all."),
        (torch.sigmoid(right), "A sigmoid is applied: logits are asked for."),
        (right.mean(), "One number comes back: D gives a map of logits."),
        (right.mean((1, 2, 3)), "One number per image comes back: D gives a map of logits."),
        (
            D(torch.cat([x, y], 0)) if x.shape == y.shape else None,
            "x and y are joined along the batch.",
        ),
        (
            D(torch.cat([x, y], 2)) if x.shape == y.shape else None,
            "x and y are joined along the height.",
        ),
        (
            D(x + y) if x.shape == y.shape else None,
            "x and y are added: D cannot tell them apart any more.",
        ),
    ]
    errors = [
        [
            "Sizes of tensors must match",
            "x and y do not fit together: along which dimension are they concatenated?",
        ]
    ]
    items = [
        facet(
            "logits",
            encode(right),
            "D's logits are wrong: what is concatenated, in which order, along which dimension?",
            wrong=[[encode(w), m] for w, m in wrong if w is not None],
            errors=errors,
            shape="The map has the wrong shape: along which dimension are x and y concatenated?",
        ),
        *slopes(
            right.sum(),
            {"y": y, "D": D.weight},
            "No gradient reaches {}, which shall learn: is something detached or frozen here?",
            "The gradient that reaches {} is wrong: is y cut off or changed on its way to D?",
        ),
        facet("intact", True, FROZEN, beside=True),
    ]
    return {"x": encode(x), "y": encode(y), "D": encode(numbers)}, {"facets": items}


# ---- what G minimises


def right_loss(logits: Tensor, fake: Tensor, y: Tensor, weight: float) -> Tensor:
    return F.softplus(-logits).mean() + weight * (fake - y).abs().mean()


def wrong_losses(
    logits: Tensor, fake: Tensor, y: Tensor, weight: float
) -> list[tuple[Tensor, str]]:
    gan, l1 = F.softplus(-logits).mean(), (fake - y).abs().mean()
    summed = (fake - y).abs().sum()
    of_images = (fake - y).abs().sum((1, 2, 3)).mean()
    return [
        (gan + l1, "The L1 term has no weight: where is lambda?"),
        (gan, "The L1 term is missing."),
        (weight * l1, "The GAN term is missing."),
        (weight * gan + l1, "The weight is at the GAN term: which term does lambda belong to?"),
        (weight * (gan + l1), "The weight is at both terms: which term does lambda belong to?"),
        (gan + 100 * l1, "The weight is fixed: use the one that is passed."),
        (gan + weight * (fake - y).square().mean(), "The distance is squared: L1 is asked for."),
        (gan + weight * summed, MEAN),
        (gan + weight * of_images, MEAN),
        (F.softplus(-logits).sum() + weight * l1, MEAN),
        (F.softplus(-logits).sum() + weight * summed, MEAN),
        (
            F.softplus(logits).mean() + weight * l1,
            "G's target is D's for fakes: what does G want D to say?",
        ),
        (-F.softplus(logits).mean() + weight * l1, "The GAN term is the saturating one."),
        (-gan - weight * l1, SIGN),
        (gan - weight * l1, "The sign of the L1 term is turned around."),
        (
            F.softplus(-torch.sigmoid(logits)).mean() + weight * l1,
            "A sigmoid is applied twice: these are logits.",
        ),
        (
            gan + weight * (fake - y).mean().abs(),
            "The mean is taken before the absolute value: errors cancel.",
        ),
    ]


def loss_case(
    rng: np.random.Generator, extreme: bool, batch: int = 3, weight: float | None = None
) -> tuple[dict, dict]:
    """G's loss, where some pixels are right; ``weight`` None draws one."""
    shape = (batch, 2, 5, 7)
    scale = 300.0 if extreme else 2.0
    logits = torch.from_numpy(rng.normal(-1.0 * scale, scale, (batch, 1, 2, 3)))
    logits[0, 0, 0, 0] = -5000.0 if extreme else logits[0, 0, 0, 0]
    fake, y = (torch.from_numpy(rng.uniform(-3, 3, shape)) for _ in range(2))
    if weight is not None:
        fake[..., :2] = y[..., :2]
    weight = float(rng.choice([3.25, 7.375, 13.125, 17.5, 23.25])) if weight is None else weight
    logits, fake = logits.requires_grad_(), fake.requires_grad_()
    value = right_loss(logits, fake, y, weight)
    inputs = {name: encode(t) for name, t in (("logits", logits), ("fake", fake), ("y", y))}
    inputs |= {"lambda_l1": weight, "dtype": "float32" if extreme else "float64"}
    wrong = differing(wrong_losses(logits, fake, y, weight), value, 1e-3, 1e-3)
    items = [
        facet(
            "value",
            encode(value),
            "The value is wrong: which two terms, which reductions, which weight?",
            2,
            wrong=wrong,
            nan=NOT_STABLE,
            shape="The loss is no single number: which reduction does the task ask for?",
            **ROUGH[inputs["dtype"]],
        ),
        same_precision(inputs["dtype"]),
        *slopes(
            value,
            {"logits": logits, "fake": fake},
            "No gradient comes back through {}: is there a detach() or an item() on the way?",
            "The gradient that reaches {} is wrong: is the term built from it, with its weight?",
            **ROUGH[inputs["dtype"]],
        ),
    ]
    items[0] |= {"small": NOT_STABLE} if extreme else {}
    return inputs, {"facets": items}


# ---- the step

LEAK = "D's loss is in G's gradients when G is updated: are the fake images detached for D?"
JOIN = "x and y do not fit together: what does D see, and in which order?"
ERRORS = [*STEP_ERRORS, ["Sizes of tensors must match", JOIN]]
WRONG: list[tuple[dict, str]] = [
    ({"flipped": True}, FLIPPED),
    ({"saturating": True}, "G's update follows the saturating loss: which one does the paper use?"),
    ({"reduction": "sum"}, MEAN),
    ({"d_weight": 1.0}, "D's loss is not halved, as the task asks."),
    (
        {"stale_D": True},
        (
            "G learned from D as it was before D's update: who moves first, and when are the "
            "fakes judged?"
        ),
    ),
    ({"leak": True}, LEAK),
    (
        {"d_keeps": True},
        "D's gradients are not cleared before its backward: whose zero_grad is missing?",
    ),
    (
        {"g_keeps": True},
        "G's gradients are not cleared before its backward: whose zero_grad is missing?",
    ),
    (
        {"move_G": False},
        "G did not move: does its loss reach its weights, and is its optimiser used?",
    ),
    ({"move_D": False}, "D did not move: is its optimiser used?"),
    ({"squared": True}, "G's distance to y is squared: L1 is asked for."),
    ({"gan": False}, "G does not listen to D: where is the GAN term?"),
    ({"lambda_l1": 0.0}, "The L1 term does not reach G."),
    ({"lambda_l1": 1.0}, "The L1 term has no weight: where is lambda?"),
    ({"lambda_l1": 100.0}, "The weight of L1 is fixed: use the one that is passed."),
]
SEEN = [
    (lambda x, y: y, "D does not see the condition: what stands beside y?"),
    (
        lambda x, y: torch.cat([y, x], 1),
        "D sees x and y in the other order than judge_pair shows them.",
    ),
    (lambda x, y: torch.cat([x, x], 1), "D never sees y or the fake, only the condition."),
]


def pair(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([x, y], 1)


def game(rng: np.random.Generator, batch: int = 3, **more) -> tuple[dict, dict, list]:
    """Inputs of the game, what a right step leaves, and what the wrong ones leave."""
    a, b = (2, 4) if "steps" in more else (3, 3)  # channels
    numbers = {"G": rng.normal(0, 0.7, (b, a)), "D": rng.normal(0, 0.6, 8)}
    numbers |= {k: rng.uniform(-3, 3, (batch, c, 7, 5)) for k, c in (("x", a), ("y", b))}
    right = 2 * ("report" in more)  # columns that G leaves as they are count in a mean, too
    numbers["x"][..., :right] = numbers["y"][..., :right] = 0.0
    inputs = {name: encode(torch.from_numpy(values)) for name, values in numbers.items()}
    weight = float(rng.choice([5.25, 7.375, 11.625, 13.75]))
    inputs |= {
        "lr_G": float(rng.uniform(0.02, 0.04)),
        "lr_D": float(rng.uniform(0.4, 0.8)),
        "lambda_l1": weight,
    }
    inputs |= {"report": [], **more}
    G, D = Mix(decode(inputs["G"])), Patches(decode(inputs["D"]))
    x, y = decode(inputs["x"]), decode(inputs["y"])
    right = {"d_weight": 0.5, "lambda_l1": weight}

    def left(shown: Callable = pair, **mistakes) -> dict:
        return play(G, D, inputs, x, y, shown, **(right | mistakes))

    others = [(left(**mistakes), message) for mistakes, message in WRONG]
    others += [(left(shown), message) for shown, message in SEEN]
    return inputs, left(), others


def ownership(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs, good, others = game(rng, batch=1)
    return inputs, step_facets(d_first(good, others, LEAK), good, ERRORS)


PAIR, LOSS = "judge_pair", "pix2pix_generator_loss"
CHECKS = table(
    (
        "pair_values",
        PAIR,
        2,
        "D's logits for a pair of pictures",
        True,
        lambda r: pair_case(r, (3, 3)),
        "judged",
    ),
    (
        "pair_channels",
        PAIR,
        2,
        "pairs with other numbers of channels",
        False,
        lambda r: several({"three": pair_case(r, (2, 5)), "one": pair_case(r, (1, 3), 1)}),
        "judged",
    ),
    (
        "g_loss_values",
        LOSS,
        3,
        "value and gradients of G's loss",
        True,
        lambda r: loss_case(r, False),
        "generator_loss",
    ),
    (
        "g_loss_extreme",
        LOSS,
        1,
        "logits of several hundred, one image, small weights",
        False,
        lambda r: several(
            {
                "extreme": loss_case(r, True),
                "small": value_alone(loss_case(r, False, 1, 0.375)),
                "none": value_alone(loss_case(r, False, 1, 0.0)),
            }
        ),
        "generator_loss",
    ),
)
CHECKS += step_checks(
    "pix2pix_step",
    game,
    ownership,
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
)
