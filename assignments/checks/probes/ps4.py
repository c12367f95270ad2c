"""Probes of problem set 4: the student's codes, losses, step and score on the parent's numbers."""

from typing import Any

import torch
from checks.probes.tools import (
    Mix,
    Patches,
    attempt,
    decode,
    encode,
    intact,
    precision,
    slope,
    trace,
    untouched,
    wanted,
)
from torch import Tensor, nn

# ---- codes


def draws(names: dict, inputs: dict) -> dict:
    """A reparameterised code, its noise with all mu and logvar at 0, its gradients, and where its
    noise comes from.
    """
    draw = wanted(names, "reparameterise")
    mu, logvar = (decode(inputs[name]).requires_grad_() for name in ("mu", "logvar"))
    zero = torch.zeros_like(mu)

    def seeded(a: Tensor, b: Tensor, seed: int = inputs["seed"]) -> Tensor:
        return untouched(draw, a, b, torch.Generator().manual_seed(seed))

    source = torch.Generator().manual_seed(inputs["seed"])
    noise = seeded(zero, zero).detach()
    state = torch.random.get_rng_state()
    z = seeded(mu, logvar)
    touched = not torch.equal(state, torch.random.get_rng_state())
    out = {"dtype": precision(z)}
    big = torch.zeros(inputs["many"], dtype=torch.float64)
    many = seeded(big, big).detach()
    out |= {
        "z": attempt(lambda: encode((z - mu) / noise)),
        "mu": attempt(lambda: encode(seeded(mu, torch.full_like(mu, -80.0)))),
        "wide": attempt(lambda: encode(seeded(zero, torch.full_like(mu, 60.0)) / noise)),
        "float32": attempt(lambda: precision(seeded(mu.detach().float(), logvar.float()))),
        "noise": attempt(
            lambda: encode(
                torch.stack([many.mean(), many.std(0).mean(), (many.abs() < 1).double().mean()])
            )
        ),
        "far": attempt(lambda: bool(3.3 < many.abs().max() < 8)),
        "drawn_on": attempt(lambda: not torch.equal(*(draw(mu, logvar, source) for _ in "ab"))),
        "global_seed": attempt(
            lambda: torch.equal(
                *((torch.manual_seed(inputs["seed"]), draw(mu, logvar))[1] for _ in "ab")
            )
        ),
        "distinct": attempt(
            lambda: (
                len(set(many.abs().flatten().tolist())) > 0.9 * big.numel()
                and many.shape == big.shape
            )
        ),
        "repeats": attempt(lambda: torch.equal(seeded(mu, logvar), seeded(mu, logvar))),
        "global_untouched": not touched,
        "unseeded": attempt(lambda: not torch.equal(draw(mu, logvar), draw(mu, logvar))),
    }
    return out | {"mu_gradient": slope(z, mu), "logvar_gradient": slope(z / noise, logvar)}


def divergence(names: dict, inputs: dict) -> dict:
    """KL of given codes, and its gradients."""
    dtype = getattr(torch, inputs["dtype"])
    mu, logvar = (decode(inputs[name], dtype).requires_grad_() for name in ("mu", "logvar"))
    value = untouched(wanted(names, "kl_loss"), mu, logvar)
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "mu_gradient": slope(value, mu),
        "logvar_gradient": slope(value, logvar),
    }


def interpolated(names: dict, inputs: dict) -> dict:
    """The way from each first code to each second one."""
    walk = wanted(names, "interpolate_codes")
    ways = {
        name: attempt(lambda c=c: untouched(walk, decode(c["a"]), decode(c["b"]), c["count"]))
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
    return out | {
        "dtype": precision(next(iter(ways.values()))),
        "float32": attempt(lambda: precision(walk(a, b, 3))),
    }


def scored(names: dict, inputs: dict) -> dict:
    """The diversity of samples."""
    score = wanted(names, "diversity_score")
    return {
        name: attempt(lambda s=item: encode(untouched(score, decode(s))))
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
    """G and E with the given weights."""
    numbers = [decode(inputs[name]) for name in ("paint", "code", "mu", "logvar")]
    return Painter(*numbers[:2]), Reader(*numbers[2:])


def latent(names: dict, inputs: dict) -> dict:
    """The latent loss, whose gradients it leaves, and whether E can learn afterwards."""
    G, E = players(inputs)
    value = untouched(wanted(names, "latent_loss"), G, E, decode(inputs["x"]), decode(inputs["z"]))
    learns = {"E_learns": intact(E), "G_learns": intact(G)}
    value.sum().backward()
    out = {"value": attempt(lambda: encode(value))}
    out["G_gradient"] = encode(
        torch.cat(
            [
                torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                for p in G.parameters()
            ]
        )
    )
    out["E_gradient"] = encode(
        sum(0.0 if p.grad is None else p.grad.abs().sum().item() for p in E.parameters())
    )
    return out | learns


def bicyclegan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of G and E against two maps of numbers."""
    step = wanted(names, "bicyclegan_step")
    learners = nn.ModuleList(players(inputs))
    judges = nn.ModuleList(Patches(decode(inputs[name])) for name in ("D_encoded", "D_random"))

    def play(learners: nn.Module, judges: nn.Module, opt_G: Any, opt_D: Any, *args: Any) -> Any:
        return step(*learners, *judges, opt_G, opt_D, *args)

    args = [decode(inputs[name]) for name in ("x", "y", "eps", "z")]
    weights = [inputs[name] for name in ("lambda_l1", "lambda_kl", "lambda_latent")]
    return trace(play, learners, judges, inputs, *args, *weights)
