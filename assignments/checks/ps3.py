"""Problem set 3, CycleGAN: inputs and expectations of its block and its pool.

For the parent only.
"""

import numpy as np
import torch
import torch.nn.functional as F
from checks import ps3_losses, ps3_step
from checks.judges import facet, same_precision, several, table
from checks.probes.tools import encode
from torch import Tensor

# ---- the residual block


def normed(h: Tensor) -> Tensor:
    return F.instance_norm(h)


def convolved(h: Tensor, weight: Tensor, mode: str = "reflect") -> Tensor:
    padded = F.pad(h, (1, 1, 1, 1)) if mode == "zeros" else F.pad(h, (1, 1, 1, 1), mode=mode)
    return F.conv2d(padded, weight)


def residual(
    h: Tensor, one: Tensor, two: Tensor, mode: str = "reflect", norm=normed, act=F.relu
) -> Tensor:
    """What the block adds to its input."""
    return norm(convolved(act(norm(convolved(h, one, mode))), two, mode))


def batch_normed(h: Tensor) -> Tensor:
    return F.batch_norm(h, None, None, training=True)


def layer_normed(h: Tensor) -> Tensor:
    return F.layer_norm(h, h.shape[1:])


def block_case(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[dict, dict]:
    """A block with given weights, on an image of the given shape."""
    channels = shape[1]
    h, at = (torch.from_numpy(rng.normal(0.3, 4, shape)) for _ in range(2))
    one, two = (torch.from_numpy(rng.normal(0, 0.5, (channels, channels, 3, 3))) for _ in range(2))
    inputs = {"image": encode(h), "at": encode(at), "weights": [encode(one), encode(two)]}
    h.requires_grad_()
    added = residual(h, one, two)
    right = h + added
    (gradient,) = torch.autograd.grad((right * at).sum(), h, retain_graph=True)
    inner = normed(convolved(h, one))
    kind = "The norm is another one: which statistics does the task ask for, over which dimensions?"
    pad = "The border is padded another way: what does the task put around the image?"
    wrong = [
        (added, "The input is not added: where is the identity?"),
        (F.relu(right), "There is a ReLU after the sum: the block's output may be negative."),
        (h + F.relu(added), "There is a ReLU after the second norm."),
        (
            F.relu(h) + residual(F.relu(h), one, two),
            "The input itself goes through a ReLU before it is added, perhaps changed in place.",
        ),
        (h + residual(h, one, two, "zeros"), pad),
        (h + residual(h, one, two, "replicate"), pad),
        (h + residual(h, one, two, "circular"), pad),
        (h + residual(h, one, two, norm=lambda v: v), "The norms are missing."),
        (h + residual(h, one, two, norm=batch_normed), kind),
        (h + residual(h, one, two, norm=layer_normed), kind),
        (h + convolved(F.relu(inner), two), "The norm after the second convolution is missing."),
        (
            h + normed(convolved(F.relu(convolved(h, one)), two)),
            "The norm after the first convolution is missing.",
        ),
        (
            h + normed(convolved(normed(F.relu(convolved(h, one))), two)),
            "Norm and ReLU change places.",
        ),
        (h + residual(h, one, two, act=lambda v: v), "There is no ReLU between the convolutions."),
        (
            h + residual(h, one, two, act=lambda v: F.leaky_relu(v, 0.2)),
            "The activation is leaky: which one is asked?",
        ),
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
    size = (
        "The output has another size than the input: what does a 3x3 convolution take from the "
        "border?"
    )
    errors = [["must match the size", size], ["Sizes of tensors", size]]
    errors.append(
        ["in-place operation", "The input is changed in place: the caller still needs it."]
    )
    slope = (
        "The gradient at the input is wrong: is one of the two ways cut off, or changed in place?"
    )
    known = 2 * channels * channels * 9
    items = [
        facet(
            "output",
            encode(right),
            (
                "The output is wrong: which layers does the input pass, in which order, and "
                "what is added?"
            ),
            3,
            wrong=[[encode(w), m] for w, m in wrong],
            shape=size,
            errors=errors,
        ),
        facet(
            "gradient",
            encode(gradient),
            slope,
            quiet=True,
            errors=[["inplace operation", slope], *errors],
        ),
        facet(
            "known",
            None,
            (
                "The block learns another number of weights than its convolutions have: what "
                "else is there, or not found?"
            ),
            wants=[known, known + channels, known + 2 * channels],
        ),
        facet(
            "same in eval",
            True,
            "In eval mode the output is another: do the norms use statistics of their own?",
            0.5,
            beside=True,
        ),
    ]
    return inputs, {"facets": items}


# ---- the pool


def pattern(rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.uniform(0.5, 1.5, (2, 3, 5)))


def images(numbers: list[float], pattern: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None, None, None] * pattern


SHAPE = "As many images come back as went in, stacked as they were: a tensor of the same shape."
FILLING = "While the pool is not full, something else than the new images comes back."
POOL_ERRORS = [
    ["check: ValueError: zip()", SHAPE],
    ["check: TypeError: a tensor or a number is wanted here, not list", SHAPE],
    ["check: AttributeError: 'list'", SHAPE],
    ["expected Tensor as element", SHAPE],
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


def pool_fill(rng: np.random.Generator) -> tuple[dict, dict]:
    marks, size = [float(n) for n in rng.permutation(range(2, 40))[:11]], 5
    batches, look = [marks[:3], marks[3:7], marks[7:]], pattern(rng)
    one, two, more = (images(numbers, look) for numbers in batches)
    items = [
        facet("first", encode(one), FILLING, shape=SHAPE, none=SHAPE, errors=POOL_ERRORS),
        facet(
            "second",
            encode(two[:2]),
            FILLING,
            shape=SHAPE,
            none=SHAPE,
            errors=POOL_ERRORS,
        ),
        same_precision(),
        facet("shape", list(more.shape), SHAPE, errors=POOL_ERRORS),
        facet(
            "strangers",
            0,
            "A full pool returns images that it was never given.",
            quiet=True,
            errors=POOL_ERRORS,
        ),
        facet(
            "none",
            encode(more.repeat(20, 1, 1, 1)),
            "A pool of size 0 changes what goes through: each image comes back as it is.",
            shape=SHAPE,
            errors=POOL_ERRORS,
        ),
    ]
    return {"pattern": encode(look), "size": size, "batches": batches}, {"facets": items}


def pool_draws(rng: np.random.Generator) -> tuple[dict, dict]:
    size = 4
    inputs = {"pattern": encode(pattern(rng)), "size": size, "pools": 300}
    once = "The images of a batch share one decision: each image has its own."
    other = (
        "Images come back that the pool should not have: a stored one that is returned makes "
        "place for the new one, and a new one that is returned is not stored."
    )
    ends = [torch.eye(size)[0], torch.eye(size)[-1]]
    items = [
        facet(
            "fresh",
            encode(0.5),
            "A full pool returns new images with another probability than the task asks for.",
            2,
            atol=0.06,
            rtol=0,
            wrong=[
                [
                    encode(0.0),
                    (
                        "A full pool always returns a stored image: how often shall the new "
                        "one come back?"
                    ),
                ],
                [
                    encode(1.0),
                    "A full pool always returns the new image: are the stored ones never drawn?",
                ],
            ],
        ),
        facet(
            "together",
            encode(0.5),
            once,
            atol=0.15,
            rtol=0,
            wrong=[[encode(1.0), once]],
        ),
        facet("strangers", 0, other, 2),
        facet("early", 0, FILLING, quiet=True),
        facet(
            "full_within",
            encode(0.5),
            "A batch that fills the pool is judged as a whole: once full, it draws for the rest.",
            atol=0.15,
            rtol=0,
            quiet=True,
        ),
        facet(
            "one",
            encode(0.5),
            "A pool of size 1 does not exchange half of the images: what is special about 1?",
            0.5,
            atol=0.15,
            rtol=0,
            quiet=True,
        ),
        facet(
            "ranks",
            encode(torch.full((size,), 1 / size)),
            "Not all stored images come back equally often: how is the place drawn?",
            atol=0.07,
            rtol=0,
            quiet=True,
            wrong=[
                [
                    encode(ends[0]),
                    "The oldest stored image always comes back: it is drawn at random.",
                ],
                [
                    encode(ends[1]),
                    "The latest stored image always comes back: it is drawn at random.",
                ],
            ],
        ),
    ]
    return inputs, {"facets": [item | {"errors": POOL_ERRORS} for item in items]}


def pool_copies(rng: np.random.Generator) -> tuple[dict, dict]:
    look = torch.from_numpy(rng.uniform(0.5, 1.5, (1, 4, 1)))
    inputs = {"pattern": encode(look), "size": int(rng.choice([4, 6]))}
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
            "The images that were passed are changed: what comes back is another tensor.",
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


BLOCK, POOL = "ResidualBlock", "ImagePool"
CHECKS = [
    *table(
        (
            "block_values",
            BLOCK,
            3,
            "output and gradient of a block, what it learns",
            True,
            lambda r: block_case(r, (3, 4, 6, 9)),
            "block",
        ),
        (
            "block_odd",
            BLOCK,
            2,
            "one image of odd height, one channel",
            False,
            lambda r: several(
                {"odd": block_case(r, (1, 3, 7, 6)), "one": block_case(r, (2, 1, 5, 4))}
            ),
            "block",
        ),
        (
            "pool_fill",
            POOL,
            2,
            "a pool that fills, a full one, one of size 0",
            True,
            pool_fill,
            "pool_fill",
        ),
        ("pool_draws", POOL, 3, "what comes back, how often", False, pool_draws, "pool_draws"),
        (
            "pool_copies",
            POOL,
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
