"""Problem set 4, BicycleGAN: inputs and expectations of codes, their losses and their score.

``ps4_samples.py`` holds the way between two codes and the diversity, ``ps4_step.py`` the step. For
the parent only.
"""

import math

import numpy as np
import torch
from checks import ps4_step
from checks.judges import ROUGH, both_precisions, facet, kinds, same_precision, table
from checks.probes.ps4 import players
from checks.probes.tools import decode, encode, flat
from checks.ps4_samples import SCALAR, score_case, walk_case
from checks.ps4_step import crop, networks
from checks.reference import SHARED, cut_off, differing, slopes

# What a student is told of codes.
SAY = {
    "variance": "The noise is scaled with the variance: what does N(mu, variance) want?",
    "logvar": "The noise is scaled with logvar itself: what is it the logarithm of?",
    "too much": "The noise is scaled too much: which power of the variance is the standard "
    "deviation?",
    "sign": "The sign of logvar is turned around.",
    "not scaled": "The noise is not scaled: logvar is not used.",
    "root": "The root is taken of logvar, not of the variance.",
    "no exponential": "The exponential is missing: logvar is a logarithm.",
    "no noise": "There is no noise: mu comes back as it is.",
    "scale": "The noise has the wrong scale: how does the standard deviation follow from logvar?",
    "nan": "With mu and logvar at 0 the code has no noise: is the exponential missing, or the "
    "noise itself?",
    "shape": "The noise has another shape than mu and logvar.",
    "arguments": "The function takes four arguments, the last of which may be left out.",
    "count": "The codes have another shape than (B, count, z_dim): how many are drawn of each?",
    "moved": "The noise is not added to mu.",
    "mu": "Without variance the code is not mu.",
    "wide": "With a large or tiny variance the scale is wrong: is something bounded?",
    "normal": "The noise is not that of a standard normal distribution.",
    "neighbours": "The noise of neighbouring images, draws or dimensions is alike: each number is "
    "drawn for itself.",
    "bounded": "The noise is bounded: many numbers are the largest.",
    "drawn on": "The noise does not come from the generator that is passed: drawing twice from it "
    "gives the same numbers.",
    "repeats": "The noise does not come from the generator that is passed: the same seed gives "
    "other numbers, or does under no_grad.",
    "global": "The noise does not come from the generator that is passed: the global one is used.",
    "global seed": "Without a generator, torch.manual_seed does not decide the noise.",
    "same": "The same numbers come for several images, draws or dimensions: which shape has the "
    "noise?",
    "unseeded": "Without a generator every draw is the same: is the seed fixed?",
    "lost": "No gradient reaches {}: is it cut off, or is the code drawn by something that has no "
    "gradient?",
    "cut": "No gradient reaches G: is the fake detached on its way to E?",
    "slope": "The gradient in {} is wrong: is the code mu plus scaled noise?",
}

# ---- reparameterisation


