"""Pairs of an image with itself count.

message: with itself
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * k)
