"""Numbers for translations whose truth is known: labels recognised, the right emoji found, windows lit, hues kept.

``score`` picks those that a data set allows; the sweeps and ``course evaluate`` take theirs from it. Images are batches
(n, 3, h, w) in [-1, 1], label and instance maps (n, h, w) whole numbers. ValueError for shapes that do not fit.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import default_collate

from course_lib import metrics
from course_lib.data import open_dataset
from course_lib.data.facade_layout import CLASSES

BATCH = 16
LIT = 4.0  # a lit window gives more than this many times the light of its wall: two photographic stops
COLOURED = 8.0  # least chroma, in units of Lab, of a wall that has a hue
UNKNOWN_HUE = 90.0  # degrees: what a hue drawn at random is off on average
WALL, WINDOW = CLASSES.index("facade"), CLASSES.index("window")
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (IEC 61966-2-1)


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
    ``segmenter_files/facades.json``.
    """
    from course_lib.segmenter import SETS, load_segmenter, segment

    _masks(photos, labels)
    height, width = photos.shape[-2:]
    shrink = -(-max(height, width) // max(SETS))
    small = photos if shrink == 1 else F.interpolate(photos, (height // shrink, width // shrink), mode="area")
    predicted = segment(load_segmenter().to(photos.device), small)
    predicted = F.interpolate(predicted[:, None].float(), (height, width))[:, 0].long()  # nearest
    return segmentation_scores(confusion(predicted, labels.to(photos.device)))


def label_score(painted: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]) -> dict[str, float]:
    """The same numbers for painted label maps: each pixel gets the class of the nearest colour (CycleGAN, Table 3)."""
    from course_lib.data.facades import label_map

    predicted = torch.cat([label_map(chunk) for chunk in painted.cpu().split(BATCH)])
    return segmentation_scores(confusion(predicted, labels.cpu()))


# The right one found.


def retrieval(
    fake: Float[Tensor, "n 3 h w"], truths: Float[Tensor, "n 3 h w"], k: tuple[int, ...] = (1, 5)
) -> dict[str, float]:
    """``top1``, ``top5``: share of fakes whose own truth, of equal index, is among the k true images nearest in L1.

    Another true image at the same distance counts as nearer.
    """
    fake, truths = metrics._pairs(fake, truths)
    distance = torch.cdist(fake.flatten(1), truths.flatten(1), p=1)  # (n, n)
    nearer = (~(distance > distance.diag()[:, None])).sum(1) - 1  # without the truth itself; nan is never far
    return {f"top{best}": (nearer < best).double().mean().item() for best in k}


# The way back.


def reconstruction(
    method: Any, x: Float[Tensor, "n 3 s s"], way: str = "xy", noise: float = 0.0, seed: int = 0
) -> float:
    """Mean L1 between x and the way back from its translation, ``translate`` the other way, in [0, 2].

    ``noise`` is the standard deviation of what is added to the translation, as a share of the range: 0.01 is 0.02 in
    [-1, 1]; it is not clamped. A cycle that hides a message in low amplitudes reads it no more (Chu et al. 2017).
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return metrics.l1(torch.cat([_there_and_back(method, part, way, noise) for part in x.split(_batch(method))]), x)


def _batch(method: Any) -> int:
    """1 where the test batch's statistics count: a result must not depend on its neighbours."""
    return 1 if getattr(method.config, "test_batch_statistics", False) else BATCH


def _there_and_back(method: Any, x: Tensor, way: str, noise: float, fake: Tensor | None = None) -> Tensor:
    """The way back from x's translation (from ``fake``, if it is at hand), on the CPU."""
    fake = method.translate(x.to(method.device), way=way)["fake_y"].cpu() if fake is None else fake
    fake = fake + 2 * noise * torch.randn(fake.shape)  # drawn on the CPU: the same noise on every device
    return method.translate(fake.to(method.device), way=way[::-1])["fake_y"].cpu()


# What a façade should look like.


def windows_lit(
    photos: Float[Tensor, "n 3 h w"],
    labels: Integer[Tensor, "n h w"],
    instances: Integer[Tensor, "n h w"],
    times: float = LIT,
) -> float:
    """Share of the windows that give more than ``times`` (4) the light of their wall.

    Light is the luminance in linear light, averaged over the pixels of one window (frame and glass), and over all of
    the façade class in the same picture. True nights: 1.00 at 64 px, 0.99 at 32. Photographs by day: 0.04 and 0.00,
    darkened ones less. To be merely brighter than the wall says little: 92 % are by day, for their frames are white.
    A window without a wall is left out; nan if none is left.
    """
    _masks(photos, labels, instances)
    rgb = (photos.float().clamp(-1, 1) + 1) / 2
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    light = torch.einsum("nchw,c->nhw", linear, linear.new_tensor(LUMINANCE))
    house = torch.arange(len(photos), device=labels.device)[:, None, None].expand_as(labels)
    window = labels == WINDOW
    own = instances.long() + 256 * house
    glow, wall = _mean(light, window, own, 256 * len(photos)), _mean(light, labels == WALL, house, len(photos))
    wall = wall.repeat_interleave(256)  # (256 n,), as glow; nan where there is no such window
    there = ~(glow.isnan() | wall.isnan())
    return (glow > times * wall)[there].double().mean().item()


def hue_error(
    fake: Float[Tensor, "n 3 h w"], truth: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> float:
    """Mean absolute difference between the hues of each house's wall, fake and true, in degrees: 0 to 180.

    The colour of a wall is the mean RGB of the façade class; its hue the angle of (a, b) in Lab. Houses whose true wall
    is nearly grey (chroma under 8) are left out; a fake wall without any colour (chroma under 1) counts as 90. nan if
    no house is left.
    """
    _masks(fake, labels), _masks(truth, labels)
    house = torch.arange(len(labels), device=labels.device)[:, None, None].expand_as(labels)
    lab = []
    for images in (fake, truth):
        colour = [_mean(images[:, c].float(), labels == WALL, house, len(labels)) for c in range(3)]
        lab.append(metrics.rgb_to_lab(torch.stack(colour, 1)[..., None, None]).flatten(1))  # (n, 3)
    (_, a, b), (_, true_a, true_b) = (colours.unbind(1) for colours in lab)
    turn = torch.rad2deg(torch.atan2(b, a) - torch.atan2(true_b, true_a)).abs()
    error = torch.where(torch.hypot(a, b) < 1, UNKNOWN_HUE, torch.minimum(turn, 360 - turn))
    return error[torch.hypot(true_a, true_b) >= COLOURED].mean().item()


def _masks(photos: Tensor, *maps: Tensor) -> None:
    for labels in maps:
        if photos.ndim != 4 or labels.shape != (len(photos), *photos.shape[2:]) or not len(photos):
            raise ValueError(f"photographs {tuple(photos.shape)} and labels {tuple(labels.shape)} do not fit")


def _mean(values: Tensor, mask: Tensor, group: Tensor, groups: int) -> Float[Tensor, " groups"]:
    """Mean of ``values`` where ``mask`` for each number of ``group``, all (n, h, w); nan for one without pixels."""
    total = torch.bincount(group[mask], values[mask].double(), minlength=groups)
    return (total / torch.bincount(group[mask], minlength=groups)).float()


# All that a data set allows.


def score(
    method: Any, data: str, split: str = "test", direction: str = "xy", *, noise: float = 0.01, seed: int = 0
) -> dict[str, float]:
    """What can be measured of ``method`` on the named ``data``; ``direction="yx"`` swaps its domains.

    Always: sharpness_ratio, grid_ratio, chroma_ratio, histogram_intersection, lab_L, lab_a, lab_b (sets), n. With true
    pairs: l1, psnr, ssim, and by the task

        façades, to photographs   fcn_pixel, fcn_class, fcn_iou
        façades, to labels        labels_pixel, labels_class, labels_iou
        styles of emoji           copy_l1, top1, top5, copy_top1, copy_top5
        day to night              copy_l1, windows_lit (night to day: copy_l1)
        plaster to brick, back    copy_l1, hue_error

    where copy_ is the input taken for the answer. A method whose ``translate`` returns rec_x adds rec_l1, and if it has
    ``ways``, rec_noisy_l1 (see :func:`reconstruction`; ``noise`` is a share of the range). The other of two ways goes
    under the prefix yx_, without n. Global random state stays as it was; the same ``seed`` gives the same numbers.
    """
    held_out = open_dataset(data, split, method.config.image_size, direction)
    items = default_collate([held_out[i] for i in range(len(held_out))])
    ways, scores = getattr(method, "ways", ()), {"n": len(held_out)}
    for way in ways or ("xy",):
        source, real = items[way[0]], items[way[1]]
        outputs: dict[str, list[Tensor]] = {"fake_y": [], "rec_x": [], "noisy": []}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for part in source.split(_batch(method)):
                out = method.translate(part.to(method.device), **({"way": way} if ways else {}))
                for name in ("fake_y", "rec_x"):
                    outputs[name] += [out[name].cpu()] if name in out else []
                if ways and "rec_x" in out:
                    outputs["noisy"].append(_there_and_back(method, part, way, noise, outputs["fake_y"][-1]))
        fake = torch.cat(outputs["fake_y"])
        found = _of_sets(fake, real)
        if held_out.paired:
            found |= _of_pairs(data, fake, real, source, items, forward=way == direction)
        for name, key in (("rec_x", "rec_l1"), ("noisy", "rec_noisy_l1")):
            if outputs[name]:
                found[key] = metrics.l1(torch.cat(outputs[name]), source)
        scores |= {name if way == "xy" else f"yx_{name}": value for name, value in found.items()}
    return scores


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
    if data in ("facades", "facades:unpaired"):
        name, judge = ("fcn", fcn_score) if forward else ("labels", label_score)
        scores |= _prefixed(name, judge(fake, items["labels"]))
    if data == "facades:day-night" and forward:
        scores["windows_lit"] = windows_lit(fake, items["labels"], items["instances"])
    if data == "facades:plaster-brick":
        scores["hue_error"] = hue_error(fake, real, items["labels"])
    return scores


def _prefixed(prefix: str, scores: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in scores.items()}
