"""Numbers for translations whose truth is known: labels recognised, the right emoji found, windows
lit, hues kept.

``score`` picks those that a data set allows; the sweeps and ``course evaluate`` take theirs from
it. Images are batches (n, 3, h, w) in [-1, 1], label and instance maps (n, h, w) whole numbers.
ValueError for shapes that do not fit.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from course_lib import metrics
from course_lib.data import View, open_dataset
from course_lib.data.facades import label_map
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.metrics.houses import _masks, hue_error, lit_windows, visible_borders
from course_lib.metrics.houses import windows_lit as windows_lit  # notebook 04b has it from here
from course_lib.metrics.pixels import _pairs
from course_lib.networks.frozen import load_segmenter, segment, shrunk

BATCH = 16
NOISE = 0.01  # standard deviation, as a share of the range: 0.02 in [-1, 1]
OF_SETS = (
    metrics.sharpness_ratio,
    metrics.grid_ratio,
    metrics.chroma_ratio,
    metrics.histogram_intersection,
)
DAY_NIGHT = ("facades:day-night", "facades:day-night:paired")


# Labels recognised (pix2pix, section 4.1; Long et al. 2015, section 5).


def confusion(
    predicted: Integer[Tensor, "*pixels"], truth: Integer[Tensor, "*pixels"], classes: int = 12
) -> Float[Tensor, "classes classes"]:
    """Pixels of each true class (row) that were given each class (column), counted over the whole
    set, float64.
    """
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    if predicted.shape != truth.shape or not truth.numel():
        raise ValueError(
            f"labels {tuple(predicted.shape)} and truth {tuple(truth.shape)} do not fit"
        )
    predicted, truth = predicted.flatten().long(), truth.flatten().long()
    if min(predicted.min(), truth.min()) < 0 or max(predicted.max(), truth.max()) >= classes:
        raise ValueError(f"a label lies outside 0 ... {classes - 1}")
    return multiclass_confusion_matrix(predicted, truth, classes, validate_args=False).double()


def segmentation_scores(matrix: Tensor) -> dict[str, float]:
    """``pixel``, ``class`` and ``iou`` of a confusion matrix H (rows: truth), each in [0, 1].

    pixel = tr H / sum H; class = mean of H_ii / row_i; iou = mean of H_ii / (row_i + column_i -
    H_ii), with the sums of row i and column i. Both means leave out the classes without a true
    pixel. A pixel wrongly given such a class is still an error of its own class, but no class of
    IoU 0 is added for it.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.sum() > 0:
        raise ValueError(
            f"expected a square matrix of counts, not all 0, got {tuple(matrix.shape)}"
        )
    matrix = matrix.double()
    right, rows, columns = matrix.diag(), matrix.sum(1), matrix.sum(0)
    there = rows > 0
    values = {"pixel": right.sum() / rows.sum(), "class": (right / rows)[there].mean()}
    values["iou"] = (right / (rows + columns - right))[there].mean()
    return {name: value.item() for name, value in values.items()}


