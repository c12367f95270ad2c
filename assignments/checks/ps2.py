"""Problem set 2, pix2pix: inputs and expectations of its networks.

The losses and the step stand in ``ps2_training.py``. For the parent only.
"""

from collections.abc import Callable
from functools import reduce
from itertools import accumulate, pairwise
from itertools import product as cartesian

import numpy as np
import torch
import torch.nn.functional as F
from checks import ps2_training as training
from checks.judges import ROUGH, facet, kinds, several, table
from checks.probes.ps2 import signature, skip_parts
from checks.probes.tools import decode, encode
from checks.reference import cut_off
from torch import Tensor, nn

# What a student is told.
SAY = {
    "no inner": "The part in the middle is not used: down, inner, up.",
    "fits": "The sizes do not fit: what does the task say about odd sizes, and along which "
    "dimension do you concatenate?",
    "output": "The output is wrong: which three parts does the input go through, and what is put "
    "beside it?",
    "shape": "The output has the wrong shape: does it have the size of the input, odd sizes too, "
    "and the channels of both?",
    "cut off": "The gradient at the input is wrong: is one of the two ways cut off, or changed in "
    "place?",
    "smaller": "The next image, of another size, comes out wrong: which size is it brought to?",
    "as given": "The block changes the parts that it is made of, their numbers, modes, hooks or "
    "what is frozen, or runs one more than once a call: it uses them as they are.",
    "unknown": "The block does not know the parameters of all its parts: would an optimiser find "
    "them? Are they attributes?",
    # the receptive field
    "field": "The receptive field of the stack '{}' is wrong: walk it with pencil and paper.",
    "other end": "The walk goes from the input to the output: from which end must it start?",
    "one layer": "Check the arithmetic with a single layer: how many pixels does it see?",
    "no strides": "The strides play no part: what does a stride do to the steps of the layers "
    "after it?",
    "own stride": "A layer's own stride widens its own kernel: which layers does a stride concern?",
    "dense": "Dilation plays no part: how far apart are the first and the last pixel of a kernel?",
    "holes": "A dilated kernel has holes between its pixels, and none behind the last one.",
    "added up": "The kernels are only added up: patches overlap.",
    "distance": "That is how far apart two patches lie, not how large they are.",
    # the patch discriminator
    "map": "The map has the wrong size for an image of odd size: check padding, strides and the "
    "number of layers.",
    "not map": "One number per image comes out: a patch discriminator gives a map.",
    "channels": "The widths are wrong: how do they grow, and where do they stop?",
    "strides": "Kernels or strides are wrong: which layers make the map smaller?",
    "too many": "Too many layers make the map smaller: which size of patch does that give?",
    "one kernel": "The layers of stride 1 have the kernel of the others: which side has theirs?",
    "called": "The kinds of layers are other ones: which of them have a norm, and what ends the "
    "stack?",
    "biases": "The first and the last convolution come before no norm: PyTorch's default is a "
    "bias.",
    "own": "Two places of the stack share a layer: each has one of its own.",
    "learns": "Some parameters are frozen, a layer is not in train mode, or a norm has seen a "
    "batch: a new network learns, and has seen nothing.",
    "fewest": "With one layer, the least, the stack is wrong: which rows of the table remain?",
    "wide stride": "With a stride of 4 or 5 the stack is wrong: which kernel, and which padding is "
    "the smallest?",
    "many": "With seven layers the stack is wrong: what stays the same however many layers there "
    "are?",
    "fresh": "The first weights are others than PyTorch's, or in another order: are layers "
    "created in the order in which the image passes them, anew in each call, and left as they "
    "come?",
    "last norm": "A norm follows the last convolution: logits are not normalised.",
    "first norm": "A norm follows the first convolution.",
    "no norm": "The norms are missing.",
    "other norm": "The norms are of another kind.",
    "sigmoid": "A sigmoid is applied: the losses take logits.",
    "tanh": "A tanh is applied: the losses take logits.",
    "cut at 0": "Negative values are cut off: which slope does the task give?",
    "no activation": "There is no activation between the convolutions.",
    "last activation": "An activation follows the last convolution: logits may be negative.",
    "sharp": "The leaky ReLU has PyTorch's usual slope, not that of the task.",
    "given": "With given weights the map is wrong: which activation, which slope, which norm, "
    "where?",
    "trained": "In train mode the map is another one: norms apart, nothing differs between the "
    "modes.",
    "running": "After a batch in train mode the norms remember other statistics: are they "
    "PyTorch's, with its defaults?",
    "map shape": "The map has the wrong shape: check padding, strides and the number of layers.",
    "looks": "One output looks at a patch of the wrong size: which layers have which kernel?",
}

