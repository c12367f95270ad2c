"""Right and typically wrong training steps, and what each leaves behind. For the parent only."""

import copy
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from checks.contract import Check
from checks.judges import facet, facets, several
from checks.probes.tools import TRACES, encode, flat, gradients, shortened
from torch import Tensor, nn

# What a student is told of more than one function.
SHARED = {
    "flipped": "The labels look flipped: which target belongs to real, which to fake?",
    "mean": "The value changes with the number of elements: is it a sum where a mean is asked for?",
    "sign": "The sign is turned around: the players minimise what comes back.",
    "not stable": "Large logits give an infinite value, or one far too small: is the logarithm "
    "taken of a rounded sigmoid?",
    "frozen": "A network is left frozen after the call: who else has a loss for it needs it.",
    # steps
    "uncleared": "{}'s gradients are not cleared before its backward: whose zero_grad is missing?",
    "spare": "An old gradient of a parameter that plays no part counts: which ones does zero_grad "
    "clear?",
    "never": "The optimiser of {} never makes a step: which optimisers are used?",
    "later": "A later step changes the report that an earlier one returned: each returns one of "
    "its own.",
    "weighted": "{} comes back with its weight: the task asks for the bare terms.",
    "bare": "Where the weights are 0 the report lacks the bare terms.",
    "swapped": "Terms change places in the report: they are swapped.",
}
STEP_ERRORS = [
    ["a second time", "Two backwards run through the same graph: are the fakes detached for D?"],
    [
        "inplace operation",
        "A backward needs weights or images that have changed since: when are the fakes judged for "
        "G, and is an image changed in place?",
    ],
    [
        "does not require grad",
        "A loss has nothing to learn from: does a network stay frozen, or is a loss cut off?",
    ],
    [
        "more than 1 value per channel",
        "A network gets single images of a batch: a batch norm needs them together.",
    ],
]
REPORT_ERRORS = [
    ["check: KeyError", "The report lacks an entry: which names does the task give?"],
    ["check: TypeError", "The report is no dictionary of numbers: which names does the task give?"],
    [
        "check: IndexError",
        "The report is no dictionary of numbers: which names does the task give?",
    ],
]


def cut_off(message: str) -> list[list[str]]:
    """The errors by which a probe sees that what came back has no gradient."""
    return [
        ["check: RuntimeError: element 0 of tensors does not require grad", message],
        ["check: RuntimeError: The differentiated Tensor", message],
        ["check: RuntimeError: One of the differentiated Tensors", message],
        ["check: AttributeError: 'float'", message],
    ]


RIGHT = {
    "order": "DG",
    "flipped": False,  # real images get 0
    "log": True,  # or least squares
    "saturating": False,
    "reduction": "mean",
    "d_weight": 1.0,
    "stale_D": False,  # G learns from D as it was before its update
    "leak": False,  # D's loss is still in G's gradients when G is updated
    "d_keeps": False,  # D's gradients are not cleared
    "g_keeps": False,  # G's gradients are not cleared
    "move": ("G", "D"),
    "lambda_l1": 0.0,
    "weights": None,  # of each image's pixels, (B, 1, h, w), in the L1 term
    "squared": False,  # L2 in place of L1
    "gan": True,
    "smooth": 0.0,  # D's target for real is that much below 1
    "soft_fakes": False,  # and that for fakes as much above 0
    "together": False,  # D judges real and fake in one batch, which is as right
}  # how a step is written: these are right for problem set 1, each other value is a mistake


