"""Metrics against values worked out by hand, and against what they claim to see."""

import math

import pytest
import torch
from torch.utils.data import StackDataset

from course_lib import metrics
from course_lib.metrics import pixels
from tests.support.tensors import REFUSED, noise

PAIRED = [metrics.l1, metrics.psnr, metrics.ssim]
RATIOS = [metrics.sharpness_ratio, metrics.grid_ratio, metrics.chroma_ratio]
SETS = [*RATIOS, metrics.histogram_intersection]


def checkerboard(size=16, period=2):
    i = torch.arange(size)
    return ((i[:, None] + i[None]) % period < period / 2).float().expand(1, 3, size, size) * 2 - 1


def test_l1_and_psnr_by_hand():
    real = torch.zeros(2, 3, 12, 12)
    fake = torch.stack([torch.full((3, 12, 12), 0.5), torch.full((3, 12, 12), -0.2)])
    assert metrics.l1(fake, real) == pytest.approx(0.35)
    each = [10 * math.log10(4 / squares) for squares in (0.25, 0.04)]  # 4: the range, squared
    assert metrics.psnr(fake, real) == pytest.approx(sum(each) / 2, rel=1e-5)
    assert metrics.psnr(real, real) == math.inf


def test_ssim_of_constants_by_hand():
    """Without variance only the luminance term is left: (2ab + c) / (a^2 + b^2 + c), of
    intensities; c = 0.01^2.
    """
    a, b, c = 0.5, 0.25, 0.01**2
    images = [torch.full((3, 3, 16, 16), 2 * value - 1) for value in (a, b)]
    assert metrics.ssim(*images) == pytest.approx((2 * a * b + c) / (a * a + b * b + c), rel=1e-4)


def test_sharpness_of_a_ramp():
    ramp = (
        0.03 * torch.arange(10.0)[:, None] + 0.04 * torch.arange(12.0)[None]
    )  # a slope of 3 and 4 is 5
    assert pixels.sharpness((ramp - 0.5).expand(2, 3, 10, 12)) == pytest.approx(0.05, rel=1e-4)


def test_a_checkerboard_is_all_in_the_grid_band_and_a_coarse_one_is_not():
    assert pixels.grid_energy(0.25 * checkerboard()) == pytest.approx(0.25**2, rel=1e-5)
    stripes = 0.25 * checkerboard()[..., :1, :].expand(1, 3, 16, 16)  # fy = 0, fx = 0.5
    assert pixels.grid_energy(stripes) == pytest.approx(0.25**2, rel=1e-5)
    assert pixels.grid_energy(checkerboard(period=4)) < 0.01
    colours_only = checkerboard() * torch.tensor([1.0, -1.0, 0.0])[:, None, None]
    assert pixels.grid_energy(colours_only) < 1e-10  # the luminance is flat


def test_edges_agree_where_they_lie_in_the_same_places():
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    assert torch.allclose(metrics.edge_agreement(x, 0.2 - 0.5 * x), torch.ones(3), atol=1e-5)
    assert (metrics.edge_agreement(x, x.flip(3)) < 0.5).all()
    assert metrics.edge_agreement(x, torch.ones_like(x)).tolist() == [
        0,
        0,
        0,
    ]  # flat: no edges at all
    ramp = torch.linspace(-1, 1, 16).expand(3, 3, 16, 16)  # equally steep, but for rounding
    assert metrics.edge_agreement(ramp, ramp).abs().max() < 0.01
    assert metrics.edge_agreement(x, 0.5 + 1e-5 * x).abs().max() < 0.01


def test_histograms_of_equal_and_disjoint_sets():
    images = noise()
    red = torch.tensor([0.9, -0.9, -0.9])[None, :, None, None].expand(2, 3, 4, 4)
    bins = (torch.cartesian_prod(*[torch.arange(8.0)] * 3) + 0.5) / 4 - 1  # the middles of all 512
    every = bins.T.reshape(1, 3, 16, 32)
    half = torch.cat([red[:1], red[:1].roll(1, 1)])
    white, near_white = torch.ones(1, 3, 2, 2), torch.full((3, 3, 2, 2), 0.99)
    for fake, real, overlap in (
        (images, images.flip(0), 1),
        (red, red.roll(1, 1), 0),  # same channel histograms, other colours
        (every[:, :, :8], every[:, :, 8:], 0),
        (red, half, 0.5),
        (white, near_white, 1),  # the last bin
        (0.7 * white, 0.8 * white, 0),
    ):
        assert metrics.histogram_intersection(fake, real) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((119, 119, 119), (50.03, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((5, 5, 5), (1.37, 0, 0)),  # in the linear part of both curves
    ],
)
def test_known_lab_values(rgb, lab):
    image = torch.tensor(rgb).view(1, 3, 1, 1) / 127.5 - 1
    assert metrics.rgb_to_lab(image).flatten().tolist() == pytest.approx(lab, abs=0.05)


def test_ratios_scale_with_the_fakes():
    real = 0.5 * noise()
    assert metrics.sharpness_ratio(2 * real, real) == pytest.approx(2, rel=1e-5)
    assert metrics.grid_ratio(2 * real, real) == pytest.approx(4, rel=1e-5)
    assert metrics.chroma_ratio(2 * real, real) == pytest.approx(2, rel=1e-5)
    assert metrics.chroma_ratio(real.mean(1, keepdim=True).expand_as(real), real) == pytest.approx(
        0, abs=1e-6
    )


def test_flat_or_grey_references_give_nan():
    flat = torch.full((2, 3, 8, 8), 0.3)
    for real in (flat, flat + 1e-4 * noise(2, 8)):  # the latter is what rounding may leave
        for ratio in RATIOS:
            assert math.isnan(ratio(noise(2, 8), real))


@pytest.mark.parametrize("metric", PAIRED + SETS)
def test_bad_batches_are_refused(metric):
    good = noise()
    bad = [(of, of) for of in (good[:0], good[:, :1], good[0])] + [(good[..., 1:], good)]
    for fake, real in bad + [(good[:3], good)] * (metric in PAIRED):
        with pytest.raises(REFUSED):
            metric(fake, real)
    with pytest.raises(ValueError):
        metrics.ssim(good[..., :10], good[..., :10])


def test_neighbours_are_found_in_every_chunk(monkeypatch):
    monkeypatch.setattr(pixels, "CHUNK", 3)
    x = noise(8)
    train = StackDataset(x=x, y=-x)
    order = [7, 0, 5, 2, 2]
    assert metrics.nearest_neighbours(x[order] + 0.01, train).tolist() == order
    assert metrics.nearest_neighbours(-x[order], train, key="y").tolist() == order
    expected = (x[:, None] + x[None]).abs().mean((2, 3, 4)).argmin(1)  # of -x to x, all at once
    assert metrics.nearest_neighbours(-x, train).tolist() == expected.tolist()
    first_of_equals = metrics.nearest_neighbours(x[:1], StackDataset(x=x[[3, 0, 4, 1, 0]]))
    assert first_of_equals.tolist() == [1]


def test_baselines_by_hand():
    x, y = noise(6), noise(6, seed=1)
    each = metrics.each_baseline(
        StackDataset(x=x, y=y), StackDataset(x=x[[4, 1]] + 0.01, y=torch.zeros(2, 3, 16, 16))
    )
    assert each["baseline_mean_l1"].mean().item() == pytest.approx(y.mean(0).abs().mean().item())
    assert each["baseline_nn_l1"].tolist() == pytest.approx(
        y[[4, 1]].abs().mean((1, 2, 3)).tolist(), abs=1e-6
    )
