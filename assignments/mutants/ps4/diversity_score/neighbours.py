"""Neighbours only.

message: neighbours
"""


def diversity_score(samples):
    return samples.diff(dim=1).abs().mean()
