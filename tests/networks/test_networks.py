"""Layers, counts and receptive fields of the papers."""

import pytest
import torch
from torch import nn

from course_lib import CourseError
from course_lib.networks import PatchGAN, UNet, receptive_field
from course_lib.networks.blocks import averaged_copy, update_average


@pytest.mark.parametrize(
    ("n_layers", "field", "side"),
    [(0, 1, 256), (1, 16, 126), (2, 34, 62), (3, 70, 30), (4, 142, 14), (5, 286, 6)],
)
def test_patchgan_field_and_map(n_layers, field, side):
    D = PatchGAN(6, 64, n_layers).to("meta")
    assert receptive_field(D) == field
    assert D(torch.empty(1, 6, 256, 256, device="meta")).shape == (1, 1, side, side)


def test_a_unet_of_fewer_levels_stops_above_one_pixel():
    G = UNet(image_size=64, base_channels=4, levels=3)
    assert len(G.encoder) == 3
    assert G(torch.zeros(2, 3, 24, 40)).shape == (2, 3, 24, 40)  # any multiple of 8
    for levels in (1, 7):
        with pytest.raises(CourseError, match="2 to 6 levels"):
            UNet(image_size=64, levels=levels)
    with pytest.raises(CourseError, match=r"halves an image 5 times(?s:.*)choose 32, 64 \.\.\. px"):
        UNet(image_size=48, levels=5)


def test_dropout_is_in_the_first_three_blocks_of_the_decoder():
    """As in the paper's section 3.3; layers and counts are those of test_authors.py."""
    with torch.device("meta"):
        G = UNet(image_size=256)
    dropped = [any(isinstance(m, nn.Dropout) for m in block) for block in G.decoder]
    assert dropped == [True] * 3 + [False] * 5


def test_an_average_follows_weights_and_statistics_alike():
    net = nn.BatchNorm2d(2)
    average = averaged_copy(net)
    net.weight.data += 1
    net.running_mean += 1
    update_average(average, net, decay=0.9)
    for values, start in ((average.weight, 1), (average.running_mean, 0)):
        assert torch.allclose(values, torch.full((2,), start + 9 / 11))  # most is forgotten
    for _ in range(200):
        update_average(average, net, decay=0.9)
    net.weight.data += 1
    update_average(average, net, decay=0.9)
    assert torch.allclose(average.weight, torch.full((2,), 2.1), atol=1e-5)
    assert not average.weight.requires_grad
