"""Numbers for translations whose truth is known: labels recognised, the right emoji found, windows
lit, hues kept.

``score`` picks those that a data set allows; the sweeps and ``course evaluate`` take theirs from
it. Images are batches (n, 3, h, w) in [-1, 1], label and instance maps (n, h, w) whole numbers.
ValueError for shapes that do not fit.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import default_collate

from course_lib.data import facades, opened_for
from course_lib.methods.base import Method
from course_lib.metrics import pixels
from course_lib.metrics.areas import committed_areas
from course_lib.metrics.facades import hue_errors, lit_windows, visible_borders
from course_lib.metrics.perceptual import distances
from course_lib.metrics.resampling import ends, groups_of, of_mean, quotient
from course_lib.networks.frozen import load_segmenter, read_letters, segment, shrunk
from course_lib.networks.hardware import seeded

BATCH = 16
NOISE = 0.01  # standard deviation, as a share of the range: 0.02 in [-1, 1]
RATIOS = {  # and what each compares the means of
    pixels.sharpness_ratio: pixels.sharpness,
    pixels.grid_ratio: pixels.grid_energy,
    pixels.chroma_ratio: pixels.chroma,
}
LABELLED = ("facades", "facades:touching", "facades:unpaired")
DAY_NIGHT = tuple(name for name in facades.TASKS if name.startswith("facades:day-night"))
OF_WINDOWS = (  # score, what counts them, data
    ("borders_visible", visible_borders, ("facades:touching",)),
    ("windows_lit", lit_windows, DAY_NIGHT),
)


# Labels recognised (pix2pix, section 4.1; Long et al. 2015, section 5).


def confusion(
    predicted: Integer[Tensor, "*pixels"], truth: Integer[Tensor, "*pixels"], classes: int = 12
) -> Float[Tensor, "classes classes"]:
    """Pixels of each true class (row) that were given each class (column), counted over the whole
    test set.
    """
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    return multiclass_confusion_matrix(predicted, truth, classes).double()


def segmentation_scores(matrix: Tensor) -> dict[str, float]:
    """``pixel``, ``class`` and ``iou`` of a confusion matrix H (rows: truth), each in [0, 1].

    pixel = tr H / sum H; class = mean of H_ii / row_i; iou = mean of H_ii / (row_i + column_i -
    H_ii), with the sums of row i and column i. Both means leave out the classes without a true
    pixel. A pixel wrongly given such a class is still an error of its own class, but no class of
    IoU 0 is added for it.
    """
    matrix = matrix.double()
    right, rows, columns = matrix.diag(), matrix.sum(1), matrix.sum(0)
    there = rows > 0
    return {
        "pixel": (right.sum() / rows.sum()).item(),
        "class": (right / rows)[there].mean().item(),
        "iou": (right / (rows + columns - right))[there].mean().item(),
    }


def fcn_score(
    photos: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> dict[str, float]:
    """FCN-score with the course's own segmenter: does it find in painted façades the labels they
    were painted from?

    One knows photographs of up to 64 px, another those of up to 128 px; larger ones are shrunk for
    it. What true photographs get, of ordinary houses and of those whose windows touch, stands in
    ``frozen_files/origins.json``.
    """
    return segmentation_scores(fcn_matrices(photos, labels).sum(0))


def fcn_matrices(
    photos: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> Float[Tensor, "n 12 12"]:
    """The confusion matrix of each photograph, for :func:`fcn_score`."""
    small = shrunk(photos)
    predicted = segment(load_segmenter(max(small.shape[-2:])).to(photos.device), small)
    predicted = F.interpolate(predicted[:, None].float(), photos.shape[-2:])[:, 0].long()  # nearest
    return _matrices(predicted.cpu(), labels.cpu())


def label_matrices(
    painted: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> Float[Tensor, "n 12 12"]:
    """The same of painted label maps: each pixel gets the class of the nearest colour (CycleGAN,
    Table 3).
    """
    found = torch.cat([facades.label_map(chunk) for chunk in painted.cpu().split(BATCH)])
    return _matrices(found, labels.cpu())


def _matrices(predicted: Tensor, truth: Tensor) -> Tensor:
    return torch.stack([confusion(*images) for images in zip(predicted, truth, strict=True)])


# The right one found.


def others_nearer(
    fake: Float[Tensor, "n 3 h w"], truths: Float[Tensor, "n 3 h w"]
) -> Integer[Tensor, " n"]:
    """How many other true images are as near to each fake as its own truth, or nearer."""
    fake, truths = pixels.as_pairs(fake, truths)
    distance = torch.cdist(fake.flatten(1), truths.flatten(1), p=1)  # (n, n)
    # Without the truth itself; nan is never far.
    return (~(distance > distance.diag()[:, None])).sum(1) - 1


def shape(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """What is left without colour: the mean of the channels, with mean 0 and deviation 1 over each
    image.
    """
    return F.instance_norm(images.mean(1, keepdim=True)).expand_as(images)


# All that a data set allows.


def score(
    method: Method,
    data: str,
    split: str = "test",
    direction: str = "xy",
    *,
    intervals: bool = False,
) -> dict[str, float]:
    """What can be measured of ``method`` on the named ``data``; ``direction="yx"`` swaps its
    domains.

    Always: sharpness_ratio, grid_ratio, chroma_ratio, histogram_intersection (sets), n. With true
    pairs: l1, psnr, ssim, and by the task

        façades, to photographs   fcn_pixel, fcn_class, fcn_iou; fcn_iou_true of true photographs
        touching windows          borders_visible, too
        line drawings to colours  areas_committed: filled areas of one colour (areas.py)
        letters, to other fonts   letters_read: as what they should be; letters_read_true
        façades, to labels        labels_pixel, labels_class, labels_iou
        styles of emoji           copy_l1, moved_l1, top1, copy_top1, shape_top1
        day to night              copy_l1, moved_l1, windows_lit (night to day: the first two)
        plaster to brick, back    copy_l1, moved_l1, hue_error

    where copy_ is the input taken for the answer, moved_l1 from the input to the translation, and
    shape_ compares without colour (:func:`shape`). A method whose ``translate`` returns rec_x adds
    rec_l1. One that translates in both directions adds again_l1, the L1 between two translations of
    the same image, 0 if chance has no part in them, and with rec_x rec_noisy_l1, the L1 of the way
    back from a translation with noise of NOISE: a cycle that hides a message in low amplitudes
    reads it no more (Chu et al. 2017). Its other direction goes under the prefix yx_, without n.
    Global random state stays as it was; two calls give the same numbers. Scored is what the network
    makes: ``runs.translate_files`` gives a coloured photograph its own luminance back, this does
    not.

    With ``intervals`` there are "groups", how many draws the images count as; NAME_low and
    NAME_high of each score that has an interval (resampling.py); and ``perceptual.distances``.
    """
    results: dict[str, float] = {}
    for one in translated(method, data, split, direction):
        results["n"] = len(one.real)
        numbers, parts = measure(one)
        if intervals:
            results["groups"] = len(one.groups.unique())
            for names, part in parts.items():
                numbers |= ends(names, part, one.groups, _values)
            numbers |= distances(one.outputs["fake_y"], one.real, one.groups, eyes=one.eyes)
        results |= {f"{one.prefix}{name}": value for name, value in numbers.items()}
    return results


class Translated(NamedTuple):
    """All test images of one domain with their translations, in the order of the data set: what
    scores are made of.
    """

    data: str
    forward: bool  # from the domain that the data set calls x to the one it calls y
    prefix: str  # of the scores' names: "" or "yx_"
    paired: bool
    eyes: str  # of the data set
    groups: Integer[Tensor, " n"]  # those that share a number are relatives
    items: dict  # of the data set, each a batch
    source: Tensor
    real: Tensor
    outputs: dict[str, Tensor]  # fake_y and, if there are any, again, rec, rec_noisy


def _styles(data: str) -> bool:
    """Whether x still shows which emoji y is, so that the right one can be searched for."""
    return data.startswith("emoji:") and data != "emoji:edges"


def translated(
    method: Method, data: str, split: str = "test", direction: str = "xy"
) -> Iterator[Translated]:
    """For each direction of ``method`` what it makes of ``split``; the arguments are those of
    :func:`score`.
    """
    held_out = opened_for(method, data, split, direction)
    items = default_collate([held_out[i] for i in range(len(held_out))])
    for one in method.directions:
        yield Translated(
            data,
            forward=one == direction,
            prefix="" if one == "xy" else "yx_",
            paired=held_out.paired,
            eyes=held_out.eyes,
            groups=groups_of(held_out),
            items=items,
            source=items[one[0]],
            real=items[one[1]],
            outputs=_outputs(method, items, one),
        )


def measure(one: Translated) -> tuple[dict[str, float], dict[tuple[str, ...], Tensor]]:
    """The scores of one direction, without prefix; and of those that are made of sums over images,
    what each image adds, by the names of the scores that are made of it.

    That is (n, 2), for the numerator and the denominator, and for the three scores that are made of
    confusion matrices, (n, 12, 12).
    """
    fake, real = one.outputs["fake_y"], one.real
    parts = {(name,): part for name, part in (_means(one) | _shares(one)).items()}
    numbers = {"histogram_intersection": pixels.histogram_intersection(fake, real)}
    for ratio, mean in RATIOS.items():
        pairs = [(mean(a[None]), mean(b[None])) for a, b in zip(fake, real, strict=True)]
        is_nan = math.isnan(ratio(fake, real))  # then there is no interval either
        parts[(ratio.__name__,)] = torch.tensor(pairs) * (math.nan if is_nan else 1)
    if one.paired and one.data == "facades:plaster-brick":
        errors = hue_errors(fake, real, one.items["labels"])
        parts[("hue_error",)] = torch.stack([errors.nan_to_num(0), ~errors.isnan()], dim=1)
    if one.paired and one.data in LABELLED:
        name, count = ("fcn", fcn_matrices) if one.forward else ("labels", label_matrices)
        names = f"{name}_pixel", f"{name}_class", f"{name}_iou"
        parts[names] = count(fake, one.items["labels"])
        if one.forward:  # what this judge gives the truth: the best to be expected
            numbers["fcn_iou_true"] = fcn_score(real, one.items["labels"])["iou"]
    for names, part in parts.items():
        numbers |= zip(names, _values(part.double().sum(0)[None])[0].tolist(), strict=True)
    return numbers, parts


def _means(one: Translated) -> dict[str, Float[Tensor, "n 2"]]:
    """The parts of the scores that are a mean over images."""
    fake, source = one.outputs["fake_y"], one.source
    pairs = {"l1": (fake, one.real)} if one.paired else {}  # the batches to take an L1 between
    if one.paired and (_styles(one.data) or one.data in (*DAY_NIGHT, "facades:plaster-brick")):
        pairs |= {"copy_l1": (source, one.real), "moved_l1": (fake, source)}
    for name, truth in (("again", fake), ("rec", source), ("rec_noisy", source)):
        if name in one.outputs:
            pairs[f"{name}_l1"] = (one.outputs[name], truth)
    each = {name: pixels.each_l1(*pair) for name, pair in pairs.items()}
    if one.paired:
        each |= {"psnr": pixels.each_psnr(fake, one.real), "ssim": pixels.each_ssim(fake, one.real)}
    return {name: of_mean(values) for name, values in each.items()}


def _shares(one: Translated) -> dict[str, Float[Tensor, "n 2"]]:
    """The parts of the scores that are a share: of each image, how many are right, and of how
    many.
    """
    fake, real, shares = one.outputs["fake_y"], one.real, {}
    if one.paired and _styles(one.data):
        grey = shape(fake), shape(real)
        searches = {"top1": (fake, real), "copy_top1": (one.source, real), "shape_top1": grey}
        shares |= {
            name: of_mean((others_nearer(*search) < 1).double())
            for name, search in searches.items()
        }
    if one.paired and one.forward and one.data == "openmoji:lines":
        shares["areas_committed"] = committed_areas(fake, real)
    if one.paired and one.forward and one.data.startswith("letters:"):
        letter = one.items["letter"]
        shares |= {
            "letters_read": of_mean((read_letters(fake) == letter).double()),
            "letters_read_true": of_mean((read_letters(real) == letter).double()),
        }
    for name, counted, data in OF_WINDOWS:
        if one.paired and one.forward and one.data in data:
            shares[name] = counted(fake, one.items["labels"], one.items["instances"])
    return shares


def _values(sums: Float[Tensor, "r ..."]) -> Float[Tensor, "r v"]:
    """The scores that r sums of parts make: one, or of confusion matrices three."""
    if sums.ndim == 2:
        return quotient(sums)
    scores = [list(segmentation_scores(matrix).values()) for matrix in sums]
    return torch.tensor(scores, dtype=torch.double)


def _outputs(method: Method, items: dict, direction: str) -> dict[str, Tensor]:
    """fake_y of all items and, if there are any, ``again`` (a second one), ``rec`` (the way back)
    and ``rec_noisy`` (the way back from a noisy fake_y).
    """
    parts: dict[str, list[Tensor]] = defaultdict(list)
    # one by one where the test batch's statistics count: a result must not depend on its neighbours
    size = 1 if method.mixes_batch else BATCH
    with seeded(0, method.device):
        for rows in torch.arange(len(items["x"])).split(size):
            batch = {name: items[name][rows] for name in ("x", "y", *method.maps)}
            out = method.translate_batch(batch, direction)
            parts["fake_y"].append(fake := out["fake_y"].cpu())
            if "rec_x" in out:
                parts["rec"].append(out["rec_x"].cpu())
            if len(method.directions) == 1:
                continue
            parts["again"].append(method.translate_batch(batch, direction)["fake_y"].cpu())
            if "rec_x" in out:
                # drawn on the CPU: the same noise on every device
                noisy = fake + 2 * NOISE * torch.randn(fake.shape)
                back = method.translate(noisy, direction=direction[::-1])
                parts["rec_noisy"].append(back["fake_y"].cpu())
    return {name: torch.cat(images) for name, images in parts.items()}
