"""Scores with intervals: what other test images would have given, for the same trained network.

NAME_low and NAME_high are the ends of the 95 % percentile bootstrap over the test images (``intervals.bootstrap``).
They say nothing of another training: for that, train with other seeds. A score has an interval if it is made of sums
over images: means (l1, psnr, ssim, top1 ...), shares of windows or borders, ratios of two means (sharpness, grid,
chroma), and what a confusion matrix gives. The kernel distance brings its own (``distances.kid``). Without one remain
the overlaps of histograms, the Fréchet distance and realism_error: sets that are drawn again hold copies, and such
scores see that, so that their bootstrap would centre on another value.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.methods.base import Method
from course_lib.metrics import distances, houses, pixels, scores
from course_lib.metrics.intervals import bootstrap


def score(
    method: Method, data: str, split: str = "test", direction: str = "xy"
) -> dict[str, float]:
    """``scores.score`` with intervals, and the distances of the sets on all features that are available here."""
    results: dict[str, float] = {}
    for it in scores.translated(method, data, split, direction):
        found = scores.measure(it) | _bounds(_quotients(it))
        for prefix, matrices in it.matrices.items():
            found |= _ends(
                [f"{prefix}_{name}" for name in ("pixel", "class", "iou")], matrices, _segmentation
            )
        for by in distances.available():
            found |= distances.distances(it.outputs["fake_y"], it.real, by)
        results |= {"n": len(it.real)} | {
            f"{it.prefix}{name}": value for name, value in found.items()
        }
    return results


def means(each: dict[str, Float[Tensor, " n"]], intervals: bool = True) -> dict[str, float]:
    """The mean of each score over its images and, if wanted, the ends of its interval."""
    found = {name: values.mean().item() for name, values in each.items()}
    return found | (
        _bounds({name: _mean(values) for name, values in each.items()}) if intervals else {}
    )


def _quotients(it: scores.Translated) -> dict[str, Float[Tensor, "n 2"]]:
    """What each image adds to numerator and denominator of the scores that are one sum over another."""
    fake, real = it.outputs["fake_y"], it.real
    ratios = {
        "sharpness_ratio": pixels.sharpness,
        "grid_ratio": pixels.grid_energy,
        "chroma_ratio": pixels.chroma,
    }
    found = {
        name: torch.stack([_alone(m, fake), _alone(m, real)], dim=1) for name, m in ratios.items()
    }
    found |= it.shares | {name: _mean(pixels.each_l1(*pair)) for name, pair in it.l1_pairs.items()}
    if it.paired:
        found |= {
            "psnr": _mean(pixels.each_psnr(fake, real)),
            "ssim": _mean(pixels.each_ssim(fake, real)),
        }
    if it.paired and it.data == "facades:plaster-brick":
        errors = houses.hue_errors(fake, real, it.items["labels"])
        found["hue_error"] = torch.stack([errors.nan_to_num(0), ~errors.isnan()], dim=1)
    return found


def _mean(values: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    return torch.stack([values, torch.ones_like(values)], dim=1)


def _alone(measure: Callable[[Tensor], float], images: Tensor) -> Float[Tensor, " n"]:
    return torch.tensor([measure(image[None]) for image in images])


def _segmentation(matrices: Float[Tensor, "r 12 12"]) -> Float[Tensor, "r 3"]:
    return torch.tensor([list(scores.segmentation_scores(matrix).values()) for matrix in matrices])


def _bounds(quotients: dict[str, Float[Tensor, "n 2"]]) -> dict[str, float]:
    ends = (
        _ends([name], parts, lambda sums: sums[:, :1] / sums[:, 1:])
        for name, parts in quotients.items()
    )
    return {name: end for pair in ends for name, end in pair.items()}


def _ends(
    names: list[str], parts: Float[Tensor, "n ..."], value: Callable[[Tensor], Tensor]
) -> dict[str, float]:
    ends = bootstrap(parts, value).tolist()  # low and high, each of all names
    return {
        f"{names[i]}_{end}": ends[k][i]
        for i in range(len(names))
        for k, end in enumerate(("low", "high"))
    }
