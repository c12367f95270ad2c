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
    "one way": "Images are compared before they are home: how many generators does a round take?",
    "swapped": "The weights change places: which one belongs to which start?",
    "one weight": "All cycles have one weight: there are three.",
    "own": "Each generator gets what it shall change: into which domain does it lead?",
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
    rough = ROUGH[dtype]
    gradients = slopes(value, sources, SAY["lost"], SAY["slope"], 0.5, **rough) if sources else []
    items = [
        facet("value", encode(value), message, 2, wrong=wrong, shape=SAY["scalar"], **rough),
        same_precision(dtype),
        *({"nan": SAY["no slope"]} | item for item in gradients),
        facet("intact", True, SAY["modes"], 0.5, beside=True),
    ]
    return {"facets": [{**item, "errors": [*FITS, *item.get("errors", [])]} for item in items]}


def learners(nets: dict[str, nn.Module]) -> dict[str, Tensor]:
    """The mixtures' weights, where they have some."""
    return {name: next(net.parameters()) for name, net in nets.items() if list(net.parameters())}


SAME = (7, 5), (7, 5), (7, 5)
OTHER_SIZES = (7, 5), (4, 6), (5, 4)


def players(rng: np.random.Generator, channels: tuple[int, int, int], **kind: Any) -> dict:
    """Three translators, x to y to z to x, and images of the three domains, encoded.

    ``batches`` and ``sizes`` are those of x, y and z. ``blank`` columns are 0 and stay so.
    ``scale`` is that of the images; ``near`` says how far the translators are from changing
    nothing; ``layer`` and ``dtype`` are for the probe.
    """
    ways = zip(("G_xy", "G_yz", "G_zx"), channels, (*channels[1:], channels[0]), strict=True)
    drawn = {name: rng.normal(0, 0.7, (after, before)) for name, before, after in ways}
    if "near" in kind:
        drawn = {name: np.eye(len(G)) + kind["near"] * G for name, G in drawn.items()}
    batches, sizes = kind.get("batches", (2, 2, 2)), kind.get("sizes", SAME)
    for name, c, n, size in zip("xyz", channels, batches, sizes, strict=True):
        drawn[name] = kind.get("scale", 1.0) * rng.uniform(-3, 3, (n, c, *size))
        drawn[name][..., : kind.get("blank", 0)] = 0.0
    out = {name: encode(torch.from_numpy(values)) for name, values in drawn.items()}
    return out | {"dtype": kind.get("dtype", "float64"), "layer": kind.get("layer", "")}


def weight(rng: np.random.Generator) -> float:
    return float(rng.choice([10 / 3, 7.1, 11.3, 13.7]))  # which float32 cannot hold


