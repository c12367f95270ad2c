"""Problem set 4, BicycleGAN: right and typically wrong steps, and the checks of the step.

For the parent only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from checks.judges import facet
from checks.probes.ps4 import step_players
from checks.probes.tools import decode, encode, flat
from checks.reference import (
    SHARED,
    STEP_ERRORS,
    Play,
    kept,
    ordered,
    outcomes,
    own,
    rival,
    step_checks,
)
from torch import Tensor

FACTORS = {  # of the terms in the report, those of G and E first
    "g_gan_encoded": 0.5,
    "g_l1_encoded": "lambda_l1",
    "g_kl_encoded": "lambda_kl",
    "g_gan_random": 0.5,
    "g_latent_random": "lambda_latent",
    "d_real_encoded": 0.5,
    "d_fake_encoded": 0.5,
    "d_real_random": 0.5,
    "d_fake_random": 0.5,
}
PRIOR = "prior_mu", "prior_logvar"
IMAGES = "x", "y", "eps", "z", *PRIOR  # inputs with a row for each image
TERMS, D_TERMS = list(FACTORS)[:5], list(FACTORS)[5:]

RIGHT = {
    "order": "GD",
    "without": (),  # terms that do not count
    "latent_moves_E": False,
    "code_cut": False,  # the encoded code is detached
    "only_mu": False,
    "swapped": False,  # the discriminators change places
    "flipped": False,
    "prior": True,  # False: KL against the standard normal
    "crop": True,  # False: E reads the whole random fake
    "targets": True,  # False: 1 for real, 0 for fake, and G wants 1
    "squared": False,
    "reduction": "mean",
    "kl_mean": False,
    "kl_sign": 1.0,
    "l1_random": False,  # L1 of the random branch
    "d_weight": 1.0,
    "d_keeps": False,
    "g_keeps": False,
    "together": False,  # a judge gets real and fake images in one batch, which is as right
    "move": ("G", "E", "D_encoded", "D_random"),
    "unweighted": False,
}  # how a step is written: each other value is a mistake


def networks(rng: np.random.Generator, batch: int, z_dim: int, blank: int = 0) -> dict:
    """Weights of G and E, x, y and the two draws, encoded.

    G paints ``blank`` columns of so many channels as they are in y, which counts in a mean, too.
    """
    shapes = {
        "paint": (3, 3),
        "code": (3, z_dim),
        "mu": (z_dim, 6),
        "logvar": (z_dim, 6),
        **{name: (batch, z_dim) for name in ("eps", "z", *PRIOR)},
    }
    numbers = {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}
    numbers |= {name: rng.uniform(-1, 1, (batch, 3, 7, 5)) for name in ("x", "y")}
    numbers["code"][:blank] = numbers["x"][..., :blank] = numbers["y"][..., :blank] = 0.0
    numbers["z"][0, -1], numbers["eps"][0, 0] = 0.0, -3.5
    numbers["z"][-2:, 0] = [-4.5, 4.5][-batch:]  # far apart
    numbers["logvar"][2:3] = [0.0, 0.0, 0.0, -20.0, -20.0, -20.0]  # there a variance near 0
    return {name: encode(torch.from_numpy(values)) for name, values in numbers.items()}


def crop(rng: np.random.Generator) -> list[int]:
    """Top, left and side of a part of such images; rows and columns cannot be exchanged."""
    return [int(n) for n in (*rng.permutation(3)[:2], rng.integers(2, 4))]


def play(inputs: dict, **mistakes: Any) -> dict:
    """What ``inputs["steps"]`` steps leave: weights, gradients of G and E, and the last step's
    terms.
    """
    (G, E), judges = step_players(inputs | {"dtype": "float64"})
    players = {"G": G, "E": E}, dict(zip(("D_encoded", "D_random"), judges, strict=True))
    game = Play(inputs, RIGHT | mistakes, *players)
    way, out = game.way, game.out
    D = list(judges)[::-1] if way.swapped else list(judges)
    low, high, wish = inputs["targets"] if way.targets else (0.0, 1.0, 1.0)
    top, left, side = inputs["crop"] if way.crop else (0, 0, 99)

    def learn_G(fakes: list[Tensor], mu: Tensor, logvar: Tensor) -> None:
        m, spread = (mean, wide) if way.prior else (0 * mean, 0 * wide)
        wider = logvar - spread
        each = 0.5 * ((mu - m).square() / spread.exp() + wider.exp() - 1 - wider)
        part = fakes[1][..., top : top + side, left : left + side]
        values = [
            game.reduced((D[0](fakes[0]) - wish).square()),
            game.distance(fakes[1] if way.l1_random else fakes[0], y),
            each.mean() if way.kl_mean else each.sum(1).mean(),
            game.reduced((D[1](fakes[1]) - wish).square()),
            game.distance(E(part)[0], z),
        ]
        terms = dict(zip(TERMS, values, strict=True))
        out.update({name: value.item() for name, value in terms.items()})
        terms = {k: weights[k] * value for k, value in terms.items() if k not in way.without}
        E_terms = [v for k, v in terms.items() if way.latent_moves_E or k != "g_latent_random"]
        unused = 0 * (E(y)[0].sum() + E(y)[1].sum())  # where no term reaches E
        game.update("G", (sum(terms.values()), G), (sum(E_terms) + unused, E))

    def learn_D(fakes: list[Tensor]) -> None:
        values = []
        for judge, fake in zip(D, fakes, strict=True):
            images = y, fake.detach()
            outputs = judge(torch.cat(images)).chunk(2) if way.together else map(judge, images)
            ends = (low, high) if way.flipped else (high, low)
            values += [game.reduced((o - t).square()) for o, t in zip(outputs, ends, strict=True)]
        out.update({name: value.item() for name, value in zip(D_TERMS, values, strict=True)})
        game.update("D", (way.d_weight * sum(values), judges))

    for i in range(inputs.get("steps", 1)):
        x, y, eps, z, mean, wide = (decode(inputs[name])[i:] for name in IMAGES)
        l1, kl, latent = (
            (1.0 if way.unweighted else inputs[f"lambda_{name}"]) * (i >= inputs.get("late", 0))
            for name in ("l1", "kl", "latent")
        )
        weights = dict(zip(TERMS, (1.0, l1, way.kl_sign * kl, 1.0, latent), strict=True))
        mu, logvar = E(y)
        code = mu if way.only_mu else mu + (logvar / 2).exp() * eps
        fakes = [G(x, code.detach() if way.code_cut else code), G(x, z)]
        out["D_before"] = flat(judges.parameters())
        for player in way.order:
            learn_G(fakes, mu, logvar) if player == "G" else learn_D(fakes)
    return game.left()


MISSING = "{} is missing from what G and E minimise."
WRONG: list[tuple[dict, str]] = [
    ({"order": "DG"}, "The discriminators are updated before G and E: who moves first here?"),
    ({"latent_moves_E": True}, "E learns from the latent loss: that one is G's alone."),
    ({"code_cut": True}, "E learns nothing from its code: is the code detached on its way to G?"),
    ({"only_mu": True}, "The encoded code has no noise: where is eps?"),
    ({"swapped": True}, "The discriminators change places: which of them sees which fakes?"),
    ({"flipped": True}, SHARED["flipped"]),
    ({"prior": False}, "KL is the one against the standard normal: the codes have a prior."),
    ({"crop": False}, "E reads the whole random fake: the code shall survive the crop."),
    ({"targets": False}, "The targets are 0 and 1: three are passed."),
    ({"squared": True}, "The distances are squared: L1 is asked for."),
    ({"reduction": "sum"}, SHARED["mean"]),
    ({"kl_mean": True}, "KL is a mean over the code's numbers, too."),
    ({"kl_sign": -1.0}, "The sign of KL is turned around."),
    ({"l1_random": True}, "L1 compares y with the random fake: which code knows y?"),
    ({"d_weight": 0.5}, "The discriminators' loss is halved: here it is not."),
    (
        {"d_keeps": True},
        "What G's loss left in the discriminators counts for them: whose zero_grad is missing?",
    ),
    ({"g_keeps": True}, "Old gradients count for G and E: whose zero_grad is missing?"),
    (
        {"move": ("G", "D_encoded", "D_random")},
        "E did not move: which losses are its own, or is it still frozen?",
    ),
    ({"move": ("E", "D_encoded", "D_random")}, "G did not move: does its loss reach its weights?"),
    ({"move": ("G", "E")}, "The discriminators did not move: is their optimiser used?"),
    ({"move": ("G", "E", "D_encoded")}, "One discriminator did not move: both have a loss."),
    ({"move": ("G", "E", "D_random")}, "One discriminator did not move: both have a loss."),
    ({"without": ("g_gan_encoded", "g_gan_random")}, MISSING.format("The GAN loss")),
    ({"without": ("g_gan_random",)}, MISSING.format("The random branch's GAN term")),
    ({"without": ("g_gan_encoded",)}, MISSING.format("The encoded branch's GAN term")),
    ({"without": ("g_l1_encoded",)}, MISSING.format("L1")),
    ({"without": ("g_kl_encoded",)}, MISSING.format("KL")),
    ({"without": ("g_latent_random",)}, MISSING.format("The latent loss")),
    ({"unweighted": True}, "The three weights are missing."),
]


# Other games, and what to say if their weights are wrong.
KINDS = {
    "D right already": "Where the discriminators are nearly right already, and KL is nearly 0, a "
    "step goes wrong: is a loss or an update left out, or held at a bound?",
    "G right already": "Where G and E are nearly right already, a step goes wrong: is a loss or an "
    "update left out, or held at a bound?",
    "large numbers": "Where outputs, targets and variances are large or tiny, or a code is read "
    "exactly, a step goes wrong: is something bounded, or has a distance no slope at 0?",
    "batch norms": "With batch norms in the networks a step goes wrong: which images pass "
    "together, and in which mode is each norm?",
    "float32": "In float32, where parts of pictures are right already, a step goes wrong: is "
    "something computed in a lower precision, or has a distance no slope at 0?",
}


# Weights that are small, or large, in some of them; float32 cannot hold the others.
LAMBDA = {"D right already": 1e-3, "batch norms": 1e-4, "float32": 123.4}


def of_kind(numbers: dict, kind: str) -> dict:
    """The numbers of a game of this kind."""
    near = 1e-4
    if kind.endswith("right already"):  # real images are 1; D says so, and E reads 0
        numbers |= {k: 1 + near * numbers[k] for k in ("x", "y")}
        numbers |= {k: near * numbers[k] for k in ("paint", "code", "mu", "logvar", *PRIOR)}
        numbers |= {k: [0, *[1 / 3] * 7] + near * numbers[k] for k in ("D_encoded", "D_random")}
    if kind == "G right already":
        numbers |= {"paint": np.eye(3) + numbers["paint"], "z": near * numbers["z"]}
    if kind == "large numbers":
        numbers |= {k: 100 * numbers[k] for k in ("D_encoded", "D_random")}
        numbers["code"] *= 1e-5
        numbers["logvar"][:2, :3], numbers["logvar"][0, 3:], numbers["logvar"][1, 3:] = 0, 26, -40
        numbers["mu"][1] = numbers["z"][:, 1] = 0.0
    return numbers


def game(rng: np.random.Generator, batch: int = 3, kind: str = "", **more: Any) -> tuple:
    """The :func:`outcomes` of a game of this kind."""
    batch = 10 if kind == "batch norms" else batch
    blank, z_dim = 2 * ("report" in more or kind == "float32"), 1 if "steps" in more else 3
    drawn = {k: decode(v).numpy() for k, v in networks(rng, batch, z_dim, blank).items()}
    drawn |= {name: rng.normal(0, 0.5, 8) for name in ("D_encoded", "D_random")}
    inputs = {
        name: encode(torch.from_numpy(values)) for name, values in of_kind(drawn, kind).items()
    }
    inputs |= {
        "lambda_l1": LAMBDA.get(kind, float(rng.choice([5.3, 22 / 3, 11.6]))),
        "lambda_kl": LAMBDA.get(kind, float(rng.choice([0.3, 0.4, 0.6]))),
        "lambda_latent": LAMBDA.get(kind, float(rng.choice([2.3, 10 / 3]))),
        "lr_G": float(rng.uniform(0.01, 0.02)),
        "lr_D": float(rng.uniform(0.1, 0.2)),
        "crop": crop(rng),
        "targets": [0.0, 1.0, 1.0]
        if kind.endswith("right already")
        else [
            float(rng.uniform(*ends)) * (10 if kind == "large numbers" else 1)
            for ends in ((-1, -0.4), (0.6, 1.3), (0.1, 0.4))
        ],
        "report": [],
        "norms": kind == "batch norms",
        "dtype": "float32" if kind == "float32" else "float64",
    } | more
    return outcomes(inputs, partial(play, inputs), kind, WRONG)


BACK = (
    "D's backward goes through G and E, whose weights have changed since: are the fakes "
    "detached for it?"
)
ERRORS = [["inplace operation", BACK], *STEP_ERRORS]


def owned(_: dict, good: dict, others: Callable) -> list[dict]:
    return [
        ordered(
            ["G", "D"],
            "G and E",
            "the discriminators",
            "The discriminators are updated before G and E: who moves first here?",
            2,
        ),
        facet(
            "G_grad_at_D",
            None,
            (
                "The gradients of G and E are wrong when the discriminators are updated: is a "
                "fake not detached for them?"
            ),
            3,
            wants=[encode(good["G_grad"]), None, encode(torch.zeros_like(good["G_grad"]))],
            wrong=[
                ["absent", SHARED["never"].format("the discriminators")],
                *rival(good, others, "G_grad"),
            ],
        ),
        facet(
            "D_at_G",
            encode(good["D_before"]),
            "When G and E are updated, the discriminators have other weights than before the step.",
            wrong=[["absent", SHARED["never"].format("G and E")]],
        ),
        *kept(),
        *own(good),
    ]


CHECKS = step_checks(
    "bicyclegan_step",
    game,
    owned,
    (
        "The weights of {} after the step are wrong: which terms, on which fakes, who learns "
        "from which?"
    ),
    "in the report is wrong: the terms come back unweighted, as they were when they were computed.",
    FACTORS,
    {"G": "G and E", "D": "the discriminators"},
    (5, 2, 4, 2),
    (
        "the weights of all four networks after a step",
        "the nine terms that come back",
        "whose gradients, who moves first",
    ),
    ERRORS,
    "bicyclegan",
    KINDS,
)
