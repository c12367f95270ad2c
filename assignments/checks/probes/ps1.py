"""Probes of problem set 1: the student's losses and step on the parent's numbers."""

import torch
from checks.probes.tools import (
    Line,
    attempt,
    decode,
    encode,
    precision,
    trace,
    untouched,
    wanted,
)


def loss(names: dict, inputs: dict) -> dict:
    """A loss of one or two tensors of logits: its value, and its gradient in each of them."""
    function = wanted(names, inputs["function"])
    logits = [
        decode(item, getattr(torch, inputs["dtype"])).requires_grad_() for item in inputs["logits"]
    ]
    value = untouched(function, *logits)
    out = {"value": attempt(lambda: encode(value)), "dtype": precision(value)}
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return out | {"gradient": None}
    grads = attempt(lambda: torch.autograd.grad(value.sum(), logits, allow_unused=True))
    if isinstance(grads, dict):
        return out | {"gradient": grads}
    grads = [torch.zeros_like(x) if g is None else g for x, g in zip(logits, grads, strict=True)]
    return out | {"gradient": encode(torch.cat([g.flatten() for g in grads]))}


def slopes(names: dict, inputs: dict) -> dict:
    """Both slopes of G's losses at the given logits."""
    logits = decode(inputs["logits"], getattr(torch, inputs["dtype"]))
    pair = untouched(wanted(names, "generator_slopes"), logits)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError("generator_slopes gives a pair of tensors")
    out = {
        name: attempt(lambda i=i: encode(pair[i]))
        for i, name in enumerate(("saturating", "non_saturating"))
    }
    return out | {"dtype": precision(pair[0])}


def densities(names: dict, inputs: dict) -> dict:
    """The best discriminator for two densities on a grid, one answer for each named case."""
    function = wanted(names, "optimal_discriminator")
    cases = inputs["cases"]
    out = {
        name: attempt(lambda pair=pair: encode(untouched(function, *map(decode, pair))))
        for name, pair in cases.items()
    }
    pair = [decode(item) for item in cases["positive"]]
    return out | {
        "dtype": attempt(lambda: precision(function(*pair))),
        "float32": attempt(lambda: precision(function(*(p.float() for p in pair)))),
    }


def gan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between two straight lines."""
    G, D = Line(decode(inputs["G"])), Line(decode(inputs["D"]))
    return trace(
        wanted(names, "gan_step"), G, D, inputs, decode(inputs["real"]), decode(inputs["z"])
    )
