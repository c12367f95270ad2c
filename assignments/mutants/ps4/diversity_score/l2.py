"""Squares.

message: squared
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).square().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))
