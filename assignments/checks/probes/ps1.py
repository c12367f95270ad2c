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
    tensors,
    trace,
    wanted,
)
from torch import nn


def loss(names: dict, inputs: dict) -> dict:
    """A loss of one or two tensors of logits: its value, and its gradient in each of them."""
    function = wanted(names, inputs["function"])
    dtype = getattr(torch, inputs["dtype"])
    logits = [decode(item, dtype).requires_grad_() for item in inputs["logits"]]
    value = steady(function, *logits)
    out = {"value": attempt(lambda: encode(value)), "dtype": precision(value)}

    def gradient() -> dict | None:
        grads = torch.autograd.grad(4 * value.sum(), logits, allow_unused=True)
        missed = any(g is None for g in grads)
        return None if missed else encode(torch.cat([g.flatten() for g in grads]) / 4)

    learns = isinstance(value, torch.Tensor) and value.requires_grad
    return out | {"gradient": attempt(gradient) if learns else None}


def slopes(names: dict, inputs: dict) -> dict:
    """Both slopes of G's losses at the given logits."""
    logits = tensors(inputs, "logits")[0].requires_grad_()
    pair = steady(wanted(names, "generator_slopes"), logits, silent=False)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError("generator_slopes gives a pair of tensors")
    out = {
        name: attempt(lambda i=i: encode(pair[i]))
        for i, name in enumerate(("saturating", "non_saturating"))
    }
    return out | {"dtype": precision(pair[0])}


def densities(names: dict, inputs: dict) -> dict:
    """The best discriminator for two densities on a grid, one answer for each named case."""

    def best(p: dict, q: dict, share: float, dtype: str) -> dict:
        items = (decode(item, getattr(torch, dtype)) for item in (p, q))
        d = steady(wanted(names, "optimal_discriminator"), *items, share, slopes=False)
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
    return *dressed(*lines, inputs, norms), *tensors(inputs, "real", "z")


def gan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between two straight lines."""
    G, D, real, z = gan_parts(inputs)
    return trace(wanted(names, "gan_step"), G, D, inputs, real, z, inputs["smooth"])
