"""cdist of flat images."""

import torch


def diversity_score(samples):
    flat = samples.flatten(2)
    apart = torch.cdist(flat, flat, p=1) / flat.shape[2]
    k = flat.shape[1]
    return apart.sum((1, 2)).mean() / (k * k - k)
