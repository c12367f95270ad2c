"""The style of a façade, read from its photograph by a small network, and what many of them say of a generator.

The renderer draws seven factors without regard to the layout, so the true distribution of each is known, for each
input. The reader errs: what it reads of samples is therefore compared with what it reads of true photographs. Its own
accuracy stands in ``frozen_files/factors.json``. Photographs are by day, in [-1, 1].
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from course_lib import metrics
from course_lib.houses.render import _WALLS
from course_lib.metrics.diversity import common_share, ridge
from course_lib.metrics.houses import COLOURED, WALL
from course_lib.networks.frozen import CHUNK, HIGH, LOW, WALLS, FactorReader, load_reader, shrunk

NAMES = ("wall", "shade", "brick", "light", "time", "glass", "weathering")  # of houses.render.Style
SURE = (
    0.95  # probability from which on a wall has a colour: 99.6 % of true ones, few means of several
)


@torch.no_grad()
def read(
    photos: Float[Tensor, "n 3 h w"], net: FactorReader | None = None, sure: float = SURE
) -> Float[Tensor, "n 7"]:
    """The factors of NAMES: the wall's colour as its index, the chance of brick, the others in the renderer's units.

    The index is -1 where no colour is ``sure``: a mixture of several is none of them. By the shipped reader unless
    another is given. One knows 32 to 64 px, another up to 128 px; larger photographs are shrunk for it.
    """
    small = shrunk(photos)
    net = (net or load_reader(max(small.shape[-2:]))).to(photos.device)
    low, high = photos.new_tensor(LOW), photos.new_tensor(HIGH)
    said = torch.cat([net(chunk) for chunk in small.split(CHUNK)])
    (chance, wall), brick = said[:, :WALLS].softmax(1).max(1), said[:, WALLS].sigmoid()
    wall = torch.where(chance >= sure, wall, -1).float()
    rest = low + (high - low) * (said[:, WALLS + 1 :].clamp(-1, 1) + 1) / 2
    return torch.stack([wall, rest[:, 0], brick, *rest[:, 1:].unbind(1)], dim=1)


# ---- of many samples: (n, k, 7) holds what was read of k samples of each of n inputs


def walls_covered(found: Float[Tensor, "n k 7"], least: int = 2) -> float:
    """How many of the 8 colours of wall at least ``least`` samples of an input have; mean over the inputs.

    True photographs, 40 of an input: 7.7. One answer only: 1, or 0 if its wall has none of the colours.
    """
    hits = _walls(found)[..., 1:].sum(1)
    return (hits >= least).sum(1).double().mean().item()


def factor_distances(
    found: Float[Tensor, "n k 7"], truth: Float[Tensor, "m 7"]
) -> dict[str, float]:
    """How far the distribution of each factor over the samples of one input is from the truth, mean over the inputs.

    ``truth`` is what was read of true photographs of any houses: the style does not depend on the layout. wall, brick:
    total variation, half the sum of the differences of the shares (of walls without a colour, too); others: the
    Wasserstein distance of order 1 as a share of the factor's range. All in [0, 1]. Chance alone gives k true
    photographs about 0.4 sqrt(8 / k) for the wall, and 0.2 / sqrt(k) to 0.4 / sqrt(k) for the others.
    """
    shares, true = (_walls(f).double().mean(-2) for f in (found, truth))
    distances = {"wall": (shares - true).abs().sum(1).mean() / 2}
    brick, true = ((f[..., 2] > 0.5).double().mean(-1) for f in (found, truth))
    distances["brick"] = (brick - true).abs().mean()
    for name, low, high in zip(
        ("shade", "light", "time", "glass", "weathering"), LOW, HIGH, strict=True
    ):
        grid = torch.linspace(low, high, 201, device=found.device)
        below, true = (
            (f[..., NAMES.index(name), None] <= grid).double().mean(-2) for f in (found, truth)
        )
        distances[name] = (
            (below - true).abs().mean()
        )  # the area between the two distribution functions
    return {name: distances[name].item() for name in NAMES}


def common_factors(found: Float[Tensor, "n k 7"]) -> dict[str, float]:
    """``diversity.common_share`` of each factor, the wall as its 8 shares: does a z mean the same for every input?"""
    return {
        name: common_share(found[..., [i]] if i else _walls(found).float())
        for i, name in enumerate(NAMES)
    }


def _walls(found: Tensor) -> Integer[Tensor, "*samples 9"]:
    """One-hot: no colour, then the 8 of them."""
    return F.one_hot(found[..., 0].long() + 1, 1 + WALLS)


def hue_agreement(
    samples: Float[Tensor, "n k 3 h w"], labels: Integer[Tensor, "n h w"]
) -> dict[str, float]:
    """Mean resultant length of the walls' hues, 0 (all around the circle) to 1 (one hue).

    ``hue_same_z``: over the inputs at one z (``samples[:, j]``), averaged over z. ``hue_same_input``: over z at one
    input, averaged over inputs. z controls the hue if the first is near 1 and the second is not. The colour of a wall
    is the mean over the façade class, in Lab; walls of chroma under 8 have no hue and are left out. nan if all are.
    """
    mask = (labels == WALL).to(samples)[:, None, None]
    colour = (samples * mask).sum((3, 4)) / mask.sum((3, 4)).clamp(min=1)  # (n, k, 3)
    _, a, b = (
        metrics.rgb_to_lab(colour.flatten(0, 1)[..., None, None])
        .flatten(1)
        .unflatten(0, colour.shape[:2])
        .unbind(2)
    )
    turn = torch.polar(torch.ones_like(a), torch.atan2(b, a)) * (
        there := torch.hypot(a, b) >= COLOURED
    )
    lengths = {}
    for name, over in (("hue_same_z", 0), ("hue_same_input", 1)):
        count = there.sum(over)
        length = (turn.sum(over).abs() / count)[count > 1]
        lengths[name] = length.mean().item() if len(length) else math.nan
    return lengths


def readout(
    mu: Float[Tensor, "n d"], styles: Float[Tensor, "n 7"], learn: Bool[Tensor, " n"]
) -> dict[str, float]:
    """R^2 of each true factor, read from codes by a linear map that learned from the rows in ``learn``, on the others.

    1 is perfect, 0 no better than the mean; it can be negative. The wall counts as the colour of its class, its three
    channels together. Give photographs of one house to one side.
    """
    colours = torch.tensor(_WALLS, dtype=torch.double)[styles[:, 0].long()] / 255
    targets, r2 = torch.cat([colours, styles[:, 1:].double().cpu()], dim=1), {}
    said, true = ridge(mu[learn].cpu(), targets[learn], mu[~learn].cpu()), targets[~learn]
    wrong, spread = (said - true).square().sum(0), (true - true.mean(0)).square().sum(0)
    for name, columns in zip(NAMES, ([0, 1, 2], *([i] for i in range(3, 9))), strict=True):
        r2[name] = (1 - wrong[columns].sum() / spread[columns].sum()).item()
    return r2


def accuracy(found: Float[Tensor, "n 7"], styles: Float[Tensor, "n 7"]) -> dict[str, float]:
    """Of what was read of photographs: the share that is right for wall and brick, R^2 of the others."""
    wrong, spread = (found - styles).square().sum(0), (styles - styles.mean(0)).square().sum(0)
    scores = dict(zip(NAMES, (1 - wrong / spread).tolist(), strict=True))
    right = {
        "wall": found[:, 0] == styles[:, 0],
        "brick": (found[:, 2] > 0.5) == (styles[:, 2] > 0.5),
    }
    return scores | {name: hits.float().mean().item() for name, hits in right.items()}
