"""A loop over pairs."""

from itertools import combinations

import torch
import torch.nn.functional as F


def diversity_score(samples):
    scores = []
    for images in samples:
        scores.append(torch.stack([F.l1_loss(a, b) for a, b in combinations(images, 2)]).mean())
    return torch.stack(scores).mean()
