"""Figures: what they show, exact where that matters; shape walks: the papers' numbers."""

import io
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from course_lib import plotting
from course_lib.data.images import to_bytes
from course_lib.networks import PatchGAN
from tests.support.tensors import noise


def find(picture, tile):
    """Top left corners at which ``tile`` stands exactly in ``picture``."""
    h, w = tile.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(picture, (h, w), axis=(0, 1))
    corner = (picture[: windows.shape[0], : windows.shape[1]] == tile[0, 0]).all(-1)
    return [(y, x) for y, x in np.argwhere(corner) if (picture[y : y + h, x : x + w] == tile).all()]


@pytest.fixture(autouse=True)
def nothing_left_behind():
    before = dict(plt.rcParams)
    yield
    assert not plt.get_fignums()
    assert dict(plt.rcParams) == before


def test_stitch_reduces_smoothly_and_clips():
    image = torch.full((1, 3, 90, 90), -1.0)
    image[..., ::2, :] = (
        3.0  # counts as 1: lines of one pixel, which become grey when they are reduced
    )
    reduced = plotting.stitch([image], widest=40)
    assert (
        reduced.shape == (40, 40, 3) and abs(reduced[2:-2, 2:-2].astype(float) - 127.5).max() < 30
    )
    with pytest.raises(ValueError):
        plotting.stitch([noise(1), noise(1, 8)])


@pytest.mark.parametrize(
    "saving", [{}, {"bbox_inches": "tight", "pad_inches": 0.1}]
)  # the second as notebooks do
@pytest.mark.parametrize("count", [5, 8, 16])
def test_images_stand_in_the_grid_pixel_by_pixel(count, saving):
    rows = {"outline": noise(count, 64), "L1 + cGAN": noise(count, 64, 1)}
    captions = [f"emoji_number {i}" for i in range(count)]
    fig = plotting.image_grid(rows, columns=captions, title="Held-out")
    fig.savefig(file := io.BytesIO(), format="png", **saving)
    shown = np.asarray(Image.open(file).convert("RGB"))
    zoom = {5: 3, 8: 2, 16: 1}[count]
    corners = {}
    for row, images in enumerate(rows.values()):
        tiles = to_bytes(images).movedim(1, -1).numpy().repeat(zoom, 1).repeat(zoom, 2)
        for i in (0, count - 1):
            (corners[row, i],) = find(shown, tiles[i])
    assert corners[0, 0][0] == corners[0, count - 1][0] < corners[1, 0][0]
    assert corners[0, 0][1] == corners[1, 0][1] < corners[0, count - 1][1]
    assert shown.shape[1] < 1250 and len(fig.axes) == 1


def test_walk_through_the_papers_discriminator():
    walk = plotting.shape_walk(PatchGAN(6, 64, 3), torch.zeros(1, 6, 256, 256))
    assert [row[3] for row in walk[:-1]] == ["1", "4", "10", "22", "46", "70"]
    assert [row[2].split()[-1] for row in walk[:-1]] == ["256", "128", "64", "32", "31", "30"]
    assert walk[2][1] == "conv 4x4, stride 2 + batch norm + LeakyReLU"
    lines = str(walk).splitlines()
    assert lines[-1].split() == ["all", "2,768,705"] and "1 x 30 x 30" in lines[-3]
    assert walk._repr_html_().count("<tr>") == 8 and "1 x 30 x 30" in walk._repr_html_()


STACKS = {
    "blur": partial(PatchGAN, 3, 4, 2, "none", True),
    "strides": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 4, 4, 2)),
}


@pytest.mark.parametrize("kind", STACKS)
def test_the_field_at_the_end_is_that_of_the_gradient(kind):
    """On an image large enough to hold what one output pixel sees, of random weights."""
    torch.manual_seed(0)
    net = STACKS[kind]().double().eval()
    image = torch.randn(1, 3, 128, 128, dtype=torch.double, requires_grad=True)
    walk, out = plotting.shape_walk(net, image), net(image)
    widths = []
    for shift in range(8):  # the phases of three strides
        at = out.shape[2] // 2 + shift
        (gradient,) = torch.autograd.grad(out[0, :, at, at].sum(), image, retain_graph=True)
        rows = gradient[0].abs().sum((0, 2)).nonzero()
        widths.append(int(rows.max() - rows.min()) + 1)
    assert walk[-2][3] == str(max(widths))


@pytest.mark.parametrize(
    "layer", [nn.AdaptiveAvgPool2d(8), nn.Upsample(scale_factor=2), nn.Unfold(4)]
)
def test_behind_a_layer_that_is_not_followed_no_field_is_given(layer):
    after = nn.Unflatten(2, (29, 29)) if isinstance(layer, nn.Unfold) else nn.Identity()
    net = nn.Sequential(nn.Conv2d(3, 4, 1), layer, after, nn.LazyConv2d(2, 3))
    assert plotting.shape_walk(net, torch.zeros(1, 3, 32, 32))[-2][3] == "-"
