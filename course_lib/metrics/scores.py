"""Numbers for translations whose truth is known: labels recognised, the right emoji found, windows lit, hues kept.

``score`` picks those that a data set allows; the sweeps and ``course evaluate`` take theirs from it. Images are batches
(n, 3, h, w) in [-1, 1], label and instance maps (n, h, w) whole numbers. ValueError for shapes that do not fit.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import default_collate

from course_lib import metrics
from course_lib.data import open_dataset
from course_lib.data.facades import label_map
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.metrics.houses import _masks, borders_visible, hue_error, windows_lit
from course_lib.metrics.pixels import _pairs
from course_lib.networks.frozen import Segmenter, load_segmenter, segment

REVISION = 1  # raised when a change of the code or of its files changes what score() gives
BATCH = 16


# Labels recognised (pix2pix, section 4.1; Long et al. 2015, section 5).


def confusion(
    predicted: Integer[Tensor, "*pixels"], truth: Integer[Tensor, "*pixels"], classes: int = 12
) -> Float[Tensor, "classes classes"]:
    """Pixels of each true class (row) that were given each class (column), counted over the whole set, float64."""
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    if predicted.shape != truth.shape or not truth.numel():
        raise ValueError(f"labels {tuple(predicted.shape)} and truth {tuple(truth.shape)} do not fit")
    predicted, truth = predicted.flatten().long(), truth.flatten().long()
    if min(predicted.min(), truth.min()) < 0 or max(predicted.max(), truth.max()) >= classes:
        raise ValueError(f"a label lies outside 0 ... {classes - 1}")
    return multiclass_confusion_matrix(predicted, truth, classes, validate_args=False).double()


def segmentation_scores(matrix: Tensor) -> dict[str, float]:
    """``pixel``, ``class`` and ``iou`` of a confusion matrix H (rows: truth), each in [0, 1].

    pixel = tr H / sum H; class = mean of H_ii / row_i; iou = mean of H_ii / (row_i + column_i - H_ii), with the sums of
    row i and column i. Both means leave out the classes without a true pixel. A pixel wrongly given such a class is
    still an error of its own class, but no class of IoU 0 is added for it.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.sum() > 0:
        raise ValueError(f"expected a square matrix of counts, not all 0, got {tuple(matrix.shape)}")
    matrix = matrix.double()
    right, rows, columns = matrix.diag(), matrix.sum(1), matrix.sum(0)
    there = rows > 0
    values = {"pixel": right.sum() / rows.sum(), "class": (right / rows)[there].mean()}
    values["iou"] = (right / (rows + columns - right))[there].mean()
    return {name: value.item() for name, value in values.items()}


