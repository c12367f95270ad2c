"""Probes of problem set 4: the student's codes, losses, step and score on the parent's numbers."""

from typing import Any

import torch
from checks.probes.tools import (
    Mix,
    Normed,
    Patches,
    Watched,
    attempt,
    decode,
    encode,
    gradients,
    precision,
    slope,
    steady,
    tensors,
    trace,
    untouched,
    wanted,
    watched,
)
from torch import Tensor, nn

# ---- codes


def draws(names: dict, inputs: dict) -> dict:
    """A reparameterised code, its noise with all mu and logvar at 0, its gradients, and where its
    noise comes from.
    """
    draw, count = wanted(names, "reparameterise"), inputs["count"]
    mu, logvar = (decode(inputs[name]).requires_grad_() for name in ("mu", "logvar"))
    zero = torch.zeros_like(mu)

    def seeded(a: Tensor, b: Tensor, seed: int = inputs["seed"]) -> Tensor:
        return untouched(draw, a, b, count, torch.Generator().manual_seed(seed))

    source = torch.Generator().manual_seed(inputs["seed"])
    noise = seeded(zero, zero).detach()
    state = torch.random.get_rng_state()
    z = seeded(1 * mu, 1 * logvar)  # of no leaves of a graph
    images, draws_each, big = *inputs["many"], torch.zeros(inputs["many"][0], 10).double()
    whole = draw(big, big, draws_each, torch.Generator().manual_seed(inputs["seed"])).detach()
    touched = not torch.equal(state, torch.random.get_rng_state())
    many, out = whole.flatten(0, 1), {"dtype": precision(z)}

    def products() -> Tensor:  # of noise and that of a neighbour, among images, draws, dimensions
        pairs = [
            whole.narrow(i, 0, n - lag) * whole.narrow(i, lag, n - lag)
            for i, n in enumerate((images, draws_each, 10))
            for lag in (1, 2)
        ]
        return torch.stack([pair.mean() for pair in pairs])

    def silent() -> Tensor:
        with torch.no_grad():
            return seeded(mu, logvar)

    out |= {
        "independent": attempt(lambda: encode(products())),
        "z": attempt(lambda: encode(seeded(zero, logvar) / noise)),
        "moved": attempt(lambda: encode((z - mu[:, None]) / noise)),
        "mu": attempt(lambda: encode(seeded(mu, torch.full_like(mu, -80.0)))),
        "wide": attempt(lambda: encode(seeded(zero, torch.full_like(mu, 60.0)) / noise)),
        "narrow": attempt(lambda: encode(seeded(zero, torch.full_like(mu, -80.0)) / noise)),
        "float32": attempt(lambda: precision(seeded(mu.detach().float(), logvar.float()))),
        "noise": attempt(
            lambda: encode(
                torch.stack([many.mean(), many.std(0).mean(), (many.abs() < 1).double().mean()])
            )
        ),
        "far": attempt(lambda: bool(3.3 < many.abs().max() < 8)),
        "tails": attempt(lambda: encode((many**4).mean() / (many**2).mean() ** 2)),
        "largest": attempt(lambda: int((many.abs() == many.abs().max()).sum())),
        "drawn_on": attempt(
            lambda: not torch.equal(*(draw(mu, logvar, count, source) for _ in "ab"))
        ),
        "global_seed": attempt(
            lambda: torch.equal(
                *(
                    (torch.manual_seed(inputs["seed"]), draw(mu, logvar, count, *none))[1]
                    for none in ((), (None,))  # both ask for the global generator
                )
            )
        ),
        "distinct": attempt(
            lambda: (
                len(set(many[:2000].abs().flatten().tolist())) > 0.9 * many[:2000].numel()
                and len(many) == draws_each * images
            )
        ),
        "repeats": attempt(lambda: torch.equal(seeded(mu, logvar), silent())),
        "global_untouched": not touched,
        "unseeded": attempt(lambda: not torch.equal(*(draw(mu, logvar, count) for _ in "ab"))),
    }
    return out | {"mu_gradient": slope(z, mu), "logvar_gradient": slope(z / noise, logvar)}


def divergence(names: dict, inputs: dict) -> dict:
    """KL of given codes and priors, and its gradients."""
    keys = "mu", "logvar", "prior_mu", "prior_logvar"
    codes = [code.requires_grad_() for code in tensors(inputs, *keys)]
    value = steady(wanted(names, "kl_loss"), *codes)
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        **{f"{key}_gradient": slope(value, code) for key, code in zip(keys, codes, strict=True)},
    }


