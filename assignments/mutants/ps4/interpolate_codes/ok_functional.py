"""cosine_similarity, weights in a matrix product."""

import torch
import torch.nn.functional as F


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)
    weights = torch.stack([1 - t, t], 1)
    angle = F.cosine_similarity(a, b, dim=0).clamp(-1, 1).acos()
    if angle > 1e-4:
        weights = (weights * angle).sin() / angle.sin()
    return weights @ torch.stack([a, b])