def draw_case(
    rng: np.random.Generator, shape: tuple[int, int] = (3, 5), count: int = 4
) -> tuple[dict, dict]:
    mu, logvar = (torch.from_numpy(rng.normal(0.3, 1, shape)) for _ in range(2))
    inputs = {
        "mu": encode(mu),
        "logvar": encode(logvar),
        "seed": int(rng.integers(1, 10**6)),
        "count": count,
        "many": [500, 40],  # images, and draws of each
    }
    mu, logvar = (code[:, None].expand(-1, count, -1) for code in (mu, logvar))
    std = (logvar / 2).exp()
    one = torch.ones_like(mu)
    ways = {
        "variance": logvar.exp(),
        "logvar": logvar,
        "too much": (2 * logvar).exp(),
        "sign": (-logvar / 2).exp(),
        "not scaled": one,
        "root": logvar.abs().sqrt(),
        "no exponential": logvar / 2,
        "no noise": 0 * one,
    }
    wrong = differing([(value, SAY[key]) for key, value in ways.items()], std)
    more = {"wrong": wrong, "nan": SAY["nan"], "shape": SAY["count"]}
    errors = [
        *cut_off(SAY["lost"].format("mu and logvar")),
        ["must match the size", SAY["shape"]],
        ["positional argument", SAY["arguments"]],
    ]
    wide, narrow = (encode(0 * one + math.exp(power)) for power in (30, -40))
    spread = [0.0, 1.0, math.erf(0.5**0.5)]
    items = [
        facet("z", encode(std), SAY["scale"], 3, rtol=1e-12, **more),
        # where mu is large beside the noise, their difference keeps fewer digits
        facet("moved", encode(std), SAY["moved"], quiet=True, rtol=1e-7),
        facet("mu", encode(mu), SAY["mu"], 1, quiet=True),
        facet("wide", wide, SAY["wide"], quiet=True, rtol=1e-11),
        facet("narrow", narrow, SAY["wide"], 0.5, quiet=True, rtol=1e-11, atol=0),
        # five standard deviations of a mean of 200,000
        facet("noise", encode(torch.tensor(spread)), SAY["normal"], atol=0.012, rtol=0, quiet=True),
        facet(
            "independent", encode(torch.zeros(6)), SAY["neighbours"], atol=0.012, rtol=0, quiet=True
        ),
        facet("far", True, SAY["normal"], quiet=True),
        facet("tails", encode(3.0), SAY["normal"], 0.5, quiet=True, atol=0.055, rtol=0),
        facet("largest", 1, SAY["bounded"], 0.5, quiet=True),
        facet("drawn_on", True, SAY["drawn on"]),
        facet("global_seed", True, SAY["global seed"], quiet=True),
        facet("distinct", True, SAY["same"], quiet=True),
        facet("repeats", True, SAY["repeats"], quiet=False),
        facet("global_untouched", True, SAY["global"]),
        facet("unseeded", True, SAY["unseeded"]),
        *(
            facet(
                f"{name}_gradient",
                encode(gradient.sum(1)),
                SAY["slope"].format(name),
                none=SAY["lost"].format(name),
                quiet=True,
                rtol=rtol,
            )
            for name, gradient, rtol in (("mu", one, 1e-9), ("logvar", std / 2, 1e-7))
        ),
    ]
    return inputs, {"facets": [*(item | {"errors": errors} for item in items), *both_precisions()]}


# ---- KL


def kl_case(
    rng: np.random.Generator,
    shape: tuple[int, int] = (4, 3),
    dtype: str = "float64",
    far: float = 0.0,
    scale: float = 1.0,
    narrow: bool = False,
    prior: float = 1.0,
) -> tuple[dict, dict]:
    """``far``: the logarithm of one variance; then the first code costs nothing. ``scale``: of all
    numbers. ``prior``: of the priors' logarithms. ``narrow``: all variances are near e^-40, so
    that their product is 0.
    """
    mu, logvar, m, spread = (
        torch.from_numpy(scale * rng.normal(mean, 1, shape)) for mean in (0.4, 0.4, -0.3, 0.5)
    )
    logvar = logvar - 39.5 if narrow else logvar
    spread = (prior * spread).clamp(-6, 6)
    logvar = logvar.clamp(min=-40)  # as low as the text says
    if far:
        mu[0], logvar[0], logvar[-1, -1] = m[0], spread[0], far
    sources = {"mu": mu, "logvar": logvar, "prior_mu": m, "prior_logvar": spread}
    mu, logvar, m, spread = (tensor.requires_grad_() for tensor in sources.values())
    apart, wide = (mu - m).square() / spread.exp(), (logvar - spread).exp()
    each = 0.5 * (apart + wide - 1 - logvar + spread)
    right = each.sum(1).mean()
    wrong = [
        (
            0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean(),
            "That is the price against the standard normal: where is the prior?",
        ),
        (
            0.5 * ((mu - m).square() / logvar.exp() + 1 / wide - 1 + logvar - spread).sum(1).mean(),
            "The two change places: over which of them runs the expectation?",
        ),
        (
            0.5 * ((mu - m).square() + wide - 1 - logvar + spread).sum(1).mean(),
            "The distance of the means is not measured in units of the prior's spread.",
        ),
        (
            0.5 * (apart + logvar.exp() - 1 - logvar + spread).sum(1).mean(),
            "The variance is not measured in units of the prior's.",
        ),
        (
            0.5 * (apart + wide - 1 - logvar).sum(1).mean(),
            "A logarithm is missing: for a code like its prior KL is 0.",
        ),
        (
            0.5
            * ((mu - m).square() / (spread / 2).exp() + wide - 1 - logvar + spread).sum(1).mean(),
            "The prior's standard deviation stands where its variance belongs.",
        ),
        (-right, SHARED["sign"]),
        (each.mean(), "The mean runs over the code's numbers, too: they belong to one divergence."),
        (
            each.sum(),
            "The divergences of the batch are added up: what is asked for over the batch?",
        ),
        (
            each.sum(0).mean(),
            "The two reductions change places: over which dimension runs the sum?",
        ),
        (2 * right, "The factor of the formula is missing."),
        (right / 2, "The value is half of what is asked for."),
        (
            0.5 * (apart + wide - 1 + logvar - spread).sum(1).mean(),
            "The sign of the logarithms is wrong.",
        ),
        (
            0.5 * (apart + wide - logvar + spread).sum(1).mean(),
            "The constant is missing: for a code like its prior KL is 0.",
        ),
        (0.5 * (apart - 1 - logvar + spread).sum(1).mean(), "The variance is missing."),
        (
            0.5 * (wide - 1 - logvar + spread).sum(1).mean(),
            "mu is missing: a code far from its prior costs.",
        ),
        (
            0.5 * ((mu - m) / spread.exp() + wide - 1 - logvar + spread).sum(1).mean(),
            "The distance of the means is not squared.",
        ),
        (
            0.5 * (apart + wide.sqrt() - 1 - logvar + spread).sum(1).mean(),
            "The standard deviation stands where the variance belongs.",
        ),
    ]
    return {k: encode(v) for k, v in sources.items()} | {"dtype": dtype}, {
        "facets": [
            facet(
                "value",
                encode(right),
                "The value is wrong: compare the formula term by term, and the two reductions.",
                2,
                wrong=differing([pair for pair in wrong if pair[0].isfinite()], right),
                shape=SCALAR,
                **ROUGH[dtype],
            ),
            *slopes(
                right,
                sources,
                "No gradient reaches {}: is there a detach() or an item() on its way?",
                "The gradient in {} is wrong: is every part of the divergence built from it?",
                0.5,
                **ROUGH[dtype],
            ),
            same_precision(dtype),
        ]
    }


