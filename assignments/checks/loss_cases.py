"""Losses of logits, right and wrong, and the checks made of them. For the parent only."""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from checks.contract import Check
from checks.judges import ROUGH, facet, facets, same_precision, several, value_alone
from checks.probes.tools import encode
from checks.reference import SHARED, differing, softplus
from torch import Tensor

# What a student is told.
SAY = {
    "value": "The value is wrong: compare the formula term by term, also its reduction.",
    "shape": "The loss is no single number: which reduction does the task ask for?",
    "gradient": "The gradient that reaches the logits is wrong or zero: is every term built from "
    "the logits themselves?",
    "far": "Far from 0 the {} is wrong: compare the formula term by term.",
    "no gradient": "No gradient reaches the logits: is there an item(), a detach() or a no_grad() "
    "on the way?",
    "twice": "Sigmoid seems to be applied twice, or to the wrong thing: what does the function "
    "you call expect?",
    "half": "The value is half of what is asked for: the task wants the sum of two means.",
    "misses": "One of the two terms is missing: does D look at real and at fake?",
    "for g": "That is D's view of fakes: what does G want D to say?",
}

# ---- losses of logits

Losses = Callable[..., Tensor]


def d_log(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def d_hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def g_log(fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


def g_saturating(fake: Tensor) -> Tensor:
    return -softplus(fake).mean()


def g_hinge(fake: Tensor) -> Tensor:
    return -fake.mean()


def squashed(loss: Losses) -> Losses:
    """The loss of logits that went through a sigmoid first."""
    return lambda *logits: loss(*(torch.sigmoid(x) for x in logits))


TWO = [
    (lambda r, f: d_log(f, r), SHARED["flipped"]),
    (lambda r, f: d_log(-r, -f), SHARED["flipped"]),
    (lambda r, f: d_log(r, f) / 2, SAY["half"]),
    (lambda r, f: -d_log(r, f), SHARED["sign"]),
    (lambda r, f: softplus(-r).sum() + softplus(f).sum(), SHARED["mean"]),
    (lambda r, f: softplus(torch.cat([-r.flatten(), f.flatten()])).mean(), SAY["half"]),
    (lambda r, f: softplus(-r).mean(), SAY["misses"]),
    (lambda r, f: softplus(f).mean(), SAY["misses"]),
    (squashed(d_log), SAY["twice"]),
]
TWO_HINGE = [
    (lambda r, f: d_hinge(f, r), SHARED["flipped"]),
    (lambda r, f: d_hinge(r, f) / 2, SAY["half"]),
    (lambda r, f: -d_hinge(r, f), SHARED["sign"]),
    (lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(), SHARED["mean"]),
    (lambda r, f: F.relu(1 - r).mean(), SAY["misses"]),
    (lambda r, f: F.relu(1 + f).mean(), SAY["misses"]),
    (
        lambda r, f: F.relu(1 - r).mean() + F.relu(1 - f).mean(),
        "Fakes are pushed to the side of the real ones: where shall D's outputs for fakes lie?",
    ),
    (
        lambda r, f: F.relu(-r).mean() + F.relu(f).mean(),
        "The margin is missing: an output that is barely right still costs something.",
    ),
    (
        lambda r, f: (1 - r).mean() + (1 + f).mean(),
        "Outputs beyond the margin bring the loss below 0: each of them costs nothing.",
    ),
    (
        lambda r, f: F.relu((1 - r).mean()) + F.relu((1 + f).mean()),
        "The mean is taken before the hinge: outputs beyond the margin pay for others.",
    ),
    (
        lambda r, f: F.relu(1 - r).square().mean() + F.relu(1 + f).square().mean(),
        "The hinge is squared: here it is a straight line.",
    ),
    (squashed(d_hinge), "The outputs go through a sigmoid: hinge takes D's outputs as they are."),
    (d_log, "That is a log loss: which outputs shall cost exactly 0?"),
]
ONE = [
    (lambda f: -g_log(f), SHARED["sign"]),
    (lambda f: softplus(f).mean(), SAY["for g"]),
    (g_saturating, "That is the saturating form: which one gives a gradient where D wins?"),
    (lambda f: softplus(-f).sum(), SHARED["mean"]),
    (squashed(g_log), SAY["twice"]),
    (lambda f: -torch.sigmoid(f).mean(), "The logarithm is missing."),
    (
        lambda f: softplus(-f).mean() / 2,
        "The value is half of what is asked for: there is one term only.",
    ),
]
SATURATING = [
    (lambda f: softplus(f).mean(), SHARED["sign"]),
    (g_log, "That is the non-saturating form: which term of V does the minimax game give to G?"),
    (lambda f: -g_log(f), "That is the log of D, not of 1 - D, which V has for fakes."),
    (lambda f: -softplus(f).sum(), SHARED["mean"]),
    (squashed(g_saturating), SAY["twice"]),
    (lambda f: (1 - torch.sigmoid(f)).mean(), "The logarithm is missing."),
    (lambda f: -torch.sigmoid(f).mean(), "The logarithm is missing."),
]
ONE_HINGE = [
    (lambda f: f.mean(), SHARED["sign"]),
    (lambda f: -f.sum(), SHARED["mean"]),
    (lambda f: F.relu(1 + f).mean(), SAY["for g"]),
    (
        lambda f: F.relu(1 - f).mean(),
        "G's loss has no margin: it goes on falling where D takes the fakes for real.",
    ),
    (lambda f: -f.mean() / 2, "The value is half of what is asked for: there is no factor here."),
    (
        lambda f: 1 - f.mean(),
        "The value is off by a constant: what is a mean of the outputs alone?",
    ),
    (
        squashed(g_hinge),
        "The outputs go through a sigmoid: hinge takes D's outputs as they are.",
    ),
    (g_log, "That is a log loss: which function of the outputs is asked for?"),
]


def loss_case(function: str, loss: Losses, others: list, logits: list[Tensor], dtype: str) -> tuple:
    """Inputs and expectations for one loss on given logits: value (half of it) and gradient."""
    logits = [x.requires_grad_() for x in logits]
    value = loss(*logits)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(value, logits)])
    wrong = differing([(other(*logits), message) for other, message in others], value, 1e-3, 1e-3)
    # PyTorch's softplus, a line from 20 on, is as right as the exact one
    more = {"shape": SAY["shape"], "rtol": 3e-9} | ROUGH[dtype]
    return {"function": function, "dtype": dtype, "logits": [encode(x) for x in logits]}, {
        "facets": [
            facet("value", encode(value), SAY["value"], wrong=wrong, **more),
            facet(
                "gradient",
                encode(gradient),
                SAY["gradient"],
                none=SAY["no gradient"],
                quiet=True,
                **more,
            ),
            same_precision(dtype),
        ]
    }