# Mistakes of any step of two players, and what to say.
STEP_WAYS: list[tuple[dict, str]] = [
    ({"flipped": True}, SHARED["flipped"]),
    (
        {"saturating": True},
        "G's update follows the saturating loss: which one does the task ask for?",
    ),
    ({"reduction": "sum"}, SHARED["mean"]),
    (
        {"stale_D": True},
        "G learned from D as it was before D's update: who moves first, and when are the fakes "
        "judged for G?",
    ),
    ({"d_keeps": True}, SHARED["uncleared"].format("D")),
    ({"g_keeps": True}, SHARED["uncleared"].format("G")),
    (
        {"move": ("D",)},
        "G did not move: does its loss reach its weights, and is its optimiser used?",
    ),
    ({"move": ("G",)}, "D did not move: is its optimiser used?"),
]


def softplus(a: Tensor) -> Tensor:
    """log(1 + e^a), exactly: PyTorch's own is a line from 20 on, which is off by up to 2e-9."""
    return -F.logsigmoid(-a)


class Play:
    """Two players of one or two networks each, how their steps are written, right or wrong, and in
    ``out`` what is noted of them.

    ``G`` and ``D`` hold the networks by name; ``way.move`` has the names of those that move.
    """

    def __init__(self, inputs: dict, way: dict, G: dict[str, nn.Module], D: dict[str, nn.Module]):
        self.inputs, self.way, self.parts = inputs, SimpleNamespace(**way), {"G": G, "D": D}
        self.nets = {player: nn.ModuleList(nets.values()) for player, nets in self.parts.items()}
        self.out: dict = {f"{k}_start": flat(net.parameters()) for k, net in self.nets.items()}
        for p in (p for net in self.nets.values() for p in net.parameters()):
            p.grad = torch.full_like(p, inputs.get("stale", 0.0))

    def reduced(self, values: Tensor) -> Tensor:
        return values.mean() if self.way.reduction == "mean" else values.sum()

    def judged(self, outputs: Tensor, real: bool) -> Tensor:
        """The GAN loss of outputs that shall say real, or fake."""
        target = real != self.way.flipped
        if self.way.log:
            return self.reduced(softplus(-outputs if target else outputs))
        return self.reduced((outputs - float(target)).square())

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return self.reduced((a - b).square() if self.way.squared else (a - b).abs())

    def update(self, player: str, *losses: tuple[Tensor, nn.Module]) -> None:
        """Let a player learn: the gradients of each loss are added to those of its network."""
        if not getattr(self.way, f"{player.lower()}_keeps"):
            self.nets[player].zero_grad()
        for loss, net in losses:
            add(loss, net)
        if player == "G" and self.way.d_keeps:
            add(losses[0][0], self.nets["D"])
        self.out[f"{player}_grad"] = gradients(self.nets[player])
        moving = [net for name, net in self.parts[player].items() if name in self.way.move]
        for p in (p for net in moving for p in net.parameters()):
            p.data.add_(p.grad, alpha=-self.inputs[f"lr_{player}"])

    def left(self) -> dict:
        """What is noted, and all weights."""
        return self.out | {player: flat(net.parameters()) for player, net in self.nets.items()}