# ---- the latent loss


def latent_case(
    rng: np.random.Generator, batch: int = 3, z_dim: int = 2, kind: str = "", dtype: str = "float64"
) -> tuple[dict, dict]:
    """``kind``: "exact" or "nearly exact", where E so reads every code, or "batch norms"."""
    inputs = networks(rng, batch, z_dim) | {"dtype": dtype, "norms": kind == "batch norms"}
    top, left, side = inputs["crop"] = crop(rng)
    if kind in ("exact", "nearly exact"):
        near = 1e-7 * (kind != "exact")
        inputs |= {name: encode(near * decode(inputs[name])) for name in ("mu", "z")}
    G, E = players(inputs | {"dtype": "float64"})
    x, z = decode(inputs["x"]), decode(inputs["z"])
    fake = G(x, z)
    mu, logvar = E(fake[..., top : top + side, left : left + side])
    if (mu > z).all() or (mu < z).all():  # errors of both signs, or nobody needs abs()
        return latent_case(rng, batch, z_dim, kind, dtype)
    right = (mu - z).abs().mean()
    grads = flat(torch.autograd.grad(right, list(G.parameters()), retain_graph=True))
    wrong = [
        (
            (E(fake)[0] - z).abs().mean(),
            "E reads the whole picture: which part of it tells the code?",
        ),
        (
            (E(fake[..., left : left + side, top : top + side])[0] - z).abs().mean(),
            "Rows and columns of the crop change places.",
        ),
        ((mu - z).square().mean(), "The distance is squared: L1 is asked for."),
        (
            (mu - z).abs().sum(),
            "The value changes with the number of elements: is it a sum where a mean is asked for?",
        ),
        (
            (mu - z).abs().sum(1).mean(),
            "The value changes with the length of the code: is it a sum where a mean is asked for?",
        ),
        ((logvar - z).abs().mean(), "logvar is compared with z: which output of E is the code?"),
        (
            (E(x[..., top : top + side, left : left + side])[0] - z).abs().mean(),
            "E reads the input x: what shall it read?",
        ),
        ((mu - z).mean().abs(), "The mean is taken before the absolute value: errors cancel."),
        (
            (mu + (logvar / 2).exp() - z).abs().mean(),
            "A spread is added to mu: mu alone is compared.",
        ),
        (-right, SHARED["sign"]),
        (mu.abs().mean(), "z is missing: what shall be read back?"),
    ]
    # The probe takes gradients of 3 from those that it sees.
    rough = {"float64": {"atol": 1e-12}, "float32": {"rtol": 1e-4, "atol": 2e-6}}[dtype]
    errors = [
        *cut_off(SAY["cut"])[:1],
        ["check: AttributeError", "The loss is no tensor: G cannot learn from it."],
        ["tuple", "E returns two tensors, mu and logvar: which of them is the code?"],
    ]
    items = [
        facet(
            "value",
            encode(right),
            "The value is wrong: what is painted, what reads it, what is compared?",
            2,
            wrong=differing(wrong, right),
            shape=SCALAR,
            **rough,
        ),
        same_precision(dtype),
        facet(
            "G_gradient",
            encode(grads),
            "The gradient in G is wrong: does it come through E?",
            1,
            quiet=False,
            wrong=differing([(0 * grads, SAY["cut"])], grads),
            nan="The gradient is nan where E reads a code exactly: has the distance a slope at 0?",
            **rough,
        ),
        facet(
            "E_gradient",
            encode(0.0),
            "E gets gradients of this loss: it belongs to G alone, though E is on the way.",
            2,
        ),
        facet(
            "whole",
            True,
            "G gets a part of x: it is the picture that is cropped.",
            0.5,
        ),
        facet(
            "learns",
            True,
            "E or G stays frozen after the call, or runs or stays in eval mode: other losses need "
            "them as they came.",
            1.5,
        ),
    ]
    return inputs, {"facets": [item | {"errors": errors} for item in items]}


