"""Scores in words: which way is better, why one is missing, and what to make of them all."""

import math
import os

from course_lib.data.folders import ALL, own_splits

COMPARED = "to compare with, or neither better nor worse"
BETTER = {  # a heading, and the scores below it
    "↓ lower is better": "l1 kid_features frechet_features nearest_l1 nearest_features encoded_l1 "
    "rec_l1 rec_noisy_l1 hue_error baseline_mean_l1 baseline_nn_l1 baseline_copy_kid "
    "baseline_real_kid copy_l1",
    "↑ higher is better": "psnr ssim histogram_intersection fcn_pixel fcn_class fcn_iou "
    "fcn_iou_true labels_pixel labels_class labels_iou top1 copy_top1 shape_top1 windows_lit "
    "borders_visible realism_error coverage_features walls_covered",
    "1 is like the real images": "sharpness_ratio grid_ratio chroma_ratio",
    COMPARED: "",
}
MISSING = {  # why a score is nan, by the word in its name
    "kid": "it needs 3 images that are not relatives",
    "frechet": "it needs 3 images that are not relatives",
    "realism": "it needs 8 images",
    "real_pairs": "it needs 2 images",
    "chroma": "the real images are grey",
    "sharpness": "the real images are flat",
    "grid": "the real images have no fine detail",
    "common_colour": "the code changes nothing, or there is but one image",
    "": "nothing in these images can be counted",
}
FEW = 10  # images, or groups of relatives, and fewer are too few to be sure


def table(scores: dict) -> str:
    """What ``runs.evaluate`` returns, a line a score below the way that is better; the verdict."""
    rest, lines = dict(scores), [f"scored: {_scored(scores)}"]
    for heading, names in BETTER.items():
        rows = [name for name in rest if name.removeprefix("yx_") in names.split()]
        if heading == COMPARED:
            rows = [name for name, value in rest.items() if isinstance(value, float)]
            rows = [name for name in rows if not name.endswith(("_low", "_high"))]
        lines += [f"\n{heading}"] * bool(rows)
        lines += [f"{name:24} {_value(name, rest.pop(name), scores)}" for name in rows]
    facts = {k: v for k, v in rest.items() if not k.endswith(("_low", "_high"))}
    lines += ["", *(f"{name:24} {value}" for name, value in facts.items())]
    return "\n".join([*lines, "", verdict(scores)])


def verdict(scores: dict) -> str:
    """One sentence on the whole: better than what took no learning? And what to do about it."""
    few = f"{scores['n']} {_kind(scores)} {'are' if scores['n'] > 1 else 'is'} too few"
    name, what, closer, measure = "l1", "the translations are", "better", "L1"
    if "baseline_nn_l1" in scores:
        if "nearest_l1" in scores:  # of many right answers, one sample is another one
            name, what = "nearest_l1", "the nearest of 8 samples is"
        others = {
            "baseline_mean_l1": "the mean training image",
            "baseline_nn_l1": "the answer to the nearest training input",
        }
    elif "baseline_copy_kid" in scores:
        name, closer, measure = "kid_features", "closer to the real images", "KID"
        others = {"baseline_copy_kid": "the inputs themselves"}
        if math.isnan(scores[name]):
            return f"In short: {few} to compare sets without pairs; give at least {FEW}"
    else:
        return "In short: there is no baseline, since the run's training images are not here"
    worse = {other: words for other, words in others.items() if not scores[name] < scores[other]}
    shown = worse or others
    against = " and ".join(f"{scores[other]:.3f}" for other in shown)
    result = f"{closer} than {' and '.join(shown.values())}"
    result += f" ({measure} {scores[name]:.3f} against {against})"
    is_sure = scores["groups"] >= FEW and all(_apart(name, other, scores) for other in shown)
    few = "" if is_sure else f"; {few} to be sure"
    if worse:
        return f"In short: {what} no {result}: train longer or on more images{few}"
    return f"In short: {what} {result}: look at the pictures next{few}"


def _scored(scores: dict) -> str:
    data, split = scores["data"], scores["split"]
    part = f"all of {data}" if split == ALL else f"the {split} part of {data}"
    if split in ("val", "test") and os.path.isdir(data) and split not in own_splits(data):
        part += ", which the training leaves out"
    return f"{scores['n']} {_kind(scores)}, {part}"


def _kind(scores: dict) -> str:
    return "pair" * ("l1" in scores) + "image" * ("l1" not in scores) + "s" * (scores["n"] != 1)


def _value(name: str, value: float, scores: dict) -> str:
    if math.isnan(value):
        return f"not measured: {_missing(name)}"
    low, high = (scores.get(f"{name}_{end}") for end in ("low", "high"))
    if low is None:
        return f"{value:.4f}"
    if math.isfinite(low):
        return f"{value:.4f} [{low:.4f}, {high:.4f}]"
    why = "an image has no error at all" if math.isinf(value) else "it needs 2 images"
    return f"{value:.4f}, without an interval: {why}"


def _missing(name: str) -> str:
    return next(why for word, why in MISSING.items() if word in name)


def _apart(name: str, other: str, scores: dict) -> bool:
    """Whether the intervals of two scores do not touch."""
    first, second = sorted((name, other), key=scores.__getitem__)
    return scores[f"{first}_high"] < scores[f"{second}_low"]