# ---- the U-Net's block

PRIMES = [2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0]


WRONG_SKIPS = [
    (
        lambda decoded, h: torch.cat([h, decoded], 1),
        "The two parts are concatenated in the other order: what comes first?",
    ),
    (
        lambda decoded, h: decoded + h if decoded.shape == h.shape else h,
        "The skip is added: a U-Net keeps both, side by side. Along which dimension?",
    ),
    (
        lambda decoded, h: decoded,
        "The skip is missing: only what went through the inner part comes out.",
    ),
    (
        lambda decoded, h: torch.cat([decoded, h], 0) if decoded.shape == h.shape else h,
        "The parts are joined along the batch: which dimension holds the channels?",
    ),
    (
        lambda decoded, h: torch.cat([decoded, decoded], 1),
        "What comes out twice is the inner part: where is the input of the block?",
    ),
    (
        lambda decoded, h: torch.cat([h, h], 1),
        "What comes out twice is the input: where is the inner part?",
    ),
]


def skip_case(
    rng: np.random.Generator, size: tuple[int, int] = (4, 6), n: int = 3, c: int = 2, **how
) -> tuple[dict, dict]:
    """A block around stubs of primes, for n images of c channels and the given size; ``how`` the
    parts change it.
    """
    usual = {"down": "half, rounded up", "up": "double", "cut": [0, 0], "norm": False}
    how = usual | {"dtype": "float64"} | how
    h = torch.from_numpy(rng.normal(0, 1, (n, c, *size)))
    numbers = torch.from_numpy(rng.permutation(PRIMES)[:6].reshape(3, 2))
    inputs = {"h": encode(h), "numbers": encode(numbers), **how}
    first, inner, last = skip_parts(inputs)
    h = h.to(getattr(torch, how["dtype"])).requires_grad_()
    decoded = F.interpolate(last(inner(first(h))), size=size)
    right = torch.cat([decoded, h], 1)
    bare = torch.cat([F.interpolate(last(first(h)), size=size), h], 1)
    wrong = [(way(decoded, h), message) for way, message in WRONG_SKIPS] + [(bare, SAY["no inner"])]
    weights = torch.from_numpy(rng.normal(0, 1, right.shape)).to(h)
    inputs["weights"] = encode(weights)
    (gradient,) = torch.autograd.grad((right * weights).sum(), h)
    errors = [["Sizes of tensors must match", SAY["fits"]], ["must match the size", SAY["fits"]]]
    rough, more = ROUGH[how["dtype"]], {"errors": errors, "quiet": True}
    smaller = [n, right.shape[1], size[0] - 1, size[1] - 1]
    items = [
        facet(
            "output",
            encode(right),
            SAY["output"],
            2,
            wrong=[[encode(w), m] for w, m in wrong if w is not h],
            shape=SAY["shape"],
            errors=errors,
            **rough,
        ),
        facet(
            "gradient",
            encode(gradient),
            SAY["cut off"],
            none=SAY["cut off"],
            errors=[*errors, *cut_off(SAY["cut off"])],
            quiet=True,
            **rough,
        ),
        facet("smaller_shape", smaller, SAY["smaller"], 0.5, **more),
    ]
    return inputs, {"facets": items}