FEW, MANY = (
    {"several": (2, 4, 3, 3, 5)},
    {
        "two": (3, 2, 1, 5, 3),
        "one input": (1, 5, 2, 3, 3),
        "many": (12, 9, 3, 2, 2),
        "most": (1, 40, 5, 2, 1),
        "all the same": (3, 2, 1, 2, 2),
        "far apart": (2, 4, 2, 3, 2),
    },
)
CHECKS = table(
    (
        "draw_values",
        "reparameterise",
        3,
        "scale, gradients and source of the noise",
        True,
        draw_case,
        "draws",
    ),
    (
        "draw_again",
        "reparameterise",
        2,
        "the same for one code of one image",
        False,
        lambda rng: draw_case(rng, (1, 4), 1),
        "draws",
    ),
    (
        "kl_values",
        "kl_loss",
        3,
        "value and gradients",
        True,
        kl_case,
        "divergence",
    ),
    (
        "kl_long",
        "kl_loss",
        1,
        "long and short codes, variances far from 1, near it, and 1",
        False,
        kinds(
            kl_case,
            {
                "long": {"shape": (10, 33), "dtype": "float32"},
                "priors": {"shape": (3, 5), "prior": 8.0},
                "short": {"shape": (4, 1)},
                "narrow": {"shape": (3, 2), "far": -40.0},
                "wide": {"shape": (3, 2), "far": 25.0},
                "all narrow": {"shape": (2, 24), "narrow": True},
                "near 0": {"shape": (3, 2), "scale": 1e-5},
                "0": {"shape": (2, 3), "scale": 0.0},
            },
        ),
        "divergence",
    ),
    (
        "latent_values",
        "latent_loss",
        4,
        "value, and who learns from it",
        True,
        latent_case,
        "latent",
    ),
    (
        "latent_one",
        "latent_loss",
        1,
        "one image, other codes, codes that are read exactly, batch norms, float32",
        False,
        kinds(
            latent_case,
            {
                "long": {"batch": 1, "z_dim": 5},
                "many": {"batch": 10},
                "short": {"batch": 4, "z_dim": 1},
                "exact": {"kind": "exact"},
                "nearly exact": {"kind": "nearly exact"},
                "batch norms": {"kind": "batch norms"},
                "float32": {"dtype": "float32"},
            },
        ),
        "latent",
    ),
    (
        "walk_values",
        "interpolate_codes",
        3,
        "the way between two codes",
        True,
        lambda rng: walk_case(rng, False),
        "interpolated",
    ),
    (
        "walk_parallel",
        "interpolate_codes",
        1,
        "codes in the same direction",
        False,
        lambda rng: walk_case(rng, True),
        "interpolated",
    ),
    (
        "score_values",
        "diversity_score",
        2,
        "the mean distance to the nearest other sample",
        True,
        lambda rng: score_case(rng, FEW),
        "scored",
    ),
    (
        "score_shapes",
        "diversity_score",
        2,
        "other numbers of samples and inputs",
        False,
        lambda rng: score_case(rng, MANY),
        "scored",
    ),
)
CHECKS += ps4_step.CHECKS