def play(
    G: nn.Module, D: nn.Module, inputs: dict, source: Tensor, real: Tensor, pair, **mistakes: Any
) -> dict:
    """What ``inputs["steps"]`` steps leave: weights, and the last step's terms before its updates.

    ``pair(source, image)`` is what D sees; ``mistakes`` are entries of ``RIGHT``.
    """
    G, D = copy.deepcopy(G), copy.deepcopy(D)
    game = Play(inputs, RIGHT | mistakes, {"G": G}, {"D": D})
    way, out = game.way, game.out
    early = way.leak or way.stale_D  # G's gradients are cleared first of all
    way.g_keeps = way.g_keeps or early

    def loss_D(fake: Tensor) -> Tensor:
        pairs = pair(source, real), pair(source, fake)
        logits = D(torch.cat(pairs)).chunk(2) if way.together else [*map(D, pairs)]
        out["d_real"], out["d_fake"] = map(game.judged, logits, (True, False))
        out["d_real"] = out["d_real"] + way.smooth * (-1) ** way.flipped * game.reduced(logits[0])
        out["d_fake"] = out["d_fake"] - way.soft_fakes * way.smooth * game.reduced(logits[1])
        out["d_loss"] = way.d_weight * (out["d_real"] + out["d_fake"])
        return out["d_loss"]

    def loss_G(fake: Tensor) -> Tensor:
        logits = D(pair(source, fake))
        out["g_gan"] = -game.judged(logits, False) if way.saturating else game.judged(logits, True)
        out["g_l1"] = game.distance(counted * fake, counted * real)
        out["g_loss"] = way.gan * out["g_gan"] + way.lambda_l1 * out["g_l1"]
        return out["g_loss"]

    counts = torch.ones_like(real) if way.weights is None else way.weights
    whole, weight, softly = (source, real, counts), way.lambda_l1, way.smooth
    for i, missing in enumerate(shortened(inputs)):
        source, real, counted = (images[missing:] for images in whole)
        late = i >= inputs.get("late", 0)
        way.lambda_l1, way.smooth = weight * late, softly * late
        fake = G(source)
        if early:
            G.zero_grad()
        if way.stale_D:
            add(loss_G(fake), G)
        for player in way.order:
            if player == "D":
                leaked = [(loss_D(fake), G)] if way.leak else []
                game.update("D", (loss_D(fake.detach()), D), *leaked)
                out["G_at_D"] = gradients(G)
            else:
                game.update("G", *([] if way.stale_D else [(loss_G(fake), G)]))
    left = game.left()
    return {name: term if term.ndim else term.item() for name, term in left.items()}


def outcomes(inputs: dict, left: Callable[..., dict], kind: str, ways: list) -> tuple:
    """Inputs of a game, what a right step leaves, and what the wrong ways leave, with their
    messages, as a function that computes them once; of a kind: what another right step leaves.
    """
    if kind:
        return inputs, left(), left(together=True)
    return inputs, left(), cache(lambda: [(left(**way), message) for way, message in ways])


def step_facets(items: list[dict], good: dict, errors: list) -> dict:
    """Expectations of a step: a step after which all weights are as before earns nothing."""
    for item in items:
        item.setdefault("errors", errors)
    return {
        "facets": items,
        "idle": [[[f"{net}_after", encode(good[f"{net}_start"])] for net in "GD"]],
    }


def kept() -> list[dict]:
    """What a step leaves as it was: modes, what can learn, and the tensors that were passed."""
    return [
        facet(
            "modes",
            True,
            (
                "A network runs, or is left, in another mode than train mode, in which it "
                "came: who calls eval()?"
            ),
            beside=True,
        ),
        facet("learns", True, SHARED["frozen"], beside=True),
        facet(
            "unchanged",
            True,
            "A tensor that was passed is changed in place: the caller still needs it.",
            beside=True,
            wrong=[[key, f"After the step, {sentence}."] for key, sentence in TRACES.items()],
        ),
    ]


def own(good: dict) -> list[dict]:
    """The facets of what both players' gradients are in the end: their own, or none."""
    text = "After the step {} gradients are not those of their own loss: what else is left there?"
    return [
        facet(
            f"{net}_grad_after",
            None,
            text.format(whose),
            wants=[encode(good[f"{net}_grad"]), None, encode(0 * good[f"{net}_grad"])],
            beside=True,
            quiet=True,
        )
        for net, whose in (("G", "the generators'"), ("D", "the discriminators'"))
    ]


def ordered(right: list[str], G: str, D: str, first: str, share: float = 1) -> dict:
    """The facet of the order of the two updates; ``first`` says what is wrong with the other."""
    wrong = [
        [right[::-1], first],
        [[], "Neither optimiser makes a step: are the two given ones used?"],
        [["D"], SHARED["never"].format(G)],
        [["G"], SHARED["never"].format(D)],
    ]
    return facet(
        "order",
        right,
        "The optimisers make other steps than one each: count them.",
        share,
        wrong=wrong,
    )