def skip_known(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs, _ = skip_case(rng)
    numbers = decode(inputs["numbers"])
    errors = [[part, SAY["unknown"]] for part in ("check: AttributeError", "cat()", "non-empty")]
    known = encode(numbers.flatten().sort().values)
    items = [
        facet("known", known, SAY["unknown"], shape=SAY["unknown"], errors=errors),
        facet("as_given", True, SAY["as given"], 0.5, beside=True, quiet=True),
    ]
    return inputs, {"facets": items}


# ---- receptive fields


def walked(stack: list[list[int]], step: Callable[..., int], start: int = 1) -> int:
    """A number that each layer changes in turn: step(number, kernel, stride, dilation)."""
    return reduce(lambda number, layer: step(number, *layer), stack, start)


def widened(r: int, kernel: int, stride: int, dilation: int = 1) -> int:
    return (r - 1) * stride + (kernel - 1) * dilation + 1


def walk_back(stack: list[list[int]]) -> int:
    return walked(stack[::-1], widened)


def wrong_fields(stack: list[list[int]]) -> list[tuple[int, str]]:
    back = stack[::-1]
    jumps = list(accumulate((stride for _, stride, _ in stack), lambda a, b: a * b))
    spans = [(kernel - 1) * dilation for kernel, _, dilation in stack]
    late = 1 + sum(span * jump for span, jump in zip(spans, jumps, strict=True))
    ways = [
        (walked(stack, widened), "other end"),
        (walked(back, lambda r, k, s, d: (r - 1) * s + k), "dense"),
        (walked(back, lambda r, k, s, d: (r - 1) * s + k * d), "holes"),
        (walked(back, lambda r, k, s, d: r * s + (k - 1) * d + 1), "one layer"),
        (walked(back, lambda r, k, s, d: r * s + (k - 1) * d + 1, 0), "one layer"),
        (walked(back, lambda r, k, s, d: r * s + (k - 1) * d), "one layer"),
        (walk_back(stack) - 1, "one layer"),
        (walk_back(stack) + 1, "one layer"),
        (walked(back, lambda r, k, s, d: r + (k - 1) * d), "no strides"),
        (late, "own stride"),
        (sum(kernel for kernel, _, _ in stack), "added up"),
        (jumps[-1] if jumps else 0, "distance"),
    ]
    return [(value, SAY[key]) for value, key in ways]


def field_case(stacks: dict[str, list[list[int]]]) -> tuple[dict, dict]:
    items = []
    for name, stack in stacks.items():
        right = walk_back(stack)
        wrong = [[encode(value), text] for value, text in wrong_fields(stack) if value != right]
        items.append(
            facet(name, encode(right), SAY["field"].format(name), wrong=wrong, atol=1e-6, rtol=0)
        )
    return {"stacks": stacks}, {"facets": items}


def field_random(rng: np.random.Generator) -> tuple[dict, dict]:
    """Stacks of random layers for which the typical wrong ways all give something else."""
    stacks = {}
    while len(stacks) < 3:
        kernels, strides = rng.permutation([2, 3, 4, 5, 7])[:4], rng.permutation([1, 2, 3, 2])
        stack = np.stack([kernels, strides, rng.permutation([1, 2, 1, 3])], 1).tolist()
        known = {16, 34, 70, 142, 286}  # of the usual discriminators
        if walk_back(stack) not in {*known, *(value for value, _ in wrong_fields(stack))}:
            stacks[" ".join(f"{k}x{k}/{s}/{d}" for k, s, d in stack)] = stack
    name = next(iter(stacks))
    others = {
        f"{name}, turned round": stacks[name][::-1],
        f"{name}, kernels turned round": [
            [k, s, d] for (k, *_), (_, s, d) in zip(stacks[name][::-1], stacks[name], strict=True)
        ],
        # pixels that nobody sees count
        "gaps": [[2, 3, 1], [2, 3, 1], [int(rng.integers(4, 9)), 1, 1]],
        **{
            f"{name}, another {part}": [[k + (i == 0), s + (i == 1), d + (i == 2)], *rest]
            for [[k, s, d], *rest] in [stacks[name]]
            for i, part in enumerate(("kernel", "stride", "dilation"))
        },
        "wide": [[11, 5, 1], [3, 6, 13], [9, 1, 8]],
        "deep": [[4, 2, 1]] * 9 + [[1, 2, 5], [1, 1, 1], [3, 1, 1]],
        "very deep": [[4, 2, 1]] * 26 + [[3, 1, 1]],  # a number that float32 cannot hold
    }
    return field_case(stacks | others)


def field_known(rng: np.random.Generator) -> tuple[dict, dict]:
    return field_case(
        {"one layer": [[5, 3, 2]], "two layers": [[4, 2, 1], [4, 1, 3]], "no layer": []}
    )


# ---- the patch discriminator


def widths(in_channels: int, base: int, n_layers: int) -> list[list[int]]:
    sizes = [in_channels, *(base * min(2**i, 8) for i in range(n_layers + 1)), 1]
    return [[a, b] for a, b in pairwise(sizes)]


def layers(n: int, stride: int) -> list[list[int]]:
    """Kernel and stride of each layer; with these kernels a padding of 1 divides exactly."""
    return [[s + 2, s] for s in [stride] * n + [1, 1]]


def built(in_channels: int, base: int, n: int, stride: int, image: list[int]) -> dict:
    """What is wanted of a discriminator of ``n`` layers: the map's shape, and its layers."""
    size = image[2:]
    for kernel, step in layers(n, stride):
        size = [(side + 2 - kernel) // step + 1 for side in size]
    return {
        "map": [image[0], 1, *size],
        "channels": widths(in_channels, base, n),
        "strides": layers(n, stride),
        "called": ["conv"] + ["conv", "batch norm"] * n + ["conv"],
        "biases": [True, True],
        "own": [n + 2, n],
        "learns": True,
    }


# Typical wrong discriminators of four layers: pairs (what is found, message).
CALLED = ["conv", *["conv", "batch norm"] * 4, "conv"]
WRONG_LAYERS = {
    "map": [[shape, SAY["not map"]] for shape in ([2, 1], [2], [2, 1, 1, 1])],
    "strides": [
        [[[4, 2]] * 6, SAY["too many"]],
        [[[4, 2]] * 5 + [[3, 1]], SAY["too many"]],
        [[[4, 2]] * 4 + [[4, 1]] * 2, SAY["one kernel"]],
    ],
    "called": [
        [["conv", *["conv", "batch norm"] * 5], SAY["last norm"]],
        [["conv", "batch norm"] * 5 + ["conv"], SAY["first norm"]],
        [[*CALLED, "sigmoid"], SAY["sigmoid"]],
        [["conv"] * 6, SAY["no norm"]],
        [[kind.replace("batch", "instance") for kind in CALLED], SAY["other norm"]],
    ],
}


def first_weights(arguments: list[int], seed: int) -> list[Tensor]:
    """What two discriminators hold that are made one after the other: a few numbers of each, for
    each choice of a bias before a norm or none.
    """
    wants = []
    for biases in cartesian([True, False], repeat=arguments[2]):
        torch.manual_seed(seed)
        sizes = [
            (a, b, bias)
            for (a, b), bias in zip(widths(*arguments[:3]), [True, *biases, True], strict=True)
        ]
        made = [*zip(sizes, layers(*arguments[2:]), strict=True)]
        nets = [[nn.Conv2d(a, b, k, bias=bias) for (a, b, bias), (k, _) in made] for _ in "12"]
        wants.append(torch.stack([signature(net) for net in nets]))
    return wants


def patch_layers(rng: np.random.Generator) -> tuple[dict, dict]:
    stops = [["Kernel size can't be greater", SAY["map"]]]
    channels, base = int(rng.choice([3, 5, 6])), int(rng.choice([2, 3]))
    image, large = [2, channels, 119, 135], [2, channels, 199, 205]
    # sides of which a larger padding makes other maps
    stacks = {
        "1 layers": ([base, 1, 3, image], SAY["fewest"]),
        "7 layers": ([2, 7, 2, large], SAY["many"]),
        "stride 4": ([base, 1, 4, [1, channels, 22, 27]], SAY["wide stride"]),
        "stride 5": ([base, 2, 5, [1, channels, 38, 64]], SAY["wide stride"]),
    }
    right = built(channels, base, 4, 2, image)
    seed, small = int(rng.integers(2**31)), [channels, 2, 2, 3]
    with torch.random.fork_rng(devices=[]):
        fresh = [encode(weights) for weights in first_weights(small, seed)]
    items = [
        facet(name, right[name], SAY[name], wrong=WRONG_LAYERS.get(name, []), errors=stops)
        for name in ("map", "channels", "strides", "called")
    ]
    items += [
        facet(name, right[name], SAY[name], 0.5, beside=True, errors=stops, quiet=True)
        for name in ("biases", "own", "learns")
    ]
    items += [
        facet(name, list(built(channels, *stack).values()), text, 0.5, quiet=name != "1 layers")
        for name, (stack, text) in stacks.items()
    ]
    items += [
        facet("fresh", fresh[0], SAY["fresh"], 0.5, wants=fresh, quiet=True, beside=True),
    ]
    stacks = {"": [base, 4, 2, image]} | {name: stack for name, (stack, _) in stacks.items()}
    return {"channels": channels, "stacks": stacks, "seed": seed, "small": small}, {"facets": items}


def patch_map(
    image: Tensor,
    weights: list[Tensor],
    norms: Tensor,
    n_layers: int,
    stride: int,
    slope: float = 0.2,
    running: list | None = None,
) -> Tensor:
    """The map; with a list as ``running`` in train mode, and what the norms keep is put there."""
    h = image
    for i, weight in enumerate(weights):
        h = F.conv2d(h, weight, stride=stride if i < n_layers else 1, padding=1)
        if 0 < i < len(weights) - 1:
            mean, scale = norms[i - 1]
            means, ones = mean.repeat(h.shape[1]), torch.ones(h.shape[1], dtype=h.dtype)
            h = F.batch_norm(h, means, ones, scale * ones, training=running is not None)
            if running is not None:
                running += [means, ones]
        if i < len(weights) - 1:
            h = F.leaky_relu(h, slope)
    return h


def patch_case(
    rng: np.random.Generator, n: int, stride: int, image: list[int]
) -> tuple[dict, dict]:
    """The map for given weights, in both modes."""
    arguments = [image[1], 2, n, stride]
    shapes = [
        (b, a, k, k)
        for (a, b), (k, _) in zip(widths(image[1], 2, n), layers(n, stride), strict=True)
    ]
    weights = [torch.from_numpy(rng.normal(0, 0.4, shape)) for shape in shapes]
    norms = torch.from_numpy(rng.uniform(0.5, 1.5, (n, 2)))
    picture = torch.from_numpy(rng.normal(0, 20, image))  # logits beyond any bound

    def mapped(slope: float = 0.2, running: list | None = None) -> Tensor:
        return patch_map(picture, weights, norms, n, stride, slope, running)

    weights[-1] *= -mapped().sum().sign()  # some are negative
    right = mapped()
    wrong = [
        (torch.sigmoid(right), "sigmoid"),
        (mapped(0.0), "cut at 0"),
        (mapped(0.01), "sharp"),
        (mapped(1.0), "no activation"),
        (F.leaky_relu(right, 0.2), "last activation"),
        (torch.tanh(right), "tanh"),
    ]
    running: list[Tensor] = []
    trained = mapped(running=running)
    inputs = {
        "arguments": arguments,
        "image": encode(picture),
        "norms": encode(norms),
        "weights": [encode(w) for w in weights],
    }
    known = {"wrong": [[encode(w), SAY[m]] for w, m in wrong], "shape": SAY["map shape"]}
    items = [
        facet("map", encode(right), SAY["given"], 2, **known),
        facet("train map", encode(trained), SAY["trained"], 0.5, quiet=True),
        facet("running", encode(torch.cat(running)), SAY["running"], 0.5, quiet=True),
        facet("one", [1, *right.shape[1:]], SAY["map shape"], 0.5),
    ]
    return inputs, {"facets": items}


def patch_values(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs, expectations = patch_case(rng, 2, 3, [2, 3, 25, 31])
    side = walk_back(layers(2, 3))
    stops = [["Kernel size can't be greater", SAY["map shape"]]]
    expectations["facets"].append(facet("field", [side, side], SAY["looks"], errors=stops))
    inputs["large"] = [1, 3, 83, 83]
    return several({"two": (inputs, expectations), "four": patch_case(rng, 4, 2, [2, 3, 51, 57])})


CHECKS = [
    *table(
        (
            "skip_values",
            "SkipBlock",
            2,
            "output and gradient of a block",
            True,
            skip_case,
            "skip",
        ),
        (
            "skip_known",
            "SkipBlock",
            1,
            "an optimiser finds the parameters",
            True,
            skip_known,
            "skip",
        ),
        (
            "skip_odd",
            "SkipBlock",
            1,
            "one image of odd height, parts that do not halve, or change sizes and channels",
            False,
            kinds(
                skip_case,
                {
                    "odd": {"size": (7, 6), "n": 1},
                    "large": {"size": (6, 4), "c": 1, "down": "", "cut": [1, 0]},
                    "cut": {"size": (6, 30), "n": 1, "cut": [0, 4], "up": "double, wider"},
                    "wide": {"n": 10, "c": 5, "down": "", "cut": [2, 0]},
                    "turned": {"down": "", "up": "turned"},
                },
            ),
            "skip",
        ),
        (
            "skip_odd_down",
            "SkipBlock",
            1,
            "an odd width, halved and rounded down; a batch norm; float32",
            False,
            kinds(
                skip_case,
                {
                    "odd": {"size": (6, 9), "down": "half, rounded down"},
                    "norm": {"size": (4, 5), "norm": True},
                    "float32": {"size": (4, 4), "dtype": "float32"},
                },
            ),
            "skip",
        ),
        (
            "field_known",
            "receptive_field",
            1,
            "stacks of no, one and two layers",
            True,
            field_known,
            "field",
        ),
        (
            "field_random",
            "receptive_field",
            2,
            "stacks of many layers",
            False,
            field_random,
            "field",
        ),
        (
            "patch_layers",
            "build_patch_gan",
            3,
            "widths, strides, norms, odd sizes",
            True,
            patch_layers,
            "patch_layers",
        ),
        (
            "patch_values",
            "build_patch_gan",
            3,
            "the map for given weights, the patch it sees",
            False,
            patch_values,
            "patch_values",
        ),
    ),
    *training.CHECKS,
]
