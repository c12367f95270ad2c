"""CUT's network H: patches of a generator's maps as vectors, to compare them."""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_lib.networks.blocks import init_weights


class PatchProjections(nn.Module):
    """Two linear layers for each of some maps, applied at some places of it.

    (B, c, h, w) -> (B, places, dim), vectors of length 1. ``widths`` are the maps' channels c. A
    place is a number in [0, h * w), row by row.
    """

    def __init__(self, widths: list[int], dim: int = 256):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(n, dim), nn.ReLU(), nn.Linear(dim, dim)) for n in widths
        )
        init_weights(self)

    def forward(
        self, maps: list[Float[Tensor, "b _ _ _"]], places: list[Integer[Tensor, " _"]]
    ) -> list[Float[Tensor, "b _ dim"]]:
        vectors = []
        for layers, features, at in zip(self.layers, maps, places, strict=True):
            # (B, c, h, w) -> (B, places, c) -> (B, places, dim)
            vectors.append(F.normalize(layers(features.flatten(2)[:, :, at].mT), dim=2))
        return vectors