def d_first(_: dict, good: dict, others: Callable[[], list], leak: str) -> list[dict]:
    """The facets of a step that updates D, then G: whose gradients, in which order.

    ``leak`` is what to say where D's loss is still in G's gradients.
    """
    first = "G is updated before D: who moves first?"
    leaks = [pair for pair in rival(good, others, "G_at_D") if pair[1] == leak]
    return [
        facet(
            "G_grad_at_D",
            None,
            (
                "G holds gradients when D is updated. At that moment only D has a loss: whose are "
                "they?"
            ),
            4,
            wants=[None, encode(0 * good["G_at_D"])],
            wrong=[["absent", SHARED["never"].format("D")], *leaks],
        ),
        ordered(["D", "G"], "G", "D", first),
        facet(
            "D_at_G",
            encode(good["D"]),
            "When G is updated, D has other weights than its own update gives.",
            wrong=[["absent", SHARED["never"].format("G")], [encode(good["D_start"]), first]],
        ),
        *kept(),
    ]


def add(loss: Tensor, *nets: nn.Module) -> None:
    """Add the gradients of ``loss`` to those of the given networks, and to no others."""
    params = [p for net in nets for p in net.parameters()]
    for p, g in zip(params, torch.autograd.grad(loss, params, retain_graph=True), strict=True):
        p.grad = g if p.grad is None else p.grad + g


def rival(good: dict, others: Callable[[], list[tuple[dict, str]]], name: str) -> list:
    """Pairs (value, message) of what wrong ways leave under ``name``, where that is not right."""
    wrong = [(torch.as_tensor(other[name]).double(), message) for other, message in others()]
    return differing(wrong, torch.as_tensor(good[name]).double(), 1e-5, 1e-8)


def differing(
    wrong: list[tuple[Tensor, str]], right: Tensor, rtol: float = 1e-3, atol: float = 1e-5
) -> list:
    """Pairs (value, message) of the wrong values that differ from the right one."""
    return [
        [encode(value), message]
        for value, message in wrong
        if value.shape != right.shape or not torch.allclose(value, right, rtol, atol)
    ]


def slopes(
    value: Tensor, sources: dict[str, Tensor], lost: str, wrong: str, share: float = 1, **rough: Any
) -> list[dict]:
    """The facets of the gradients that reach each source; both texts have a place for its name.

    ``rough`` holds rtol and atol, if they are others than the judge's.
    """
    gradients = torch.autograd.grad(value, list(sources.values()), retain_graph=True)
    items = []
    for name, gradient in zip(sources, gradients, strict=True):
        message, none, largest = wrong.format(name), lost.format(name), float(gradient.abs().max())
        # What float32 rounds away of an entry is a share of the largest one.
        more = rough and rough | {"atol": rough["atol"] + rough["rtol"] * largest}
        items.append(
            facet(
                f"{name}_gradient",
                encode(gradient),
                message,
                share,
                none=none,
                errors=cut_off(none),
                shape=message,
                quiet=True,
                **more,
            )
        )
    return items


