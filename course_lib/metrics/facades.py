"""What can be read off photographs of houses whose labels are known: lit windows, borders of
windows, hues of walls.
"""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from course_lib.houses.layout import CLASSES
from course_lib.metrics.pixels import linear_light, rgb_to_lab
from course_lib.networks.pix2pixhd import boundary_map

LIT = 4.0  # times the light of its wall, or two photographic stops, make a window a lit one
COLOURED = 8.0  # least chroma, in units of Lab, of a wall that has a hue
# A visible border between two windows is so much lighter than their glass, of grey in [0, 1].
BORDER = 0.15
UNKNOWN_HUE = 90.0  # degrees: what a hue drawn at random is off on average
WALL, WINDOW = CLASSES.index("facade"), CLASSES.index("window")
Photos, Maps = Float[Tensor, "n 3 h w"], Integer[Tensor, "n h w"]  # in [-1, 1]; labels or instances
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (IEC 61966-2-1)


def lit_windows(photos: Photos, labels: Maps, instances: Maps) -> Float[Tensor, "n 2"]:
    """Of each photograph: how many windows are lit, and how many there are.

    Lit is one that gives more than LIT (4) times the light of its wall. Light is the luminance in
    linear light, averaged over the pixels of one window (frame and glass), and over all of the
    façade class in the same picture. Shares at true nights: 1.00 at 64 px, 0.99 at 32. By day: 0.04
    and 0.00, darkened days less. To be merely brighter than the wall says little: 92 % are by day,
    for their frames are white. A window without a wall is left out.
    """
    light, house = _luminance(linear_light(photos)), _houses(labels)
    window, wall = labels == WINDOW, labels == WALL
    each = instances.long() + 256 * house  # another number for each window of each house
    glow = _mean(light[window], each[window], 256 * len(photos)).view(-1, 256)  # nan: no window
    against = _mean(light[wall], house[wall], len(photos))[:, None]
    there = ~(glow.isnan() | against.isnan())
    return torch.stack([(glow > LIT * against) & there, there]).sum(2).T.double()


def visible_borders(photos: Photos, labels: Maps, instances: Maps) -> Float[Tensor, "n 2"]:
    """Of each photograph: the visible borders between touching windows, and how many there are.

    The two columns of pixels where two instances meet, as displayed grey, must on average be
    lighter by BORDER than the inside of both, without the pixels at their edges. True
    photographs of ``facades:touching``: all visible at 64 and 128 px. Of the same houses with
    one long window in place of each band: none.
    """
    grey = _luminance((photos.float().clamp(-1, 1) + 1) / 2)
    each = instances.long() + 256 * _houses(labels)  # another number for each window of each house
    inside = (labels == WINDOW) & (boundary_map(instances)[:, 0] == 0)
    glass = _mean(grey[inside], each[inside], 256 * len(photos))
    left, right = each[:, :, :-1], each[:, :, 1:]
    meet = (labels[:, :, :-1] == WINDOW) & (labels[:, :, 1:] == WINDOW) & (left != right)
    meet[:, 1:-1] &= meet[:, 2:] & meet[:, :-2]  # without the frame above and below
    pairs, which = torch.stack([left[meet], right[meet]]).unique(dim=1, return_inverse=True)
    edge = _mean((grey[:, :, :-1] + grey[:, :, 1:])[meet] / 2, which, pairs.shape[1])
    lighter = edge - glass[pairs].mean(0)
    counted = torch.stack([lighter > BORDER, ~lighter.isnan()], dim=1).double()
    return counted.new_zeros(len(photos), 2).index_add_(0, pairs[0] // 256, counted)


def hue_errors(fake: Photos, truth: Photos, labels: Maps) -> Float[Tensor, " n"]:
    """Absolute difference between the hues of each house's wall, fake and true, in degrees: 0 to
    180.

    The colour of a wall is the mean RGB of the façade class; its hue the angle of (a, b) in Lab.
    nan for a house whose true wall is nearly grey (chroma under 8); a fake wall without any colour
    (chroma under 1) counts as 90.
    """
    wall, lab = labels == WALL, []
    for images in (fake, truth):
        channels = images.float().unbind(1)
        colour = [_mean(each[wall], _houses(labels)[wall], len(labels)) for each in channels]
        lab.append(rgb_to_lab(torch.stack(colour, 1)[..., None, None]).flatten(1))  # (n, 3)
    (_, a, b), (_, true_a, true_b) = (colours.unbind(1) for colours in lab)
    turn = torch.rad2deg(torch.atan2(b, a) - torch.atan2(true_b, true_a)).abs()
    error = torch.where(torch.hypot(a, b) < 1, UNKNOWN_HUE, torch.minimum(turn, 360 - turn))
    return torch.where(torch.hypot(true_a, true_b) >= COLOURED, error, math.nan)


def _luminance(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n h w"]:
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(LUMINANCE))


def _houses(maps: Maps) -> Maps:
    """The number of its house at each pixel."""
    return torch.arange(len(maps), device=maps.device)[:, None, None].expand_as(maps)


def _mean(
    values: Float[Tensor, " pixels"], group: Integer[Tensor, " pixels"], groups: int
) -> Float[Tensor, " groups"]:
    """The mean of ``values`` in each group; nan for one without pixels."""
    total = torch.bincount(group, values.double(), minlength=groups)
    return (total / torch.bincount(group, minlength=groups)).float()
