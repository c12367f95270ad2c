"""Scores against values worked out by hand, against constructed answers, and against the truth of
the data sets.
"""

import math

import pytest
import torch

from course_lib.data import facades, open_dataset
from course_lib.data.images import to_image
from course_lib.houses.layout import CLASSES
from course_lib.methods.base import Method
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.metrics import scores
from tests.support.pictures import saved
from tests.support.tensors import REFUSED, noise

WALL, WINDOW = CLASSES.index("facade"), CLASSES.index("window")
SETS = {"sharpness_ratio", "grid_ratio", "chroma_ratio", "histogram_intersection"}
PAIRS = SETS | {"l1", "psnr", "ssim"}


@pytest.fixture(autouse=True)
def few_houses(monkeypatch):
    monkeypatch.setitem(facades.HOUSES, "test", 20)
    monkeypatch.setitem(facades.HOUSES, "train", 20)


def houses(task, size=32):
    data = open_dataset(task, "test", size)
    return torch.utils.data.default_collate([data[i] for i in range(len(data))])


class Stub(Method):
    """A method that translates with two functions; a way back is offered only if there are both."""

    def __init__(self, there, back=None, size=32, rec=True, **config):
        super().__init__(
            Config(image_size=size, d_layers=1, **({"test_batch_statistics": False} | config))
        )
        self.there, self.back, self.rec, self.sizes = there, back, rec, []
        self.mixes_batch = self.config.test_batch_statistics
        if back:
            self.directions = ("xy", "yx")

    def translate(self, x, direction="xy"):
        self.sizes.append(len(x))
        if not self.back:
            return {"fake_y": self.there(x)}
        first, second = (self.there, self.back) if direction == "xy" else (self.back, self.there)
        return {"fake_y": (fake := first(x))} | ({"rec_x": second(fake)} if self.rec else {})


def looked_up(data, key, other):
    """The true answer to each image that the data set holds under ``key``."""
    items = [data[i] for i in range(len(data))]
    return lambda x: torch.stack(
        [next(i[other] for i in items if torch.equal(i[key], image)) for image in x]
    )


