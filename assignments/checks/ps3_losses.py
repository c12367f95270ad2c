"""Problem set 3, CycleGAN: the terms of the generators' loss. For the parent only."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from checks.judges import ROUGH, facet, kinds, same_precision, table
from checks.probes.ps3 import judges, translators
from checks.probes.tools import decode, encode
from checks.reference import SHARED, differing, slopes
from torch import Tensor, nn

# What a student is told.
SAY = {
    "scalar": "The loss is no single number: which reduction does the task ask for?",
    "l2": "The distance is squared: L1 is asked for.",
    "before": "The mean is taken before the absolute value: errors cancel.",
    "fit": "An image has the wrong number of channels for a network: which domain does each "
    "generator take?",
    "other": "Two tensors that are compared have other numbers of channels or images: of which "
    "domain is each?",
    "modes": "A network is left frozen, or runs or stays in another mode than train mode, in "
    "which it came.",
    "no slope": "The gradient is nan where what is compared is equal: has the distance a slope at "
    "0?",
    "lost": "No gradient reaches {}: is there a detach(), a no_grad() or an item() on its way?",
    "slope": "The gradient that reaches {} is wrong: is a part of its way cut off?",
}

FITS = [
    ["subscript", SAY["fit"]],
    ["must match the size", SAY["other"]],
    ["does not broadcast", SAY["fit"]],
]


def l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


def rivals(formulas: list[tuple[Callable[[], Tensor], str]], right: Tensor) -> list:
    """Pairs (value, message) of the wrong formulas that can be computed here and are not right."""
    wrong = []
    for formula, message in formulas:
        with suppress(RuntimeError, IndexError):  # domains with other numbers of channels
            wrong.append((formula(), message))
    return differing(wrong, right, 1e-3, 1e-3)


def expected(value: Tensor, sources: dict, wrong: list, message: str, dtype: str) -> dict:
    """Facets for a loss: its value, and the gradients in ``sources``."""
    more = {"wrong": wrong, "shape": SAY["scalar"]} | ROUGH[dtype]
    slope_items = (
        slopes(value, sources, SAY["lost"], SAY["slope"], 0.5, **ROUGH[dtype]) if sources else []
    )
    items = [
        facet("value", encode(value), message, 2, **more),
        same_precision(dtype),
        *({"nan": SAY["no slope"]} | item for item in slope_items),
        facet("intact", True, SAY["modes"], 0.5, beside=True),
    ]
    return {"facets": [{**item, "errors": [*FITS, *item.get("errors", [])]} for item in items]}


def learners(P: nn.Module, Q: nn.Module) -> dict[str, Tensor]:
    """The mixtures' weights, where they have some."""
    nets = {"G_xy": P, "G_yx": Q}
    return {name: next(net.parameters()) for name, net in nets.items() if list(net.parameters())}


SAME = (7, 5), (7, 5)
OTHER_SIZES = (7, 5), (4, 6)


def players(rng: np.random.Generator, channels: tuple[int, int], **kind: Any) -> dict:
    """Two translators and images of both domains, encoded.

    ``batches`` and ``sizes`` are those of x and y. ``blank`` columns are 0 and stay so. ``scale``
    is that of the images; ``near`` says how far the translators are from changing nothing;
    ``layer`` and ``dtype`` are for the probe.
    """
    a, b = channels
    drawn = {"G_xy": rng.normal(0, 0.7, (b, a)), "G_yx": rng.normal(0, 0.7, (a, b))}
    if "near" in kind:
        drawn = {name: np.eye(a) + kind["near"] * G for name, G in drawn.items()}
    numbers = zip("xy", channels, kind.get("batches", (2, 2)), kind.get("sizes", SAME), strict=True)
    for name, c, n, size in numbers:
        drawn[name] = kind.get("scale", 1.0) * rng.uniform(-3, 3, (n, c, *size))
        drawn[name][..., : kind.get("blank", 0)] = 0.0
    out = {name: encode(torch.from_numpy(values)) for name, values in drawn.items()}
    return out | {"dtype": kind.get("dtype", "float64"), "layer": kind.get("layer", "")}