def fcn_score(
    photos: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> dict[str, float]:
    """FCN-score with the course's own segmenter: does it find in painted façades the labels they
    were painted from?

    One knows photographs of up to 64 px, another those of up to 128 px; larger ones are shrunk for
    it. What true photographs get, of ordinary houses and of those whose windows touch, stands in
    ``frozen_files/facades.json`` and ``facades_128.json``.
    """
    return segmentation_scores(fcn_matrices(photos, labels).sum(0))


def fcn_matrices(
    photos: Float[Tensor, "n 3 h w"], labels: Integer[Tensor, "n h w"]
) -> Float[Tensor, "n 12 12"]:
    """The confusion matrix of each photograph, for :func:`fcn_score`."""
    _masks(photos, labels)
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
    return _matrices(
        torch.cat([label_map(chunk) for chunk in painted.cpu().split(BATCH)]), labels.cpu()
    )


def _matrices(predicted: Tensor, truth: Tensor) -> Tensor:
    return torch.stack([confusion(*images) for images in zip(predicted, truth, strict=True)])


# The right one found.


def others_nearer(
    fake: Float[Tensor, "n 3 h w"], truths: Float[Tensor, "n 3 h w"]
) -> Integer[Tensor, " n"]:
    """How many other true images are as near to each fake as its own truth, or nearer."""
    fake, truths = _pairs(fake, truths)
    distance = torch.cdist(fake.flatten(1), truths.flatten(1), p=1)  # (n, n)
    return (~(distance > distance.diag()[:, None])).sum(
        1
    ) - 1  # without the truth itself; nan is never far


def shape(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """What is left without colour: the mean of the channels, with mean 0 and deviation 1 over each
    image.
    """
    return F.instance_norm(images.mean(1, keepdim=True)).expand_as(images)


# All that a data set allows.


def score(
    method: Method, data: str, split: str = "test", direction: str = "xy"
) -> dict[str, float]:
    """What can be measured of ``method`` on the named ``data``; ``direction="yx"`` swaps its
    domains.

    Always: sharpness_ratio, grid_ratio, chroma_ratio, histogram_intersection (sets), n. With true
    pairs: l1, psnr, ssim, and by the task

        façades, to photographs   fcn_pixel, fcn_class, fcn_iou; fcn_iou_true of true photographs
        touching windows          borders_visible, too
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
    Global random state stays as it was; two calls give the same numbers.
    """
    results: dict[str, float] = {}
    for one in translated(method, data, split, direction):
        results["n"] = len(one.real)
        results |= {f"{one.prefix}{name}": value for name, value in measure(one).items()}
    return results


class Translated(NamedTuple):
    """All test images of one domain with their translations, in the order of the data set: what
    scores are made of.
    """

    data: str
    forward: bool  # from the domain that the data set calls x to the one it calls y
    prefix: str  # of the scores' names: "" or "yx_"
    paired: bool
    groups: Integer[Tensor, " n"]  # those that share a number are relatives
    items: dict  # of the data set, each a batch
    source: Tensor
    real: Tensor
    outputs: dict[str, Tensor]  # fake_y and, if there are any, rec_x, noisy, again

    @property
    def l1_pairs(self) -> dict[str, tuple[Tensor, Tensor]]:
        """By the names of the scores that are an L1: the two batches between which it is taken."""
        fake, pairs = self.outputs["fake_y"], {}
        if self.paired:
            pairs["l1"] = (fake, self.real)
            if _styles(self.data) or self.data in (*DAY_NIGHT, "facades:plaster-brick"):
                pairs |= {"copy_l1": (self.source, self.real), "moved_l1": (fake, self.source)}
        if "again" in self.outputs:
            pairs["again_l1"] = (self.outputs["again"], fake)
        if "rec_x" in self.outputs:
            pairs["rec_l1"] = (self.outputs["rec_x"], self.source)
        if "noisy" in self.outputs:
            pairs["rec_noisy_l1"] = (self.outputs["noisy"], self.source)
        return pairs

    @property
    def shares(self) -> dict[str, Float[Tensor, "n 2"]]:
        """By the names of the scores that are a share: of each image, how many are right, and of
        how many.
        """
        fake, real, shares = self.outputs["fake_y"], self.real, {}
        if self.paired and _styles(self.data):
            searches = {
                "top1": (fake, real),
                "copy_top1": (self.source, real),
                "shape_top1": (shape(fake), shape(real)),
            }
            for name, search in searches.items():
                nearer = others_nearer(*search)
                shares[name] = torch.stack([nearer < 1, nearer >= 0], 1).double()
        if self.forward and self.data == "facades:touching":
            maps = self.items["labels"], self.items["instances"]
            shares["borders_visible"] = visible_borders(fake, *maps)
        if self.forward and self.paired and self.data in DAY_NIGHT:
            maps = self.items["labels"], self.items["instances"]
            shares["windows_lit"] = lit_windows(fake, *maps)
        return shares

    @property
    def matrices(self) -> dict[str, Float[Tensor, "n 12 12"]]:
        """ "fcn" or "labels", where labels of façades are known: the confusion matrix of each
        translation.
        """
        if not self.paired or self.data not in ("facades", "facades:touching", "facades:unpaired"):
            return {}
        name, of_each = ("fcn", fcn_matrices) if self.forward else ("labels", label_matrices)
        return {name: of_each(self.outputs["fake_y"], self.items["labels"])}


def _styles(data: str) -> bool:
    """Whether it draws the same emoji in two styles, so that the right one can be searched for."""
    return data.startswith("emoji:") and data != "emoji:edges"


def translated(
    method: Method, data: str, split: str = "test", direction: str = "xy"
) -> Iterator[Translated]:
    """For each direction of ``method`` what it makes of ``split``; the arguments are those of
    :func:`score`.
    """
    held_out = open_dataset(
        data, split, method.config.image_size, direction, load=method.config.load
    )
    items = default_collate([held_out[i] for i in range(len(held_out))])
    for one in method.directions:
        prefix, outputs = "" if one == "xy" else "yx_", _outputs(method, items, one)
        forward, paired, groups = one == direction, held_out.paired, groups_of(held_out)
        yield Translated(
            data, forward, prefix, paired, groups, items, items[one[0]], items[one[1]], outputs
        )


def groups_of(dataset: Dataset) -> Integer[Tensor, " n"]:
    """What ``TwoDomains.groups`` says, or a number of its own for each item."""
    return torch.tensor(View(dataset).groups or range(len(dataset)))


def measure(one: Translated) -> dict[str, float]:
    """The scores of one direction, without prefix: see :func:`score`."""
    fake, real = one.outputs["fake_y"], one.real
    numbers = {metric.__name__: metric(fake, real) for metric in OF_SETS}
    numbers |= {name: metrics.l1(*pair) for name, pair in one.l1_pairs.items()}
    if one.paired:
        numbers |= {"psnr": metrics.psnr(fake, real), "ssim": metrics.ssim(fake, real)}
    for name, counts in one.shares.items():
        numbers[name] = (counts[:, 0].sum() / counts[:, 1].sum()).item()
    for name, matrices in one.matrices.items():
        parts = segmentation_scores(matrices.sum(0))
        numbers |= {f"{name}_{part}": value for part, value in parts.items()}
        if name == "fcn":  # what this judge gives the truth: the best to be expected
            numbers["fcn_iou_true"] = fcn_score(real, one.items["labels"])["iou"]
    if one.paired and one.data == "facades:plaster-brick":
        numbers["hue_error"] = hue_error(fake, real, one.items["labels"])
    return numbers


def _outputs(method: Method, items: dict, direction: str) -> dict[str, Tensor]:
    """fake_y of all items and, if there are any, rec_x, ``noisy`` (the way back from a noisy
    fake_y) and ``again``.
    """
    parts: dict[str, list[Tensor]] = {"fake_y": [], "rec_x": [], "noisy": [], "again": []}
    # one by one where the test batch's statistics count: a result must not depend on its neighbours
    size = 1 if configs.as_dict(method.config).get("test_batch_statistics") else BATCH
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for start in range(0, len(items["x"]), size):
            rows = slice(start, start + size)
            batch = {name: items[name][rows] for name in ("x", "y", *method.maps)}
            out = method.translate_batch(batch, direction)
            for name in ("fake_y", "rec_x"):
                parts[name] += [out[name].cpu()] if name in out else []
            if len(method.directions) == 1:
                continue
            parts["again"].append(method.translate_batch(batch, direction)["fake_y"].cpu())
            if "rec_x" in out:
                fake = parts["fake_y"][-1]
                fake = fake + 2 * NOISE * torch.randn(
                    fake.shape
                )  # drawn on the CPU: the same noise on every device
                back = method.translate(fake.to(method.device), direction=direction[::-1])
                parts["noisy"].append(back["fake_y"].cpu())
    return {name: torch.cat(images) for name, images in parts.items() if images}
