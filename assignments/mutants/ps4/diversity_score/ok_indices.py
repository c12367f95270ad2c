"""Index pairs, a float comes back."""

import torch


def diversity_score(samples):
    i, j = torch.triu_indices(samples.shape[1], samples.shape[1], offset=1)
    return float(abs(samples[:, i] - samples[:, j]).mean())
