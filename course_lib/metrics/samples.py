"""All that can be measured of a method whose translations of one image differ, by what
diversity.py knows. And of a method that makes images from noise alone.

``runs.evaluate`` and the sweeps add it to ``scores.score`` for every method that has codes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import default_collate

from course_lib.data import opened_for
from course_lib.methods.base import Method
from course_lib.metrics import diversity, pixels, resampling
from course_lib.metrics.perceptual import distances
from course_lib.networks.hardware import seeded

INPUTS, SAMPLES = 100, 20  # of the paper's diversity
MANY = 40  # codes drawn for each input, so that these stay what they are in all stored tables
NEAREST = 8  # answers that a person would look through
PIXELS = 2**18  # that a generator makes at a time


@torch.no_grad()
def translate_codes(
    method: Method, x: Float[Tensor, "n 3 s s"], z: Float[Tensor, "#n k ..."]
) -> Float[Tensor, "n k 3 s s"]:
    """k translations of each x, with codes of its own or, if z is (1, k, ...), the same for all; on
    the CPU.
    """
    z, size, parts = z.expand(len(x), *z.shape[1:]), max(1, PIXELS // x.shape[-1] ** 2), []
    for images, codes in zip(x.split(size), z.split(size), strict=True):
        # code by code: the batches are alike, so that a method that ignores z gives equal answers
        # to the last bit
        fakes = [
            method.translate(images, code.to(method.device))["fake_y"].cpu()
            for code in codes.unbind(1)
        ]
        parts.append(torch.stack(fakes, dim=1))
    return torch.cat(parts)


def score_samples(
    method: Method,
    data: str,
    split: str = "test",
    direction: str = "xy",
    *,
    intervals: bool = False,
) -> dict[str, float]:
    """Diversity, and distances to the real images.

        diversity_features, _l1     mean distance of consecutive samples, 20 of each of 100 inputs
        nearest_l1                  L1 from the true answer to the nearest of 8 samples
        frechet_features            distance to the real images, one sample for each input;
                                    and so is kid_features
        encoded_l1                  L1 between y and G(x, E's mu of y), if there is an E

    The network "features" looks at façades and emoji. At other data it is "lite0", and so are the
    names: diversity_lite0, ... (``perceptual.EYES``).

    With ``intervals`` those that are means over inputs, and kid_features, have NAME_low and
    NAME_high beside them. ``method`` is one that has codes. Global random state stays as it was;
    two calls give the same numbers. Where the test set is small, less is taken.
    """
    held_out = opened_for(method, data, split, direction)
    items = default_collate([held_out[i] for i in range(len(held_out))])
    groups, eyes = resampling.groups_of(held_out), held_out.eyes
    x, y, n = items["x"], items["y"], min(INPUTS, len(held_out))
    rows = torch.arange(n) * len(held_out) // n  # spread over the set, which may be in an order
    generator, sampled = torch.Generator().manual_seed(0), {*rows.tolist()}
    drawn = (
        (torch.randn(MANY, *method.code_shape, generator=generator) for _ in x)
        if len(method.code_shape) == 3  # images: of inputs without samples only the last is kept
        else method.noise(len(x) * MANY, 0).split(MANY)  # in the inputs' order
    )
    kept = [codes if i in sampled else codes[-1:].clone() for i, codes in enumerate(drawn)]
    codes = torch.stack([kept[i] for i in rows])
    samples = translate_codes(method, x[rows], codes[:, :SAMPLES])
    other = translate_codes(method, x, torch.stack([mine[-1:] for mine in kept]))[:, 0]
    each = {f"diversity_{by}": diversity.diversity(samples, by) for by in ("l1", eyes)}
    if held_out.paired:  # else y is no answer to x
        errors = (samples[:, :NEAREST] - y[rows, None]).abs().mean((2, 3, 4))
        each["nearest_l1"] = errors.min(1).values
    numbers = resampling.means(each, intervals, groups[rows])
    if method.reads_codes and held_out.paired:
        chosen = torch.arange(len(x)) if len(method.directions) > 1 else rows
        mu = [method.encode(part) for part in y[chosen].split(64)]
        again = translate_codes(method, x[chosen], torch.cat(mu)[:, None])[:, 0]
        numbers |= resampling.means(
            {"encoded_l1": pixels.each_l1(again, y[chosen])}, intervals, groups[chosen]
        )
    numbers |= distances(other, y, groups, intervals, eyes)
    return numbers


@torch.no_grad()
def score_generated(method: Method, data: str, split: str = "test") -> dict[str, float]:
    """Realism and variety of as many samples as held-out images y, by features and by L1 (in
    [0, 2]); of large sets some 500 images are taken.

        variety_l1               mean distance of two samples
        real_pairs_l1            the same of two real images
        coverage_features        share of the real images to which some sample is nearer than the
                                 next real one (Naeem et al. 2020)
        frechet_features         distance of the two sets; and so is kid_features

    The network is that of the data set, see :func:`score_samples`.
    Two calls give the same numbers; global random state stays as it was.
    """
    held_out = opened_for(method, data, split)
    some = range(0, len(held_out), max(1, len(held_out) // 500))
    real = torch.stack([held_out[i]["y"] for i in some])
    with seeded(0, method.device):
        fake = torch.cat([method.generate(len(part)).cpu() for part in real.split(50)])
    eyes = held_out.eyes
    return distances(fake, real, intervals=False, eyes=eyes) | {
        f"coverage_{eyes}": diversity.coverage(fake[None], real[None], eyes),
        "variety_l1": diversity.variety(fake),
        "real_pairs_l1": diversity.variety(real),
    }
