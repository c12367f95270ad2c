"""Problem set 2, pix2pix: inputs and expectations of its networks. For the parent only."""

from collections.abc import Callable
from functools import reduce
from itertools import accumulate, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from checks import ps2_training as training
from checks.judges import facet, several, table
from checks.probes.ps2 import skip_parts
from checks.probes.tools import decode, encode
from torch import Tensor

# ---- the U-Net's block

PRIMES = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0]


def skip_case(
    rng: np.random.Generator,
    size: tuple[int, int],
    down: str = "half, rounded up",
    n: int = 3,
    c: int = 2,
) -> tuple[dict, dict]:
    """A block around stubs of primes, for n images of c channels and the given size."""
    h = torch.from_numpy(rng.normal(0, 1, (n, c, *size)))
    weights = torch.from_numpy(rng.normal(0, 1, (n, 2 * c, *size)))
    numbers = torch.from_numpy(rng.permutation(PRIMES)[:6].reshape(3, 2))
    inputs = {"h": encode(h), "weights": encode(weights), "numbers": encode(numbers), "down": down}
    first, inner, last = skip_parts(inputs)
    h.requires_grad_()
    decoded = F.interpolate(last(inner(first(h))), size=size)
    right = torch.cat([decoded, h], 1)
    no_inner = torch.cat([F.interpolate(last(first(h)), size=size), h], 1)
    wrong = [
        (
            torch.cat([h, decoded], 1),
            "The two parts are concatenated in the other order: what comes first?",
        ),
        (
            decoded + h,
            "The skip is added: a U-Net keeps both, side by side. Along which dimension?",
        ),
        (decoded, "The skip is missing: only what went through the inner part comes out."),
        (
            torch.cat([decoded, h], 0),
            "The parts are joined along the batch: which dimension holds the channels?",
        ),
        (
            torch.cat([decoded, decoded], 1),
            "What comes out twice is the inner part: where is the input of the block?",
        ),
        (torch.cat([h, h], 1), "What comes out twice is the input: where is the inner part?"),
        (no_inner, "The part in the middle is not used: down, inner, up."),
    ]
    (gradient,) = torch.autograd.grad((right * weights).sum(), h)
    fits = (
        "The sizes do not fit: what does the task say about odd sizes, and along which "
        "dimension do you concatenate?"
    )
    errors = [["Sizes of tensors must match", fits], ["must match the size", fits]]
    items = [
        facet(
            "output",
            encode(right),
            (
                "The output is wrong: which three parts does the input go through, and what is "
                "put beside it?"
            ),
            2,
            wrong=[[encode(w), m] for w, m in wrong],
            shape=(
                "The output has the wrong shape: does it have the size of the input, odd sizes "
                "too, and the channels of both?"
            ),
            errors=errors,
        ),
        facet(
            "gradient",
            encode(gradient),
            (
                "The gradient at the input is wrong: is one of the two ways cut off, or "
                "changed in place?"
            ),
            quiet=True,
            errors=errors,
        ),
        facet(
            "smaller_shape",
            [n, 2 * c, size[0] - 1, size[1] - 1],
            "The next image, of another size, comes out wrong: which size is it brought to?",
            0.5,
            quiet=True,
            errors=errors,
        ),
    ]
    return inputs, {"facets": items}


