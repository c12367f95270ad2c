"""Scores in words: which way is better, why one is missing, and what to make of them all."""

import math

from course_lib.data.folders import ALL

LOWER, HIGHER = "↓ lower is better", "↑ higher is better"
LIKE, COMPARED = "1 is like the real images", "to compare with, or neither better nor worse"
UNCOUNTED = "nothing in these images can be counted"
# Which way is better, why one is nan, and the scores of which both are true. What is said of
# NAME_features is true of NAME_lite0: their networks are told apart in perceptual.py.
SCORES = (
    (LOWER, UNCOUNTED, "l1 nearest_l1 encoded_l1 rec_l1 rec_noisy_l1 hue_error"),
    (LOWER, UNCOUNTED, "baseline_mean_l1 baseline_nn_l1 copy_l1"),
    (LOWER, "it needs 3 images that are not relatives", "kid_features frechet_features"),
    (LOWER, "it needs 3 images that are not relatives", "baseline_copy_kid baseline_real_kid"),
    (
        HIGHER,
        UNCOUNTED,
        "psnr ssim histogram_intersection fcn_pixel fcn_class fcn_iou fcn_iou_true",
    ),
    (HIGHER, UNCOUNTED, "labels_pixel labels_class labels_iou top1 copy_top1 shape_top1"),
    (
        HIGHER,
        UNCOUNTED,
        "windows_lit borders_visible areas_committed coverage_features "
        "letters_read letters_read_true",
    ),
    (LIKE, "the real images are flat", "sharpness_ratio"),
    (LIKE, "the real images have no fine detail", "grid_ratio"),
    (LIKE, "the real images are grey", "chroma_ratio"),
)
BASELINES = {
    "baseline_mean_l1": "the mean training image",
    "baseline_nn_l1": "the answer to the nearest training input",
    "baseline_copy_kid": "the inputs themselves",
}
FEW = 10  # images, or groups of relatives, and fewer are too few to be sure


def table(scores: dict) -> str:
    """What ``runs.evaluate`` returns, a line a score below the way that is better; the verdict."""
    names = [name for name in scores if not name.endswith(("_low", "_high"))]
    numbers = [name for name in names if isinstance(scores[name], float)]
    lines = [f"scored: {_scored(scores)}"]
    for heading in (LOWER, HIGHER, LIKE, COMPARED):
        rows = [name for name in numbers if _known(name)[0] == heading]
        lines += [f"\n{heading}"] * bool(rows)
        lines += [f"{name:24} {value_of(name, scores)}" for name in rows]
    facts = [f"{name:24} {scores[name]}" for name in names if name not in numbers]
    return "\n".join([*lines, "", *facts, "", verdict(scores)])


def verdict(scores: dict) -> str:
    """One sentence on the whole: better than what took no learning? And what to do about it."""
    few = f"{scores['n']} {_kind(scores)} {'are' if scores['n'] > 1 else 'is'} too few"
    others = {name: words for name, words in BASELINES.items() if name in scores}
    if not others:
        why = "are what is scored" if scores.get("split") == "train" else "are not here"
        return f"In short: there is no baseline, since the run's training images {why}"
    name, what, closer, measure = "l1", "the translations are", "better", "L1"
    if "baseline_copy_kid" in others:
        if "learned_through" in scores:
            return "In short: it learned through the network that counts KID: judge the pictures"
        name = "kid_lite0" if "kid_lite0" in scores else "kid_features"
        closer, measure = "closer to the real images", "KID"
        if math.isnan(scores[name]):
            return f"In short: {few} to compare sets without pairs; give at least {FEW}"
    elif "nearest_l1" in scores:  # of many right answers, one sample is another one
        name, what = "nearest_l1", "the nearest of 8 samples is"
    worse = {other: words for other, words in others.items() if not scores[name] < scores[other]}
    shown = worse or others
    against = " and ".join(f"{scores[other]:.3f}" for other in shown)
    result = (
        f"{closer} than {' and '.join(shown.values())} "
        f"({measure} {scores[name]:.3f} against {against})"
    )
    is_sure = scores["groups"] >= FEW and all(_apart(name, other, scores) for other in shown)
    few = "" if is_sure else f"; {few} to be sure"
    if worse:
        return f"In short: {what} no {result}: train longer or on more images{few}"
    return f"In short: {what} {result}: look at the pictures next{few}"


def _known(name: str) -> tuple[str, str]:
    """Of a score of either direction which way is better, and why it is nan if it is."""
    name = name.removeprefix("yx_").replace("_lite0", "_features")
    return next((row for row in SCORES if name in row[2].split()), (COMPARED, UNCOUNTED))[:2]


def _scored(scores: dict) -> str:
    data, split = scores["data"], scores["split"]
    part = f"all of {data}" if split == ALL else f"the {split} part of {data}"
    return f"{scores['n']} {_kind(scores)}, {part}"


def _kind(scores: dict) -> str:
    return ("pair" if "l1" in scores else "image") + "s" * (scores["n"] != 1)


def value_of(name: str, scores: dict) -> str:
    """A score with its interval, or why there is none."""
    value, low, high = (scores.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if math.isnan(value):
        return f"not measured: {_known(name)[1]}"
    if low is None:
        return f"{value:.4f}"
    if math.isfinite(low):
        return f"{value:.4f} [{low:.4f}, {high:.4f}]"
    why = "an image has no error at all" if math.isinf(value) else "it needs 2 images"
    return f"{value:.4f}, without an interval: {why}"


def _apart(name: str, other: str, scores: dict) -> bool:
    """Whether the intervals of two scores do not touch."""
    pairs = ((name, other), (other, name))
    return any(scores[f"{below}_high"] < scores[f"{above}_low"] for below, above in pairs)
