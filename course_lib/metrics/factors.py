"""The style of a façade, read from its photograph by a small network, and what many of them say of
a generator.

The renderer draws seven factors without regard to the layout, so the true distribution of each is
known, for each input. The reader errs: what it reads of samples is therefore compared with what it
reads of true photographs. Its own accuracy stands in ``frozen_files/factors.json``. Photographs are
by day, in [-1, 1].
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.networks.frozen import CHUNK, HIGH, LOW, WALLS, FactorReader, load_reader, shrunk

# probability from which on a wall has a colour: 99.6 % of true ones, few means of several
SURE = 0.95


@torch.no_grad()
def read(
    photos: Float[Tensor, "n 3 h w"], net: FactorReader | None = None, sure: float = SURE
) -> Float[Tensor, "n 7"]:
    """The seven factors of ``houses.render.Style``.

    The wall's colour is an index, brick a chance, and the others are in the renderer's units.

    The index is -1 where no colour is ``sure``: a mixture of several is none of them. By the
    shipped reader unless another is given. One knows 32 to 64 px, another up to 128 px; larger
    photographs are shrunk for it.
    """
    small = shrunk(photos)
    net = (net or load_reader(max(small.shape[-2:]))).to(photos.device)
    low, high = photos.new_tensor(LOW), photos.new_tensor(HIGH)
    answers = torch.cat([net(chunk) for chunk in small.split(CHUNK)])
    (chance, wall), brick = answers[:, :WALLS].softmax(1).max(1), answers[:, WALLS].sigmoid()
    wall = torch.where(chance >= sure, wall, -1).float()
    rest = low + (high - low) * (answers[:, WALLS + 1 :].clamp(-1, 1) + 1) / 2
    return torch.stack([wall, rest[:, 0], brick, *rest[:, 1:].unbind(1)], dim=1)


# ---- of many samples: (n, k, 7) holds what was read of k samples of each of n inputs


def walls_covered(found: Float[Tensor, "n k 7"], least: int = 2) -> float:
    """How many of the 8 colours of wall at least ``least`` samples of an input have; mean over the
    inputs.

    True photographs, 40 of an input: 7.7. One answer only: 1, or 0 if its wall has none of the
    colours.
    """
    # one-hot: no colour, then the 8 of them
    hits = F.one_hot(found[..., 0].long() + 1, 1 + WALLS)[..., 1:].sum(1)
    return (hits >= least).sum(1).double().mean().item()