def weight(rng: np.random.Generator) -> float:
    return float(rng.choice([10 / 3, 7.1, 11.3, 13.7]))  # which float32 cannot hold


def cycle_case(
    rng: np.random.Generator, channels: tuple[int, int] = (3, 3), last: float = 0.5, **kind: Any
) -> tuple[dict, dict]:
    """The two cycles, with other weights for each."""
    inputs = players(rng, channels, **kind)
    f, b = weight(rng), weight(rng) * last
    inputs |= {"function": "cycle_loss", "weights": [f, b]}
    P, Q = translators(inputs | {"dtype": "float64"})
    x, y = decode(inputs["x"]), decode(inputs["y"])
    forward, backward = l1(Q(P(x)), x), l1(P(Q(y)), y)
    right = f * forward + b * backward
    one_way = "Images are compared after one translation: a cycle is there and back."
    wrong = [
        (lambda: f * forward, "The backward cycle is missing, which starts at y."),
        (lambda: b * backward, "The forward cycle is missing, which starts at x."),
        (
            lambda: b * forward + f * backward,
            "The weights change places: which one belongs to which direction?",
        ),
        (lambda: forward + backward, "The weights are missing."),
        (lambda: f * (forward + backward), "Both directions have one weight: there are two."),
        (lambda: b * (forward + backward), "Both directions have one weight: there are two."),
        (lambda: 10 * (forward + backward), "The weight is fixed: use those that are passed."),
        (
            lambda: right / 2,
            "The value is half of what is asked for: the two directions are added.",
        ),
        (lambda: -right, SHARED["sign"]),
        (lambda: f * (Q(P(x)) - x).square().mean() + b * (P(Q(y)) - y).square().mean(), SAY["l2"]),
        (lambda: f * (Q(P(x)) - x).abs().sum() + b * (P(Q(y)) - y).abs().sum(), SHARED["mean"]),
        (
            lambda: (
                f * (Q(P(x)) - x).abs().sum((1, 2, 3)).mean()
                + b * (P(Q(y)) - y).abs().sum((1, 2, 3)).mean()
            ),
            SHARED["mean"],
        ),
        (lambda: f * (Q(P(x)) - x).mean().abs() + b * (P(Q(y)) - y).mean().abs(), SAY["before"]),
        (
            lambda: f * l1(Q(P(x)), y) + b * l1(P(Q(y)), x),
            "A cycle ends in one domain and is compared with another: where did it start?",
        ),
        (lambda: f * l1(P(x), x) + b * l1(Q(y), y), one_way),
        (lambda: f * l1(P(x), y) + b * l1(Q(y), x), one_way),
        (
            lambda: f * l1(P(Q(x)), x) + b * l1(Q(P(y)), y),
            "A cycle starts in the wrong domain: which images does each generator take first?",
        ),
        (
            lambda: f * l1(P(Q(y)), y) + b * l1(Q(P(x)), x),
            "The weights change places: which belongs to which?",
        ),
        (
            lambda: f * l1(P(P(x)), x) + b * l1(Q(Q(y)), y),
            "One generator goes both ways: who brings an image back?",
        ),
        (
            lambda: f * forward + b * l1(P(P(y)), y),
            "One generator goes both ways: who brings an image back?",
        ),
    ]
    return inputs, expected(
        right,
        learners(P, Q),
        rivals(wrong, right),
        (
            "The value is wrong: where does each cycle start, through which generators, what "
            "is it compared with?"
        ),
        inputs["dtype"],
    )


