"""Scores with intervals: what other test images would have given, for the same trained network.

NAME_low and NAME_high are the ends of the 95 % percentile bootstrap over the test images
(``intervals.bootstrap``), which are drawn in groups where the data set has ``groups``: man and
woman running together, or not at all; "groups" is how many there are. They say nothing of another
training: for that, train with other seeds. A
score has an interval if it is made of sums over images: means (l1, psnr, ssim, top1 ...), shares of
windows or borders, ratios of two means (sharpness, grid, chroma), and what a confusion matrix
gives. The kernel distance brings its own (``distances.kid``). Without one remain the overlap of
histograms, the Fréchet distance and realism_error: sets that are drawn again hold copies, and such
scores see that, so that their bootstrap would centre on another value.
"""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import default_collate

from course_lib.data import TwoDomains
from course_lib.methods.base import Method
from course_lib.metrics import distances, houses, pixels, scores
from course_lib.metrics.intervals import bootstrap

RATIOS = {
    "sharpness_ratio": pixels.sharpness,
    "grid_ratio": pixels.grid_energy,
    "chroma_ratio": pixels.chroma,
}


def score(
    method: Method, data: str, split: str = "test", direction: str = "xy"
) -> dict[str, float]:
    """``scores.score`` with intervals, and the distances of the sets of fake and real images."""
    results: dict[str, float] = {}
    for one in scores.translated(method, data, split, direction):
        numbers = scores.measure(one)
        for name, parts in _parts(one).items():
            if math.isnan(numbers[name]):  # a score without a meaning has no interval
                parts = parts * math.nan
            numbers |= _ends(name, parts, one.groups)
        for prefix, matrices in one.matrices.items():
            ends = bootstrap(matrices, _segmentation, groups=one.groups).T.tolist()
            for name, (low, high) in zip(("pixel", "class", "iou"), ends, strict=True):
                numbers |= {f"{prefix}_{name}_low": low, f"{prefix}_{name}_high": high}
        numbers |= distances.distances(one.outputs["fake_y"], one.real, one.groups)
        results |= {"n": len(one.real), "groups": len(one.groups.unique())}
        results |= {f"{one.prefix}{name}": value for name, value in numbers.items()}
    return results


def baselines(held_out: TwoDomains, train: TwoDomains) -> dict[str, float]:
    """Scores of two answers that took no learning, with intervals.

    Of pairs, ``pixels.each_baseline``. Without pairs ``baseline_copy_kid``, kid_features of the
    inputs as they are, and ``baseline_real_kid``, that of real images of ``train``, which is about
    the best that can be expected.
    """
    groups = scores.groups_of(held_out)
    if held_out.paired and train.paired:
        return means(pixels.each_baseline(train, held_out), groups=groups)
    found, count = {}, min(len(held_out), len(train))
    items = default_collate([held_out[i] for i in range(len(held_out))])
    real = torch.stack([train[i * len(train) // count]["y"] for i in range(count)])
    for name, images in (("copy", items["x"]), ("real", real)):
        apart = distances.distances(images, items["y"][: len(images)], groups[: len(images)])
        for end in ("", "_low", "_high"):
            found[f"baseline_{name}_kid{end}"] = apart[f"kid_features{end}"]
    return found


def means(
    each: dict[str, Float[Tensor, " n"]],
    intervals: bool = True,
    groups: Integer[Tensor, " n"] | None = None,
) -> dict[str, float]:
    """The mean of each score over its images and, if wanted, the ends of its interval."""
    numbers = {name: values.mean().item() for name, values in each.items()}
    for name, values in each.items() if intervals else ():
        numbers |= _ends(name, _of_mean(values), groups)
    return numbers


def _parts(one: scores.Translated) -> dict[str, Float[Tensor, "n 2"]]:
    """By score, what each image adds to its numerator and to its denominator."""
    fake, real = one.outputs["fake_y"], one.real
    parts = {}
    for name, measure in RATIOS.items():
        pairs = [(measure(a[None]), measure(b[None])) for a, b in zip(fake, real, strict=True)]
        parts[name] = torch.tensor(pairs)
    parts |= one.shares
    for name, pair in one.l1_pairs.items():
        parts[name] = _of_mean(pixels.each_l1(*pair))
    if one.paired:
        parts["psnr"] = _of_mean(pixels.each_psnr(fake, real))
        parts["ssim"] = _of_mean(pixels.each_ssim(fake, real))
    if one.paired and one.data == "facades:plaster-brick":
        errors = houses.hue_errors(fake, real, one.items["labels"])
        parts["hue_error"] = torch.stack([errors.nan_to_num(0), ~errors.isnan()], dim=1)
    return parts


def _of_mean(values: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    return torch.stack([values, torch.ones_like(values)], dim=1)


def _segmentation(matrices: Float[Tensor, "r 12 12"]) -> Float[Tensor, "r 3"]:
    return torch.tensor([list(scores.segmentation_scores(matrix).values()) for matrix in matrices])


def _ends(name: str, parts: Float[Tensor, "n 2"], groups: Tensor | None) -> dict[str, float]:
    ends = bootstrap(parts, lambda sums: sums[:, :1] / sums[:, 1:], groups=groups)
    low, high = ends[:, 0].tolist()
    return {f"{name}_low": low, f"{name}_high": high}