def skip_known(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs, _ = skip_case(rng, (4, 6))
    message = (
        "The block does not know the parameters of all its parts: would an optimiser find "
        "them? Are they attributes?"
    )
    errors = [["check: AttributeError", message], ["cat()", message], ["non-empty", message]]
    known = encode(decode(inputs["numbers"]).flatten().sort().values)
    return inputs, {"facets": [facet("known", known, message, shape=message, errors=errors)]}


# ---- receptive fields


def walked(stack: list[list[int]], step: Callable[[int, int, int], int], start: int = 1) -> int:
    """A number that each layer changes in turn: step(number, kernel, stride)."""
    return reduce(lambda number, layer: step(number, *layer), stack, start)


def widened(r: int, kernel: int, stride: int) -> int:
    return (r - 1) * stride + kernel


def walk_back(stack: list[list[int]]) -> int:
    return walked(stack[::-1], widened)


def wrong_fields(stack: list[list[int]]) -> list[tuple[int, str]]:
    back = stack[::-1]
    jumps = list(accumulate((stride for _, stride in stack), lambda a, b: a * b))
    late = 1 + sum((kernel - 1) * jump for (kernel, _), jump in zip(stack, jumps, strict=True))
    edge = "Check the arithmetic with a single layer: how many pixels does it see?"
    return [
        (
            walked(stack, widened),
            "The walk goes from the input to the output: from which end must it start?",
        ),
        (walked(back, lambda r, k, s: r * s + k), edge),
        (walked(back, lambda r, k, s: r * s + k, 0), edge),
        (walked(back, lambda r, k, s: (r - 1) * s + k + s - 1), edge),
        (walk_back(stack) - 1, edge),
        (walk_back(stack) + 1, edge),
        (
            walked(back, lambda r, k, s: r + k - 1),
            "The strides play no part: what does a stride do to the steps of the layers after it?",
        ),
        (late, "A layer's own stride widens its own kernel: which layers does a stride concern?"),
        (sum(kernel for kernel, _ in stack), "The kernels are only added up: patches overlap."),
        (
            jumps[-1] if jumps else 0,
            "That is how far apart two patches lie, not how large they are.",
        ),
    ]


def field_case(stacks: dict[str, list[list[int]]]) -> tuple[dict, dict]:
    message = "The receptive field of the stack '{}' is wrong: walk it with pencil and paper."
    items = []
    for name, stack in stacks.items():
        right = walk_back(stack)
        wrong = [[encode(value), text] for value, text in wrong_fields(stack) if value != right]
        items.append(
            facet(name, encode(right), message.format(name), wrong=wrong, atol=1e-6, rtol=0)
        )
    return {"stacks": stacks}, {"facets": items}


def field_random(rng: np.random.Generator) -> tuple[dict, dict]:
    """Stacks of random layers for which the typical wrong ways all give something else."""
    stacks = {}
    while len(stacks) < 3:
        kernels, strides = rng.permutation([2, 3, 4, 5, 7])[:4], rng.permutation([1, 2, 3, 2])
        stack = [[int(k), int(s)] for k, s in zip(kernels, strides, strict=True)]
        known = {16, 34, 70, 142, 286}  # of the usual discriminators
        if walk_back(stack) not in {*known, *(value for value, _ in wrong_fields(stack))}:
            stacks[" ".join(f"{k}x{k}/{s}" for k, s in stack)] = stack
    stacks["deep"] = [[4, 2]] * 9 + [[1, 2], [1, 1], [3, 1]]
    return field_case(stacks)


def field_known(rng: np.random.Generator) -> tuple[dict, dict]:
    return field_case({"one layer": [[5, 3]], "two layers": [[4, 2], [4, 1]], "no layer": []})


# ---- the patch discriminator


def widths(in_channels: int, base: int, n_layers: int) -> list[list[int]]:
    sizes = [in_channels, *(base * min(2**i, 8) for i in range(n_layers + 1)), 1]
    return [[a, b] for a, b in pairwise(sizes)]


def patch_layers(rng: np.random.Generator) -> tuple[dict, dict]:
    n_layers = 4
    arguments = [int(rng.choice([3, 5, 6])), int(rng.choice([2, 3])), n_layers]
    image = [2, arguments[0], 119, 135]
    strides = [2] * n_layers + [1, 1]
    size = [119, 135]
    for stride in strides:
        size = [(n + 2 - 4) // stride + 1 for n in size]
    order = ["conv"] + ["conv", "batch norm"] * n_layers + ["conv"]
    all_two = [[4, 2]] * (n_layers + 2), [[4, 2]] * (n_layers + 1) + [[4, 1]]
    norms = ["conv", *["conv", "batch norm"] * (n_layers + 1)]
    first = ["conv", "batch norm"] * (n_layers + 1) + ["conv"]
    maps = (
        "The map has the wrong size for an image of odd size: check padding, strides and the "
        "number of layers."
    )
    not_map = "One number per image comes out: a patch discriminator gives a map."
    wrong = [
        [norms, "A norm follows the last convolution: logits are not normalised."],
        [first, "A norm follows the first convolution."],
        [[*order, "sigmoid"], "A sigmoid is applied: the losses take logits."],
        [["conv"] * (n_layers + 2), "The norms are missing."],
        [
            ["instance norm" if x == "batch norm" else x for x in order],
            "The norms are of another kind.",
        ],
    ]
    stops = [["Kernel size can't be greater", maps]]
    items = [
        facet(
            "map",
            [2, 1, *size],
            maps,
            errors=stops,
            wrong=[[[2, 1], not_map], [[2], not_map], [[2, 1, 1, 1], not_map]],
        ),
        facet(
            "channels",
            widths(*arguments),
            "The widths are wrong: how do they grow, and where do they stop?",
        ),
        facet(
            "strides",
            [[4, s] for s in strides],
            "Kernels or strides are wrong: which layers halve the map?",
            wrong=[
                [way, "Too many layers have stride 2: which size of patch does that give?"]
                for way in all_two
            ],
        ),
        facet(
            "called",
            order,
            (
                "The kinds of layers are other ones: which of them have a norm, and what ends "
                "the stack?"
            ),
            wrong=wrong,
            errors=stops,
        ),
    ]
    size = [119, 135]
    for stride in (2, 1, 1):
        size = [(n + 2 - 4) // stride + 1 for n in size]
    one = [
        [2, 1, *size],
        widths(*arguments[:2], 1),
        [[4, 2], [4, 1], [4, 1]],
        ["conv", "conv", "batch norm", "conv"],
    ]
    items.append(
        facet(
            "one layer",
            one,
            "With one layer, the least, the stack is wrong: which rows of the table remain?",
        )
    )
    return {"arguments": arguments, "image": image}, {"facets": items}


def patch_map(
    image: Tensor,
    weights: list[Tensor],
    norms: Tensor,
    n_layers: int,
    slope: float = 0.2,
    running: list | None = None,
) -> Tensor:
    """The map; with a list as ``running`` in train mode, and what the norms keep is put there."""
    h = image
    for i, weight in enumerate(weights):
        h = F.conv2d(h, weight, stride=2 if i < n_layers else 1, padding=1)
        if 0 < i < len(weights) - 1:
            mean, scale = norms[i - 1]
            means, ones = mean.repeat(h.shape[1]), torch.ones(h.shape[1], dtype=h.dtype)
            h = F.batch_norm(h, means, ones, scale * ones, training=running is not None)
            if running is not None:
                running += [means, ones]
        if i < len(weights) - 1:
            h = F.leaky_relu(h, slope)
    return h


def patch_values(rng: np.random.Generator) -> tuple[dict, dict]:
    n_layers, channels = 2, 3
    arguments, large = [channels, 2, n_layers], [1, channels, 83, 83]
    weights = [torch.from_numpy(rng.normal(0, 0.4, (b, a, 4, 4))) for a, b in widths(*arguments)]
    norms = torch.from_numpy(rng.uniform(0.5, 1.5, (n_layers, 2)))
    image = torch.from_numpy(rng.normal(0, 20, (2, channels, 25, 31)))  # logits beyond any bound
    weights[-1] *= -patch_map(image, weights, norms, n_layers).sum().sign()  # some are negative
    right = patch_map(image, weights, norms, n_layers)
    wrong = [
        (torch.sigmoid(right), "A sigmoid is applied: the losses take logits."),
        (
            patch_map(image, weights, norms, n_layers, 0.0),
            "Negative values are cut off: which slope does the task give?",
        ),
        (
            patch_map(image, weights, norms, n_layers, 0.01),
            "The leaky ReLU has PyTorch's usual slope, not that of the task.",
        ),
        (
            patch_map(image, weights, norms, n_layers, 1.0),
            "There is no activation between the convolutions.",
        ),
        (
            F.leaky_relu(right, 0.2),
            "An activation follows the last convolution: logits may be negative.",
        ),
        (torch.tanh(right), "A tanh is applied: the losses take logits."),
    ]
    field = walk_back([[4, 2]] * n_layers + [[4, 1]] * 2)
    inputs = {
        "arguments": arguments,
        "image": encode(image),
        "large": large,
        "norms": encode(norms),
    }
    inputs["weights"] = [encode(w) for w in weights]
    running: list[Tensor] = []
    patch_map(image, weights, norms, n_layers, running=running)
    shape = "The map has the wrong shape: check padding, strides and the number of layers."
    items = [
        facet(
            "map",
            encode(right),
            (
                "With given weights the map is wrong: which activation, which slope, which "
                "norm, where?"
            ),
            2,
            wrong=[[encode(w), m] for w, m in wrong],
            shape=shape,
        ),
        facet(
            "running",
            encode(torch.cat(running)),
            (
                "After a batch in train mode the norms remember other statistics: are they "
                "PyTorch's, with its defaults?"
            ),
            0.5,
            quiet=True,
        ),
        facet("one", [1, *right.shape[1:]], shape, 0.5),
        facet(
            "field",
            [field, field],
            "One output looks at a patch of the wrong size: which layers have stride 2?",
            errors=[["Kernel size can't be greater", shape]],
        ),
    ]
    return inputs, {"facets": items}


SKIP, FIELD, PATCH = "SkipBlock", "receptive_field", "build_patch_gan"
CHECKS = [
    *table(
        (
            "skip_values",
            SKIP,
            2,
            "output and gradient of a block",
            True,
            lambda r: skip_case(r, (4, 6)),
            "skip",
        ),
        ("skip_known", SKIP, 1, "an optimiser finds the parameters", True, skip_known, "skip"),
        (
            "skip_odd",
            SKIP,
            1,
            "one image of odd height, parts that do not halve",
            False,
            lambda r: several(
                {
                    "odd": skip_case(r, (7, 6), n=1),
                    "large": skip_case(r, (5, 4), "", c=1),
                }
            ),
            "skip",
        ),
        (
            "skip_odd_down",
            SKIP,
            1,
            "an odd width, halved and rounded down",
            False,
            lambda r: skip_case(r, (6, 9), "half, rounded down"),
            "skip",
        ),
        (
            "field_known",
            FIELD,
            1,
            "stacks of no, one and two layers",
            True,
            field_known,
            "field",
        ),
        ("field_random", FIELD, 2, "stacks of many layers", False, field_random, "field"),
        (
            "patch_layers",
            PATCH,
            3,
            "widths, strides, norms, odd sizes",
            True,
            patch_layers,
            "patch_layers",
        ),
        (
            "patch_values",
            PATCH,
            3,
            "the map for given weights, the patch it sees",
            False,
            patch_values,
            "patch_values",
        ),
    ),
    *training.CHECKS,
]