def step_checks(
    function: str,
    game: Callable[..., tuple],
    owned: Callable[[dict, dict, Callable], list[dict]],
    weights_text: str,
    report_text: str,
    factors: dict[str, float | str],
    players: dict[str, str],
    points: tuple[int, int, int, int],
    titles: tuple[str, str, str],
    errors: list,
    prefix: str,
    kinds: dict[str, str],
) -> list[Check]:
    """The four checks of a training step: weights, report, ownership, and two steps in a row.

    ``owned(inputs, good, others)`` gives the facets of ownership: of which update sees whose
    gradients. ``factors`` has the terms of the report, each with its weight or the name of its
    weight among the inputs; ``players`` names G and D in ``weights_text``, which has a place for a
    name. ``kinds`` are other games, each with what to say if its weights are wrong; ``game(rng,
    kind=...)`` gives inputs, then what each right way leaves.
    """

    def weights(rng: np.random.Generator, **more: Any) -> tuple[dict, dict]:
        inputs, good, others = game(rng, **more)
        # with large numbers PyTorch's softplus is as right as the exact one
        rough = {"rtol": 1e-8, "atol": 1e-8} if more else {}
        items = [
            facet(
                f"{net}_after",
                encode(good[net]),
                weights_text.format(name),
                wrong=rival(good, others, net),
                **rough,
            )
            for net, name in players.items()
        ]
        items += [facet("spare", True, SHARED["spare"], 0.5, beside=True)] * bool(more)
        return inputs, step_facets(items, good, errors)

    def ownership(rng: np.random.Generator) -> tuple[dict, dict]:
        inputs, good, others = game(rng, batch=1)
        return inputs, step_facets(owned(inputs, good, others), good, errors)

    def twice(rng: np.random.Generator) -> tuple[dict, dict]:
        more = {"late": 1, "stale": float(rng.choice([13.0, 17.0, 19.0])), "groups": True}
        cases = {"twice": weights(rng, steps=2, **more)}
        return several(cases | {kind: of_kind(rng, kind, text) for kind, text in kinds.items()})

    def of_kind(rng: np.random.Generator, kind: str, text: str) -> tuple[dict, dict]:
        inputs, *right = game(rng, kind=kind)
        # where logits lie beyond 20, PyTorch's softplus is as right as the exact one
        off = {"sure logits": 1e-7, "D right already": 2e-8}.get(kind)
        rough = {"rtol": off, "atol": off} if off else {}
        rough = {"rtol": 5e-5, "atol": 1e-6} if inputs.get("dtype") == "float32" else rough
        wants = {net: [encode(way[net]) for way in right] for net in players}
        items = [
            facet(f"{net}_after", None, text, 0.2, wants=w, nan=text, **rough)
            for net, w in wants.items()
        ]
        items += [item | {"share": 0.1} for item in kept()]
        return inputs, step_facets(items, right[0], errors)

    def terms(inputs: dict, good: dict, others: Callable[[], list]) -> list[dict]:
        items = []
        for name, weight in factors.items():
            weighted = inputs.get(weight, weight) * good[name]
            wrong = [[encode(weighted), SHARED["weighted"].format(name)]] if weight != 1 else []
            swapped = [[encode(good[k]), SHARED["swapped"]] for k in factors if k != name]
            wrong += rival(good, others, name) + swapped
            more = {"wrong": wrong, "rtol": 1e-6}  # a number to read, in any precision
            items.append(facet(name, encode(good[name]), f"{name} {report_text}", **more))
        return items

    def report(rng: np.random.Generator) -> tuple[dict, dict]:
        inputs, good, others = game(rng, report=list(factors), steps=2)
        items = [
            *terms(inputs, good, others),
            facet("report kept", True, SHARED["later"], beside=True),
        ]
        cases = {"weighted": (inputs, step_facets(items, good, [*REPORT_ERRORS, *errors]))}
        if off := {weight: 0.0 for weight in factors.values() if isinstance(weight, str)}:
            inputs, good, _ = game(rng, kind="weights 0", report=list(factors))
            bare = [item | {"message": SHARED["bare"]} for item in terms(inputs, good, list)]
            cases["weights 0"] = inputs | off, {"facets": bare}
        return several(cases)

    return [
        Check(f"{prefix}_{name}", function, share, title, visible, prepare, function, facets)
        for name, share, title, visible, prepare in (
            ("weights", points[0], titles[0], True, weights),
            ("report", points[1], titles[1], True, report),
            ("ownership", points[2], titles[2], False, ownership),
            (
                "twice",
                points[3],
                f"two steps, with old gradients and new batches, {', '.join(kinds)}",
                False,
                twice,
            ),
        )
    ]