def interpolated(names: dict, inputs: dict) -> dict:
    """The way from each first code to each second one."""
    walk = wanted(names, "interpolate_codes")
    ways = {
        name: attempt(
            lambda c=c: steady(walk, decode(c["a"]), decode(c["b"]), c["count"], slopes=False)
        )
        for name, c in inputs["cases"].items()
    }
    out = {
        name: codes if isinstance(codes, dict) else attempt(lambda c=codes: encode(c))
        for name, codes in ways.items()
    }
    out |= {
        f"{name}, ends": attempt(lambda w=w: encode(nn.functional.normalize(w[[0, -1]])))
        for name, w in ways.items()
    }
    a, b = (decode(inputs["cases"]["8 numbers"][name], torch.float32) for name in "ab")
    found = {n: attempt(lambda n=n: len(walk(a, b, n))) for n in (*range(2, 50), 300)}
    return out | {
        "counts": found[2]  # an error says more than a list of counts
        if isinstance(found[2], dict)
        else [n for n in found if found[n] != n],
        "dtype": precision(next(iter(ways.values()))),
        "float32": attempt(lambda: precision(walk(a, b, 3))),
    }


def scored(names: dict, inputs: dict) -> dict:
    """The diversity of samples."""
    score = wanted(names, "diversity_score")
    return {
        name: attempt(lambda s=item: encode(steady(score, decode(s), slopes=False)))
        for name, item in inputs["samples"].items()
    }


# ---- networks


class Painter(nn.Module):
    """G: a mixture of x's channels, each channel shifted by a mixture of the code's numbers."""

    def __init__(self, weight: Tensor, code: Tensor):
        super().__init__()
        self.mix, self.code = Mix(weight), nn.Parameter(code.clone())  # (c, z_dim)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.mix(x) + torch.tanh(z @ self.code.T)[:, :, None, None]


class Reader(nn.Module):
    """E: mu and logvar are linear in the means and mean squares of the channels."""

    def __init__(self, mu: Tensor, logvar: Tensor):
        super().__init__()
        self.mu, self.logvar = (
            nn.Parameter(mu.clone()),
            nn.Parameter(logvar.clone()),
        )  # (z_dim, 2 c)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        statistics = torch.cat([y.mean((2, 3)), y.square().mean((2, 3))], 1)
        return statistics @ self.mu.T, statistics @ self.logvar.T


def players(inputs: dict) -> tuple[nn.Module, nn.Module]:
    """G and E with the given weights; with ``norms`` E adds to an image its batch norm."""
    paint, code, mu, logvar = tensors(inputs, "paint", "code", "mu", "logvar")
    E = Reader(mu, logvar)
    if inputs.get("norms"):
        E = nn.Sequential(Normed(nn.Identity(), nn.BatchNorm2d(3)), E).to(mu.dtype)
    return Painter(paint, code), E


def latent(names: dict, inputs: dict) -> dict:
    """The latent loss, whose gradients it leaves, and whether E can learn afterwards."""
    (G, E), crop, sizes = players(inputs), inputs["crop"], set()
    G.register_forward_pre_hook(lambda _, args: sizes.add(args[0].shape[2:]))
    args = *tensors(inputs, "x", "z"), *crop
    value, kept = watched(wanted(names, "latent_loss"), [G, E], *args, silent=False)
    out = {"value": attempt(lambda: encode(value)), "dtype": precision(value)}
    start = {net: gradients(net) for net in (G, E)}
    (4 * value.sum()).backward()
    out["G_gradient"] = encode((gradients(G) - start[G]) / 4)
    out["E_gradient"] = encode((gradients(E) - start[E]).abs().sum())
    return out | {"learns": kept["intact"], "whole": len(sizes) == 1 and (7, 5) in sizes}


def step_players(inputs: dict) -> tuple[nn.ModuleList, nn.ModuleList]:
    """G and E, whose parts are watched, and both judges; with ``norms`` all but G have a batch
    norm, since G may make both fakes in one batch or in two.
    """
    judges: list = [Patches(weight) for weight in tensors(inputs, "D_encoded", "D_random")]
    if inputs["norms"]:
        judges = [Normed(D, nn.BatchNorm2d(1)).to(D.weight.dtype) for D in judges]
    return nn.ModuleList(map(Watched, players(inputs))), nn.ModuleList(judges)


def bicyclegan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of G and E against two maps of numbers."""
    step, (learners, judges) = wanted(names, "bicyclegan_step"), step_players(inputs)

    def play(learners: nn.Module, judges: nn.Module, opt_G: Any, opt_D: Any, *args: Any) -> Any:
        *images, mu, logvar, l1, kl, latent = args
        more = (mu, logvar), tuple(inputs["crop"]), tuple(inputs["targets"]), l1, kl, latent
        return step(*learners, *judges, opt_G, opt_D, *images, *more)

    args = tensors(inputs, "x", "y", "eps", "z", "prior_mu", "prior_logvar")
    weights = [inputs[name] for name in ("lambda_l1", "lambda_kl", "lambda_latent")]
    return trace(play, learners, judges, inputs, *args, *weights)