def fcn_score(photos: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]) -> dict[str, float]:
    """FCN-score with the course's own segmenter: does it find in painted façades the labels they were painted from?

    It was trained at 32 to 128 px; larger photographs are shrunk for it. Real ones give the ground-truth row of
    ``frozen_files/facades.json``.
    """
    _masks(photos, labels)
    height, width = photos.shape[-2:]
    shrink = -(-max(height, width) // Segmenter.LARGEST)
    small = photos if shrink == 1 else F.interpolate(photos, (height // shrink, width // shrink), mode="area")
    predicted = segment(load_segmenter().to(photos.device), small)
    predicted = F.interpolate(predicted[:, None].float(), (height, width))[:, 0].long()  # nearest
    return segmentation_scores(confusion(predicted, labels.to(photos.device)))


def label_score(painted: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]) -> dict[str, float]:
    """The same numbers for painted label maps: each pixel gets the class of the nearest colour (CycleGAN, Table 3)."""
    predicted = torch.cat([label_map(chunk) for chunk in painted.cpu().split(BATCH)])
    return segmentation_scores(confusion(predicted, labels.cpu()))


# The right one found.


def retrieval(
    fake: Float[Tensor, "n 3 h w"], truths: Float[Tensor, "n 3 h w"], k: tuple[int, ...] = (1, 5)
) -> dict[str, float]:
    """``top1``, ``top5``: share of fakes whose own truth, of equal index, is among the k true images nearest in L1.

    Another true image at the same distance counts as nearer.
    """
    fake, truths = _pairs(fake, truths)
    distance = torch.cdist(fake.flatten(1), truths.flatten(1), p=1)  # (n, n)
    nearer = (~(distance > distance.diag()[:, None])).sum(1) - 1  # without the truth itself; nan is never far
    return {f"top{best}": (nearer < best).double().mean().item() for best in k}


def shape(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """What is left without colour: the mean of the channels, with mean 0 and deviation 1 over each image."""
    return F.instance_norm(images.mean(1, keepdim=True)).expand_as(images)


# The way back.


def reconstruction(
    method: Method, x: Float[Tensor, "n 3 s s"], direction: str = "xy", noise: float = 0.0, seed: int = 0
) -> float:
    """Mean L1 between x and the way back from its translation, ``translate`` the other way, in [0, 2].

    ``noise`` is the standard deviation of what is added to the translation, as a share of the range: 0.01 is 0.02 in
    [-1, 1]; it is not clamped. A cycle that hides a message in low amplitudes reads it no more (Chu et al. 2017).
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = [_there_and_back(method, part, direction, noise) for part in x.split(_batch(method))]
        return metrics.l1(torch.cat(parts), x)


def _batch(method: Method) -> int:
    """1 where the test batch's statistics count: a result must not depend on its neighbours."""
    return 1 if configs.as_dict(method.config).get("test_batch_statistics") else BATCH


def _there_and_back(method: Method, x: Tensor, direction: str, noise: float, fake: Tensor | None = None) -> Tensor:
    """The way back from x's translation (from ``fake``, if it is at hand), on the CPU."""
    fake = method.translate(x.to(method.device), direction=direction)["fake_y"].cpu() if fake is None else fake
    fake = fake + 2 * noise * torch.randn(fake.shape)  # drawn on the CPU: the same noise on every device
    return method.translate(fake.to(method.device), direction=direction[::-1])["fake_y"].cpu()


# All that a data set allows.


def score(
    method: Method, data: str, split: str = "test", direction: str = "xy", *, noise: float = 0.01, seed: int = 0
) -> dict[str, float]:
    """What can be measured of ``method`` on the named ``data``; ``direction="yx"`` swaps its domains.

    Always: sharpness_ratio, grid_ratio, chroma_ratio, histogram_intersection, lab_L, lab_a, lab_b (sets), n. With true
    pairs: l1, psnr, ssim, and by the task

        façades, to photographs   fcn_pixel, fcn_class, fcn_iou
        touching windows          borders_visible, too
        façades, to labels        labels_pixel, labels_class, labels_iou
        styles of emoji           copy_l1, top1, top5, copy_top1, copy_top5, shape_top1, shape_top5
        day to night              copy_l1, windows_lit (night to day: copy_l1)
        plaster to brick, back    copy_l1, hue_error

    where copy_ is the input taken for the answer, and shape_ compares without colour (:func:`shape`). A method whose
    ``translate`` returns rec_x adds rec_l1. One that translates in both directions adds again_l1, the L1 between two
    translations of the same image, 0 if chance has no part in them, and with rec_x rec_noisy_l1, too (see
    :func:`reconstruction`; ``noise`` is a share of the range); its other direction goes under the prefix yx_, without
    n. Global random state stays as it was; the same ``seed`` gives the same numbers.
    """
    held_out = open_dataset(data, split, method.config.image_size, direction)
    items = default_collate([held_out[i] for i in range(len(held_out))])
    results = {"n": len(held_out)}
    for one in method.directions:
        source, real = items[one[0]], items[one[1]]
        outputs = _outputs(method, items, one, noise, seed)
        fake = outputs["fake_y"]
        found = _of_sets(fake, real)
        if held_out.paired:
            found |= _of_pairs(data, fake, real, source, items, forward=one == direction)
        compared = {"rec_l1": ("rec_x", source), "rec_noisy_l1": ("noisy", source), "again_l1": ("again", fake)}
        for key, (name, other) in compared.items():
            if name in outputs:
                found[key] = metrics.l1(outputs[name], other)
        results |= {name if one == "xy" else f"yx_{name}": value for name, value in found.items()}
    return results


def _outputs(method: Method, items: dict, direction: str, noise: float, seed: int) -> dict[str, Tensor]:
    """fake_y of all items and, if there are any, rec_x, ``noisy`` (the way back from a noisy fake_y) and ``again``."""
    parts: dict[str, list[Tensor]] = {"fake_y": [], "rec_x": [], "noisy": [], "again": []}
    both, size = len(method.directions) > 1, _batch(method)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for start in range(0, len(items["x"]), size):
            rows = slice(start, start + size)
            batch = {name: items[name][rows] for name in ("x", "y", *method.maps)}
            out = method.translate_batch(batch, direction)
            for name in ("fake_y", "rec_x"):
                parts[name] += [out[name].cpu()] if name in out else []
            if both:
                parts["again"].append(method.translate_batch(batch, direction)["fake_y"].cpu())
            if both and "rec_x" in out:
                x, fake = batch[direction[0]], parts["fake_y"][-1]
                parts["noisy"].append(_there_and_back(method, x, direction, noise, fake))
    return {name: torch.cat(found) for name, found in parts.items() if found}


def _of_sets(fake: Tensor, real: Tensor) -> dict[str, float]:
    ratios = (metrics.sharpness_ratio, metrics.grid_ratio, metrics.chroma_ratio, metrics.histogram_intersection)
    lab = metrics.lab_histogram_intersection(fake, real)
    return {metric.__name__: metric(fake, real) for metric in ratios} | _prefixed("lab", lab)


def _of_pairs(data: str, fake: Tensor, real: Tensor, source: Tensor, items: dict, forward: bool) -> dict[str, float]:
    """``forward``: from the domain that the data set calls x to the one it calls y."""
    scores = {metric.__name__: metric(fake, real) for metric in (metrics.l1, metrics.psnr, metrics.ssim)}
    changed = data in ("facades:day-night", "facades:plaster-brick")
    styles = data.startswith("emoji:") and data != "emoji:edges"
    if changed or styles:
        scores["copy_l1"] = metrics.l1(source, real)
    if styles:
        scores |= retrieval(fake, real) | _prefixed("copy", retrieval(source, real))
        scores |= _prefixed("shape", retrieval(shape(fake), shape(real)))
    if data == "facades:touching" and forward:
        scores["borders_visible"] = borders_visible(fake, items["labels"], items["instances"])
    if data in ("facades", "facades:touching", "facades:unpaired"):
        name, labels_seen = ("fcn", fcn_score) if forward else ("labels", label_score)
        scores |= _prefixed(name, labels_seen(fake, items["labels"]))
    if data == "facades:day-night" and forward:
        scores["windows_lit"] = windows_lit(fake, items["labels"], items["instances"])
    if data == "facades:plaster-brick":
        scores["hue_error"] = hue_error(fake, real, items["labels"])
    return scores


def _prefixed(prefix: str, scores: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in scores.items()}
