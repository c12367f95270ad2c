"""Problem set 3, CycleGAN: inputs and expectations of its block and its pool.

The losses stand in ``ps3_losses.py``, the step in ``ps3_step.py``. For the parent only.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from checks import ps3_losses, ps3_step
from checks.judges import facet, kinds, same_precision, table
from checks.probes.ps3 import marked
from checks.probes.tools import encode
from checks.reference import cut_off
from torch import Tensor

# ---- the residual block


def dilated(weight: Tensor, dilation: int) -> Tensor:
    """The dense kernel that does what a dilated one of 3x3 does: with zeros between its numbers."""
    corner = F.pad(torch.ones(1, 1, 1, 1, dtype=weight.dtype), (0, dilation - 1) * 2)
    return torch.kron(weight, corner)[..., : 2 * dilation + 1, : 2 * dilation + 1]


def convolved(h: Tensor, weight: Tensor, mode: str = "reflect") -> Tensor:
    return F.conv2d(
        F.pad(h, [weight.shape[-1] // 2] * 4, "constant" if mode == "zeros" else mode), weight
    )


def residual(
    h: Tensor, one: Tensor, two: Tensor, mode: str = "reflect", norm=F.instance_norm, act=F.relu
) -> Tensor:
    """What the block adds to its input."""
    return norm(convolved(act(norm(convolved(h, one, mode))), two, mode))


OTHER_NORMS = (  # a batch norm in train mode, and a layer norm
    lambda h: F.batch_norm(h, None, None, training=True),
    lambda h: F.layer_norm(h, h.shape[1:]),
)
# What a student is told.
SAY = {
    "norm": "The norm is another one: which statistics does the task ask for, over which "
    "dimensions?",
    "pad": "The border is padded another way: what does the task put around the image?",
    "size": "The output has another size than the input: what does a dilated 3x3 convolution take "
    "from the border?",
    "output": "The output is wrong: which layers does the input pass, in which order, and what is "
    "added?",
    "gradient": "The gradient at the input is wrong: is one of the two ways cut off, or changed in "
    "place?",
    "learned": "The gradient in the convolutions' weights is wrong: do both learn, and is what an "
    "earlier call gave still its own?",
    "known": "The block learns another number of weights than its convolutions have: what else is "
    "there, or not found?",
    "apart": "Convolutions begin with the same weights, in one block or two: each draws its own.",
    "in place": "The input is changed in place: the caller still needs it.",
    "same in eval": "In eval mode the output is another: do the norms use statistics of their own?",
    # the pool
    "shape": "As many images come back as went in, stacked as they were: a tensor of the same "
    "shape.",
    "long": "Images stay in the pool for longer than their lifetime: which of them leave, when?",
    "short": "Images leave the pool before their lifetime is over: how is an age counted?",
    "large": "A large pool, or one that gets many images at once, fills or draws another way.",
    "equal": "A pool full of equal images draws none: equal images are images of their own.",
    "filling": "While the pool is not full, something else than the new images comes back.",
}


def wrong_blocks(
    h: Tensor, dense: tuple[Tensor, Tensor], one: Tensor, two: Tensor
) -> list[tuple[Tensor, str]]:
    """What typical wrong blocks give, and what to say; ``dense`` are the kernels undilated."""
    added, inner = residual(h, one, two), F.instance_norm(convolved(h, one))
    return [
        (h + residual(h, *dense), "The kernels are not dilated: how far apart do they look?"),
        *(
            (h + residual(h, *kernels), "One of the two kernels is not dilated.")
            for kernels in ((dense[0], two), (one, dense[1]))
        ),
        (added, "The input is not added: where is the identity?"),
        (F.relu(h + added), "There is a ReLU after the sum: the block's output may be negative."),
        (h + F.relu(added), "There is a ReLU after the second norm."),
        (
            F.relu(h) + residual(F.relu(h), one, two),
            "The input itself goes through a ReLU before it is added, perhaps changed in place.",
        ),
        *((h + residual(h, one, two, m), SAY["pad"]) for m in ("zeros", "replicate", "circular")),
        (h + residual(h, one, two, norm=lambda v: v), "The norms are missing."),
        *((h + residual(h, one, two, norm=n), SAY["norm"]) for n in OTHER_NORMS),
        (h + convolved(F.relu(inner), two), "The norm after the second convolution is missing."),
        (
            h + F.instance_norm(convolved(F.relu(convolved(h, one)), two)),
            "The norm after the first convolution is missing.",
        ),
        (
            h + F.instance_norm(convolved(F.instance_norm(F.relu(convolved(h, one))), two)),
            "Norm and ReLU change places.",
        ),
        (h + residual(h, one, two, act=lambda v: v), "There is no ReLU between the convolutions."),
        (
            h + residual(h, one, two, act=lambda v: F.leaky_relu(v, 0.2)),
            "The activation is leaky: which one is asked?",
        ),
        (h + residual(h, one, two, act=F.relu6), "Something is bounded: no value has a limit."),
        (h + inner, "There is one convolution only: the block has two."),
        (h + F.relu(inner), "There is one convolution only: the block has two."),
        (
            h + residual(h, two, two),
            "One convolution is used twice: the block has two with weights of their own.",
        ),
        (2 * h + added, "The input is added twice."),
        (h - added, "The parts are subtracted."),
        ((h + added) / 2, "The sum is halved."),
    ]


def block_case(
    rng: np.random.Generator,
    shape: tuple[int, ...] = (3, 4, 6, 9),
    dtype: str = "float64",
    spike: float = 0.0,
    dilation: int = 2,
) -> tuple[dict, dict]:
    """A block with given weights, on an image of the given shape.

    A ``spike`` in a dim image, which hardly any weight spreads, stays far from 0 behind the norms.
    """
    channels = shape[1]
    h, at = (torch.from_numpy(rng.normal(0.3, 4, shape)) for _ in range(2))
    one, two = (torch.from_numpy(rng.normal(0, 0.5, (channels, channels, 3, 3))) for _ in range(2))
    if spike:
        h, one, two = 0.01 * h, 0.05 * one, 0.05 * two
        h[:, :, 2, 3] += spike
        for i in range(channels):
            one[i, i, 1, 1] = two[i, i, 1, 1] = 1.0
    inputs = {"image": encode(h), "at": encode(at), "one": encode(one), "two": encode(two)}
    sources = [v.requires_grad_() for v in (h, one, two)]
    wide = [dilated(weight, dilation) for weight in (one, two)]
    right = h + residual(h, *wide)
    gradient, *learned = torch.autograd.grad((right * at).sum(), sources, retain_graph=True)
    wrong = [[encode(value), message] for value, message in wrong_blocks(h, (one, two), *wide)]
    known, rough = 2 * channels * channels * 9, BLOCK_ROUGH[dtype]
    items = [
        facet("output", encode(right), SAY["output"], 3, wrong=wrong, shape=SAY["size"], **rough),
        facet("gradient", encode(gradient), SAY["gradient"], quiet=True, **rough),
        facet("learned", encode(torch.stack(learned)), SAY["learned"], 0.5, quiet=True, **rough),
        facet("known", None, SAY["known"], wants=[known, known + channels, known + 2 * channels]),
        facet("apart", True, SAY["apart"], 0.5, beside=True),
        facet("same in eval", True, SAY["same in eval"], 0.5, beside=True),
    ]
    return inputs | {"dtype": dtype, "dilation": dilation}, {
        "facets": [item | {"errors": BLOCK_ERRORS} for item in items]
    }


BLOCK_ERRORS = [
    ["must match the size", SAY["size"]],
    ["Sizes of tensors", SAY["size"]],
    ["in-place operation", SAY["in place"]],
    *cut_off(SAY["learned"]),
    ["padded input size", SAY["size"]],
    ["inplace operation", SAY["gradient"]],
]
# In float32 a norm divides differences of numbers near each other.
BLOCK_ROUGH = {"float64": {}, "float32": {"rtol": 1e-3, "atol": 1e-3}}


# ---- the pool


POOL_ERRORS = [
    ["check: ValueError: zip()", SAY["shape"]],
    ["check: TypeError: a tensor or a number is wanted here, not list", SAY["shape"]],
    ["check: AttributeError: 'list'", SAY["shape"]],
    ["expected Tensor as element", SAY["shape"]],
    ["empty range", "The pool draws from nothing: what does a pool of size 0 do?"],
    [
        "IndexError",
        (
            "The pool reaches for an image that it does not have: what does it do while it is "
            "not full?"
        ),
    ],
    ["high is out of bounds", "The pool draws from nothing: what does a pool of size 0 do?"],
    ["from >= to", "The pool draws from nothing: what does a pool of size 0 do?"],
    ["random_ expects", "The pool draws from nothing: what does a pool of size 0 do?"],
]


PAIRS = [float(n) for n in range(2, 42)]  # the images that come to a pool two at a time


def pool_fill(rng: np.random.Generator) -> tuple[dict, dict]:
    marks, size = [float(n) for n in rng.permutation(range(2, 40))[:11]], 5
    batches, look = (
        [marks[:3], marks[3:7], marks[7:]],
        torch.from_numpy(rng.uniform(0.5, 1.5, (2, 3, 5))),
    )
    one, two, more = (marked(numbers, look) for numbers in batches)
    items = [
        facet(
            "first",
            encode(one),
            SAY["filling"],
            shape=SAY["shape"],
            none=SAY["shape"],
        ),
        facet(
            "second",
            encode(two[:2]),
            SAY["filling"],
            shape=SAY["shape"],
            none=SAY["shape"],
        ),
        same_precision(),
        facet("shape", list(more.shape), SAY["shape"]),
        facet(
            "strangers",
            0,
            "A full pool returns images that it was never given.",
            quiet=True,
        ),
        facet(
            "none",
            encode(more.repeat(20, 1, 1, 1)),
            "A pool of size 0, or one with a lifetime of 0 that holds a batch, changes what goes "
            "through: each image comes back as it is.",
            shape=SAY["shape"],
            quiet=True,
        ),
        facet("large", [True, True, False], SAY["large"], quiet=True),
        facet("equal", False, SAY["equal"], quiet=True),
        facet("aged", encode(marked(PAIRS, look)), SAY["long"], 4, shape=SAY["shape"]),
        facet("kept", True, SAY["short"], 2),
    ]
    numbers = {"pairs": PAIRS, "size": size, "batches": batches, "pattern": encode(look)}
    return numbers, {"facets": [item | {"errors": POOL_ERRORS} for item in items]}


DRAWS = {
    "fresh": "A full pool returns new images with another probability than the task asks for.",
    "always old": "A full pool always returns a stored image: how often shall the new one come "
    "back?",
    "always new": "A full pool always returns the new image: are the stored ones never drawn?",
    "together": "The images of a batch share one decision, or one follows from another: each image "
    "has its own.",
    "strangers": "Images come back that the pool should not have: a stored one that is returned "
    "makes place for the new one, a new one that is returned is not stored, one whose lifetime is "
    "over has left, and no two pools share images.",
    "full_within": "A batch that fills the pool is judged as a whole: once full, it draws for the "
    "rest.",
    "one": "A pool of size 1 does not exchange half of the images: what is special about 1?",
    "oldest": "The oldest stored image always comes back: it is drawn at random.",
    "latest": "The latest stored image always comes back: it is drawn at random.",
    "seeds": "Making a pool sets the seed of the whole program: every pool draws the same.",
    "ranks": "Not all stored images come back equally often: how is the place drawn?",
}
ENDS = {0: "oldest", -1: "latest"}
# Chi-square of right draws, by degrees of freedom: for all but two in a million, a middle and how
# far they are from it.
CHI_SQUARE = {2: (13.8, 13.8), 19: (33.2, 31.2)}


def pool_draws(rng: np.random.Generator) -> tuple[dict, dict]:
    """Shares deviate by more than five standard deviations in two of a million right pools."""
    inputs = {
        "pools": 150,
        "images": 6000,
        "first": int(rng.integers(1, 1000)),
        "sizes": [3, 20],
        "lifetimes": [1, 10**6],  # many images leave, or none does
    }
    constant = [[encode(0.0), DRAWS["always old"]], [encode(1.0), DRAWS["always new"]]]

    def share(key: str, right: Any, n: int, text: str, weight: float = 1, **more: Any) -> dict:
        """The facet of shares that are counted in n draws."""
        p = torch.as_tensor(right, dtype=torch.float64)
        return facet(
            key,
            encode(p),
            DRAWS[text],
            weight,
            rtol=0,
            atol=5 * float((p * (1 - p) / n).max().sqrt()),
            **more,
        )

    items = [
        share("fresh, 20", 0.5, 5900, "fresh", 2, wrong=constant),
        share("together, 20", [0.5] * 4, 5900, "together"),
        facet("strangers", 0, DRAWS["strangers"], 4),
        facet("early", 0, SAY["filling"], 3, quiet=True),
        facet("seeds", False, DRAWS["seeds"], 0.5, quiet=True),
        share("full_within", 0.5, 150, "full_within"),
        share("one", 0.5, 290, "one", 0.5, quiet=True),
        share("fresh, 3", 0.5, 5900, "fresh", quiet=True),
    ]
    for size in inputs["sizes"]:
        wrong = [[encode(torch.eye(size)[i]), DRAWS[name]] for i, name in ENDS.items()]
        middle, tolerance = CHI_SQUARE[size - 1]
        items += [
            share(f"ages, {size}", [1 / size] * size, 2800, "ranks", 0.5, quiet=True, wrong=wrong),
            share(f"again, {size}", 1 / size, 2800, "ranks", 0.5, quiet=True),
            *(
                facet(key, encode(middle), DRAWS["ranks"], 0.5, quiet=True, rtol=0, atol=tolerance)
                for key in (f"spread of ages, {size}", f"spread of places, {size}")
            ),
        ]
    return inputs, {"facets": [item | {"errors": POOL_ERRORS} for item in items]}


def pool_copies(rng: np.random.Generator) -> tuple[dict, dict]:
    inputs = {
        "pattern": encode(torch.from_numpy(rng.uniform(0.5, 1.5, (1, 4, 1)))),
        "size": int(rng.choice([4, 6])),
        "lifetime": 10,
    }
    items = [
        facet(
            "attached",
            False,
            (
                "What comes back still carries a graph: D's loss would reach G through it, and "
                "the pool keep it alive."
            ),
        ),
        facet(
            "foreign",
            0,
            "The pool's images change when the caller changes its own: does it store copies?",
        ),
        facet(
            "input_unchanged",
            True,
            "The images that were passed are changed, or cut off: what comes back is not they.",
            0.5,
        ),
        facet(
            "later",
            True,
            "What came back changes when the pool is asked again: each answer is one of its own.",
            0.5,
        ),
        facet(
            "rounded",
            0,
            "Images come back that are nearly those that went in: are they stored as they are?",
            0.5,
        ),
        facet(
            "fresh",
            encode(0.5),
            "A full pool that gets one image at a time returns the new one too often, or too "
            "seldom: what is done first, to store or to return?",
            0.5,
            atol=0.3,
            rtol=0,
            quiet=True,
        ),
    ]
    return inputs, {"facets": [item | {"errors": POOL_ERRORS} for item in items]}


CHECKS = [
    *table(
        (
            "block_values",
            "ResidualBlock",
            3,
            "output and gradient of a block, what it learns",
            True,
            block_case,
            "block",
        ),
        (
            "block_odd",
            "ResidualBlock",
            2,
            "other dilations, odd and small images, one channel, a bright spot, float32",
            False,
            kinds(
                block_case,
                {
                    "odd": {"shape": (1, 3, 7, 6), "dilation": 4},
                    "one": {"shape": (10, 1, 5, 4)},
                    "wide": {"shape": (1, 6, 4, 5)},
                    "small": {"shape": (1, 2, 2, 3), "dilation": 1},
                    "spike": {"shape": (1, 2, 9, 11), "spike": 9.0},
                    "float32": {"shape": (2, 3, 5, 7), "dtype": "float32", "dilation": 3},
                },
            ),
            "block",
        ),
        (
            "pool_fill",
            "ImagePool",
            2,
            "a pool that fills, a full one, one of size 0, and when images leave",
            True,
            pool_fill,
            "pool_fill",
        ),
        (
            "pool_draws",
            "ImagePool",
            3,
            "what comes back, how often",
            False,
            pool_draws,
            "pool_draws",
        ),
        (
            "pool_copies",
            "ImagePool",
            2,
            "copies, cut off from their history",
            True,
            pool_copies,
            "pool_copies",
        ),
    ),
    *ps3_losses.CHECKS,
    *ps3_step.CHECKS,
]