def cycle_case(
    rng: np.random.Generator,
    channels: tuple[int, int, int] = (3, 3, 3),
    last: float = 0.5,
    w: float = 1.0,
    **kind: Any,
) -> tuple[dict, dict]:
    """The three cycles, with other weights for each, all times ``w``."""
    inputs = players(rng, channels, **kind)
    a, b, c = weights = [w * weight(rng), w * weight(rng) * 0.7, w * weight(rng) * last]
    inputs |= {"function": "cycle_loss", "weights": weights}
    nets = translators(inputs | {"dtype": "float64"})
    P, Q, R = nets.values()
    images = x, y, z = [decode(inputs[name]) for name in "xyz"]
    backs = [R(Q(P(x))), P(R(Q(y))), Q(P(R(z)))]
    ways = [*zip(weights, backs, images, strict=True)]
    cycles = [l1(back, image) for _, back, image in ways]
    right = sum(w * l1(back, image) for w, back, image in ways)
    wrong = [
        *(
            (
                lambda i=i: right - weights[i] * cycles[i],
                f"The cycle that starts at {k} is missing.",
            )
            for i, k in enumerate("xyz")
        ),
        *(
            (lambda i=i: weights[i] * cycles[i], f"Only the cycle that starts at {k} counts.")
            for i, k in enumerate("xyz")
        ),
        *(
            (
                lambda o=o: sum(w * cycles[i] for w, i in zip(weights, o, strict=True)),
                SAY["swapped"],
            )
            for o in ((1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))
        ),
        (lambda: sum(cycles), "The weights are missing."),
        *((lambda w=w: w * sum(cycles), SAY["one weight"]) for w in weights),
        (lambda: 10 * sum(cycles), "The weight is fixed: use those that are passed."),
        (lambda: right / 3, "The value is a third of what is asked for: the cycles are added."),
        (lambda: -right, SHARED["sign"]),
        (lambda: sum(w * (u - v).square().mean() for w, u, v in ways), SAY["l2"]),
        (lambda: sum(w * (u - v).abs().sum() for w, u, v in ways), SHARED["mean"]),
        (lambda: sum(w * (u - v).abs().sum() / len(v) for w, u, v in ways), SHARED["mean"]),
        (lambda: sum(w * (u - v).mean().abs() for w, u, v in ways), SAY["before"]),
        (lambda: a * l1(P(x), x) + b * l1(Q(y), y) + c * l1(R(z), z), SAY["one way"]),
        (lambda: a * l1(Q(P(x)), x) + b * l1(R(Q(y)), y) + c * l1(P(R(z)), z), SAY["one way"]),
        (lambda: a * l1(P(x), y) + b * l1(Q(y), z) + c * l1(R(z), x), SAY["one way"]),
        (
            lambda: a * l1(backs[0], y) + b * l1(backs[1], z) + c * l1(backs[2], x),
            "A cycle ends in one domain and is compared with another: where did it start?",
        ),
        (
            lambda: a * l1(P(Q(R(x))), x) + b * l1(Q(R(P(y))), y) + c * l1(R(P(Q(z))), z),
            "The round is walked in the wrong order: who takes an x, and who takes what it makes?",
        ),
        (
            lambda: a * l1(P(R(Q(x))), x) + b * l1(Q(P(R(y))), y) + c * l1(R(Q(P(z))), z),
            "A cycle starts in the wrong domain: which images does each generator take first?",
        ),
        (
            lambda: a * l1(P(P(P(x))), x) + b * l1(Q(Q(Q(y))), y) + c * l1(R(R(R(z))), z),
            "One generator goes all the way: who brings an image on?",
        ),
        (
            lambda: a * l1(Q(P(x)), x) + b * l1(P(Q(y)), y),
            "That is the cycle of two domains: here are three, and nobody goes straight back.",
        ),
    ]
    return inputs, expected(
        right,
        learners(nets),
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
    inputs = players(rng, (channels, channels, channels), **kind)
    w = weight(rng) if w is None else w
    inputs |= {"function": "identity_loss", "weights": [w]}
    nets = translators(inputs | {"dtype": "float64"})
    P, Q, R = nets.values()
    x, y, z = (decode(inputs[name]) for name in "xyz")
    pairs = (P, y), (Q, z), (R, x)
    terms = [l1(G(image), image) for G, image in pairs]
    right = w * sum(terms)
    wrong = [
        (lambda: w * (l1(P(x), x) + l1(Q(y), y) + l1(R(z), z)), SAY["own"]),
        (
            lambda: w * (l1(P(z), z) + l1(Q(x), x) + l1(R(y), y)),
            "Each generator gets images of the domain that it never sees.",
        ),
        (
            lambda: w * (l1(P(x), y) + l1(Q(y), z) + l1(R(z), x)),
            "Translations are compared with the next pile: there are no pairs.",
        ),
        (
            lambda: w * (l1(P(y), x) + l1(Q(z), y) + l1(R(x), z)),
            "The output is compared with the wrong domain: what shall not change?",
        ),
        (
            lambda: w * (l1(R(Q(P(x))), x) + l1(P(R(Q(y))), y) + l1(Q(P(R(z))), z)),
            "That is the cycle: identity looks at one translation.",
        ),
        (
            lambda: w * (l1(P(y), y) + l1(Q(x), x)),
            "Those are the terms of two domains: here are three generators.",
        ),
        *((lambda t=t: right - w * t, "One generator's term is missing.") for t in terms),
        *((lambda t=t: w * t, "Two generators' terms are missing.") for t in terms),
        (lambda: sum(terms), "The weight is missing."),
        *((lambda t=t: sum(terms) + (w - 1) * t, "Some terms have no weight.") for t in terms),
        *((lambda t=t: right + (1 - w) * t, "One of the terms has no weight.") for t in terms),
        (lambda: 5 * sum(terms), "The weight is fixed: use the one that is passed."),
        (lambda: right / 3, "The value is a third of what is asked for: the terms are added."),
        (lambda: -right, SHARED["sign"]),
        (lambda: w * sum((G(a) - a).square().mean() for G, a in pairs), SAY["l2"]),
        (lambda: w * sum((G(a) - a).abs().sum() for G, a in pairs), SHARED["mean"]),
        (lambda: w * sum((G(a) - a).mean().abs() for G, a in pairs), SAY["before"]),
    ]
    return inputs, expected(
        right,
        learners(nets),
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
    """``right`` columns of the fakes lead by 1, exactly; ``scale`` is that of the other columns,
    and ``batches``, ``sizes``, ``layer``, ``dtype`` as for the translators.
    """
    inputs: dict = {"dtype": kind.get("dtype", "float64"), "layer": kind.get("layer", "")}
    right, sizes = kind.get("right", 0), kind.get("sizes", SAME)[:2]
    numbers = zip("xy", channels, kind.get("batches", (2, 3)), sizes, strict=True)
    for k, c, n, size in numbers:
        D = rng.normal(0, 0.6, 8)
        fake = kind.get("scale", 1.0) * rng.uniform(-1, 1, (n, c, *size))
        real = max(0.5, kind.get("scale", 0.0)) * rng.uniform(-1, 1, (n + 1, c, *size))
        if right:  # D says 0 to real images, 1 to these columns
            D[:2], real[:], fake[..., :right] = [0.0, 1.0], 0.0, 0.0
            fake[:, 0] += 1.0
        inputs |= {f"D_{k}": encode(torch.from_numpy(D)), f"fake_{k}": encode(torch.tensor(fake))}
        inputs[k] = encode(torch.from_numpy(real))
    D_x, D_y = judges(inputs | {"dtype": "float64"})
    fake_x, fake_y = (decode(inputs[name]).requires_grad_() for name in ("fake_x", "fake_y"))
    x, y = decode(inputs["x"]), decode(inputs["y"])
    a, b, real_a, real_b = D_x(fake_x), D_y(fake_y), D_x(x), D_y(y)
    leads = lead_x, lead_y = a - real_a.mean(), b - real_b.mean()
    terms = [(lead - 1).square().mean() for lead in leads]
    value = sum(terms)
    alone = lambda D, fakes: torch.cat([D(fake[None]) for fake in fakes])  # noqa: E731
    wrong = [
        (
            lambda: (a - 1).square().mean() + (b - 1).square().mean(),
            "The fakes are held against 1: what does D say of the real images?",
        ),
        (
            lambda: sum(
                (D(fake) - D(real).mean() - 1).square().mean()
                for D, fake, real in ((D_y, fake_x, x), (D_x, fake_y, y))
            ),
            "The discriminators change places: who knows which domain?",
        ),
        (
            lambda: (
                (a - real_b.mean() - 1).square().mean() + (b - real_a.mean() - 1).square().mean()
            ),
            "The real images change places: with which domain's is a fake compared?",
        ),
        (
            lambda: (
                (alone(D_x, fake_x) - real_a.mean() - 1).square().mean()
                + (alone(D_y, fake_y) - real_b.mean() - 1).square().mean()
            ),
            "The fakes are judged one by one: a batch norm needs them together.",
        ),
        (
            lambda: lead_x.square().mean() + lead_y.square().mean(),
            "Fakes shall be as real as real images: what is the lead that G wants?",
        ),
        (
            lambda: sum((lead + 1).square().mean() for lead in leads),
            "That is D's view of fakes: who shall lead?",
        ),
        (
            lambda: (
                (real_a - a.mean() - 1).square().mean() + (real_b - b.mean() - 1).square().mean()
            ),
            "That is D's view of real images: whose outputs are compared with whose mean?",
        ),
        *((lambda t=t: t, "One generator's term is missing: both learn.") for t in terms),
        (
            lambda: value / 2,
            "The value is half of what is asked for: the terms are added, without a factor.",
        ),
        (lambda: -value, SHARED["sign"]),
        (lambda: sum((lead - 1).square().sum() for lead in leads), SHARED["mean"]),
        (
            lambda: sum((lead - 1).abs().mean() for lead in leads),
            "The errors are absolute ones: what is squared here?",
        ),
        (
            lambda: sum((lead.mean() - 1).square() for lead in leads),
            "The mean is taken before the square: errors cancel.",
        ),
        (
            lambda: sum(F.softplus(-lead).mean() for lead in leads),
            "That is a log loss: least squares is asked for.",
        ),
        (
            lambda: sum(
                (c.sigmoid() - real.sigmoid().mean() - 1).square().mean()
                for c, real in ((a, real_a), (b, real_b))
            ),
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
            "The value is wrong: who judges which images, and how far do the fakes lead, of "
            "which lead G wants?"
        ),
        inputs["dtype"],
    )


# Kinds of both losses of translators.
TRANSLATORS: dict[str, dict] = {
    "right pixels": {"blank": 2, "sizes": OTHER_SIZES},
    "batch norms": {"batches": (3, 2, 4), "layer": "batch norm"},
    "domains alike": {"layer": "batch norm", "w": 1e-5},
    "strong": {"batches": (10, 11, 12), "w": 123.4},
    "tanh": {"layer": "tanh"},
    "nothing to do": {"layer": "none", "batches": (1, 2, 1)},
    "nearly right": {"near": 1e-8},
    "large": {"scale": 100.0},
}
CYCLES = {
    "domains": {
        "channels": (6, 5, 7),
        "batches": (3, 1, 2),
        "sizes": OTHER_SIZES,
        "dtype": "float32",
    },
    "two ways": {"channels": (1, 3, 2), "batches": (1, 1, 1), "last": 0.0},
} | TRANSLATORS
IDENTITIES = {
    "batches": {"batches": (1, 3, 2), "sizes": OTHER_SIZES, "dtype": "float32"},
    "small": {"channels": 1, "w": 0.3, "batches": (1, 1, 1)},
    "none": {"w": 0.0},
} | TRANSLATORS
LAYERS = "other domains and layers, small and large distances and weights"
CHECKS = table(
    (
        "cycle_values",
        "cycle_loss",
        3,
        "value and gradients, three weights",
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
        LAYERS,
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
        "other domains and layers, leads that are far from 1, near it, and 1",
        False,
        kinds(
            fooling_case,
            {
                "far": {
                    "channels": (2, 5),
                    "batches": (9, 12),
                    "dtype": "float32",
                    "scale": 100.0,
                    "sizes": OTHER_SIZES,
                },
                "some right": {"channels": (1, 3), "batches": (1, 1), "right": 2},
                "all right": {"channels": (1, 3), "right": 5},
                "nearly right": {"scale": 1e-6, "right": 1},
                "batch norms": {"channels": (2, 3), "layer": "batch norm"},
            },
        ),
        "fooling",
    ),
)