def identity_case(
    rng: np.random.Generator, channels: int = 3, w: float | None = None, **kind: Any
) -> tuple[dict, dict]:
    inputs = players(rng, (channels, channels), **kind)
    w = weight(rng) if w is None else w
    inputs |= {"function": "identity_loss", "weights": [w]}
    P, Q = translators(inputs | {"dtype": "float64"})
    x, y = decode(inputs["x"]), decode(inputs["y"])
    right = w * (l1(P(y), y) + l1(Q(x), x))
    wrong = [
        (
            lambda: w * (l1(P(x), x) + l1(Q(y), y)),
            "Each generator gets what it shall change: which domain is its own?",
        ),
        (
            lambda: w * (l1(P(x), y) + l1(Q(y), x)),
            "Translations are compared with the other pile: there are no pairs.",
        ),
        (
            lambda: w * (l1(P(y), x) + l1(Q(x), y)),
            "The output is compared with the wrong domain: what shall not change?",
        ),
        (
            lambda: w * (l1(Q(P(x)), x) + l1(P(Q(y)), y)),
            "That is the cycle: identity looks at one translation.",
        ),
        (lambda: w * l1(P(y), y), "One generator's term is missing."),
        (lambda: w * l1(Q(x), x), "One generator's term is missing."),
        (lambda: l1(P(y), y) + l1(Q(x), x), "The weight is missing."),
        (lambda: w * l1(P(y), y) + l1(Q(x), x), "One of the terms has no weight."),
        (lambda: l1(P(y), y) + w * l1(Q(x), x), "One of the terms has no weight."),
        (
            lambda: 5 * (l1(P(y), y) + l1(Q(x), x)),
            "The weight is fixed: use the one that is passed.",
        ),
        (
            lambda: 0.5 * w * (l1(P(y), y) + l1(Q(x), x)),
            "The value is half of what is asked for: the terms are added.",
        ),
        (lambda: -right, SHARED["sign"]),
        (lambda: w * ((P(y) - y).square().mean() + (Q(x) - x).square().mean()), SAY["l2"]),
        (lambda: w * ((P(y) - y).abs().sum() + (Q(x) - x).abs().sum()), SHARED["mean"]),
        (lambda: w * ((P(y) - y).mean().abs() + (Q(x) - x).mean().abs()), SAY["before"]),
    ]
    return inputs, expected(
        right,
        learners(P, Q),
        rivals(wrong, right),
        (
            "The value is wrong: which generator sees which domain, and what is its output "
            "compared with?"
        ),
        inputs["dtype"],
    )


def fooling_case(
    rng: np.random.Generator, channels: tuple[int, int] = (3, 3), **kind: Any
) -> tuple[dict, dict]:
    """``right`` columns of the fakes are 0, for which the discriminators say 1; ``scale`` is that
    of the other columns, and ``batches``, ``sizes``, ``layer``, ``dtype`` as for the translators.
    """
    inputs: dict = {"dtype": kind.get("dtype", "float64"), "layer": kind.get("layer", "")}
    right, sizes = kind.get("right", 0), kind.get("sizes", SAME)
    numbers = zip("xy", channels, kind.get("batches", (2, 3)), sizes, strict=True)
    for k, c, n, size in numbers:
        D = rng.normal(0, 0.6, 8)
        fake = kind.get("scale", 1.0) * rng.uniform(-1, 1, (n, c, *size))
        D[0] = 1.0 if right else D[0]
        fake[..., :right] = 0.0
        inputs |= {f"D_{k}": encode(torch.from_numpy(D)), f"fake_{k}": encode(torch.tensor(fake))}
    D_x, D_y = judges(inputs | {"dtype": "float64"})
    fake_x, fake_y = (decode(inputs[name]).requires_grad_() for name in ("fake_x", "fake_y"))
    a, b = D_x(fake_x), D_y(fake_y)
    value = (a - 1).square().mean() + (b - 1).square().mean()
    alone = lambda D, fakes: torch.cat([D(fake[None]) for fake in fakes])  # noqa: E731
    wrong = [
        (
            lambda: sum((t - 1).square().mean() for t in (D_y(fake_x), D_x(fake_y))),
            "The discriminators change places: who knows which domain?",
        ),
        (
            lambda: (
                (alone(D_x, fake_x) - 1).square().mean() + (alone(D_y, fake_y) - 1).square().mean()
            ),
            "The fakes are judged one by one: a batch norm needs them together.",
        ),
        (
            lambda: a.square().mean() + b.square().mean(),
            "That is D's view of fakes: what does G want D to say?",
        ),
        (
            lambda: (a + 1).square().mean() + (b + 1).square().mean(),
            "The target has the wrong sign.",
        ),
        (lambda: (a - 1).square().mean(), "One generator's term is missing: both learn."),
        (lambda: (b - 1).square().mean(), "One generator's term is missing: both learn."),
        (
            lambda: value / 2,
            "The value is half of what is asked for: the terms are added, without a factor.",
        ),
        (lambda: -value, SHARED["sign"]),
        (lambda: (a - 1).square().sum() + (b - 1).square().sum(), SHARED["mean"]),
        (
            lambda: (a - 1).abs().mean() + (b - 1).abs().mean(),
            "The errors are absolute ones: what is squared here?",
        ),
        (
            lambda: (a.mean() - 1).square() + (b.mean() - 1).square(),
            "The mean is taken before the square: errors cancel.",
        ),
        (
            lambda: F.softplus(-a).mean() + F.softplus(-b).mean(),
            "That is a log loss: least squares is asked for.",
        ),
        (
            lambda: (a.sigmoid() - 1).square().mean() + (b.sigmoid() - 1).square().mean(),
            "The outputs go through a sigmoid: least squares takes D's outputs as they are.",
        ),
        (
            lambda: -a.mean() - b.mean(),
            "That is the critic's loss of another kind of GAN: where is the square?",
        ),
    ]
    return inputs, expected(
        value,
        {"fake_x": fake_x, "fake_y": fake_y},
        rivals(wrong, value),
        (
            "The value is wrong: who judges which fakes, and how far are the outputs from what "
            "G wants?"
        ),
        inputs["dtype"],
    )


