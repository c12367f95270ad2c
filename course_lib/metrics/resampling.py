"""Intervals of scores: what other test images would have given, for the same trained network.

NAME_low and NAME_high are the ends of the 95 % percentile bootstrap over the test images
(``intervals.bootstrap``), which are drawn in groups where the data set has ``groups``: man and
woman running together, or not at all. They say nothing of another training: for that, train with
other seeds. A score has an interval if it is made of sums over images: means (l1, psnr, ssim, top1
...), shares of windows or borders, ratios of two means (sharpness, grid, chroma), and what a
confusion matrix gives. The kernel distance brings its own (``perceptual.kid``). Without one remain
the overlap of histograms and the Fréchet distance: sets that are drawn again hold copies, and such
scores see that, so that their bootstrap would centre on another value.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import Dataset, Subset, default_collate

from course_lib.data import TwoDomains, View, spread
from course_lib.metrics import pixels
from course_lib.metrics.intervals import bootstrap
from course_lib.metrics.perceptual import distances

COMPARED = 2_500_000  # pairs of images, between which a nearest one is looked for


def groups_of(dataset: Dataset) -> Integer[Tensor, " n"]:
    """What ``TwoDomains.groups`` says, or a number of its own for each item."""
    return torch.tensor(View(dataset).groups or range(len(dataset)))


def baselines(held_out: TwoDomains, train: TwoDomains) -> dict[str, float]:
    """Scores of two answers that took no learning, with intervals.

    Of pairs, ``pixels.each_baseline``; where both sets are large, of some held-out ones. Without
    pairs ``baseline_copy_kid``, KID of the inputs as they are, and ``baseline_real_kid``, that of
    real images of ``train``, which is about the best that can be expected; both by the eyes of
    ``held_out``.
    """
    groups = groups_of(held_out)
    if held_out.paired and train.paired:
        rows = spread(range(len(held_out)), max(1, COMPARED // len(train)))
        return means(pixels.each_baseline(train, Subset(held_out, rows)), groups=groups[rows])
    found = {}
    items = default_collate([held_out[i] for i in range(len(held_out))])
    real = torch.stack([item["y"] for item in spread(train, len(held_out))])
    for name, images in (("copy", items["x"]), ("real", real)):
        apart = distances(
            images, items["y"][: len(images)], groups[: len(images)], eyes=held_out.eyes
        )
        found |= {
            f"baseline_{name}_kid{end}": apart[f"kid_{held_out.eyes}{end}"]
            for end in ("", "_low", "_high")
        }
    return found


def means(
    each: dict[str, Float[Tensor, " n"]],
    intervals: bool = True,
    groups: Integer[Tensor, " n"] | None = None,
) -> dict[str, float]:
    """The mean of each score over its images and, if wanted, the ends of its interval."""
    numbers = {name: values.mean().item() for name, values in each.items()}
    for name, values in each.items() if intervals else ():
        numbers |= ends([name], of_mean(values), groups)
    return numbers


def of_mean(values: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    """What each image adds to the numerator and the denominator of the mean."""
    return torch.stack([values, torch.ones_like(values)], dim=1)


def quotient(sums: Float[Tensor, "r 2"]) -> Float[Tensor, "r 1"]:
    """Scores of such parts, by r resamples' sums."""
    return sums[:, :1] / sums[:, 1:]


def ends(
    names: Sequence[str],
    parts: Float[Tensor, "n ..."],
    groups: Integer[Tensor, " n"] | None = None,
    value: Callable[[Tensor], Tensor] = quotient,
) -> dict[str, float]:
    """NAME_low and NAME_high of scores that ``value`` makes of sums of ``parts``, see bootstrap."""
    both = bootstrap(parts, value, groups=groups).T.tolist()
    return {
        f"{name}_{end}": bound
        for name, pair in zip(names, both, strict=True)
        for end, bound in zip(("low", "high"), pair, strict=True)
    }
