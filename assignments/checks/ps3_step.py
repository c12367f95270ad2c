"""Problem set 3, CycleGAN: right and typically wrong steps, and the checks of the step.

For the parent only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from checks.judges import facet
from checks.probes.ps3 import players
from checks.probes.tools import decode, encode, flat
from checks.reference import SHARED, STEP_ERRORS, Play, kept, ordered, outcomes, own, step_checks
from torch import Tensor

RIGHT = {
    "order": "GD",
    "pooled": True,  # False: D learns from the new fakes
    "pooled_G": False,  # G's fakes come out of the pools, too
    "pools_swapped": False,
    "swapped": False,  # D_x judges fake_y, and D_y fake_x
    "flipped": False,  # real images get 0
    "log": False,
    "relative": True,  # False: outputs are held against 1 and 0
    "cut_mean": False,  # the mean that outputs are compared with is detached
    "reduction": "mean",
    "squared": False,  # L2 in place of L1
    "d_weight": 0.5,
    "d_keeps": False,  # what G's loss left in D counts for D
    "g_keeps": False,
    "again": False,  # D gets fakes of the updated G
    "cut": False,  # the cycles' first halves are detached
    "move": ("G_xy", "G_yx", "D_x", "D_y"),
    "gan": 1.0,
    "forward": 1.0,  # times lambda_cycle
    "backward": 1.0,
    "identity": 1.0,  # times lambda_identity
    "identity_input": "own",  # or "other": G_xy(x) - x
    "together": False,  # a judge gets real and fake images in one batch, which is as right
    "weights": ("lambda_cycle", "lambda_identity"),  # "": none
}  # how a step is written: each other value is a mistake


def play(inputs: dict, **mistakes: Any) -> dict:
    """What ``inputs["steps"]`` steps leave: weights, gradients of G, and the last terms."""
    (G_xy, G_yx), (D_x, D_y) = players(inputs | {"dtype": "float64"})
    G, D = {"G_xy": G_xy, "G_yx": G_yx}, {"D_x": D_x, "D_y": D_y}
    game = Play(inputs, RIGHT | mistakes, G, D)
    way, out, nets = game.way, game.out, game.nets
    judges = {"x": D_y, "y": D_x} if way.swapped else {"x": D_x, "y": D_y}

    def judged(outputs: Tensor, others: Tensor, real: bool) -> Tensor:
        """The GAN loss of outputs that shall lead the mean of the others, or lag behind it."""
        if not way.relative:
            return game.judged(outputs, real)
        lead = outputs - (others.mean().detach() if way.cut_mean else others.mean())
        return game.judged(lead if real != way.flipped else -lead, not way.flipped)

    def learn_G(fakes: dict, old: dict) -> None:
        shown = old if way.pooled_G else fakes
        back = {k: fake.detach() if way.cut else fake for k, fake in fakes.items()}
        same = {"y": y, "x": x} if way.identity_input == "own" else {"y": x, "x": y}
        cycle, identity = (inputs[name] * on if name else 1.0 for name in way.weights)
        terms = {
            "g_gan_y": (way.gan, judged(judges["y"](shown["y"]), judges["y"](y), True)),
            "g_gan_x": (way.gan, judged(judges["x"](shown["x"]), judges["x"](x), True)),
            "g_forward": (way.forward * cycle, game.distance(G_yx(back["y"]), x)),
            "g_backward": (way.backward * cycle, game.distance(G_xy(back["x"]), y)),
            "g_identity_y": (way.identity * identity, game.distance(G_xy(same["y"]), same["y"])),
            "g_identity_x": (way.identity * identity, game.distance(G_yx(same["x"]), same["x"])),
        }
        out.update({name: value.item() for name, (_, value) in terms.items()})
        game.update("G", (sum(weight * value for weight, value in terms.values()), nets["G"]))

    def learn_D(fakes: dict, old: dict) -> None:
        if way.again:
            fakes = {"y": G_xy(x), "x": G_yx(y)}
            out.update(again_x=fakes["x"].detach(), again_y=fakes["y"].detach())
        shown = old if way.pooled else fakes
        shown = {"x": shown["y"], "y": shown["x"]} if way.pools_swapped else shown
        terms = {}
        for k, real in (("y", y), ("x", x)):
            images = real, shown[k].detach()
            a, b = map(judges[k], images)
            if way.together:
                a, b = judges[k](torch.cat(images)).split([len(batch) for batch in images])
            terms |= {f"d_real_{k}": judged(a, b, True), f"d_fake_{k}": judged(b, a, False)}
        out.update({name: value.item() for name, value in terms.items()})
        game.update("D", (way.d_weight * sum(terms.values()), nets["D"]))

    for step in range(inputs.get("steps", 1)):
        x, y = (decode(inputs[name])[step:] for name in "xy")
        on = step >= inputs.get("late", 0)
        fakes = {"y": G_xy(x), "x": G_yx(y)}
        old = {k: fake.detach() for k, fake in fakes.items()}  # of pools of size 0
        if inputs["old_x"]:
            old = {k: decode(inputs[f"old_{k}"][step])[-len(fakes[k]) :] for k in "xy"}
        out |= {f"fake_{k}": fake.detach() for k, fake in fakes.items()}
        out["D_before"] = flat(nets["D"].parameters())
        for player in way.order:
            learn_G(fakes, old) if player == "G" else learn_D(fakes, old)
    return game.left()


NO_GAN = (
    "The generators learn nothing from the discriminators: are the GAN terms minimised, and of "
    "this step's fakes?"
)
CYCLES = "A cycle is missing: which way is not walked there and back?"
WRONG: list[tuple[dict, str]] = [
    (
        {"order": "DG"},
        "The discriminators are updated before the generators: who moves first here?",
    ),
    (
        {"pooled": False},
        "The discriminators learn from the new fakes alone: what are the pools for?",
    ),
    ({"pooled_G": True}, NO_GAN),
    ({"pools_swapped": True}, "The pools change places: which domain does each hold?"),
    ({"swapped": True}, "The discriminators change places: who knows which domain?"),
    ({"flipped": True}, SHARED["flipped"]),
    ({"log": True}, "The GAN terms are log losses: least squares is asked for."),
    (
        {"relative": False},
        "Outputs are held against 1 and 0: they are compared with the mean output of the others.",
    ),
    (
        {"cut_mean": True},
        "The mean that outputs are compared with is detached: a discriminator learns from both.",
    ),
    ({"reduction": "sum"}, SHARED["mean"]),
    ({"squared": True}, "The distances are squared: L1 is asked for."),
    ({"d_weight": 1.0}, "The discriminators' loss is not halved, as the task asks."),
    ({"d_weight": 0.25}, "The discriminators' loss is halved twice."),
    (
        {"d_keeps": True},
        "What G's loss left in the discriminators counts for them: whose zero_grad is missing?",
    ),
    ({"g_keeps": True}, "Old gradients count for the generators: whose zero_grad is missing?"),
    (
        {"cut": True},
        "A cycle's first half learns nothing from it: is a fake detached on its way back?",
    ),
    ({"move": ("G_xy", "G_yx")}, "The discriminators did not move: is their optimiser used?"),
    ({"move": ("D_x", "D_y")}, "The generators did not move: is their optimiser used?"),
    (
        {"move": ("G_xy", "D_x", "D_y")},
        "One generator did not move: does its loss reach its weights?",
    ),
    ({"move": ("G_xy", "G_yx", "D_y")}, "One discriminator did not move: both have a loss."),
    ({"move": ("G_xy", "G_yx", "D_x")}, "One discriminator did not move: both have a loss."),
    ({"gan": 0.0}, NO_GAN),
    ({"gan": 0.5}, "The generators' GAN terms are halved: their weight is 1."),
    ({"forward": 0.0}, CYCLES),
    ({"backward": 0.0}, CYCLES),
    (
        {"forward": 0.0, "backward": 0.0},
        "Both cycles are missing from what the generators minimise.",
    ),
    ({"identity": 0.0}, "The identity terms are missing from what the generators minimise."),
    (
        {"identity_input": "other"},
        "Identity: each generator gets what it shall change. Which domain is its own?",
    ),
    (
        {"weights": ("lambda_identity", "lambda_cycle")},
        "lambda_cycle and lambda_identity change places.",
    ),
    ({"weights": ("", "")}, "The weights of cycle and identity are missing."),
]
ERRORS = [
    *STEP_ERRORS,
    ["has no attribute 'query'", "What is passed as a pool has one method: query."],
]


# Other games, and what to say if their weights are wrong.
KINDS = {
    "all right already": "Where the networks are nearly right already, a step goes wrong: is a "
    "loss or an update left out, or held at a bound?",
    "G right already": "Where the generators' loss is small already, a step goes wrong: is a loss "
    "or an update left out, or held at a bound?",
    "large numbers": "Where losses and gradients are large, a step goes wrong: is something cut?",
    "tanh": "Where generators end in a tanh, and parts of pictures come back as they were, a step "
    "goes wrong: is something changed in place, or has a distance no slope at 0?",
    "batch norms": "With batch norms in the networks a step goes wrong: which images pass "
    "together, and in which mode is each norm?",
    "float32": "In float32, with pools of size 0, a step goes wrong: is something computed in a "
    "lower precision?",
}


# Weights that are small, or large, in some of them; float32 cannot hold the others.
LAMBDA = {"all right already": 1e-3, "batch norms": 1e-4, "tanh": 123.4}


def numbers(rng: np.random.Generator, kind: str, c: int, batch: int, steps: int) -> dict:
    """Weights and images of a game; there are two more y than x."""
    G = {name: rng.normal(0, 0.7, (c, c)) for name in ("G_xy", "G_yx")}
    D = {name: rng.normal(0, 0.5, 8) for name in ("D_x", "D_y")}
    images = {k: rng.uniform(-2, 2, (batch + 2 * n, c, 7, 5)) for n, k in enumerate("xy")}
    old = {f"old_{k}": rng.uniform(-2, 2, (steps, batch + 2, c, 7, 5)) for k in "xy"}
    if kind == "all right already":  # real images are 1, old fakes 0, and D says so
        near = 1e-4
        G = {name: np.eye(c) + near * weight for name, weight in G.items()}
        D = {name: np.array([0] + [1 / c] * 7) + near * weight for name, weight in D.items()}
        images = {k: 1 + near * part for k, part in images.items()}
        old = {name: near * part for name, part in old.items()}
    if kind == "G right already":  # nothing to change, and fakes lead by 1
        near = 1e-7
        G = {name: np.eye(c) + near * weight for name, weight in G.items()}
        D = {name: np.array([0] + [sign / c] * 7) for name, sign in (("D_x", -1), ("D_y", 1))}
        images = {k: (k == "x") + near * part for k, part in images.items()}
    return (
        G
        | D
        | {
            name: (100 if kind == "large numbers" else 1) * part
            for name, part in (images | old).items()
        }
    )


def game(rng: np.random.Generator, batch: int = 3, kind: str = "", **more: Any) -> tuple:
    """The :func:`outcomes` of a game of this kind."""
    steps = more.get("steps", 1)
    batch = 9 if kind == "batch norms" else batch
    drawn = numbers(rng, kind, 1 if steps > 1 else 3, batch, steps)
    right = 2 * ("report" in more or kind == "tanh")
    for k in "xy":  # columns that G leaves as they are count in a mean, too
        drawn[k][..., :right] = 0.0
    old = {k: [encode(torch.from_numpy(part)) for part in drawn.pop(k)] for k in ("old_x", "old_y")}
    inputs = {name: encode(torch.from_numpy(values)) for name, values in drawn.items()} | {
        "lambda_cycle": LAMBDA.get(kind, float(rng.choice([5.3, 22 / 3, 11.6]))),
        "lambda_identity": LAMBDA.get(kind, float(rng.choice([2.3, 10 / 3]))),
        "lr_G": float(rng.uniform(0.01, 0.02)),
        "lr_D": float(rng.uniform(0.1, 0.2)),
        "report": [],
        "layer": "tanh" if kind == "tanh" else "",
        "norms": kind == "batch norms",
        "dtype": "float32" if kind == "float32" else "float64",
        **({"old_x": [], "old_y": []} if kind == "float32" else old),
        **more,
    }
    return outcomes(inputs, partial(play, inputs), kind, WRONG)


POOLS = "Each pool is asked once a step: {}"


def owned(inputs: dict, good: dict, _: Callable) -> list[dict]:
    again = play(inputs, again=True)
    return [
        ordered(
            ["G", "D"],
            "the generators",
            "the discriminators",
            "The discriminators are updated before the generators: who moves first here?",
            2,
        ),
        facet(
            "G_grad_at_D",
            None,
            (
                "The generators' gradients change before the discriminators' update: is a fake "
                "not detached, or not pooled?"
            ),
            3,
            wants=[encode(good["G_grad"]), None, encode(torch.zeros_like(good["G_grad"]))],
            wrong=[["absent", SHARED["never"].format("the discriminators")]],
        ),
        facet(
            "D_at_G",
            encode(good["D_before"]),
            (
                "When the generators are updated, the discriminators have other weights than "
                "before the step."
            ),
            wrong=[["absent", SHARED["never"].format("the generators")]],
        ),
        facet(
            "queries",
            ["x", "y"],
            POOLS.format("count the queries."),
            wrong=[
                [[], POOLS.format("here neither is. What do the discriminators learn from?")],
                [["x"], POOLS.format("one of them is not.")],
                [["y"], POOLS.format("one of them is not.")],
                [["x", "x", "y", "y"], POOLS.format("who needs another answer of it?")],
            ],
        ),
        facet(
            "translated",
            [1, 1],
            "The images of a domain are not translated once a step: how often does each G run?",
        ),
        *(
            facet(
                f"pool_{name}",
                encode(good[f"fake_{name}"]),
                f"pool_{name} gets something else than the fakes of this step.",
                wrong=[
                    [
                        encode(good[f"fake_{other}"]),
                        "The pools change places: which domain does each hold?",
                    ],
                    [
                        encode(again[f"again_{name}"]),
                        "A pool gets fakes of the updated generators: each image is translated "
                        "once.",
                    ],
                    [inputs[name], "A pool gets real images: it keeps fakes."],
                ],
                none=f"pool_{name} gets something else than the fakes of this step.",
                quiet=True,
            )
            for name, other in ("xy", "yx")
        ),
        *kept(),
        *own(good),
    ]


FACTORS = {  # of the terms in the report
    "g_gan_y": 0.5,
    "g_gan_x": 0.5,
    "g_forward": "lambda_cycle",
    "g_backward": "lambda_cycle",
    "g_identity_y": "lambda_identity",
    "g_identity_x": "lambda_identity",
    "d_real_y": 0.5,
    "d_fake_y": 0.5,
    "d_real_x": 0.5,
    "d_fake_x": 0.5,
}
CHECKS = step_checks(
    "cyclegan_step",
    game,
    owned,
    "The weights of the {} after the step are wrong: which terms, on which images, in which order?",
    "in the report is wrong: the terms come back unweighted, as they were when they were computed.",
    FACTORS,
    {"G": "generators", "D": "discriminators"},
    (5, 2, 4, 2),
    (
        "the weights of all four networks after a step",
        "the ten terms that come back",
        "whose gradients, who first, what the pools see",
    ),
    ERRORS,
    "cyclegan",
    KINDS,
)