def loss_checks(
    function: str, loss: Losses, others: list, n: int, points: tuple[int, int, int], stable: bool
) -> list[Check]:
    """Known values (visible), maps of logits in odd shapes, and extreme logits, for a loss of ``n``
    tensors.
    """

    def draw(rng: np.random.Generator, shapes: list[tuple]) -> list[Tensor]:
        evenly = [
            rng.permutation(np.linspace(-3.5, 4.5, int(np.prod(shape)))).reshape(shape)
            for shape in shapes
        ]
        return [
            torch.from_numpy(x + rng.uniform(-0.3, 0.3, x.shape)) for x in evenly
        ]  # both signs at every key

    def values(rng):
        return loss_case(function, loss, others, draw(rng, [(7, 1), (5, 1)][:n]), "float64")

    def maps(rng):
        def case(dtype: str, logits: list[Tensor]) -> tuple:
            return loss_case(function, loss, others, logits, dtype)

        def best(*ends: tuple[float, float], off: float = 0.0) -> list[Tensor]:
            """Logits near those of the ends that cost least, for which the loss is near 0."""
            drawn = [
                [torch.from_numpy(end + off * rng.uniform(-1, 1, (2, 1, 2, 3))) for end in ends]
                for _ in range(n)
            ]
            return list(min(product(*drawn), key=lambda logits: abs(loss(*logits))))

        exact = draw(rng, [(2, 1, 3, 1), (1, 1, 4, 2)][:n])
        cases = {
            "maps": case("float32", draw(rng, [(3, 1, 5, 7), (2, 1, 3, 5)][:n])),
            "one": case("float64", draw(rng, [(1, 1), (1, 1, 1, 1)][:n])),
            # elements that cost nothing count in a mean, too
            "exact": case("float64", [x.round().clamp(0, 1) for x in exact]),
            "sure and unsure": case("float64", [torch.cat([x, 150 * x]) for x in exact]),
            "equal": case("float64", [x.flatten()[[0, 0, 0, 1]] for x in exact]),
        }
        # where a right formula bends (log losses at 0, hinges at the margin) its slope is a choice
        cases["exact"] = value_alone(cases["exact"])
        if stable:
            # where a rounded sigmoid loses its digits, and where 0 is near
            between = [x + 12 * x.sign() for x in draw(rng, [(9,), (8, 1)][:n])]
            cases |= {
                "between": case("float64", between),
                "between, rounded": case("float32", [x.detach().clone() for x in between]),
                "won": case("float64", best(-28.0, 28.0, off=4.0)),
                # where a loss is exactly 0, a gradient still reaches the logits
                "nothing to pay": case("float64", best(-900.0, 900.0, off=9.0)),
            }
        else:
            cases["won"] = case("float64", best(-1.0, 1.0, off=1e-5))
            # the same for hinges
            ends = [2 + exact[0].abs(), -2 - exact[-1].abs()] if n == 2 else [0 * exact[0]]
            cases["nothing to pay"] = case("float64", ends)
        return several(cases)

    def extreme(rng):
        signs = [rng.permutation([-1.0, 1.0, 1.0, -1.0, -1.0]) for _ in range(n)]
        drawn = [[*(sign * rng.uniform(200, 900, 5)), 5000.0, -5000.0] for sign in signs]
        logits = [torch.tensor(numbers, dtype=torch.float64) for numbers in drawn]
        inputs, expectations = loss_case(function, loss, others, logits, "float32")
        for item in expectations["facets"][:2]:
            item["message"] = SAY["far"].format(item["key"])
            item |= {"nan": SHARED["not stable"], "small": SHARED["not stable"]} if stable else {}
        return inputs, expectations

    title = "logits of several hundred" if stable else "outputs far beyond the margin"
    return [
        Check(f"{function}_{name}", function, share, text, visible, prepare, "loss", facets)
        for name, share, text, visible, prepare in (
            ("values", points[0], "the value on a column of logits", True, values),
            (
                "maps",
                points[1],
                "maps, one logit, equal, sure and unsure ones, a loss near 0",
                False,
                maps,
            ),
            ("extreme", points[2], title, stable, extreme),
        )
    ]
