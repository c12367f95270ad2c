"""Probes of problem set 1: the student's losses and step on the parent's numbers."""

import torch
from checks.probes.tools import (
    Line,
    attempt,
    decode,
    dressed,
    encode,
    precision,
    steady,
    trace,
    wanted,
)
from torch import nn


def loss(names: dict, inputs: dict) -> dict:
    """A loss of one or two tensors of logits: its value, and its gradient in each of them."""
    function = wanted(names, inputs["function"])
    logits = [
        decode(item, getattr(torch, inputs["dtype"])).requires_grad_() for item in inputs["logits"]
    ]
    value = steady(function, *logits)
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
    logits = decode(inputs["logits"], getattr(torch, inputs["dtype"])).requires_grad_()
    pair = steady(wanted(names, "generator_slopes"), logits)
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

    def best(p: dict, q: dict, dtype: str) -> dict:
        items = (decode(item, getattr(torch, dtype)) for item in (p, q))
        d = steady(function, *items, slopes=False)
        return {"values": encode(d), "dtype": precision(d)}

    answers = {name: attempt(lambda c=c: best(*c)) for name, c in inputs["cases"].items()}
    return {
        f"{name}{end}": answer.get(key, answer)
        for name, answer in answers.items()
        for key, end in (("values", ""), ("dtype", " dtype"))
    }


def gan_parts(inputs: dict) -> tuple:
    """G, D, real points and noise of a game between two straight lines."""
    lines = (Line(decode(inputs[name])) for name in "GD")
    norms = [nn.BatchNorm1d(1), nn.BatchNorm1d(1)]
    dtype = getattr(torch, inputs["dtype"])
    return *dressed(*lines, inputs, norms), *(decode(inputs[x], dtype) for x in ("real", "z"))


def gan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between two straight lines."""
    G, D, real, z = gan_parts(inputs)
    return trace(wanted(names, "gan_step"), G, D, inputs, real, z)
