"""Colours as networks see them: there and back, and what is given to whom."""

import pytest
import torch

from course_lib.data import colours, open_dataset
from course_lib.data.colours import lab_to_rgb, painted, rgb_to_lab, seen

IMAGES = torch.rand(3, 3, 8, 9, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_lab_and_back():
    assert (lab_to_rgb(rgb_to_lab(IMAGES)) - IMAGES).abs().max() < 1e-4
    impossible = lab_to_rgb(torch.tensor([50.0, 120.0, -120.0]).view(1, 3, 1, 1))
    assert impossible.abs().max() == 1


@pytest.mark.parametrize("channels", [(1, 1), (1, 2), (1, 3), (3, 1), (3, 2), (3, 3)])
def test_what_a_network_sees_and_paints_has_its_channels_and_comes_back_as_an_image(channels):
    x, y = seen(IMAGES, IMAGES.flip(0), channels)
    assert (x.shape[1], y.shape[1]) == channels and max(x.abs().max(), y.abs().max()) <= 1
    image = painted(seen(IMAGES, IMAGES, channels)[1], IMAGES)
    wanted = IMAGES if channels[1] > 1 else colours.grey(IMAGES).expand(-1, 3, -1, -1)
    assert image.shape == IMAGES.shape and torch.allclose(image, wanted, atol=1e-4)


def test_the_colouring_in_lab_gives_the_lightness_away_and_nothing_else():
    data, plain = (open_dataset(name, "val", 32) for name in ("emoji:colour:lab", "emoji:colour"))
    assert (data.channels, plain.channels, open_dataset("emoji:edges", "val", 32).channels) == (
        (1, 2),
        (1, 3),
        (3, 3),
    )
    assert open_dataset("emoji:colour:lab", "val", 32, "yx").channels == (3, 1)
    item = data[7]
    x, y = item["x"][None], item["y"][None]
    assert (x - x.mean(1, keepdim=True)).abs().max() < 1e-3  # grey
    assert torch.allclose(rgb_to_lab(x)[:, 0], rgb_to_lab(y)[:, 0], atol=0.05)
    assert torch.allclose(
        painted(seen(x, y, (1, 2))[1], x), y, atol=1e-3
    )  # with a and b it is the drawing
    assert torch.equal(item["y"], plain[7]["y"]) and not torch.equal(item["x"], plain[7]["x"])