def test_confusion_and_its_scores_by_hand():
    truth, predicted = torch.tensor([[0, 0, 0], [1, 1, 2]]), torch.tensor([[0, 0, 1], [1, 3, 2]])
    matrix = scores.confusion(predicted, truth, classes=4)
    assert matrix.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    found = scores.segmentation_scores(matrix)
    # class 3 is never true, so no class of the means; the pixel given to it is lost to class 1
    assert found["pixel"] == pytest.approx(4 / 6)
    assert found["class"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["iou"] == pytest.approx((2 / (3 + 2 - 2) + 1 / (2 + 2 - 1) + 1) / 3)


def test_painted_labels_are_read_by_the_nearest_colour():
    def found(painted):
        return scores.segmentation_scores(scores.label_matrices(painted, labels).sum(0))

    labels = houses("facades")["labels"]
    painted = facades.colour_labels(labels)
    perfect = {"pixel": 1.0, "class": 1.0, "iou": 1.0}
    assert found(painted) == perfect
    assert found(painted + 0.25 * noise(20, 32)) == perfect  # colours are at least 0.66 apart
    half = painted.clone()
    half[:, :, :16] = facades.colour_labels((labels[:, :16] + 1) % 12)
    assert found(half)["pixel"] == pytest.approx(0.5)
    assert found(facades.colour_labels(labels.roll(1, 0)))["iou"] < 0.6
    with pytest.raises(REFUSED):
        found(painted[:3])


def test_retrieval_of_copies_of_neighbours_and_of_ties():
    # distances without rounding
    truths = torch.arange(10.0).view(10, 1, 1, 1).expand(10, 3, 4, 4) / 8 - 0.5
    assert not scores.others_nearer(truths, truths).any()
    # each fake is the next image; before its own come that one and the one behind it (a tie), but
    # the next to last has none behind, and the last is far off
    assert scores.others_nearer(truths.roll(-1, 0), truths).tolist() == [2] * 8 + [1, 9]
    twins = torch.cat([truths[:1], truths[:1], truths[5:]])  # not told from one another
    assert scores.others_nearer(twins, twins).tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert (scores.others_nearer(torch.full_like(truths, math.nan), truths) == 9).all()
    with pytest.raises(REFUSED):
        scores.others_nearer(truths[:3], truths)


def test_noise_destroys_a_hidden_message_and_not_an_honest_picture():
    hider = Stub(lambda x: 0.3 + x / 1000, lambda y: ((y - 0.3) * 1000).clamp(-1, 1))
    honest = Stub(lambda x: -x, lambda y: -y)
    hidden, shown = (scores.score(method, "facades:day-night") for method in (hider, honest))
    assert hidden["rec_l1"] < 1e-3 and shown["rec_l1"] == 0 and hidden["rec_noisy_l1"] > 0.8
    expected = 0.02 * math.sqrt(2 / math.pi)  # E|N(0, 0.02)|: 1 % of the range 2
    assert shown["rec_noisy_l1"] == pytest.approx(expected, rel=0.03)
    # the other way starts with the other network: what is not hidden in y is lost at once
    assert hidden["yx_rec_l1"] > 0.1


def linear(value):
    """The sRGB value in [-1, 1] of a share of the light (above 0.0031)."""
    return 2 * (1.055 * value ** (1 / 2.4) - 0.055) - 1


def test_lit_windows_by_hand():
    labels = torch.full((2, 8, 8), WALL)
    labels[0, 1:3, 1:3], labels[:, 5:7, 1:3] = WINDOW, WINDOW
    instances = torch.zeros(2, 8, 8, dtype=torch.long)
    instances[0, 1:3, 1:3] = 3
    instances[:, 5:7, 1:3] = 4  # in both pictures: two windows, not one
    photos = torch.full((2, 3, 8, 8), linear(0.1))
    photos[0, :, 1:3, 1:3] = linear(0.41)  # lit
    photos[0, :, 5:7, 1:3] = linear(0.39)  # brighter than the wall, not lit
    photos[1, :, 5:7, 1], photos[1, :, 5:7, 2] = linear(0.02), linear(0.9)  # on average 0.46
    assert scores.lit_windows(photos, labels, instances).sum(0).tolist() == [2, 3]
    photos[1] = -1  # everything black is not lit
    assert scores.lit_windows(photos, labels, instances).sum(0).tolist() == [1, 3]
    assert not scores.lit_windows(photos, torch.full_like(labels, WALL), instances).any()
    with pytest.raises(REFUSED):
        scores.lit_windows(photos, labels[:, :4], instances)


def flat(*colours):
    return torch.tensor(colours)[:, :, None, None].expand(-1, 3, 4, 4).clone()


def hue_error(fake, truth, labels):
    errors = scores.hue_errors(fake, truth, labels)
    return errors[~errors.isnan()].mean().item()


def test_hue_error_by_hand():
    red, blue, green = flat((1.0, -1, -1)), flat((-1.0, -1, 1)), flat((-1.0, 1, -1))
    grey = flat((0.2, 0.2, 0.2))
    labels = torch.full((1, 4, 4), WALL)
    for fake, truth, degrees in (  # the primaries of sRGB lie at 40.0, 136.0 and 306.3 in Lab
        (red, green, 96.0),
        (red, blue, 360 - 306.3 + 40.0),
        (red, red, 0),
        (grey, red, 90),  # no hue at all
    ):
        assert hue_error(fake, truth, labels) == pytest.approx(degrees, abs=0.1)
    assert math.isnan(hue_error(red, grey, labels))
    both = hue_error(torch.cat([red, red]), torch.cat([grey, green]), labels.expand(2, 4, 4))
    assert both == pytest.approx(96.0, abs=0.1)  # the grey house is left out
    labels[0, :2], red[:, :, :2] = WINDOW, 1.0  # what is no wall does not count
    assert hue_error(red, green, labels) == pytest.approx(96.0, abs=0.1)
    with pytest.raises(REFUSED):
        hue_error(red, green, labels[:, :2])


def test_score_of_the_truth_on_facades_both_ways():
    data = open_dataset("facades:unpaired", "test", 32)
    method = Stub(looked_up(data, "x", "y"), looked_up(data, "y", "x"), rec=False)
    found = scores.score(method, "facades:unpaired")
    fcn, labels = (
        {f"{name}_{part}" for part in ("pixel", "class", "iou")} for name in ("fcn", "labels")
    )
    fcn |= {"fcn_iou_true"}
    pairs = PAIRS | {"again_l1"}
    assert found["fcn_iou_true"] == found["fcn_iou"]  # the truth is at its own ceiling
    assert found.keys() == {"n"} | pairs | fcn | {f"yx_{name}" for name in pairs | labels}
    assert found["n"] == 20 and found["l1"] == found["yx_l1"] == 0 and found["yx_labels_iou"] == 1
    items = houses("facades:unpaired")
    assert found["fcn_iou"] == scores.fcn_score(items["y"], items["labels"])["iou"] > 0.3
    turned = scores.score(
        Stub(method.back, method.there, rec=False), "facades:unpaired", direction="yx"
    )
    swapped = {
        name.removeprefix("yx_") if name.startswith("yx_") else f"yx_{name}" for name in turned
    }
    assert swapped - {"yx_n"} == found.keys() - {"n"}
    assert turned["labels_iou"] == 1 and turned["yx_fcn_iou"] == found["fcn_iou"]


@pytest.mark.slow
def test_score_of_copying():
    copy = Stub(lambda x: x, lambda x: x)
    pairs = PAIRS | {"again_l1", "copy_l1", "moved_l1", "rec_l1", "rec_noisy_l1"}
    found = scores.score(copy, "facades:day-night")
    assert found.keys() == {"n", "windows_lit"} | pairs | {f"yx_{name}" for name in pairs}
    assert found["l1"] == found["copy_l1"] > 0.1 and found["moved_l1"] == 0
    assert found["windows_lit"] < 0.1 and found["rec_l1"] == 0


def test_score_without_pairs_gives_what_needs_none(tmp_path):
    for name, count, seed in [("trainA", 3, 0), ("trainB", 4, 1), ("testA", 3, 2), ("testB", 5, 3)]:
        saved(tmp_path / name, map(to_image, noise(count, 16, seed)))
    found = scores.score(Stub(lambda x: -x, lambda y: -y, size=16), str(tmp_path))
    sets = SETS | {"again_l1", "rec_l1", "rec_noisy_l1"}
    assert found.keys() == {"n"} | sets | {f"yx_{name}" for name in sets} and found["n"] == 5
    assert found["sharpness_ratio"] == pytest.approx(found["yx_sharpness_ratio"], rel=0.1)
    assert scores.score(Stub(lambda x: x), "facades:day-night", "train").keys() == {"n"} | SETS


def test_batches_follow_the_configuration():
    alone, together = Stub(lambda x: x, test_batch_statistics=True), Stub(lambda x: x)
    scores.score(alone, "facades:day-night"), scores.score(together, "facades:day-night")
    assert alone.sizes == [1] * 20 and together.sizes == [16, 4]


def test_score_of_pix2pix_is_seeded_and_leaves_the_random_state():
    small = Config(
        image_size=16,
        base_channels=4,
        d_base_channels=4,
        d_layers=1,
        dropout=0.5,
        test_dropout=True,
    )
    method = Pix2Pix(small)
    state, first = torch.random.get_rng_state(), scores.score(method, "facades")
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(9)
    assert scores.score(method, "facades") == first