# Kinds of both losses of translators.
TRANSLATORS: dict[str, dict] = {
    "right pixels": {"blank": 2, "sizes": OTHER_SIZES},
    "batch norms": {"batches": (3, 2), "layer": "batch norm"},
    "tanh": {"layer": "tanh"},
    "nothing to do": {"layer": "none", "batches": (1, 2)},
    "nearly right": {"near": 1e-4},
    "large": {"scale": 100.0},
}
CYCLES = {
    "domains": {"channels": (2, 4), "batches": (3, 1), "sizes": OTHER_SIZES, "dtype": "float32"},
    "one way": {"channels": (1, 3), "batches": (1, 1), "last": 0.0},
} | TRANSLATORS
IDENTITIES = {
    "batches": {"batches": (1, 3), "sizes": OTHER_SIZES, "dtype": "float32"},
    "small": {"channels": 1, "w": 0.3, "batches": (1, 1)},
    "none": {"w": 0.0},
} | TRANSLATORS
LAYERS = "other domains and layers, small and large distances"
CHECKS = table(
    (
        "cycle_values",
        "cycle_loss",
        3,
        "value and gradients, two weights",
        True,
        cycle_case,
        "generators",
    ),
    (
        "cycle_domains",
        "cycle_loss",
        2,
        f"{LAYERS}, a weight of 0",
        False,
        kinds(cycle_case, CYCLES, alone=("nothing to do",)),
        "generators",
    ),
    (
        "identity_values",
        "identity_loss",
        2,
        "who leaves which images alone",
        True,
        identity_case,
        "generators",
    ),
    (
        "identity_batches",
        "identity_loss",
        1,
        f"{LAYERS}, small weights",
        False,
        kinds(identity_case, IDENTITIES, alone=("none", "nothing to do")),
        "generators",
    ),
    (
        "fooling_values",
        "fooling_loss",
        3,
        "value, and gradients of the fakes",
        True,
        fooling_case,
        "fooling",
    ),
    (
        "fooling_channels",
        "fooling_loss",
        1,
        "other domains and layers, outputs that are far from 1, near it, and 1",
        False,
        kinds(
            fooling_case,
            {
                "far": {
                    "channels": (2, 5),
                    "dtype": "float32",
                    "scale": 100.0,
                    "sizes": OTHER_SIZES,
                },
                "some right": {"channels": (1, 3), "batches": (1, 1), "right": 2},
                "all right": {"channels": (1, 3), "right": 5},
                "nearly right": {"scale": 1e-3, "right": 1},
                "batch norms": {"channels": (2, 3), "layer": "batch norm"},
            },
        ),
        "fooling",
    ),
)
