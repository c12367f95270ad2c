"""The small frozen networks: the segmenter learns, and all weights are what their origin says."""

import hashlib
import json

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import default_collate

from course_lib.data.facades import Facades, photographs
from course_lib.data.letters import sheet
from course_lib.metrics.scores import fcn_score
from course_lib.networks import frozen
from course_lib.networks.efficientnet import load_photo_features
from course_lib.networks.frozen import Segmenter, load_segmenter
from tests.support.tensors import parameter_count

ORIGINS = json.loads((frozen.FILES / "origins.json").read_text("utf-8"))
LOADERS = {
    "facades": frozen.load_segmenter,
    "features": frozen.load_features,
}


def test_every_size_fits_and_padding_changes_nothing_where_none_is_needed():
    net = load_segmenter()
    for height, width in [(32, 32), (64, 40), (36, 50)]:
        assert net(torch.zeros(2, 3, height, width)).shape == (2, 12, height, width)
    photos = photographs("val", 36, range(2))[0]
    padded = F.pad(photos, (0, 4, 0, 4), mode="replicate")
    assert torch.equal(net(photos), net(padded)[..., :36, :36])
    assert Segmenter(classes=2)(torch.zeros(2, 3, 16, 16)).shape == (2, 2, 16, 16)


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("name", LOADERS)
def test_shipped_weights_are_those_of_their_origin(name, size):
    file = name if size == 64 else f"{name}_128"
    blob = (frozen.FILES / f"{file}.safetensors").read_bytes()
    assert hashlib.sha256(blob).hexdigest() == ORIGINS[file]["sha256"] and len(blob) < 400_000
    net = LOADERS[name](size)
    assert sum(p.numel() for p in net.parameters()) == ORIGINS[file]["parameters"] < 150_000
    assert not net.training and parameter_count(net) == 0  # nothing in it learns
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def test_the_network_of_photographs_is_small_frozen_and_lets_gradients_pass():
    """Its weights are those of its package: test_authors.py."""
    assert (frozen.FILES / "photographs.safetensors").stat().st_size < 1_600_000
    net, images = load_photo_features(), torch.rand(2, 3, 64, 48, requires_grad=True)
    assert net is load_photo_features() and not net.training and parameter_count(net) == 0
    net(images)[-1].sum().backward()
    assert images.grad.abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("size", "least"), [(32, 0.55), (64, 0.88), (96, 0.85), (128, 0.88)])
@pytest.mark.parametrize("data", ["facades", "facades:touching"])  # all houses that are scored
def test_the_segmenter_reads_true_photographs(data, size, least):
    items = default_collate([*Facades("test", size, data)])
    found = fcn_score(items["y"], items["labels"])
    assert found["iou"] >= least
    truth = ORIGINS["facades" if size <= 64 else "facades_128"]["ground_truth"]["test"][data]
    assert found == pytest.approx(truth[str(size)], abs=0.02)


def test_true_letters_are_read():
    alphabets = sheet("test")[::2, :, None].expand(-1, -1, 3, -1, -1) / 127.5 - 1
    truth = torch.arange(26).repeat(len(alphabets))
    right = (frozen.read_letters(alphabets.flatten(0, 1)) == truth).float().mean()
    assert 0.9 < right < 1
